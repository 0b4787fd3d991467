//! What burns tasks is stopped after a bounded cost, however slowly it does so and whatever it looks like in between.

use std::time::Duration;

use bivouac_model::{Attempt, StopCode, Task};
use chrono::{DateTime, Utc};

use crate::cause::{self, Cause};
use crate::context::{Context, Draft};
use crate::expiry::whole_seconds;
use crate::reason;

/// How long an application has to run before an earlier crash is forgotten. Kubernetes forgets after ten minutes
/// ("Container restarts" in its documentation of the pod lifecycle), but only ever waits longer between two starts; here each
/// start counts, and ECS remembers a stopped task for an hour (ECS API reference, DescribeTasks). One that lives for six
/// hours between two crashes is of use to somebody; one that crashes every five ends after fifteen.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(6 * 3600);

/// Counts the tasks that ended by themselves, each once, however often it is seen.
pub(crate) fn count<'a>(mut draft: Draft<'a>, tasks: &[&Task]) -> Draft<'a> {
    let mut crashes: Vec<DateTime<Utc>> =
        tasks.iter().filter(|task| is_crash(task)).filter_map(|task| task.stopped_at).map(whole_seconds).collect();
    crashes.sort_unstable();
    for stopped_at in crashes {
        let known = draft.status.machinery.attempt.as_ref();
        if known.is_some_and(|attempt| stopped_at <= attempt.counted_until) {
            continue;
        }
        // One that was ready and never crashed has nothing to be remembered.
        let mut attempt = known.cloned().unwrap_or(Attempt { since: None, ..Attempt::begin(stopped_at) });
        let apart = (stopped_at - attempt.counted_until).to_std().unwrap_or_default();
        attempt.crashes = if apart > FORGOTTEN_AFTER { 1 } else { attempt.crashes + 1 };
        attempt.counted_until = stopped_at;
        draft.status.machinery.attempt = Some(attempt);
    }
    draft
}

/// An application that ends by itself after it ran; ECS never throttles those.
fn is_crash(task: &Task) -> bool {
    task.started_at.is_some()
        && (task.stop_code == Some(StopCode::EssentialContainerExited) || cause::is_health_check(task))
}

/// Why it shall not be started again, if it shall not.
pub(crate) fn given_up(
    context: &Context<'_>,
    draft: &Draft<'_>,
    tasks: &[&Task],
    events: Option<Cause>,
) -> Option<Cause> {
    let attempt = draft.status.machinery.attempt.as_ref()?;
    let deadlines = &context.policy.deadlines;
    if attempt.crashes >= deadlines.crashes {
        let crashed: Vec<&Task> = tasks.iter().copied().filter(|task| is_crash(task)).collect();
        let mut cause = cause::of_tasks(&crashed).unwrap_or_else(|| Cause {
            reason: reason::APPLICATION_EXITED,
            message: "The application ended by itself.".into(),
        });
        cause.message.push_str(&format!(" It was started {} times and is stopped now.", attempt.crashes));
        return Some(cause);
    }
    // Each wait has a deadline of its own; what goes from one to the other and back has this one.
    let most = deadlines.spot + deadlines.start + deadlines.health;
    let waited = attempt.since.and_then(|since| (context.now - since).to_std().ok()).unwrap_or_default();
    if waited < most {
        return None;
    }
    let mut cause = cause::of_tasks(tasks).or(events).unwrap_or_else(|| Cause {
        reason: reason::START_TIMEOUT,
        message: "Tasks were started and none of them was ready for long enough to be used.".into(),
    });
    let in_all = bivouac_model::format_duration(most);
    cause.message.push_str(&format!(" It was never ready within {in_all} and is stopped now."));
    Some(cause)
}

/// It is ready: what comes now is no start any more.
pub(crate) fn succeed(mut draft: Draft<'_>) -> Draft<'_> {
    let attempt = &mut draft.status.machinery.attempt;
    if let Some(known) = attempt {
        known.since = None;
    }
    attempt.take_if(|attempt| attempt.crashes == 0);
    draft
}

/// Something is started: an attempt begins, unless one is under way.
pub(crate) fn begin(mut draft: Draft<'_>) -> Draft<'_> {
    let now = draft.context.now;
    draft.status.machinery.attempt.get_or_insert_with(|| Attempt::begin(now));
    draft
}

/// Something else is started, or the same by a person's wish: an attempt begins.
pub(crate) fn begin_anew(mut draft: Draft<'_>) -> Draft<'_> {
    draft.status.machinery.attempt = Some(Attempt::begin(draft.context.now));
    draft
}

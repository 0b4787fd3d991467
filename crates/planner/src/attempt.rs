//! What burns tasks is stopped after a bounded cost, however slowly it does so and whatever it looks like in between.

use std::time::Duration;

use bivouac_model::{Attempt, Phase, Service, Status, StopCode, Task};
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

/// Counts the tasks that ended by themselves, each once, however often it is seen, and since when it has been starting.
/// `was_ready`: what happens to this deployment is a loss and no start.
pub(crate) fn count<'a>(mut draft: Draft<'a>, tasks: &[&Task], was_ready: bool) -> Draft<'a> {
    let context = draft.context;
    let mut attempt = draft.status.machinery.attempt.take().unwrap_or_default();
    for stopped_at in crashes_of(tasks) {
        let apart = match attempt.counted_until {
            Some(until) if stopped_at <= until => continue,
            Some(until) => (stopped_at - until).to_std().unwrap_or_default(),
            None => Duration::ZERO,
        };
        attempt.crashes = if apart > FORGOTTEN_AFTER { 1 } else { attempt.crashes.saturating_add(1) };
        attempt.counted_until = Some(stopped_at);
    }
    // A status that was lost, or a service that starts for another reason than a wish, has no beginning yet; one that was
    // something else meanwhile has none any more. A clock that was set back counts anew, or it would wait for the future.
    let starts = |status: &Status| matches!(status.phase, Phase::Provisioning | Phase::Starting);
    let since = attempt.since.filter(|since| context.written().is_some_and(starts) && *since <= context.now);
    attempt.since = (!was_ready).then_some(since.unwrap_or(context.now));
    keep(draft, attempt)
}

/// When the tasks stopped that ended by themselves, the oldest first, as ECS tells.
fn crashes_of(tasks: &[&Task]) -> Vec<DateTime<Utc>> {
    let mut crashes: Vec<DateTime<Utc>> =
        tasks.iter().filter(|task| is_crash(task)).filter_map(|task| task.stopped_at).map(whole_seconds).collect();
    crashes.sort_unstable();
    crashes
}

/// An application that ends by itself after it ran; ECS never throttles those.
fn is_crash(task: &Task) -> bool {
    task.started_at.is_some()
        && (task.stop_code == Some(StopCode::EssentialContainerExited) || cause::is_health_check(task))
}

/// Why it shall not be started again after another crash, if it shall not. What was allowed when it happened is not held
/// against who runs well since.
pub(crate) fn crashed_too_often(context: &Context<'_>, draft: &Draft<'_>, tasks: &[&Task]) -> Option<Cause> {
    let attempt = draft.status.machinery.attempt.as_ref()?;
    let before = context.written().and_then(|written| written.machinery.attempt.as_ref());
    let again = before.and_then(|before| before.counted_until) != attempt.counted_until;
    if !again || attempt.crashes < context.policy.deadlines.crashes {
        return None;
    }
    let crashed: Vec<&Task> = tasks.iter().copied().filter(|task| is_crash(task)).collect();
    let mut cause = cause::of_tasks(&crashed).unwrap_or_else(|| Cause {
        reason: reason::APPLICATION_EXITED,
        message: "The application ended by itself.".into(),
    });
    cause.message.push_str(&format!(" It was started {} times and is stopped now.", attempt.crashes));
    Some(cause)
}

/// Why it shall not be started again after all this time, if it shall not; `seen`: what is to be said when nothing is known
/// of what came in between. Only to be asked of what does not answer: nobody may have looked when it became ready.
pub(crate) fn overdue(
    context: &Context<'_>,
    draft: &Draft<'_>,
    tasks: &[&Task],
    service: &Service,
    seen: Cause,
) -> Option<Cause> {
    let deadlines = &context.policy.deadlines;
    // Each wait has a deadline of its own; what goes from one to the other and back has this one.
    let most = deadlines.spot + deadlines.start + deadlines.health;
    // By our clock, and no longer than ECS knows of the deployment: either may be off, and a clock that was put right is no
    // hour of waiting. A move to on-demand capacity is a deployment of its own, once.
    let since = draft.status.machinery.attempt.as_ref()?.since?;
    let since = service.primary().and_then(|primary| primary.created_at).map_or(since, |began| began.max(since));
    if (context.now - since).to_std().unwrap_or_default() < most {
        return None;
    }
    let mut cause = cause::of_tasks(tasks).or_else(|| cause::of_events(service)).unwrap_or(seen);
    if cause.reason == reason::SPOT_INTERRUPTED {
        // What is said while the task is being replaced holds no more.
        cause.message = "Spot took the capacity back.".into();
    }
    let in_all = bivouac_model::format_duration(most);
    cause.message.push_str(&format!(" It was never ready within {in_all} and is stopped now."));
    Some(cause)
}

/// Since when it has been starting and could be asked how it does. `None` once it was ready.
pub(crate) fn asked_since(draft: &Draft<'_>) -> Option<DateTime<Utc>> {
    draft.status.machinery.attempt.as_ref()?.since
}

/// It could not be asked how it does: the time until now does not count for any deadline. To keep writes few, that is recorded
/// only when half of the time is over in which it has to answer, so at least the other half is left once it can be asked.
pub(crate) fn stand_still(mut draft: Draft<'_>) -> Draft<'_> {
    let (now, half) = (draft.context.now, draft.context.policy.deadlines.health / 2);
    let is_over = |since: DateTime<Utc>| (now - since).to_std().is_ok_and(|waited| waited >= half);
    let since = draft.status.machinery.attempt.as_mut().and_then(|attempt| attempt.since.as_mut());
    if let Some(since) = since.filter(|since| is_over(**since)) {
        *since = now;
    }
    draft.phase_begins = draft.status.machinery.phase_since.is_some_and(is_over);
    draft
}

/// It is ready: what comes now is no start any more.
pub(crate) fn succeed(mut draft: Draft<'_>) -> Draft<'_> {
    let attempt = draft.status.machinery.attempt.take().unwrap_or_default();
    keep(draft, Attempt { since: None, ..attempt })
}

/// Something is started: an attempt begins, unless one is under way.
pub(crate) fn begin(draft: Draft<'_>) -> Draft<'_> {
    match draft.status.machinery.attempt {
        Some(_) => draft,
        None => begin_anew(draft),
    }
}

/// Something else is started, or the same by a person's wish: an attempt begins, and what crashed before is not held
/// against it. By ECS's times, since ours may be another.
pub(crate) fn begin_anew(mut draft: Draft<'_>) -> Draft<'_> {
    let context = draft.context;
    let tasks: Vec<&Task> = context.observed.tasks.iter().collect();
    let before = draft.status.machinery.attempt.take().and_then(|attempt| attempt.counted_until);
    let counted_until = before.max(crashes_of(&tasks).last().copied());
    keep(draft, Attempt { since: Some(context.now), crashes: 0, counted_until })
}

/// What failed is tried again, if it did: an attempt begins.
pub(crate) fn begin_again(draft: Draft<'_>) -> Draft<'_> {
    match draft.status.machinery.failed_spec {
        Some(_) => begin_anew(draft),
        None => draft,
    }
}

/// Remembers an attempt, if there is something to be remembered: one that was ready and never crashed has nothing. Up to
/// when crashes were counted is remembered also when none counts, or a deployment that goes on would have them counted again.
fn keep(mut draft: Draft<'_>, attempt: Attempt) -> Draft<'_> {
    let is_empty = attempt.since.is_none() && attempt.counted_until.is_none();
    draft.status.machinery.attempt = (!is_empty).then_some(attempt);
    draft
}

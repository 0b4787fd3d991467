//! What AWS refused for good: it is tried again with growing intervals, and at once when something of it changed.
//!
//! A refusal is remembered by the process and not by the record: a configuration that changed comes with another process, which
//! tries at once. Nothing is written for an attempt that is refused as the one before.

use std::ops::ControlFlow;
use std::time::Duration;

use bivouac_model::{ContentHash, Observed, Phase, Record, Refusal, ServiceView, Status, TaskState};

use crate::admission;
use crate::bring_up::Wanted;
use crate::cause;
use crate::context::{Context, Draft};
use crate::decide::Setback;
use crate::expiry::after;
use crate::plan::{Action, Plan, WaitingOn};
use crate::policy::Policy;
use crate::reason;

/// The longest interval between two attempts: a person who granted a permission may not know that a new command tries at once.
/// Ours: a quarter of an hour is short beside the hours that a person takes, and costs AWS four calls an hour.
const LONGEST: Duration = Duration::from_secs(900);

/// AWS's words for what is wrong with the account or the configuration, and not with one environment. The phrases are those of
/// the ECS API reference ("Common Errors", CreateService and RegisterTaskDefinition) and of EC2 ("Error codes for the Amazon
/// EC2 API"), which ECS passes on.
const OF_THE_ACCOUNT: [&str; 12] = [
    "is not authorized to perform",
    "AccessDenied",
    "access denied",
    "Role is not valid",
    "unable to assume",
    "service linked role",
    "service-linked role",
    "InvalidSubnet",
    "subnet ID",
    "InvalidGroup",
    "security group",
    "capacity provider",
];

/// Whether a refusal is about the account or the configuration: it would be the same for every other environment.
fn is_account_wide(setback: &Setback) -> bool {
    match setback {
        Setback::Denied(_) => true,
        Setback::Refused(message) => OF_THE_ACCOUNT.iter().any(|phrase| message.contains(phrase)),
    }
}

/// What is remembered of a step that was refused.
pub(crate) fn of(context: &Context<'_>, action: &Action, setback: &Setback, attempt: Option<ContentHash>) -> Refusal {
    let brings_up = matches!(action, Action::Register(_) | Action::Create { .. } | Action::Update { .. });
    let account_wide = brings_up && is_account_wide(setback);
    let (reason, words) = match setback {
        Setback::Denied(words) => (reason::DENIED, words),
        Setback::Refused(words) => (reason::REFUSED, words),
    };
    let message = message(action, account_wide, words);
    let of = attempt.unwrap_or_else(|| ContentHash::of([message.as_bytes()]));
    let is_same = |before: &&Refusal| before.account_wide == account_wide && (account_wide || before.of == of);
    let before = context.observed.refusal.as_ref().filter(is_same);
    let times = before.map_or(1, |before| before.times.saturating_add(1));
    let again_at = after(context.now, interval(context.policy, times));
    Refusal { of, step: action.kind(), account_wide, times, again_at, reason, message }
}

/// From one attempt to the next: twice as long each time.
fn interval(policy: &Policy, times: u32) -> Duration {
    let first = policy.deadlines.later;
    first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(LONGEST)
}

/// What an attempt is known again by: everything that makes one deployment differ from another, and the record's generation.
pub(crate) fn attempt(context: &Context<'_>, wanted: &Wanted<'_>) -> ContentHash {
    let generation = context.record.generation.unwrap_or_default().to_be_bytes();
    let parts: [&[u8]; 4] =
        [context.policy.instance.as_bytes(), wanted.spec.as_str().as_bytes(), &generation, &wanted.count.to_be_bytes()];
    ContentHash::of(parts)
}

/// Waits while an attempt that was refused is not due again. What runs is left as it is. Goes on when the attempt is due.
pub(crate) fn rest<'a>(context: &Context<'a>, draft: Draft<'a>, wanted: &Wanted<'_>) -> ControlFlow<Plan, Draft<'a>> {
    let mut draft = draft;
    let attempt = attempt(context, wanted);
    let refusal = context.observed.refusal.as_ref();
    let is_same = refusal.is_some_and(|refusal| refusal.account_wide || refusal.of == attempt);
    draft.attempt = Some(attempt);
    // What sleeps, or is put to sleep, asks AWS for nothing that was refused to others.
    let sleeps = wanted.count == 0 && matches!(context.observed.service, ServiceView::Active(_));
    let Some(refusal) = refusal.filter(|_| is_same && wanted.image.is_some() && !sleeps) else {
        return ControlFlow::Continue(draft);
    };
    let left = (refusal.again_at - context.now).to_std().unwrap_or_default();
    if left.is_zero() {
        return ControlFlow::Continue(draft);
    }
    if is_at_rest(context.observed) {
        let phase = if refusal.account_wide { Phase::Pending } else { Phase::Failed };
        let draft = draft.nowhere().vacated().without_condition(admission::ADMITTED);
        let draft = draft.say(phase, refusal.reason, refusal.message.clone());
        return ControlFlow::Break(draft.wait(WaitingOn::Person, left));
    }
    // What starts for want of something else is not held up by this.
    if refusal.account_wide {
        return ControlFlow::Continue(draft);
    }
    draft = draft.only_where_it_runs();
    if draft.status.phase == Phase::Ready && draft.status.url.is_none() {
        draft = draft.say(Phase::Degraded, reason::TASK_REPLACED, "The task that ran is gone.");
    }
    ControlFlow::Break(draft.wait(WaitingOn::Person, left))
}

/// Nothing of it runs or is about to.
pub(crate) fn is_at_rest(observed: &Observed) -> bool {
    let stopped = observed.tasks.iter().all(|task| task.state == TaskState::Stopped);
    let no_service = match &observed.service {
        ServiceView::Absent | ServiceView::Unlisted => true,
        ServiceView::Active(service) => service.desired_count == 0 && !observed.tasks_pending,
        ServiceView::Unknown | ServiceView::Listed | ServiceView::Draining => false,
    };
    stopped && no_service
}

/// Whether the record says that AWS refused the last attempt, so the next one records nothing before it is let in.
pub(crate) fn was_refused(context: &Context<'_>) -> bool {
    context.observed.refusal.is_some() || context.written().is_some_and(is_refused)
}

fn is_refused(status: &Status) -> bool {
    [reason::DENIED, reason::REFUSED].contains(&&*status.reason)
}

/// The sentence of a refusal.
fn message(action: &Action, account_wide: bool, words: &str) -> String {
    let words = cause::plain(words);
    match (account_wide, action) {
        (false, _) => format!("AWS refuses to {action}: {words}"),
        // The same for every environment, so without the names of one.
        (true, Action::Register(_)) => format!("AWS refuses to register task definitions: {words}"),
        (true, Action::Create { .. }) => format!("AWS refuses to create services: {words}"),
        (true, Action::Update { .. }) => format!("AWS refuses to update services: {words}"),
        (true, _) => format!("AWS refuses to {action}: {words}"),
    }
}

/// The condition of the whole account: how many environments wait for a person to change what AWS refuses them all, and the
/// words of the first.
pub(crate) fn of_account(records: &[Record]) -> Option<(usize, &str)> {
    let mut waiting = records
        .iter()
        .filter_map(|record| record.status.as_ref())
        .filter(|status| status.phase == Phase::Pending && is_refused(status));
    let first = waiting.next()?;
    Some((1 + waiting.count(), &first.message))
}

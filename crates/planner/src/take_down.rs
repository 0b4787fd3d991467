//! Towards nothing: the service, then the pull request's tags, the task definitions, and the tombstone last of all. Each
//! step is taken when the one before was *seen* done, so it can be resumed anywhere. No step waits for the comment.

use std::time::Duration;

use bivouac_model::{ConditionStatus, Phase, PullRequestState, ServiceView, TaskState, Usd, format_duration};

use crate::bring_up::is_ours;
use crate::context::{Context, DRAINED, Draft, TAGS_REMOVED};
use crate::expiry::after;
use crate::plan::{Action, Look, Plan, WaitingOn};
use crate::{cause, glance, hold, reason};

/// The least time that a tombstone stays, whatever `guardrails.purge_after` says: the comment's last word is owed from it alone.
/// Ours: longer than any outage of GitHub so far.
const OWED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Why an environment is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody asked for it.
    Requested,
    /// Its time is over.
    Expired,
    /// Its pull request was closed.
    Closed,
}

impl Why {
    /// Why a take-down that has begun did begin.
    pub fn remembered(context: &Context<'_>) -> Self {
        context.withdrawn_for().map_or(Self::Requested, Self::of)
    }

    fn of(reason: &str) -> Self {
        match reason {
            reason::EXPIRED => Self::Expired,
            reason::PULL_REQUEST_CLOSED => Self::Closed,
            _ => Self::Requested,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Requested => reason::DOWN_REQUESTED,
            Self::Expired => reason::EXPIRED,
            Self::Closed => reason::PULL_REQUEST_CLOSED,
        }
    }

    fn going(self) -> &'static str {
        match self {
            Self::Requested => "It is being taken down, as asked.",
            Self::Expired => "Its time is over; it is being taken down.",
            Self::Closed => "The pull request was closed; it is being taken down.",
        }
    }

    fn gone(self) -> &'static str {
        match self {
            Self::Requested => "It was taken down, as asked.",
            Self::Expired => "Its time was over and it was taken down.",
            Self::Closed => "The pull request was closed and it was taken down.",
        }
    }
}

/// How long a take-down waits for a registry, or for a list of task definitions, that does not answer, before it ends without
/// them. Nothing of the environment runs by then, and the collector removes what is left. Longer than the minute that a
/// throttled caller is asked to wait.
const LEFTOVERS: Duration = Duration::from_secs(120);

/// The next step towards nothing.
pub(crate) fn take_down(context: Context<'_>, draft: Draft<'_>, why: Why) -> Plan {
    let deadlines = &context.policy.deadlines;
    if glance::is_buried(&context) {
        return draft.settle();
    }
    let buried = context.written().is_some_and(|written| written.phase == Phase::Terminated);
    let mut draft = draft.withdrawn(why.reason());
    // Whoever wants it again wants it tried again.
    draft.status.machinery.failed_spec = None;
    let draft = match buried {
        // Something of a tombstone is still there, such as a tag: it stays a tombstone while that is removed.
        true => draft,
        false => draft.nowhere().say(Phase::Terminating, why.reason(), why.going()),
    };
    match &context.observed.service {
        // What is listed has to be deleted first, and looking closer does not bring its turn.
        ServiceView::Listed if context.observed.allowance_spent => return wait_for_turn(context, draft),
        ServiceView::Unknown | ServiceView::Unlisted | ServiceView::Listed => return draft.look(Look::Service),
        ServiceView::Draining => return wait_for_end(context, draft.costing(Usd::ZERO), WaitingOn::Draining),
        // A service of somebody else's that has the name is not ours to delete, and nothing of ours runs.
        ServiceView::Active(service) if is_ours(&context, service) => {
            if service.protected {
                let message = "The service carries the tag bivouac:protect, so it is not deleted.";
                return draft
                    .say(Phase::Terminating, reason::PROTECTED, message)
                    .wait(WaitingOn::Protection, deadlines.later);
            }
            if context.observed.allowance_spent {
                return wait_for_turn(context, draft);
            }
            return draft.act(Action::Delete { service: service.name.clone() });
        }
        ServiceView::Active(_) => {}
        ServiceView::Absent => {
            if context.observed.tasks.iter().any(|task| task.state != TaskState::Stopped) {
                return wait_for_end(context, draft, WaitingOn::TaskStop);
            }
        }
    }
    let draft = draft.vacated().without_condition(DRAINED);
    clean_up(context, draft, why)
}

/// It was deleted and is not gone. That ends by itself within minutes; what does not needs a person, and is said.
fn wait_for_end(context: Context<'_>, draft: Draft<'_>, on: WaitingOn) -> Plan {
    let deadlines = &context.policy.deadlines;
    let since = context.condition_since(DRAINED).unwrap_or(context.now);
    let waited = (context.now - since).to_std().unwrap_or_default();
    let draft = draft.condition(DRAINED, ConditionStatus::False, reason::STOPPING, String::new());
    if waited < deadlines.drain {
        return draft.wait(on, deadlines.soon);
    }
    let message = format!(
        "ECS was told to delete the service `{}` more than {} ago, and it is not gone. Look at its tasks and events in ECS \
         and stop what still runs; the record is kept until it is gone.",
        context.service(),
        format_duration(deadlines.drain)
    );
    draft.say(Phase::Terminating, reason::STILL_DRAINING, message).wait(on, deadlines.later)
}

/// As many services were deleted since the last pass as one pass may: the next one has room again.
fn wait_for_turn(context: Context<'_>, draft: Draft<'_>) -> Plan {
    let most = context.policy.max_deletions_per_pass;
    let message = format!("It waits for its turn to be taken down: at most {most} services are deleted in one pass.");
    draft.say(Phase::Terminating, reason::WAITING_FOR_TURN, message).wait_for_pass(WaitingOn::Allowance)
}

/// The service is seen gone: remove what was made for it.
fn clean_up(context: Context<'_>, draft: Draft<'_>, why: Why) -> Plan {
    if context.observed.pull_request.is_none() {
        return draft.look(Look::PullRequest);
    }
    let unanswered = context.observed.unanswered;
    if context.observed.pull_request == Some(PullRequestState::Closed) {
        match &context.observed.own_tags {
            _ if unanswered.tags && waits_for_leftovers(&context) => {
                return draft.wait(WaitingOn::Registry, context.policy.deadlines.later);
            }
            _ if unanswered.tags => {}
            None => return draft.look(Look::Tags),
            Some(tags) if !tags.is_empty() && context.denial(TAGS_REMOVED).is_none() => {
                let repository = context.project.ecr_repository.clone();
                return draft.act(Action::RemoveTags { repository, tags: tags.clone() });
            }
            Some(_) => {}
        }
    }
    match &context.observed.task_definitions {
        // The family is named after the service, so it is not ours either when somebody else has the name.
        _ if matches!(context.observed.service, ServiceView::Active(_)) => {}
        _ if unanswered.task_definitions && waits_for_leftovers(&context) => {
            return draft.wait(WaitingOn::TaskDefinitions, context.policy.deadlines.later);
        }
        _ if unanswered.task_definitions => {}
        None => return draft.look(Look::TaskDefinitions),
        Some(revisions) => {
            let ours = revisions.iter().filter(|revision| revision.content.is_some());
            let names: Vec<_> = ours.map(|revision| revision.name.clone()).collect();
            if !names.is_empty() {
                return draft.act(Action::Deregister(names));
            }
        }
    }
    bury(context, draft, why)
}

/// Whether what is left of it is worth a wait. A tombstone waits for nothing.
fn waits_for_leftovers(context: &Context<'_>) -> bool {
    let buried = context.written().is_some_and(|written| written.phase == Phase::Terminated);
    !buried && context.in_phase_for(&[Phase::Terminating]) < LEFTOVERS
}

/// The registry refuses to remove the tags: nothing that costs by the hour is held up by that. It is remembered before the
/// take-down goes on, so that nobody asks in vain again; the collector of images removes them when it may.
///
/// ECR does so for the last tag of an image that an index names (`ImageReferencedByManifestList`; API reference,
/// "ImageFailure").
pub(crate) fn keep_tags(context: Context<'_>, draft: Draft<'_>, refusal: &str) -> Plan {
    let message = format!("Its image keeps its tag: {}", cause::plain(refusal));
    let draft = draft.condition(TAGS_REMOVED, ConditionStatus::False, reason::TAGS_KEPT, message);
    draft.wait(WaitingOn::Registry, context.policy.deadlines.soon)
}

/// Everything is gone, and the record says so at once. The comment's last word is owed from then on: it follows from the
/// record, whenever its turn comes.
fn bury(context: Context<'_>, draft: Draft<'_>, why: Why) -> Plan {
    // A record that cannot be understood says so again, now that nothing of it runs.
    if let Err(problems) = &context.record.desired {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return hold::hold(context, draft, reason::INVALID_RECORD, &problems);
    }
    let already = context.written().is_some_and(|written| written.phase == Phase::Terminated);
    // What became of it stays what it was, whatever happens to its pull request afterwards.
    let why = if already { context.written().map_or(why, |written| Why::of(&written.reason)) } else { why };
    let mut draft = draft.say(Phase::Terminated, why.reason(), why.gone());
    draft = draft.also(context.denial(TAGS_REMOVED).map(str::to_owned));
    let machinery = &mut draft.status.machinery;
    (machinery.spec, machinery.failed_spec, machinery.deployment, machinery.task_definition) = (None, None, None, None);
    if !already || draft.status.purge_at.is_none() {
        draft.status.purge_at = Some(after(context.now, context.policy.purge_after.max(OWED_FOR)));
    }
    draft.settle()
}

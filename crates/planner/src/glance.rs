//! What a glance at the lists is enough for: an environment that is as it was recorded needs no closer look.
//!
//! A pass over the cluster knows of each service only that it is on the list, and of each task what DescribeTasks says.
//! That is one call for a hundred environments, where asking for the services themselves would be one for ten.

use bivouac_model::{Phase, PullRequestState, ServiceView, Task, TaskState};

use crate::bring_up::Wanted;
use crate::context::{Context, TAGS_REMOVED};
use crate::{address, idle};

/// Whether the record, the lists and the wish agree.
pub(crate) fn is_settled(context: &Context<'_>, wanted: &Wanted<'_>) -> bool {
    let Some(written) = context.written() else { return false };
    let machinery = &written.machinery;
    if machinery.observed_generation != context.record.generation {
        return false;
    }
    let listed = context.observed.service == ServiceView::Listed;
    let mut live = context.observed.tasks.iter().filter(|task| task.state != TaskState::Stopped);
    match written.phase {
        Phase::Ready => {
            let as_recorded = |task: &Task| {
                task.is_running()
                    && !task.unhealthy
                    // Without the image nobody can say what should run; what became ready is as good as it gets.
                    && (wanted.image.is_none() || Some(&task.task_definition) == machinery.task_definition.as_ref())
                    && task.started_by == machinery.deployment
                    && address::agrees(context, written, task)
            };
            let said = written.message == ready_message(wanted);
            let deployed = machinery.spec.as_ref() == Some(&wanted.spec);
            let up = wanted.count == 1 && listed && live.next().is_some_and(as_recorded) && live.next().is_none();
            deployed && said && up
        }
        // What it would run is looked at when it wakes.
        Phase::Asleep => {
            let said = written.message == asleep_message(context, wanted);
            said && wanted.count == 0 && listed && live.next().is_none()
        }
        Phase::Failed => {
            let same = machinery.failed_spec.as_ref() == Some(&wanted.spec);
            same && wanted.count == 1 && listed && live.next().is_none()
        }
        _ => false,
    }
}

/// What a ready environment's record says: nothing but what a person should know.
pub(crate) fn ready_message(wanted: &Wanted<'_>) -> String {
    wanted.note.clone().unwrap_or_default()
}

/// What a sleeping environment's record says.
pub(crate) fn asleep_message(context: &Context<'_>, wanted: &Wanted<'_>) -> String {
    const ASLEEP: &str = "No task runs; nothing but the record is kept.";
    let is_idle = idle::sleeps(context, wanted.desired);
    let message = if is_idle { idle::message(context) } else { ASLEEP.to_owned() };
    wanted.note.iter().fold(message, |message, note| format!("{message} {note}"))
}

/// Whether a tombstone needs nothing more.
pub(crate) fn is_buried(context: &Context<'_>) -> bool {
    let Some(written) = context.written().filter(|written| written.phase == Phase::Terminated) else { return false };
    // Tags are removed only for a closed pull request. One that is not on the list of open ones may be.
    let may_be_closed = matches!(context.observed.pull_request, None | Some(PullRequestState::Closed));
    let tags = context.observed.own_tags.as_ref().is_some_and(|tags| !tags.is_empty());
    let tags = tags && context.denial(TAGS_REMOVED).is_none();
    context.observed.service == ServiceView::Unlisted
        && context.observed.tasks.is_empty()
        && !(may_be_closed && tags)
        && written.purge_at.is_some()
        && context.record.generation == written.machinery.observed_generation
}

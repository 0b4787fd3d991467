//! What a glance at the lists is enough for: an environment that is as it was recorded needs no closer look.
//!
//! A pass over the cluster knows of each service only that it is on the list, and of each task what DescribeTasks says.
//! That is one call for a hundred environments, where asking for the services themselves would be one for ten.

use bivouac_model::{Phase, ServiceView, Task, TaskState};

use crate::bring_up::Wanted;
use crate::context::Context;

/// Whether the record, the lists and the wish agree.
pub(crate) fn is_settled(context: &Context<'_>, wanted: &Wanted<'_>) -> bool {
    let Some(written) = context.written() else { return false };
    let machinery = &written.machinery;
    if machinery.observed_generation != context.record.generation {
        return false;
    }
    let listed = context.observed.service == ServiceView::Listed;
    let mut live = context.observed.tasks.iter().filter(|task| task.state != TaskState::Stopped);
    let deployed = machinery.spec.as_ref() == Some(&wanted.spec);
    match written.phase {
        Phase::Ready => {
            let as_recorded = |task: &Task| {
                task.is_running()
                    && !task.unhealthy
                    && Some(&task.task_definition) == machinery.task_definition.as_ref()
                    && task.started_by == machinery.deployment
                    && task.public_ip.is_some()
                    && task.public_ip == written.public_ip
            };
            deployed && wanted.count == 1 && listed && live.next().is_some_and(as_recorded) && live.next().is_none()
        }
        Phase::Asleep => deployed && wanted.count == 0 && listed && live.next().is_none(),
        Phase::Failed => {
            let same = machinery.failed_spec.as_ref() == Some(&wanted.spec);
            same && matches!(context.observed.service, ServiceView::Listed | ServiceView::Unlisted)
                && live.next().is_none()
        }
        _ => false,
    }
}

/// Whether a tombstone needs nothing more.
pub(crate) fn is_buried(context: &Context<'_>) -> bool {
    let terminated = context.written().is_some_and(|written| written.phase == Phase::Terminated);
    terminated
        && context.observed.service == ServiceView::Unlisted
        && context.observed.tasks.is_empty()
        && context.observed.own_tags.as_ref().is_some_and(Vec::is_empty)
        && context.record.generation == context.written().and_then(|written| written.machinery.observed_generation)
}

//! What will happen, in order of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ecs::{ServiceKey, TaskId};

/// Something due at a moment. Events of tasks carry the step of the task they were planned
/// in, so that one whose task has moved on since is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The present phase of the task is over.
    TaskStep { task: TaskId, step: u32 },
    /// What the test has chosen for this task happens.
    TaskFate { task: TaskId, step: u32 },
    /// The task's health is judged.
    TaskHealth { task: TaskId, step: u32 },
    /// The warning time of a Spot interruption is over.
    SpotReclaim { task: TaskId },
    /// A stopped task is no longer described.
    TaskForget { task: TaskId },
    /// The scheduler looks at the service.
    Reconcile(ServiceKey),
    /// An inactive service is no longer described.
    ServiceForget { service: ServiceKey, serial: u64 },
    /// A task definition under deletion is gone.
    TaskDefinitionPurge { family: Arc<str>, revision: u32 },
}

/// Events by time; those of one moment in the order they were planned.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    events: BTreeMap<(DateTime<Utc>, u64), Event>,
    sequence: u64,
}

impl Agenda {
    pub(crate) fn push(&mut self, at: DateTime<Utc>, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }

    pub(crate) fn pop_due(&mut self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Event)> {
        let first = self.events.first_entry()?;
        (first.key().0 <= now).then(|| {
            let ((at, _), event) = first.remove_entry();
            (at, event)
        })
    }

    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }
}

//! The deterministic model: plain state, moved by calls and by time, and by nothing else.
//!
//! It knows no socket, no wall clock and no random source but the one it was seeded with.
//! [`World::advance_to`] lets happen what is due; a call is a method that changes state at
//! the present moment and is refused in AWS's own words.

pub(crate) mod agenda;
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod logs;
pub(crate) mod page;
pub(crate) mod refusal;
pub(crate) mod scope;

use std::net::Ipv4Addr;

use chrono::{DateTime, Utc};

use crate::Quotas;
use crate::Timings;

use agenda::{Agenda, Event};
use ecs::TaskId;
pub(crate) use refusal::Refusal;
pub(crate) use scope::Scope;

/// Something the outside has to do because the model moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// A task with a public address runs: answer HTTP there.
    Serve { task: TaskId, address: Ipv4Addr, ports: Vec<u16> },
    /// The task's containers ended: stop answering.
    Silence { task: TaskId },
}

/// One account in one region.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    pub(crate) scope: Scope,
    pub(crate) timings: Timings,
    pub(crate) rng: fastrand::Rng,
    pub(crate) ecs: ecs::Ecs,
    pub(crate) ecr: ecr::Ecr,
    pub(crate) ec2: ec2::Ec2,
    pub(crate) logs: logs::Logs,
    pub(crate) agenda: Agenda,
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn new(
        now: DateTime<Utc>,
        seed: u64,
        scope: Scope,
        timings: Timings,
        quotas: Quotas,
        block: u8,
    ) -> Self {
        Self {
            now,
            scope,
            timings,
            rng: fastrand::Rng::with_seed(seed),
            ecs: ecs::Ecs::new(quotas),
            ecr: ecr::Ecr::default(),
            ec2: ec2::Ec2::new(block),
            logs: logs::Logs::default(),
            agenda: Agenda::default(),
            effects: Vec::new(),
        }
    }

    /// Lets everything happen that is due by `now`, in order. Time never runs backwards: an
    /// earlier `now` changes nothing.
    pub(crate) fn advance_to(&mut self, now: DateTime<Utc>) {
        while let Some((at, event)) = self.agenda.pop_due(now) {
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(now);
    }

    /// When something will happen next, if nobody calls before.
    pub(crate) fn next_event(&self) -> Option<DateTime<Utc>> {
        self.agenda.next()
    }

    pub(crate) fn plan(&mut self, after: std::time::Duration, event: Event) {
        self.agenda.push(self.now + crate::clock::delta(after), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::TaskStep { task, step } => self.task_step(&task, step),
            Event::TaskFate { task, step } => self.task_fate(&task, step),
            Event::TaskHealth { task, step } => self.task_health(&task, step),
            Event::SpotReclaim { task } => self.task_reclaim(&task),
            Event::TaskForget { task } => self.ecs.forget_task(&task),
            Event::Reconcile(service) => self.reconcile_service(&service),
            Event::ServiceForget { service, serial } => self.ecs.forget_service(&service, serial),
            Event::TaskDefinitionPurge { family, revision } => {
                self.ecs.definitions.purge(&family, revision);
            }
        }
    }
}

//! A service and its history.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::World;
use super::super::scope::uuid;
use super::deployment::{Configuration, Deployment};
use super::network::Launch;
use super::tags::Tags;
use super::{ServiceKey, TaskId};

/// `status` of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Draining,
    Inactive,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// A line of a service's history.
#[derive(Clone, Debug)]
pub(crate) struct ServiceEvent {
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) message: String,
}

/// "A maximum of 100 of the latest events are displayed" (DescribeServices).
const MAX_EVENTS: usize = 100;

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) serial: u64,
    pub(crate) name: Arc<str>,
    pub(crate) arn: String,
    pub(crate) cluster_arn: String,
    pub(crate) status: Status,
    pub(crate) desired: u32,
    pub(crate) launch: Launch,
    pub(crate) configuration: Configuration,
    /// The PRIMARY one first, then older ones that still have tasks or can be returned to.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) events: VecDeque<ServiceEvent>,
    pub(crate) tags: Tags,
    pub(crate) propagate_tags: Option<String>,
    pub(crate) managed_tags: bool,
    pub(crate) enable_execute_command: bool,
    pub(crate) rebalancing: String,
    /// Fields that are only kept and given back.
    pub(crate) kept: Map<String, Value>,
    pub(crate) client_token: Option<String>,
    /// What was asked at creation, to tell a repeated call from another one.
    pub(crate) fingerprint: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) draining_since: Option<DateTime<Utc>>,
    /// Every task that is not STOPPED yet.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// The scheduler starts nothing before.
    pub(crate) retry_at: Option<DateTime<Utc>>,
    /// When the scheduler is to look again, so that it is not planned twice.
    pub(super) wake_at: Option<DateTime<Utc>>,
    pub(super) steady: bool,
}

impl Service {
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub(super) fn note(&mut self, rng: &mut fastrand::Rng, at: DateTime<Utc>, message: String) {
        self.events.push_front(ServiceEvent { id: uuid(rng), at, message });
        self.events.truncate(MAX_EVENTS);
    }
}

impl World {
    /// Adds a line to the service's history, made from its name.
    pub(super) fn service_event(&mut self, key: &ServiceKey, message: impl Fn(&str) -> String) {
        let now = self.now;
        let Self { ecs, rng, .. } = self;
        if let Some(service) = ecs.service_mut(key) {
            service.note(rng, now, message(&key.name));
        }
    }
}

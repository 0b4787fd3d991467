//! What a task is.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::ec2::Interface;
use super::definition::Definition;
use super::fate::Fate;
use super::network::{Awsvpc, Provider};
use super::tags::Tags;
use super::{ServiceKey, TaskId, TaskIndex};

/// `lastStatus` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Provisioning,
    Pending,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// `stopCode` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
    SpotInterruption,
}

impl StopCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            Self::SpotInterruption => "SpotInterruption",
        }
    }
}

/// The verdict of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

/// What happened to one container of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerState {
    pub(crate) id: String,
    pub(crate) digest: Option<String>,
    pub(crate) runtime_id: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) reason: Option<String>,
}

/// A task.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) arn: String,
    pub(crate) cluster: Arc<str>,
    pub(crate) service: Option<Arc<str>>,
    pub(crate) started_by: Option<Arc<str>>,
    pub(crate) group: String,
    pub(crate) definition: Arc<Definition>,
    pub(crate) network: Option<Arc<Awsvpc>>,
    pub(crate) provider: Provider,
    pub(crate) zone: String,
    pub(crate) overrides: Option<Value>,
    pub(crate) tags: Tags,
    pub(crate) enable_execute_command: bool,
    pub(crate) phase: Phase,
    pub(crate) health: Health,
    pub(crate) version: u32,
    pub(crate) step: u32,
    pub(crate) fate: Fate,
    pub(crate) containers: Vec<ContainerState>,
    pub(crate) attachment: String,
    pub(crate) interface: Option<Arc<Interface>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) pull_started_at: Option<DateTime<Utc>>,
    pub(crate) pull_stopped_at: Option<DateTime<Utc>>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) stopping_at: Option<DateTime<Utc>>,
    pub(crate) execution_stopped_at: Option<DateTime<Utc>>,
    pub(crate) stopped_at: Option<DateTime<Utc>>,
    pub(crate) stop: Option<(StopCode, String)>,
}

impl Task {
    /// `desiredStatus` is RUNNING until something decided to stop the task.
    pub(crate) fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    /// Counts for the minimum healthy percent of its service.
    pub(crate) fn is_healthy(&self, now: DateTime<Utc>, healthy_after: Duration) -> bool {
        if self.phase != Phase::Running || !self.is_wanted() {
            return false;
        }
        if self.definition.has_health_check() {
            return self.health == Health::Healthy;
        }
        self.started_at.is_some_and(|at| now >= at + crate::clock::delta(healthy_after))
    }

    pub(crate) fn service_key(&self) -> Option<ServiceKey> {
        let name = Arc::clone(self.service.as_ref()?);
        Some(ServiceKey { cluster: Arc::clone(&self.cluster), name })
    }

    pub(super) fn indexes(&self) -> Vec<TaskIndex> {
        let cluster = || Arc::clone(&self.cluster);
        let mut all =
            vec![TaskIndex::Cluster(cluster()), TaskIndex::Family(cluster(), Arc::clone(&self.definition.family))];
        all.extend(self.service.clone().map(|name| TaskIndex::Service(cluster(), name)));
        all.extend(self.started_by.clone().map(|by| TaskIndex::StartedBy(cluster(), by)));
        all
    }

    /// Moves to a phase; events planned in an earlier one are void from now on.
    pub(super) fn enter(&mut self, phase: Phase) -> u32 {
        self.phase = phase;
        self.version += 1;
        self.step += 1;
        self.step
    }

    pub(super) fn vcpu_units(&self) -> u64 {
        u64::from(self.definition.cpu)
    }
}

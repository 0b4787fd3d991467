//! ECS: clusters, services and the tasks they run.

mod breaker;
pub(crate) mod cluster;
pub(crate) mod create;
pub(crate) mod definition;
mod demands;
pub(crate) mod deployment;
mod fargate;
pub(crate) mod fate;
mod input;
pub(crate) mod launch;
mod life;
pub(crate) mod members;
pub(crate) mod network;
pub(crate) mod scheduler;
pub(crate) mod service;
pub(crate) mod tags;
pub(crate) mod task;
pub(crate) mod update;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::Quotas;

use super::Refusal;
use cluster::Cluster;
use definition::Definitions;
use fate::Fates;
use service::{Service, Status};
use task::Task;

/// The 32 digits that name a task.
pub(crate) type TaskId = Arc<str>;

/// The cluster and name of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServiceKey {
    pub(crate) cluster: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// What tasks are listed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TaskIndex {
    Cluster(Arc<str>),
    Service(Arc<str>, Arc<str>),
    StartedBy(Arc<str>, Arc<str>),
    Family(Arc<str>, Arc<str>),
}

/// Where Fargate has room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) on_demand: bool,
    pub(crate) spot: bool,
    pub(crate) on_demand_vcpus: Option<f64>,
    pub(crate) spot_vcpus: Option<f64>,
    /// In use, in units of 1/1024 vCPU.
    pub(crate) on_demand_used: u64,
    pub(crate) spot_used: u64,
}

/// All of ECS in the account.
#[derive(Debug)]
pub(crate) struct Ecs {
    pub(crate) clusters: BTreeMap<Arc<str>, Cluster>,
    pub(crate) definitions: Definitions,
    pub(crate) fates: Fates,
    pub(crate) capacity: Capacity,
    pub(crate) tasks: HashMap<TaskId, Task>,
    index: HashMap<TaskIndex, BTreeSet<TaskId>>,
    /// Tells one service from an earlier one of its name.
    pub(crate) serial: u64,
}

impl Ecs {
    pub(crate) fn new(quotas: Quotas) -> Self {
        Self {
            clusters: BTreeMap::new(),
            definitions: Definitions::default(),
            fates: Fates::default(),
            capacity: Capacity {
                on_demand: true,
                spot: true,
                on_demand_vcpus: quotas.on_demand_vcpus,
                spot_vcpus: quotas.spot_vcpus,
                on_demand_used: 0,
                spot_used: 0,
            },
            tasks: HashMap::new(),
            index: HashMap::new(),
            serial: 0,
        }
    }

    /// The cluster of a call: by short name or ARN, `default` if none is given.
    pub(crate) fn cluster(&self, name: Option<&str>) -> Result<&Cluster, Refusal> {
        self.clusters.get(cluster_name(name)).ok_or_else(cluster_not_found)
    }

    pub(crate) fn cluster_mut(&mut self, name: Option<&str>) -> Result<&mut Cluster, Refusal> {
        self.clusters.get_mut(cluster_name(name)).ok_or_else(cluster_not_found)
    }

    pub(crate) fn service(&self, key: &ServiceKey) -> Option<&Service> {
        self.clusters.get(&key.cluster)?.services.get(&key.name)
    }

    pub(crate) fn service_mut(&mut self, key: &ServiceKey) -> Option<&mut Service> {
        self.clusters.get_mut(&key.cluster)?.services.get_mut(&key.name)
    }

    pub(crate) fn insert_task(&mut self, task: Task) {
        for index in task.indexes() {
            self.index.entry(index).or_default().insert(Arc::clone(&task.id));
        }
        self.tasks.insert(Arc::clone(&task.id), task);
    }

    /// The tasks under an index, by id.
    pub(crate) fn indexed(&self, index: &TaskIndex) -> Option<&BTreeSet<TaskId>> {
        self.index.get(index)
    }

    pub(crate) fn forget_task(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.remove(id) else {
            return;
        };
        for key in task.indexes() {
            if let Some(ids) = self.index.get_mut(&key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
    }

    pub(crate) fn forget_service(&mut self, key: &ServiceKey, serial: u64) {
        let Some(cluster) = self.clusters.get_mut(&key.cluster) else {
            return;
        };
        let over = |s: &Service| s.serial == serial && s.status == Status::Inactive;
        if cluster.services.get(&key.name).is_some_and(over) {
            cluster.services.remove(&key.name);
        }
    }
}

/// The short name in a short name or an ARN.
pub(crate) fn short_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, short)| short)
}

fn cluster_name(name: Option<&str>) -> &str {
    short_name(name.filter(|name| !name.is_empty()).unwrap_or("default"))
}

fn cluster_not_found() -> Refusal {
    Refusal::new("ClusterNotFoundException", "Cluster not found.")
}

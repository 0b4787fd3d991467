use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::Fate;
use crate::model::World;
use crate::model::ecs::cluster::FARGATE_PROVIDERS;
use crate::model::ecs::service::Service;
use crate::model::ecs::task::Task;
use crate::model::ecs::{ServiceKey, TaskId};
use crate::shared::Shared;

/// ECS beside the wire: what happens to tasks, and what they are. A clone is the same handle.
#[derive(Clone, Debug)]
pub struct EcsControl {
    shared: Arc<Shared>,
}

/// A service as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: &'static str,
    /// How many tasks it is to run.
    pub desired: u32,
    /// `rolloutState` of the PRIMARY deployment.
    pub rollout: Option<&'static str>,
    /// Messages of its history, the latest first.
    pub events: Vec<String>,
    /// Its tasks that are not STOPPED, by id.
    pub tasks: Vec<TaskView>,
}

/// A task as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The 32 digits that name it.
    pub id: String,
    /// `lastStatus`.
    pub status: &'static str,
    /// ARN of its task definition.
    pub task_definition: String,
    /// `FARGATE`, `FARGATE_SPOT` or none.
    pub capacity_provider: Option<&'static str>,
    /// Where it answers, while it has an address.
    pub public_address: Option<Ipv4Addr>,
    /// `stoppedReason`, once it is to stop.
    pub stopped_reason: Option<String>,
}

impl EcsControl {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a cluster with FARGATE and FARGATE_SPOT associated. Called again it changes
    /// nothing; a name that ECS would refuse makes nothing.
    pub fn create_cluster(&self, name: &str) {
        self.create_cluster_with(name, &FARGATE_PROVIDERS);
    }

    /// The same with these of the two capacity providers.
    pub fn create_cluster_with(&self, name: &str, providers: &[&str]) {
        self.shared.with(|world| {
            let providers = providers.iter().map(|provider| (*provider).to_owned()).collect();
            let made = world.create_cluster(Some(name.to_owned()), providers, vec![], vec![]);
            if let Err(refused) = made {
                tracing::warn!(%refused, name, "no cluster made");
            }
        });
    }

    /// Decides what becomes of every task that starts from now on and whose service, image
    /// reference, tag or digest is `target`. Fates about HTTP hold at once, also for tasks that
    /// run already. Called again for the same target, the last fate holds.
    pub fn fate(&self, target: &str, fate: Fate) {
        self.shared.with(|world| world.ecs.fates.set(target, fate, None));
    }

    /// As [`EcsControl::fate`], for the next `tasks` tasks only.
    pub fn fate_of_next(&self, tasks: u32, target: &str, fate: Fate) {
        self.shared.with(|world| world.ecs.fates.set(target, fate, Some(tasks)));
    }

    /// From now on all tasks that start are healthy.
    pub fn clear_fates(&self) {
        self.shared.with(|world| world.ecs.fates.clear());
    }

    /// Whether Fargate Spot has capacity. Without it nothing new starts there; what runs stays.
    pub fn set_spot_capacity(&self, available: bool) {
        self.shared.with(|world| world.ecs.capacity.spot = available);
    }

    /// Whether Fargate on demand has capacity.
    pub fn set_on_demand_capacity(&self, available: bool) {
        self.shared.with(|world| world.ecs.capacity.on_demand = available);
    }

    /// The account's quotas of concurrent vCPU on demand and on Spot, which Service Quotas tells from now on; none is
    /// without limit, and told as [`Quotas::DEFAULT_VCPUS`](crate::Quotas::DEFAULT_VCPUS).
    pub fn set_vcpu_quota(&self, on_demand: Option<f64>, spot: Option<f64>) {
        self.shared.with(|world| {
            world.ecs.capacity.on_demand_vcpus = on_demand;
            world.ecs.capacity.spot_vcpus = spot;
        });
    }

    /// Gives the Spot tasks of a service notice, as AWS does when it wants the capacity back.
    /// They end after [`Timings::spot_warning`](crate::Timings::spot_warning). Gives how many
    /// there were.
    pub fn interrupt_spot(&self, cluster: &str, service: &str) -> usize {
        self.shared.with(|world| {
            let key = key(cluster, service);
            let tasks: Vec<TaskId> =
                world.ecs.service(&key).map_or_else(Vec::new, |service| service.tasks.iter().cloned().collect());
            tasks.iter().filter(|id| world.interrupt_task(id)).count()
        })
    }

    /// A service, also while it drains and after.
    pub fn service(&self, cluster: &str, service: &str) -> Option<ServiceView> {
        let key = key(cluster, service);
        self.shared.with(|world| world.ecs.service(&key).map(|service| view(world, service)))
    }

    /// Every service of a cluster that is described still, by name.
    pub fn services(&self, cluster: &str) -> Vec<ServiceView> {
        self.shared.with(|world| {
            let cluster = world.ecs.cluster(Some(cluster)).ok();
            let services = cluster.into_iter().flat_map(|cluster| cluster.services.values());
            services.map(|service| view(world, service)).collect()
        })
    }
}

fn key(cluster: &str, service: &str) -> ServiceKey {
    ServiceKey { cluster: cluster.into(), name: service.into() }
}

fn view(world: &World, service: &Service) -> ServiceView {
    let tasks = service.tasks.iter().filter_map(|id| world.ecs.tasks.get(id));
    ServiceView {
        name: service.name.to_string(),
        status: service.status.as_str(),
        desired: service.desired,
        rollout: service.primary().map(|deployment| deployment.rollout.as_str()),
        events: service.events.iter().map(|event| event.message.clone()).collect(),
        tasks: tasks.map(view_task).collect(),
    }
}

fn view_task(task: &Task) -> TaskView {
    TaskView {
        id: task.id.to_string(),
        status: task.phase.as_str(),
        task_definition: task.definition.arn.clone(),
        capacity_provider: task.provider.capacity_provider(),
        public_address: task.interface.as_ref().and_then(|interface| interface.public_address),
        stopped_reason: task.stop.as_ref().map(|(_, reason)| reason.clone()),
    }
}

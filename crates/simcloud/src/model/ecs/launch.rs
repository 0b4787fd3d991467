//! Starting tasks: for a service, by RunTask, and what the image pull says.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::scope::{hex, uuid};
use super::super::{Refusal, World};
use super::create::check_compatible;
use super::definition::Definition;
use super::fate::Fate;
use super::members::check_propagation;
use super::network::{NetworkConfiguration, Provider, StrategyItem, launch};
use super::service::Service;
use super::tags::{Tag, Tags};
use super::task::{ContainerState, Health, Phase, Task};
use super::{ServiceKey, TaskId};

/// What RunTask is called with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RunTask {
    pub(crate) cluster: Option<String>,
    pub(crate) task_definition: Option<String>,
    pub(crate) count: Option<i32>,
    pub(crate) group: Option<String>,
    pub(crate) started_by: Option<String>,
    pub(crate) launch_type: Option<String>,
    pub(crate) capacity_provider_strategy: Option<Vec<StrategyItem>>,
    pub(crate) network_configuration: Option<NetworkConfiguration>,
    pub(crate) overrides: Option<Value>,
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) propagate_tags: Option<String>,
    pub(crate) enable_execute_command: Option<bool>,
}

/// A task that is about to start.
struct Draft<'a> {
    cluster: Arc<str>,
    service: Option<Arc<str>>,
    started_by: Option<Arc<str>>,
    group: String,
    definition: &'a Arc<Definition>,
    network: Option<&'a NetworkConfiguration>,
    provider: Provider,
    overrides: Option<Value>,
    tags: Tags,
    enable_execute_command: bool,
}

impl World {
    /// Starts tasks that belong to no service; gives them and why others did not start.
    pub(crate) fn run_task(&mut self, input: RunTask) -> Result<(Vec<TaskId>, Vec<String>), Refusal> {
        let cluster = self.ecs.cluster(input.cluster.as_deref())?;
        let name = Arc::clone(&cluster.name);
        let launch = launch(cluster, input.launch_type, input.capacity_provider_strategy)?;
        let definition = self.live_definition(input.task_definition.as_deref())?;
        check_compatible(&definition, &launch)?;
        self.check_network(definition.awsvpc, input.network_configuration.as_ref())?;
        check_propagation(input.propagate_tags.as_ref())?;
        let count = input.count.unwrap_or(1);
        // "You can specify up to 10 tasks for each call."
        if !(1..=10).contains(&count) {
            return Err(Refusal::invalid("Count must be between 1 and 10."));
        }
        // "startedBy … up to 128 letters" (RunTask).
        if input.started_by.as_ref().is_some_and(|by| by.chars().count() > 128) {
            return Err(Refusal::invalid("startedBy can have at most 128 characters."));
        }
        let mut tags = Tags::new(input.tags.unwrap_or_default())?;
        if input.propagate_tags.as_deref() == Some("TASK_DEFINITION")
            && let Some(revision) = self.ecs.definitions.find(&definition.arn)
        {
            tags.inherit(&revision.tags);
        }
        let group = input.group.unwrap_or_else(|| format!("family:{}", definition.family));
        let (mut started, mut failures) = (Vec::new(), Vec::new());
        let mut providers = Vec::new();
        for _ in 0..count {
            let beside = |provider| providers.iter().filter(|held| **held == provider).count();
            let provider = launch.pick(beside);
            if let Err(reason) = self.find_room(provider, definition.cpu) {
                failures.push(reason.to_owned());
                continue;
            }
            providers.push(provider);
            started.push(self.draft(Draft {
                cluster: Arc::clone(&name),
                service: None,
                started_by: input.started_by.as_deref().map(Arc::from),
                group: group.clone(),
                definition: &definition,
                network: input.network_configuration.as_ref(),
                provider,
                overrides: input.overrides.clone(),
                tags: tags.clone(),
                enable_execute_command: input.enable_execute_command.unwrap_or_default(),
            }));
        }
        Ok((started, failures))
    }

    /// Starts one more task of the service's PRIMARY deployment, or says why it cannot.
    pub(super) fn launch_task(&mut self, key: &ServiceKey, service: &mut Service) -> Result<TaskId, &'static str> {
        let Some(primary) = service.deployments.first() else {
            return Err("No deployment");
        };
        let provider = primary.launch.pick(|provider| {
            let mine = service.tasks.iter().filter_map(|id| self.ecs.tasks.get(id));
            let mine = mine.filter(|t| t.started_by.as_ref() == Some(&primary.id));
            mine.filter(|task| task.is_wanted() && task.provider == provider).count()
        });
        self.find_room(provider, primary.definition.cpu)?;
        let mut tags = Tags::default();
        match service.propagate_tags.as_deref() {
            Some("SERVICE") => tags.inherit(&service.tags),
            Some("TASK_DEFINITION") => {
                if let Some(revision) = self.ecs.definitions.find(&primary.definition.arn) {
                    tags.inherit(&revision.tags);
                }
            }
            _ => {}
        }
        if service.managed_tags {
            tags.manage("aws:ecs:clusterName", &key.cluster);
            tags.manage("aws:ecs:serviceName", &key.name);
        }
        let definition = Arc::clone(&primary.definition);
        let network = primary.network.clone();
        let id = self.draft(Draft {
            cluster: Arc::clone(&key.cluster),
            service: Some(Arc::clone(&key.name)),
            started_by: Some(Arc::clone(&primary.id)),
            group: format!("service:{}", key.name),
            definition: &definition,
            network: network.as_ref(),
            provider,
            overrides: None,
            tags,
            enable_execute_command: service.enable_execute_command,
        });
        service.tasks.insert(Arc::clone(&id));
        Ok(id)
    }

    fn draft(&mut self, draft: Draft<'_>) -> TaskId {
        let id: TaskId = hex(&mut self.rng, 32).into();
        let images: Vec<&str> = draft.definition.containers.iter().map(|container| container.image.as_str()).collect();
        let fate = self.ecs.fates.draw(draft.service.as_deref(), &images);
        let containers = draft
            .definition
            .containers
            .iter()
            .map(|_| ContainerState { id: uuid(&mut self.rng), ..ContainerState::default() })
            .collect();
        let attachment = uuid(&mut self.rng);
        let awsvpc = draft.network.and_then(|network| network.awsvpc_configuration.clone());
        self.start_task(Task {
            arn: self.scope.arn("ecs", &format!("task/{}/{id}", draft.cluster)),
            id: Arc::clone(&id),
            cluster: draft.cluster,
            service: draft.service,
            started_by: draft.started_by,
            group: draft.group,
            definition: Arc::clone(draft.definition),
            network: awsvpc.map(Arc::new),
            provider: draft.provider,
            zone: self.scope.zone(0),
            overrides: draft.overrides,
            tags: draft.tags,
            enable_execute_command: draft.enable_execute_command,
            phase: Phase::Provisioning,
            health: Health::Unknown,
            version: 0,
            step: 0,
            fate,
            containers,
            attachment,
            interface: None,
            created_at: self.now,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop: None,
        });
        id
    }

    /// Whether a task of this size finds room, else the reason in AWS's words.
    fn find_room(&self, provider: Provider, cpu: u32) -> Result<(), &'static str> {
        let capacity = &self.ecs.capacity;
        let (room, quota, used) = match provider {
            Provider::Instances => return Err(NO_INSTANCES),
            Provider::Spot => (capacity.spot, capacity.spot_vcpus, capacity.spot_used),
            Provider::Fargate | Provider::OnDemand => {
                (capacity.on_demand, capacity.on_demand_vcpus, capacity.on_demand_used)
            }
        };
        if !room {
            return Err(NO_CAPACITY);
        }
        // vCPU counts stay far below 2^52, where this is exact.
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^52")]
        let units = (used + u64::from(cpu)) as f64;
        if quota.is_some_and(|vcpus| units > vcpus * 1024.0) {
            return Err(NO_QUOTA);
        }
        Ok(())
    }

    /// The digests of a task's images in the order of its containers, or the container that
    /// cannot start and why.
    pub(super) fn pull_images(&mut self, id: &TaskId) -> Result<Vec<String>, (Option<usize>, String)> {
        let Some(task) = self.ecs.tasks.get(id) else {
            return Ok(Vec::new());
        };
        match &task.fate {
            Fate::PullFails { reason } => {
                return Err((Some(0), format!("CannotPullContainerError: {reason}")));
            }
            Fate::SecretMissing { secret } => return Err((None, secret_missing(secret))),
            _ => {}
        }
        let definition = Arc::clone(&task.definition);
        let (key, started_by) = (task.service_key(), task.started_by.clone());
        let service = key.as_ref().and_then(|key| self.ecs.service(key));
        let deployment =
            service.and_then(|service| service.deployments.iter().find(|d| Some(&d.id) == started_by.as_ref()));
        let mut digests = Vec::with_capacity(definition.containers.len());
        for (index, container) in definition.containers.iter().enumerate() {
            let resolved = deployment.and_then(|d| d.digests.get(&container.name));
            let reference = match resolved {
                Some(digest) if !container.image.contains('@') => {
                    format!("{}@{digest}", container.image)
                }
                _ => container.image.clone(),
            };
            let digest = self.ecr.resolve(&self.scope, &reference);
            digests.push(digest.map_err(|reason| (Some(index), reason))?);
        }
        // The first task of a deployment fixes the digests for all that follow it.
        let service = key.as_ref().and_then(|key| self.ecs.service_mut(key));
        let deployment =
            service.and_then(|service| service.deployments.iter_mut().find(|d| Some(&d.id) == started_by.as_ref()));
        if let Some(deployment) = deployment.filter(|deployment| deployment.digests.is_empty()) {
            let names = definition.containers.iter().map(|container| container.name.clone());
            deployment.digests = names.zip(digests.iter().cloned()).collect();
        }
        Ok(digests)
    }
}

/// The environment of a task's first container, as its little web page shows it.
pub(crate) fn environment(definition: &Definition) -> Map<String, Value> {
    let first = definition.containers.first();
    let variables = first.into_iter().flat_map(|container| &container.environment);
    variables.map(|v| (v.name.clone(), Value::String(v.value.clone()))).collect()
}

const NO_CAPACITY: &str = "Capacity is unavailable at this time. Please try again later or in a \
                           different availability zone.";
const NO_QUOTA: &str = "You’ve reached the limit on the number of vCPUs you can run concurrently.";
const NO_INSTANCES: &str = "No Container Instances were found in your cluster.";

fn secret_missing(secret: &str) -> String {
    format!(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution \
         resource retrieval failed: unable to retrieve secret from asm: service call has been \
         retried 1 time(s): failed to fetch secret {secret} from secrets manager: \
         ResourceNotFoundException: Secrets Manager can't find the specified secret."
    )
}

//! CreateService.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::agenda::Event;
use super::super::scope::{deployment_id, digest};
use super::super::{Refusal, World};
use super::definition::{Definition, Status as DefinitionStatus};
use super::deployment::{Configuration, Deployment, Rollout};
use super::members::check_propagation;
use super::network::{Launch, NetworkConfiguration, StrategyItem, launch};
use super::service::{Service, Status};
use super::tags::{Tag, Tags};
use super::{ServiceKey, short_name};

/// What CreateService is called with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateService {
    pub(crate) cluster: Option<String>,
    pub(crate) service_name: Option<String>,
    pub(crate) task_definition: Option<String>,
    pub(crate) desired_count: Option<i32>,
    #[serde(skip_serializing)]
    pub(crate) client_token: Option<String>,
    pub(crate) launch_type: Option<String>,
    pub(crate) capacity_provider_strategy: Option<Vec<StrategyItem>>,
    pub(crate) platform_version: Option<String>,
    pub(crate) deployment_configuration: Option<Configuration>,
    pub(crate) network_configuration: Option<NetworkConfiguration>,
    pub(crate) availability_zone_rebalancing: Option<String>,
    pub(crate) scheduling_strategy: Option<String>,
    pub(crate) tags: Option<Vec<Tag>>,
    #[serde(rename = "enableECSManagedTags")]
    pub(crate) enable_ecs_managed_tags: Option<bool>,
    pub(crate) propagate_tags: Option<String>,
    pub(crate) enable_execute_command: Option<bool>,
    /// Everything else: kept and given back.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// "Up to 36 ASCII characters are allowed" (clientToken).
const MAX_TOKEN: usize = 36;
/// Service quotas of ECS.
const MAX_SERVICES: usize = 5_000;
const MAX_NAME: usize = 255;
const MAX_TASKS: i32 = 5_000;

impl World {
    /// Creates a service. Called again with the same token and content it gives the service
    /// that the first call made.
    pub(crate) fn create_service(&mut self, input: CreateService) -> Result<ServiceKey, Refusal> {
        let cluster = Arc::clone(&self.ecs.cluster(input.cluster.as_deref())?.name);
        let name = check_name(input.service_name.as_deref())?;
        if input.client_token.as_ref().is_some_and(|token| token.len() > MAX_TOKEN) {
            return Err(Refusal::invalid("Client token can have at most 36 characters."));
        }
        let key = ServiceKey { cluster, name: name.into() };
        let fingerprint = fingerprint(&input);
        if self.is_repeated(&key, input.client_token.as_deref(), &fingerprint)? {
            return Ok(key);
        }
        let service = self.new_service(&key, input, fingerprint)?;
        let cluster = self.ecs.cluster_mut(Some(&key.cluster))?;
        // Counted only where it could matter: a cluster holds inactive services for a while.
        let active = |s: &&Service| s.status == Status::Active;
        if cluster.services.len() >= MAX_SERVICES && cluster.services.values().filter(active).count() >= MAX_SERVICES {
            return Err(Refusal::invalid("The maximum number of services per cluster has been reached."));
        }
        cluster.services.insert(Arc::clone(&key.name), service);
        self.plan(Duration::ZERO, Event::Reconcile(key.clone()));
        Ok(key)
    }

    fn is_repeated(&self, key: &ServiceKey, token: Option<&str>, fingerprint: &str) -> Result<bool, Refusal> {
        let Some(held) = self.ecs.service(key) else {
            return Ok(false);
        };
        match held.status {
            Status::Inactive => Ok(false),
            Status::Draining => Err(Refusal::invalid("Unable to Start a service that is still Draining.")),
            Status::Active => {
                let same_token = token.is_some() && held.client_token.as_deref() == token;
                if same_token && held.fingerprint == fingerprint {
                    Ok(true)
                } else {
                    Err(Refusal::invalid("Creation of service was not idempotent."))
                }
            }
        }
    }

    fn new_service(&mut self, key: &ServiceKey, input: CreateService, fingerprint: String) -> Result<Service, Refusal> {
        check_propagation(input.propagate_tags.as_ref())?;
        let definition = self.live_definition(input.task_definition.as_deref())?;
        let desired = check_desired(input.desired_count)?;
        let cluster = self.ecs.cluster(Some(&key.cluster))?;
        let cluster_arn = cluster.arn.clone();
        let launch = launch(cluster, input.launch_type, input.capacity_provider_strategy)?;
        check_compatible(&definition, &launch)?;
        self.check_network(definition.awsvpc, input.network_configuration.as_ref())?;
        let configuration = input.deployment_configuration.unwrap_or_default();
        let rebalancing = input.availability_zone_rebalancing.unwrap_or_else(|| "ENABLED".to_owned());
        check_rebalancing(&rebalancing, &configuration)?;
        let tags = Tags::new(input.tags.unwrap_or_default())?;
        self.ecs.serial += 1;
        let mut service = Service {
            serial: self.ecs.serial,
            name: Arc::clone(&key.name),
            arn: self.scope.arn("ecs", &format!("service/{}/{}", key.cluster, key.name)),
            cluster_arn,
            status: Status::Active,
            desired,
            launch,
            configuration,
            deployments: Vec::new(),
            events: VecDeque::new(),
            tags,
            propagate_tags: input.propagate_tags.filter(|value| value != "NONE"),
            managed_tags: input.enable_ecs_managed_tags.unwrap_or_default(),
            enable_execute_command: input.enable_execute_command.unwrap_or_default(),
            rebalancing,
            kept: input.other,
            client_token: input.client_token,
            fingerprint,
            created_at: self.now,
            draining_since: None,
            tasks: BTreeSet::new(),
            retry_at: None,
            wake_at: None,
            steady: false,
        };
        let platform = input.platform_version.unwrap_or_else(|| "LATEST".to_owned());
        self.deploy(&mut service, definition, input.network_configuration, platform);
        Ok(service)
    }

    /// Starts a new deployment of the service: it is the PRIMARY one from now on.
    pub(super) fn deploy(
        &mut self,
        service: &mut Service,
        definition: Arc<Definition>,
        network: Option<NetworkConfiguration>,
        platform_version: String,
    ) {
        let id = deployment_id(&mut self.rng);
        let deployment = Deployment {
            reason: format!("ECS deployment {id} in progress."),
            id: id.into(),
            definition,
            network,
            launch: service.launch.clone(),
            platform_version,
            rollout: Rollout::InProgress,
            failed: 0,
            proven: false,
            settled: false,
            digests: HashMap::new(),
            created_at: self.now,
            updated_at: self.now,
        };
        service.deployments.insert(0, deployment);
        service.steady = false;
        service.retry_at = None;
    }

    /// The task definition of a call that starts tasks; it has to be ACTIVE.
    pub(super) fn live_definition(&self, name: Option<&str>) -> Result<Arc<Definition>, Refusal> {
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::invalid("TaskDefinition can not be blank."))?;
        let found = self.ecs.definitions.find(name);
        let revision = found.ok_or_else(|| Refusal::client("TaskDefinition not found."))?;
        if revision.status != DefinitionStatus::Active {
            return Err(Refusal::client("TaskDefinition is inactive"));
        }
        Ok(Arc::clone(&revision.definition))
    }
}

/// "Up to 255 letters, numbers, underscores, and hyphens are allowed" (serviceName).
fn check_name(name: Option<&str>) -> Result<&str, Refusal> {
    let name = name.unwrap_or_default();
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if name.is_empty() {
        return Err(Refusal::invalid("Service name can not be blank."));
    }
    if name.len() > MAX_NAME || !name.bytes().all(valid) {
        return Err(Refusal::invalid(format!("Invalid service name: '{}'", short_name(name))));
    }
    Ok(name)
}

pub(super) fn check_desired(desired: Option<i32>) -> Result<u32, Refusal> {
    match desired {
        Some(desired @ 0..=MAX_TASKS) => Ok(desired.unsigned_abs()),
        Some(desired) if desired > MAX_TASKS => {
            Err(Refusal::invalid("The maximum number of tasks per service has been exceeded."))
        }
        _ => Err(Refusal::invalid("Desired count must be a non-negative number.")),
    }
}

pub(super) fn check_compatible(definition: &Definition, launch: &Launch) -> Result<(), Refusal> {
    let fargate = match launch {
        Launch::Type(name) => name == "FARGATE",
        Launch::Strategy(_) => true,
    };
    if fargate && !definition.fargate {
        return Err(Refusal::invalid("Task definition does not support launch_type FARGATE."));
    }
    // "Fargate Spot is not supported on Windows-based containers on Fargate" (AWS Batch API reference, `RuntimePlatform`). The
    // words are from memory.
    let spot =
        matches!(launch, Launch::Strategy(items) if items.iter().any(|item| item.capacity_provider == "FARGATE_SPOT"));
    if spot && definition.is_windows() {
        return Err(Refusal::invalid("The capacity provider FARGATE_SPOT does not support Windows task definitions."));
    }
    Ok(())
}

/// Rebalancing starts the new task before it stops the old one, so it needs room for both.
pub(super) fn check_rebalancing(rebalancing: &str, configuration: &Configuration) -> Result<(), Refusal> {
    match rebalancing {
        "ENABLED" if configuration.maximum_percent <= 100 => Err(Refusal::invalid(
            "Availability Zone rebalancing can not be enabled with a maximumPercent of 100 or \
             less.",
        )),
        "ENABLED" | "DISABLED" => Ok(()),
        _ => Err(Refusal::invalid("availabilityZoneRebalancing is invalid.")),
    }
}

fn fingerprint(input: &CreateService) -> String {
    // Every field is JSON already, so it can be written as JSON again.
    digest(serde_json::to_string(input).unwrap_or_default().as_bytes())
}

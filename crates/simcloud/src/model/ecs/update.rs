//! UpdateService and DeleteService.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::super::agenda::Event;
use super::super::{Refusal, World};
use super::create::{check_compatible, check_desired, check_rebalancing};
use super::deployment::Configuration;
use super::members::check_propagation;
use super::network::{Launch, NetworkConfiguration, StrategyItem, check_strategy};
use super::service::Status;
use super::{ServiceKey, short_name};

/// What UpdateService is called with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UpdateService {
    pub(crate) cluster: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) desired_count: Option<i32>,
    pub(crate) task_definition: Option<String>,
    pub(crate) capacity_provider_strategy: Option<Vec<StrategyItem>>,
    pub(crate) deployment_configuration: Option<Configuration>,
    pub(crate) availability_zone_rebalancing: Option<String>,
    pub(crate) network_configuration: Option<NetworkConfiguration>,
    pub(crate) platform_version: Option<String>,
    pub(crate) force_new_deployment: Option<bool>,
    pub(crate) enable_execute_command: Option<bool>,
    #[serde(rename = "enableECSManagedTags")]
    pub(crate) enable_ecs_managed_tags: Option<bool>,
    pub(crate) propagate_tags: Option<String>,
}

/// What DeleteService is called with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeleteService {
    pub(crate) cluster: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) force: Option<bool>,
}

impl World {
    /// The key of a service named by short name or ARN. It need not exist.
    pub(crate) fn service_key(&self, cluster: Option<&str>, service: Option<&str>) -> Result<ServiceKey, Refusal> {
        let cluster = Arc::clone(&self.ecs.cluster(cluster)?.name);
        let service = service.filter(|name| !name.is_empty());
        let service = service.ok_or_else(|| Refusal::invalid("Service can not be blank."))?;
        Ok(ServiceKey { cluster, name: short_name(service).into() })
    }

    /// Changes a service. A new deployment starts where the task definition, the network or
    /// the platform changes, or where it is forced; all else takes effect with the next task.
    pub(crate) fn update_service(&mut self, input: UpdateService) -> Result<ServiceKey, Refusal> {
        let key = self.service_key(input.cluster.as_deref(), input.service.as_deref())?;
        let held = self.ecs.service(&key).ok_or_else(service_not_found)?;
        if held.status != Status::Active {
            return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        let Some(primary) = held.primary() else {
            return Err(service_not_found());
        };
        check_propagation(input.propagate_tags.as_ref())?;
        let definition = match &input.task_definition {
            Some(name) => self.live_definition(Some(name))?,
            None => Arc::clone(&primary.definition),
        };
        let launch = match input.capacity_provider_strategy {
            None => held.launch.clone(),
            // "Pass an empty list" to go back to the launch type.
            Some(items) if items.is_empty() => Launch::Type("FARGATE".to_owned()),
            Some(items) => {
                check_strategy(self.ecs.cluster(Some(&key.cluster))?, &items)?;
                Launch::Strategy(items)
            }
        };
        check_compatible(&definition, &launch)?;
        let network = input.network_configuration.or_else(|| primary.network.clone());
        self.check_network(definition.awsvpc, network.as_ref())?;
        let platform = input.platform_version.unwrap_or_else(|| primary.platform_version.clone());
        let configuration = input.deployment_configuration.unwrap_or_else(|| held.configuration.clone());
        let rebalancing = input.availability_zone_rebalancing.unwrap_or_else(|| held.rebalancing.clone());
        check_rebalancing(&rebalancing, &configuration)?;
        let desired = input.desired_count.map(|n| check_desired(Some(n))).transpose()?;
        let renewed = input.force_new_deployment.unwrap_or_default()
            || definition.arn != primary.definition.arn
            || network != primary.network
            || platform != primary.platform_version;

        let Some(mut service) = self.take_service(&key) else {
            return Err(service_not_found());
        };
        service.desired = desired.unwrap_or(service.desired);
        service.launch = launch;
        service.configuration = configuration;
        service.rebalancing = rebalancing;
        if let Some(propagate) = input.propagate_tags {
            service.propagate_tags = Some(propagate).filter(|value| value != "NONE");
        }
        service.managed_tags = input.enable_ecs_managed_tags.unwrap_or(service.managed_tags);
        service.enable_execute_command = input.enable_execute_command.unwrap_or(service.enable_execute_command);
        if renewed {
            self.deploy(&mut service, definition, network, platform);
        }
        self.put_service(&key, service);
        self.plan(Duration::ZERO, Event::Reconcile(key.clone()));
        Ok(key)
    }

    /// Deletes a service: it drains until its tasks have stopped, then is inactive.
    pub(crate) fn delete_service(&mut self, input: &DeleteService) -> Result<ServiceKey, Refusal> {
        let key = self.service_key(input.cluster.as_deref(), input.service.as_deref())?;
        let now = self.now;
        let service = self.ecs.service_mut(&key).ok_or_else(service_not_found)?;
        match service.status {
            // DeleteService models no ServiceNotActiveException.
            Status::Inactive => return Err(service_not_found()),
            Status::Draining => return Ok(key),
            Status::Active => {}
        }
        if service.desired > 0 && !input.force.unwrap_or_default() {
            return Err(Refusal::invalid("The service cannot be stopped while it is scaled above 0."));
        }
        service.status = Status::Draining;
        service.desired = 0;
        service.draining_since = Some(now);
        self.plan(Duration::ZERO, Event::Reconcile(key.clone()));
        Ok(key)
    }
}

pub(crate) fn service_not_found() -> Refusal {
    Refusal::new("ServiceNotFoundException", "Service not found.")
}

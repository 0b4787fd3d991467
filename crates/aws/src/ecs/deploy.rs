//! Creating, changing, tagging and deleting services.

use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, CapacityProviderStrategyItem,
    DeploymentCircuitBreaker, DeploymentConfiguration, NetworkConfiguration, PropagateTags, ServiceField, Tag,
};
use bivouac_model::{Capacity, ServiceChange, ServiceSpec, ServiceView};
use bivouac_ports::{Error, Meaning, Result};

use super::{Ecs, read};
use crate::calls::{CREATE_SERVICE, Call, DELETE_SERVICE, DESCRIBE_SERVICES, TAG_RESOURCE, UPDATE_SERVICE};

/// The codes by which ECS says that there is nothing (left) to delete: never there, or DRAINING or INACTIVE already.
const DELETED_ALREADY: &[&str] = &["ServiceNotFoundException", "ServiceNotActiveException"];

/// The defaults of ECS, written out: the new task starts before the old one stops, so a one-task service has no gap.
const MINIMUM_HEALTHY_PERCENT: i32 = 100;
const MAXIMUM_PERCENT: i32 = 200;

impl Ecs {
    pub(super) async fn create(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView> {
        let request = self
            .client
            .create_service()
            .cluster(self.cluster())
            .client_token(token)
            .service_name(&spec.name)
            .task_definition(spec.task_definition.as_str())
            .desired_count(count(spec.desired_count))
            .capacity_provider_strategy(strategy(&CREATE_SERVICE, spec.capacity)?)
            .network_configuration(self.network()?)
            .deployment_configuration(deployment())
            // One task cannot be spread over zones, and moving it would change its address.
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)
            .enable_ecs_managed_tags(true)
            .propagate_tags(PropagateTags::Service)
            // Off unless the project sets `exec`: a container runs a pull request's code with the template's role.
            .enable_execute_command(spec.exec)
            .set_tags(Some(tags(&spec.tags)));
        let answer = self.caller.call(&CREATE_SERVICE, request.send()).await?;
        view(&CREATE_SERVICE, answer.service())
    }

    pub(super) async fn update(&self, name: &str, change: &ServiceChange) -> Result<ServiceView> {
        let strategies = match change.capacity {
            Some(capacity) => Some(vec![strategy(&UPDATE_SERVICE, capacity)?]),
            None => None,
        };
        // ECS refuses another capacity provider without a new deployment.
        let force = change.force_new_deployment || change.capacity.is_some();
        let request = self
            .client
            .update_service()
            .cluster(self.cluster())
            .service(name)
            .set_task_definition(change.task_definition.as_ref().map(|name| name.as_str().to_owned()))
            .set_desired_count(change.desired_count.map(count))
            .set_capacity_provider_strategy(strategies)
            .set_enable_execute_command(change.exec)
            .force_new_deployment(force);
        let answer = self.caller.call(&UPDATE_SERVICE, request.send()).await?;
        let service = match answer.service {
            // This answer alone carries no tags, and without them the service would look like nobody's.
            Some(mut service) if service.tags().is_empty() => {
                service.tags = self.describe(name).await?.and_then(|described| described.tags);
                Some(service)
            }
            service => service,
        };
        view(&UPDATE_SERVICE, service.as_ref())
    }

    pub(super) async fn tag(&self, name: &str, wanted: &[(String, String)]) -> Result<()> {
        // TagResource takes an ARN and nothing else, and ECS has two forms of it; so ask for this service's own.
        let arn = self.describe(name).await?.and_then(|service| service.service_arn).ok_or_else(|| {
            Error::new(Meaning::NotFound, TAG_RESOURCE.name, format!("there is no active service {name}"))
        })?;
        let request = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags(wanted)));
        self.caller.call(&TAG_RESOURCE, request.send()).await.map(drop)
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        // Without `force` the service would have to be scaled to 0 first, in a call of its own.
        let request = self.client.delete_service().cluster(self.cluster()).service(name).force(true);
        self.caller.call_unless(&DELETE_SERVICE, DELETED_ALREADY, request.send()).await.map(drop)
    }

    /// The ACTIVE service of this name.
    async fn describe(&self, name: &str) -> Result<Option<aws_sdk_ecs::types::Service>> {
        let request = self.client.describe_services().cluster(self.cluster()).services(name);
        let answer = self.caller.call(&DESCRIBE_SERVICES, request.include(ServiceField::Tags).send()).await?;
        Ok(answer.services.into_iter().flatten().find(|service| service.status() == Some("ACTIVE")))
    }

    fn network(&self) -> Result<NetworkConfiguration> {
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.settings.subnets.clone()))
            .set_security_groups(Some(self.settings.security_groups.clone()))
            .assign_public_ip(AssignPublicIp::Enabled)
            .build()
            .map_err(|missing| invalid(&CREATE_SERVICE, missing))?;
        Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
    }
}

/// The circuit breaker ends a deployment that cannot start its task, which is what `Failed` is told from. It does not
/// roll back: the wish is for this image and no other, and a first deployment has nothing to go back to.
fn deployment() -> DeploymentConfiguration {
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(MINIMUM_HEALTHY_PERCENT)
        .maximum_percent(MAXIMUM_PERCENT)
        .deployment_circuit_breaker(DeploymentCircuitBreaker::builder().enable(true).rollback(false).build())
        .build()
}

/// One provider with a weight above 0: at 0, the default, it would start nothing.
fn strategy(call: &Call, capacity: Capacity) -> Result<CapacityProviderStrategyItem> {
    CapacityProviderStrategyItem::builder()
        .capacity_provider(read::provider(capacity))
        .weight(1)
        .build()
        .map_err(|missing| invalid(call, missing))
}

fn invalid(call: &Call, missing: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Meaning::Invalid, call.name, missing.to_string()).caused_by(missing)
}

fn tags(wanted: &[(String, String)]) -> Vec<Tag> {
    wanted.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn count(tasks: u32) -> i32 {
    i32::try_from(tasks).unwrap_or(i32::MAX)
}

fn view(call: &Call, service: Option<&aws_sdk_ecs::types::Service>) -> Result<ServiceView> {
    service
        .and_then(read::service_view)
        .ok_or_else(|| Error::new(Meaning::Unavailable, call.name, "the answer describes no service"))
}

//! Services: listed, described, made, changed, deleted.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, CapacityProviderStrategyItem,
    DeploymentCircuitBreaker, DeploymentConfiguration, NetworkConfiguration, PropagateTags, ServiceField, Tag,
};
use bivouac_model::{Capacity, ServiceChange, ServiceSpec, ServiceView};
use bivouac_ports::{Error, Meaning, Result};

use super::{Ecs, read};
use crate::calls::{
    CREATE_SERVICE, Call, DELETE_SERVICE, DESCRIBE_SERVICES, LIST_SERVICES, TAG_RESOURCE, UPDATE_SERVICE,
};
use crate::error::from_sdk;

/// The largest page (ECS API reference, ListServices, `maxResults`: 1 to 100; without it, 10).
const PAGE: i32 = 100;
/// "You may specify up to 10 services to describe in a single operation" (ECS API reference, DescribeServices).
const MOST_DESCRIBED: usize = 10;

impl Ecs {
    /// The names of all services on the list, all pages or an error.
    pub(super) async fn list_services(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            self.quotas.admit(&LIST_SERVICES).await;
            let page = self
                .client
                .list_services()
                .cluster(self.cluster())
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| from_sdk(&LIST_SERVICES, error))?;
            names.extend(page.service_arns().iter().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned()));
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// Each of `names`, ten a call; what ECS does not know of is absent.
    pub(super) async fn describe_services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        let chunks =
            futures::future::try_join_all(names.chunks(MOST_DESCRIBED).map(|names| self.describe_chunk(names)));
        Ok(chunks.await?.into_iter().flatten().collect())
    }

    async fn describe_chunk(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        let mut views: HashMap<String, ServiceView> =
            names.iter().map(|name| (name.clone(), ServiceView::Absent)).collect();
        for service in self.describe(names).await? {
            if let Some(name) = service.service_name() {
                views.insert(name.to_owned(), read::service(&service));
            }
        }
        Ok(views)
    }

    async fn describe(&self, names: &[String]) -> Result<Vec<aws_sdk_ecs::types::Service>> {
        self.quotas.admit(&DESCRIBE_SERVICES).await;
        let answer = self
            .client
            .describe_services()
            .cluster(self.cluster())
            .set_services(Some(names.to_vec()))
            .include(ServiceField::Tags)
            .send()
            .await
            .map_err(|error| from_sdk(&DESCRIBE_SERVICES, error))?;
        // A failure of MISSING is an answer too; any other means that a service was not looked at.
        if let Some(failure) = answer.failures().iter().find(|failure| failure.reason() != Some("MISSING")) {
            let why = failure.reason().unwrap_or("no reason was given");
            return Err(Error::new(Meaning::Unavailable, DESCRIBE_SERVICES.name, format!("a service failed: {why}")));
        }
        Ok(answer.services.unwrap_or_default())
    }

    pub(super) async fn create(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView> {
        let breaker = DeploymentCircuitBreaker::builder()
            .enable(true)
            // There is nothing to go back to: what failed is told, and what is wanted next is the record's to say.
            .rollback(false)
            .build();
        let deployment = DeploymentConfiguration::builder()
            // The new task first, then the old one goes: a preview that is updated stays reachable.
            .minimum_healthy_percent(100)
            .maximum_percent(200)
            .deployment_circuit_breaker(breaker)
            .build();
        self.quotas.admit(&CREATE_SERVICE).await;
        let answer = self
            .client
            .create_service()
            .cluster(self.cluster())
            .service_name(&spec.name)
            .task_definition(spec.task_definition.as_str())
            .desired_count(i32::try_from(spec.desired_count).unwrap_or(i32::MAX))
            .capacity_provider_strategy(strategy(&CREATE_SERVICE, spec.capacity)?)
            .network_configuration(self.network()?)
            .deployment_configuration(deployment)
            // With one task there is nothing to spread, and moving it would change its address.
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)
            .enable_ecs_managed_tags(true)
            .propagate_tags(PropagateTags::Service)
            .set_tags(Some(tags(&spec.tags)))
            .client_token(token)
            .send()
            .await
            .map_err(|error| from_sdk(&CREATE_SERVICE, error))?;
        Ok(answer.service().map_or(ServiceView::Absent, read::service))
    }

    pub(super) async fn update(&self, name: &str, change: &ServiceChange) -> Result<ServiceView> {
        self.quotas.admit(&UPDATE_SERVICE).await;
        let mut request = self
            .client
            .update_service()
            .cluster(self.cluster())
            .service(name)
            .set_task_definition(change.task_definition.as_ref().map(ToString::to_string))
            .set_desired_count(change.desired_count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)))
            .force_new_deployment(change.force_new_deployment);
        if let Some(capacity) = change.capacity {
            request = request.capacity_provider_strategy(strategy(&UPDATE_SERVICE, capacity)?);
        }
        let answer = request.send().await.map_err(|error| from_sdk(&UPDATE_SERVICE, error))?;
        // The answer carries no tags, and whose a service is must never be guessed.
        let described = self.describe(std::slice::from_ref(&name.to_owned())).await?;
        Ok(described.first().or(answer.service()).map_or(ServiceView::Absent, read::service))
    }

    pub(super) async fn tag(&self, name: &str, new: &[(&'static str, String)]) -> Result<()> {
        let described = self.describe(std::slice::from_ref(&name.to_owned())).await?;
        let arn = described
            .first()
            .and_then(|service| service.service_arn())
            .ok_or_else(|| Error::new(Meaning::NotFound, TAG_RESOURCE.name, format!("there is no service `{name}`")))?;
        self.quotas.admit(&TAG_RESOURCE).await;
        self.client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(tags(new)))
            .send()
            .await
            .map_err(|error| from_sdk(&TAG_RESOURCE, error))?;
        Ok(())
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        self.quotas.admit(&DELETE_SERVICE).await;
        let sent = self.client.delete_service().cluster(self.cluster()).service(name).force(true).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_service_not_found_exception()) => {
                Ok(())
            }
            Err(error) => Err(from_sdk(&DELETE_SERVICE, error)),
        }
    }

    fn network(&self) -> Result<NetworkConfiguration> {
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.settings.subnets.clone()))
            .set_security_groups(Some(self.settings.security_groups.clone()))
            .assign_public_ip(AssignPublicIp::Enabled)
            .build()
            .map_err(|error| Error::new(Meaning::Invalid, CREATE_SERVICE.name, error.to_string()))?;
        Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
    }
}

/// One provider with a weight: a strategy of two would not fall back either (ECS developer guide, "Fargate capacity
/// providers"), it would only spread.
fn strategy(call: &Call, capacity: Capacity) -> Result<CapacityProviderStrategyItem> {
    let provider = match capacity {
        Capacity::OnDemand => read::FARGATE,
        Capacity::Spot => read::FARGATE_SPOT,
    };
    CapacityProviderStrategyItem::builder()
        .capacity_provider(provider)
        .weight(1)
        .build()
        .map_err(|error| Error::new(Meaning::Invalid, call.name, error.to_string()))
}

fn tags(tags: &[(&'static str, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(*key).value(value).build()).collect()
}

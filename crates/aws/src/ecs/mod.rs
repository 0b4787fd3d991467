//! The cluster: services, tasks and task definitions of ECS, with the addresses that EC2 knows.

mod deploy;
mod read;
mod retired;
mod services;
mod task_definitions;
mod tasks;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecs::types::TaskDefinitionStatus;
use bivouac_model::{
    Capacity, DescribedRevision, RenderedTaskDefinition, ServiceChange, ServiceSpec, ServiceView, Task,
    TaskDefinitionName, TaskDefinitionRevision,
};
use bivouac_ports::{Cluster, Error, Meaning, Result};

use crate::caller::Caller;
use crate::calls::DESCRIBE_CLUSTERS;
use crate::ec2::Addresses;
use crate::{Quotas, Sdk};

pub(crate) use read::capacity;

/// Where services are put: `[aws]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcsSettings {
    /// The name or ARN of the cluster.
    pub cluster: String,
    /// The subnets of the tasks. They need a route to an internet gateway, since the tasks get public addresses.
    pub subnets: Vec<String>,
    /// The security groups of the tasks; empty: the default group of the VPC.
    pub security_groups: Vec<String>,
}

/// One cluster of one region. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ecs {
    client: aws_sdk_ecs::Client,
    addresses: Addresses,
    settings: Arc<EcsSettings>,
    caller: Caller,
}

impl Ecs {
    /// The cluster that `settings` name. Nothing is called yet. `quotas` are those of the account and region, shared
    /// with everything else that calls there.
    pub fn new(sdk: &Sdk, quotas: Arc<Quotas>, settings: EcsSettings) -> Self {
        let caller = Caller { quotas };
        let addresses = Addresses::new(sdk.ec2(), caller.clone(), settings.security_groups.clone());
        Self { client: sdk.ecs(), addresses, settings: Arc::new(settings), caller }
    }

    fn cluster(&self) -> &str {
        &self.settings.cluster
    }
}

#[async_trait]
impl Cluster for Ecs {
    async fn service_names(&self) -> Result<Vec<String>> {
        self.list_services().await
    }

    async fn services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        self.describe_services(names).await
    }

    async fn live_tasks(&self) -> Result<Vec<Task>> {
        self.describe_live_tasks().await
    }

    async fn service_tasks(&self, service: &str) -> Result<Vec<Task>> {
        self.describe_tasks_of(service).await
    }

    async fn public_addresses(&self, interfaces: &[String]) -> Result<HashMap<String, IpAddr>> {
        self.addresses.of(interfaces).await
    }

    async fn task_definitions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>> {
        self.list_revisions(family).await
    }

    async fn register(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        self.register_whole(rendered).await
    }

    async fn deregister(&self, name: &TaskDefinitionName) -> Result<()> {
        self.deregister_revision(name).await
    }

    async fn all_task_definitions(&self) -> Result<Vec<TaskDefinitionName>> {
        self.list_all(None, TaskDefinitionStatus::Active).await
    }

    async fn families(&self, prefix: &str) -> Result<Vec<String>> {
        self.list_families(prefix).await
    }

    async fn deregistered(&self, family: &str) -> Result<Vec<TaskDefinitionName>> {
        self.list_all(Some(family), TaskDefinitionStatus::Inactive).await
    }

    async fn task_definition(&self, name: &TaskDefinitionName) -> Result<Option<DescribedRevision>> {
        self.describe_revision(name).await
    }

    async fn delete_task_definitions(&self, names: &[TaskDefinitionName]) -> Result<Vec<(TaskDefinitionName, String)>> {
        self.delete_revisions(names).await
    }

    async fn create_service(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView> {
        self.create(spec, token).await
    }

    async fn update_service(&self, name: &str, change: &ServiceChange) -> Result<ServiceView> {
        self.update(name, change).await
    }

    async fn tag_service(&self, name: &str, tags: &[(String, String)]) -> Result<()> {
        self.tag(name, tags).await
    }

    async fn delete_service(&self, name: &str) -> Result<()> {
        self.delete(name).await
    }

    async fn capacities(&self) -> Result<Vec<Capacity>> {
        let request = self.client.describe_clusters().clusters(self.cluster());
        let answer = self.caller.call(&DESCRIBE_CLUSTERS, request.send()).await?;
        // A deleted cluster is described for a while as INACTIVE; one that never was, as a failure MISSING.
        let cluster =
            answer.clusters().iter().find(|cluster| cluster.status() != Some("INACTIVE")).ok_or_else(|| {
                let message = format!("there is no cluster {}", self.cluster());
                Error::new(Meaning::NotFound, DESCRIBE_CLUSTERS.name, message)
            })?;
        Ok(cluster.capacity_providers().iter().filter_map(|name| read::capacity(name)).collect())
    }
}

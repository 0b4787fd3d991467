//! The cluster on ECS.

mod read;
mod services;
mod task_definitions;
mod tasks;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use bivouac_model::{
    Capacity, RenderedTaskDefinition, ServiceChange, ServiceSpec, ServiceView, Task, TaskDefinitionName,
    TaskDefinitionRevision,
};
use bivouac_ports::{Cluster, Error, Meaning, Result};

use crate::calls::DESCRIBE_CLUSTERS;
use crate::ec2::Interfaces;
use crate::error::from_sdk;
use crate::quota::Quotas;
use crate::sdk::Sdk;

/// Where environments are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsSettings {
    /// The cluster, by name or ARN.
    pub cluster: String,
    /// Public subnets.
    pub subnets: Vec<String>,
    /// What lets people reach the tasks.
    pub security_groups: Vec<String>,
}

/// One cluster of one region.
pub struct Ecs {
    client: Client,
    quotas: Arc<Quotas>,
    settings: EcsSettings,
    interfaces: Interfaces,
}

impl Ecs {
    /// A cluster; no call is made yet. `quotas` is to be shared by all that work in the account and region.
    pub fn new(sdk: &Sdk, quotas: Arc<Quotas>, settings: EcsSettings) -> Self {
        let interfaces = Interfaces::new(sdk, Arc::clone(&quotas), settings.security_groups.clone());
        Self { client: sdk.ecs(), quotas, settings, interfaces }
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
        self.all_live_tasks().await
    }

    async fn service_tasks(&self, service: &str) -> Result<Vec<Task>> {
        self.tasks_of(service).await
    }

    async fn public_addresses(&self, interfaces: &[String]) -> Result<HashMap<String, IpAddr>> {
        self.interfaces.public_addresses(interfaces).await
    }

    async fn task_definitions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>> {
        self.live_revisions(family).await
    }

    async fn register(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        self.register_revision(rendered).await
    }

    async fn deregister(&self, name: &TaskDefinitionName) -> Result<()> {
        self.deregister_revision(name).await
    }

    async fn create_service(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView> {
        self.create(spec, token).await
    }

    async fn update_service(&self, name: &str, change: &ServiceChange) -> Result<ServiceView> {
        self.update(name, change).await
    }

    async fn tag_service(&self, name: &str, tags: &[(&'static str, String)]) -> Result<()> {
        self.tag(name, tags).await
    }

    async fn delete_service(&self, name: &str) -> Result<()> {
        self.delete(name).await
    }

    async fn capacities(&self) -> Result<Vec<Capacity>> {
        self.quotas.admit(&DESCRIBE_CLUSTERS).await;
        let answer = self
            .client
            .describe_clusters()
            .clusters(self.cluster())
            .send()
            .await
            .map_err(|error| from_sdk(&DESCRIBE_CLUSTERS, error))?;
        let cluster = answer.clusters().iter().find(|cluster| cluster.status() == Some("ACTIVE")).ok_or_else(|| {
            let message = format!("there is no cluster `{}` in this region", self.cluster());
            Error::new(Meaning::NotFound, DESCRIBE_CLUSTERS.name, message)
        })?;
        Ok(cluster.capacity_providers().iter().filter_map(|name| read::capacity(name)).collect())
    }
}

//! The door to the cluster: services, tasks, task definitions and public addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use async_trait::async_trait;
use bivouac_model::{
    Capacity, DescribedRevision, RenderedTaskDefinition, ServiceChange, ServiceSpec, ServiceView, Task,
    TaskDefinitionName, TaskDefinitionRevision,
};

use crate::Result;

/// One cluster of one region. Every listing is complete or an error: half a list is never answered.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The names of all services that are listed. A draining service is not, so absence from the list does not make a
    /// name free.
    async fn service_names(&self) -> Result<Vec<String>>;

    /// Services by name, each of them answered: [`ServiceView::Active`], `Draining` or `Absent`. Ten a call.
    async fn services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>>;

    /// All tasks of the cluster that are meant to run, without their addresses. A hundred a call.
    async fn live_tasks(&self) -> Result<Vec<Task>>;

    /// The tasks of one service, those that stopped within about the last hour included, without their addresses.
    async fn service_tasks(&self, service: &str) -> Result<Vec<Task>>;

    /// The public addresses behind network interfaces; an interface that is gone or has none is left out.
    ///
    /// Few interfaces are asked for by id, many by the security groups of the previews, a thousand a call.
    async fn public_addresses(&self, interfaces: &[String]) -> Result<HashMap<String, IpAddr>>;

    /// The ACTIVE revisions of a family, newest first, with the hash of their content.
    async fn task_definitions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>>;

    /// Registers a revision, tagged with its content. A second call makes a second revision: look first.
    ///
    /// # Errors
    /// `Invalid` when ECS refuses the content, `Conflict` when another registration of the family is under way.
    async fn register(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName>;

    /// Deregisters a revision. Doing it again changes nothing; what runs on it goes on.
    ///
    /// Stands back behind every registration, for a few seconds at most.
    ///
    /// # Errors
    /// `Throttled` and never sent when there was no room for it meanwhile: come again.
    async fn deregister(&self, name: &TaskDefinitionName) -> Result<()>;

    /// Every ACTIVE revision of the account and region, whoever's it is. Stands back behind everything else.
    async fn all_task_definitions(&self) -> Result<Vec<TaskDefinitionName>>;

    /// The families whose name begins like this, those that have only deregistered revisions too. Stands back.
    async fn families(&self, prefix: &str) -> Result<Vec<String>>;

    /// The deregistered (INACTIVE) revisions of a family. Stands back.
    async fn deregistered(&self, family: &str) -> Result<Vec<TaskDefinitionName>>;

    /// One revision with its tags; `None` when it is gone. Stands back.
    async fn task_definition(&self, name: &TaskDefinitionName) -> Result<Option<DescribedRevision>>;

    /// Deletes deregistered revisions, ten a call, and answers those that stayed with ECS's words for each. What is used still
    /// goes on. Stands back as [`Cluster::deregister`] does.
    async fn delete_task_definitions(&self, names: &[TaskDefinitionName]) -> Result<Vec<(TaskDefinitionName, String)>>;

    /// Creates a service. `token` makes the call idempotent (36 characters at most).
    ///
    /// # Errors
    /// `Conflict` when the name is taken or still draining, `Invalid` when ECS refuses it for good (a capacity provider
    /// that the cluster lacks, a subnet that is not there), `Denied` without the permission.
    async fn create_service(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView>;

    /// Changes a service and answers what it is now.
    async fn update_service(&self, name: &str, change: &ServiceChange) -> Result<ServiceView>;

    /// Sets tags of a service.
    async fn tag_service(&self, name: &str, tags: &[(String, String)]) -> Result<()>;

    /// Deletes a service with whatever runs in it. A service that is not there is deleted already.
    async fn delete_service(&self, name: &str) -> Result<()>;

    /// The capacity that the cluster can give.
    ///
    /// # Errors
    /// `NotFound` when there is no such cluster.
    async fn capacities(&self) -> Result<Vec<Capacity>>;
}

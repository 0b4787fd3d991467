//! What the controller asks the cluster for: values that the planner makes and the cluster's adapter carries out.

use serde_json::Value as Json;

use crate::{Capacity, ContentHash, TaskDefinitionName};

/// The tag that names the instance a service belongs to (contract 2).
pub const TAG_MANAGED: &str = "bivouac:managed";
/// The tag that names the repository.
pub const TAG_REPO: &str = "bivouac:repo";
/// The tag that names the pull request.
pub const TAG_PR: &str = "bivouac:pr";
/// The tag that holds the hash of what was asked.
pub const TAG_SPEC: &str = "bivouac:spec";
/// The tag that holds [`crate::HASH_VERSION`].
pub const TAG_HASH_VERSION: &str = "bivouac:hash-version";
/// The tag by which a person exempts a service from every deletion.
pub const TAG_PROTECT: &str = "bivouac:protect";
/// The tag of a task definition that holds the hash of its content.
pub const TAG_CONTENT: &str = "bivouac:content";

/// A task definition, ready to be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedTaskDefinition {
    /// The family: one for each environment, so that registrations of different environments do not wait for each other
    /// (ECS refuses concurrent registration in one family) and a take-down knows what is its own.
    pub family: String,
    /// The whole input of RegisterTaskDefinition but for `tags`, with every field of the template that this program does
    /// not know.
    pub input: Json,
    /// The hash of `input`.
    pub content: ContentHash,
    /// Its tags, key and value: those of the template and of the configuration, and whose it is. Of one key the last counts.
    pub tags: Vec<(String, String)>,
}

/// A service as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// What it runs.
    pub task_definition: TaskDefinitionName,
    /// How many tasks: 1, or 0 asleep.
    pub desired_count: u32,
    /// On what.
    pub capacity: Capacity,
    /// ECS Exec is enabled: people with the right in AWS may open a shell in its containers.
    pub exec: bool,
    /// Its tags, key and value: ours, and those of the configuration. Its tasks get the same.
    pub tags: Vec<(String, String)>,
}

/// What an update changes of a service; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceChange {
    /// What it runs; starts a deployment.
    pub task_definition: Option<TaskDefinitionName>,
    /// How many tasks; starts none.
    pub desired_count: Option<u32>,
    /// On what; starts a deployment only together with `force_new_deployment`.
    pub capacity: Option<Capacity>,
    /// Whether ECS Exec is enabled for the tasks that start from now on; starts none.
    pub exec: Option<bool>,
    /// Start a deployment though the task definition is the same.
    pub force_new_deployment: bool,
}

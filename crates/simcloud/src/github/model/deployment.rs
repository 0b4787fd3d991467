//! What is told about a commit: where it is deployed, and whether its checks pass.

use chrono::{DateTime, Utc};
use serde_json::Value;

#[derive(Debug, Clone)]
pub(in crate::github) struct Deployment {
    pub id: u64,
    pub sha: String,
    /// The name that was given: a branch or a commit.
    pub name: String,
    pub task: String,
    pub environment: String,
    pub description: Option<String>,
    pub payload: Value,
    pub transient: bool,
    pub production: bool,
    pub creator: String,
    pub app: Option<u64>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Oldest first.
    pub statuses: Vec<DeploymentStatus>,
}

impl Deployment {
    /// The newest state; a deployment without a status is `pending`.
    pub fn state(&self) -> &'static str {
        self.statuses.last().map_or("pending", |status| status.state)
    }
}

#[derive(Debug, Clone)]
pub(in crate::github) struct DeploymentStatus {
    pub id: u64,
    pub state: &'static str,
    pub environment: String,
    pub description: String,
    pub environment_url: String,
    pub log_url: String,
    pub creator: String,
    pub app: Option<u64>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(in crate::github) struct CheckRun {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub app: u64,
    pub external_id: String,
    pub details_url: Option<String>,
    pub status: &'static str,
    pub conclusion: Option<&'static str>,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
}

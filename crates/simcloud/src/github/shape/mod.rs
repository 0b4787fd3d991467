//! The JSON of GitHub's resources, field by field as its OpenAPI description (`@octokit/openapi` 23.0.2) has them.
//!
//! Every property that a schema requires is here; optional ones where clients read them.

mod activity;
mod app;
mod comment;
mod deployment;
mod hook;
mod issue;
mod pull;
mod repository;
mod review;
mod user;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::model::{Model, Permission, Repository};

pub(super) use activity::activity;
pub(super) use app::{installation, installation_token, integration};
pub(super) use comment::{REACTIONS, comment, reaction};
pub(super) use deployment::{check_run, commit, commit_simple, deployment, deployment_status, pull_minimal};
pub(super) use hook::{hook, webhook_config};
pub(super) use issue::{issue, issue_event, label, labels};
pub(super) use pull::{invented_sha, merge_commit, pull, pull_simple};
pub(super) use repository::{full_repository, repository};
pub(super) use review::{line_comment, review};
pub(super) use user::{collaborator_permission, extend, organization, own_user, team_membership, user};

/// The addresses that go into answers: those of the interface and of the pages, which share one root here.
#[derive(Debug, Clone)]
pub(super) struct Links {
    /// Without a slash at the end.
    pub base: String,
}

impl Links {
    pub fn repository(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.base, repository.full_name())
    }

    pub fn page(&self, repository: &Repository) -> String {
        format!("{}/{}", self.base, repository.full_name())
    }
}

/// RFC 3339 with whole seconds and `Z`, as GitHub writes times.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn maybe_time(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, |at| json!(time(at)))
}

/// GitHub's opaque second id. A prefix of letters for the kind, then something that differs: ours is the number in hex.
pub(super) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_kw{id:012x}")
}

/// How an author stands to the repository. It is no authorisation: members of a private organisation look like strangers.
fn association(repository: &Repository, login: &str) -> &'static str {
    let merged = |pull: &super::model::Pull| pull.merged_at.is_some() && pull.author.eq_ignore_ascii_case(login);
    if repository.owner.eq_ignore_ascii_case(login) {
        "OWNER"
    } else if repository.permission(login) > Permission::Read {
        "COLLABORATOR"
    } else if repository.pulls.values().any(merged) {
        "CONTRIBUTOR"
    } else {
        "NONE"
    }
}

/// The account behind a login, as JSON; null when it is not known, which GitHub sends for deleted accounts.
pub(super) fn user_of(model: &Model, links: &Links, login: &str) -> Value {
    model.account(login).map_or(Value::Null, |account| user(links, account))
}

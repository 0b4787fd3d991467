//! Deployments and their statuses.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{CheckRun, Deployment, DeploymentStatus, Permission, Repository};
use crate::github::{paging, shape};

/// The states there are (the enumeration of the description).
const STATES: &[&str] = &["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

/// Where the refusals of a deployment point.
const DOCS: &str = "https://docs.github.com/rest/deployments/deployments#create-a-deployment";

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let query = ask.query();
    let at = ask.repository(Need::ReadDeployments)?;
    // "Default: none" of the description is a filter that lets all pass.
    let fits = |name: &str, value: &str| query.get(name).is_none_or(|wish| wish == "none" || wish == value);
    let wanted = |one: &&Deployment| {
        fits("sha", &one.sha)
            && fits("ref", &one.name)
            && fits("task", &one.task)
            && fits("environment", &one.environment)
    };
    // Newest first.
    let all: Vec<&Deployment> = at.deployments.values().rev().filter(wanted).collect();
    Ok(paging::page(ask, &all, |one| show(ask, at, one)))
}

pub(super) fn create(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let at = may_push(ask)?;
    let (wish, full_name) = (ask.object()?, at.full_name());
    let name = ask.text("ref")?;
    let commit = at.commit(&name);
    let commit = commit.ok_or_else(|| unprocessable(&format!("No ref found for: {name}")))?.sha.clone();
    required(at, &commit, &name, wish.get("required_contexts"))?;
    let environment = text(&wish, "environment")?.unwrap_or_else(|| "production".to_owned());
    let payload = wish.get("payload").filter(|payload| !payload.is_null()).cloned();
    let actor = ask.actor()?;
    let deployment = Deployment {
        id: 0,
        sha: commit,
        name,
        // The defaults of the description; `production_environment` is "true when `environment` is `production`".
        task: text(&wish, "task")?.unwrap_or_else(|| "deploy".to_owned()),
        production: flag(&wish, "production_environment")?.unwrap_or(environment == "production"),
        transient: flag(&wish, "transient_environment")?.unwrap_or(false),
        environment,
        description: text(&wish, "description")?,
        payload: payload.unwrap_or_else(|| Value::Object(Map::new())),
        creator: actor.login,
        app: actor.app,
        created_at: ask.now,
        updated_at: ask.now,
        statuses: Vec::new(),
    };
    let id = ask.state.model.issue_id();
    let at = ask.state.model.repository_mut(&full_name).ok_or_else(Refusal::not_found)?;
    at.deployments.insert(id, Deployment { id, ..deployment });
    let at = ask.repository(Need::WriteDeployments)?;
    Ok(Reply::created(show(ask, at, &at.deployments[&id])))
}

pub(super) fn statuses(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("deployment_id")?;
    let at = ask.repository(Need::ReadDeployments)?;
    let deployment = at.deployments.get(&id).ok_or_else(Refusal::not_found)?;
    let statuses: Vec<&DeploymentStatus> = deployment.statuses.iter().rev().collect();
    Ok(paging::page(ask, &statuses, |one| show_status(ask, at, deployment, one)))
}

pub(super) fn create_status(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("deployment_id")?;
    let at = may_push(ask)?;
    let deployment = at.deployments.get(&id).ok_or_else(Refusal::not_found)?;
    let (wish, full_name) = (ask.object()?, at.full_name());
    let state = ask.text("state")?;
    let state = *STATES.iter().find(|known| **known == state).ok_or_else(|| {
        Refusal::validation(
            "DeploymentStatus",
            "custom",
            "state",
            &format!("state {state:?} is not included in the list"),
        )
    })?;
    // "target_url" is the old name of "log_url", which wins.
    let log_url = text(&wish, "log_url")?.or(text(&wish, "target_url")?).unwrap_or_default();
    let environment_url = text(&wish, "environment_url")?.unwrap_or_default();
    for (field, address) in [("log_url", &log_url), ("environment_url", &environment_url)] {
        if !address.is_empty() && !address.starts_with("http://") && !address.starts_with("https://") {
            let message = format!("{field} must use http(s) scheme");
            return Err(Refusal::validation("DeploymentStatus", "custom", field, &message));
        }
    }
    let actor = ask.actor()?;
    let status = DeploymentStatus {
        id: 0,
        state,
        environment: text(&wish, "environment")?.unwrap_or_else(|| deployment.environment.clone()),
        description: text(&wish, "description")?.unwrap_or_default(),
        environment_url,
        log_url,
        creator: actor.login,
        app: actor.app,
        created_at: ask.now,
    };
    let auto_inactive = flag(&wish, "auto_inactive")?.unwrap_or(true);
    let status_id = add_status(ask, &full_name, id, status, auto_inactive)?;
    let at = ask.repository(Need::WriteDeployments)?;
    let deployment = at.deployments.get(&id).ok_or_else(Refusal::not_found)?;
    let status = deployment.statuses.iter().find(|one| one.id == status_id).ok_or_else(Refusal::not_found)?;
    Ok(Reply::created(show_status(ask, at, deployment, status)))
}

/// "Adds a new `inactive` status to all prior non-transient, non-production environment deployments with the same
/// repository and `environment` name as the created status's deployment. An `inactive` status is only added to deployments
/// that had a `success` state." Only a success makes the others inactive.
fn add_status(
    ask: &mut Ask<'_>,
    full_name: &str,
    id: u64,
    status: DeploymentStatus,
    auto_inactive: bool,
) -> Result<u64, Refusal> {
    let supersedes = auto_inactive && status.state == "success";
    let at = ask.state.model.repository_mut(full_name).ok_or_else(Refusal::not_found)?;
    let prior = |one: &&Deployment| {
        one.id < id
            && one.environment == status.environment
            && one.state() == "success"
            && !one.transient
            && !one.production
    };
    let prior: Vec<u64> = at.deployments.values().filter(prior).filter(|_| supersedes).map(|one| one.id).collect();
    let inactive = DeploymentStatus {
        state: "inactive",
        environment_url: String::new(),
        log_url: String::new(),
        ..status.clone()
    };
    let new = status.created_at;
    let mut last = 0;
    for (of, mut status) in prior.into_iter().map(|of| (of, inactive.clone())).chain([(id, status)]) {
        status.id = ask.state.model.issue_id();
        last = status.id;
        let at = ask.state.model.repository_mut(full_name).ok_or_else(Refusal::not_found)?;
        let deployment = at.deployments.get_mut(&of).ok_or_else(Refusal::not_found)?;
        deployment.updated_at = new;
        deployment.statuses.push(status);
    }
    Ok(last)
}

/// The repository of the path, if the caller may deploy there: that takes a right of the token, and push access.
fn may_push<'a>(ask: &'a Ask<'_>) -> Result<&'a Repository, Refusal> {
    let at = ask.repository(Need::WriteDeployments)?;
    match ask.caller {
        Caller::Person { login, .. } if at.permission(login) < Permission::Write => Err(Refusal::not_found()),
        _ => Ok(at),
    }
}

/// "The status contexts to verify against commit status checks. If you omit this parameter, GitHub verifies all unique
/// contexts before creating a deployment. To bypass checking entirely, pass an empty array." Contexts are check runs here.
fn required(at: &Repository, sha: &str, name: &str, contexts: Option<&Value>) -> Result<(), Refusal> {
    // The newest run of a name counts.
    let runs: BTreeMap<&str, &CheckRun> =
        at.check_runs.values().filter(|run| run.head_sha == sha).map(|run| (run.name.as_str(), run)).collect();
    let passed = |run: &CheckRun| matches!(run.conclusion, Some("success" | "neutral" | "skipped"));
    let fine = match contexts {
        None => runs.values().copied().all(passed),
        Some(Value::Array(wanted)) => {
            wanted.iter().all(|name| name.as_str().and_then(|name| runs.get(name)).copied().is_some_and(passed))
        }
        Some(other) => {
            return Err(Refusal::invalid_request(&format!(
                "For 'properties/required_contexts', {other} is not an array."
            )));
        }
    };
    if fine {
        return Ok(());
    }
    let message = format!("Conflict: Commit status checks failed for {name}.");
    Err(Refusal::new(StatusCode::CONFLICT, &message, DOCS))
}

fn unprocessable(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message, DOCS)
}

fn text(wish: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match wish.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Refusal::invalid_request(&format!("For 'properties/{name}', {other} is not a string."))),
    }
}

fn flag(wish: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match wish.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(Refusal::invalid_request(&format!("For 'properties/{name}', {other} is not a boolean."))),
    }
}

fn show(ask: &Ask<'_>, at: &Repository, one: &Deployment) -> Value {
    shape::deployment(&ask.state.model, &ask.state.apps, ask.links, at, one)
}

fn show_status(ask: &Ask<'_>, at: &Repository, of: &Deployment, one: &DeploymentStatus) -> Value {
    shape::deployment_status(&ask.state.model, &ask.state.apps, ask.links, at, of, one)
}

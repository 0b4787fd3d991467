//! GitHub Deployments: where a commit runs.
//!
//! All pull requests share one environment, so that the repository's list of environments does not grow with them; what
//! tells them apart is the task and the payload. A deployment is ours if its payload says so *and* we made it.

use std::sync::Arc;

use bivouac_model::{EnvKey, Phase};
use bivouac_ports::Error;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::signal::Signal;
use crate::answer::User;
use crate::author::Ourselves;
use crate::client::{Ask, Client};
use crate::comment::percent;
use crate::doubt::Doubt;
use crate::operation::{CREATE_DEPLOYMENT, CREATE_DEPLOYMENT_STATUS, LIST_DEPLOYMENT_STATUSES, LIST_DEPLOYMENTS};
use crate::settings::Settings;

#[derive(Debug)]
pub(super) struct Deployments {
    instance: String,
    environment: String,
    ourselves: Arc<Ourselves>,
    doubt: Doubt,
}

/// `deployment`.
#[derive(Debug, Deserialize)]
struct Deployment {
    id: u64,
    sha: String,
    /// What was given: an object, or a text that holds one.
    payload: Value,
    /// `null` when the account is gone.
    creator: Option<User>,
}

/// `deployment-status`, and what we want it to be.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Status {
    state: String,
    #[serde(default)]
    description: String,
    /// Empty or left out: there is none. GitHub's description allows only the latter, by its format, and gives it the
    /// former for a default.
    #[serde(default)]
    environment_url: String,
    #[serde(default)]
    log_url: String,
}

/// A status with its number, which grows.
#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
    #[serde(flatten)]
    status: Status,
}

impl Deployments {
    pub fn new(settings: &Settings, ourselves: &Arc<Ourselves>, doubt: &Doubt) -> Self {
        Self {
            instance: settings.instance.clone(),
            environment: settings.environment.clone(),
            ourselves: Arc::clone(ourselves),
            doubt: doubt.clone(),
        }
    }

    /// Makes GitHub's newest status of this commit say what the signal says, and retires the deployment before it.
    pub async fn tell(&self, client: &Client, signal: &Signal) -> Result<(), Error> {
        let key = &signal.key;
        let ours = self.ours(client, key).await?;
        let (current, others): (Vec<_>, Vec<_>) = ours.into_iter().partition(|one| one.sha == signal.sha);
        let wanted = Status::of(signal);
        let current = match current.into_iter().next() {
            Some(current) => Some(current),
            // What is gone and was never there needs no deployment.
            None if wanted.state == INACTIVE => None,
            None => Some(self.create(client, signal).await?),
        };
        if let Some(current) = current {
            self.settle(client, key, current.id, wanted).await?;
        }
        // Those before it were retired when it came.
        if let Some(before) = others.first() {
            self.settle(client, key, before.id, Status::retired(signal)).await?;
        }
        Ok(())
    }

    /// Our deployments of a pull request, the newest first. The first page is enough: it holds the last hundred commits.
    async fn ours(&self, client: &Client, key: &EnvKey) -> Result<Vec<Deployment>, Error> {
        let author = self.ourselves.author(client).await?;
        let (environment, task) = (percent(&self.environment), percent(&task(key)));
        let path = format!("/repos/{}/deployments?environment={environment}&task={task}&per_page=100", key.repo);
        let answer = client.ask_in(&key.repo, Ask::get(&LIST_DEPLOYMENTS, path)).await?;
        let mut all: Vec<Deployment> = answer.read(&LIST_DEPLOYMENTS)?;
        let payload = self.payload(key);
        all.retain(|one| author.is(one.creator.as_ref()) && one.says(&payload));
        all.sort_by_key(|one| std::cmp::Reverse(one.id));
        Ok(all)
    }

    async fn create(&self, client: &Client, signal: &Signal) -> Result<Deployment, Error> {
        let key = &signal.key;
        let body = json!({
            "ref": signal.sha,
            // Not `deploy`, which whatever deploys by GitHub's events may listen to.
            "task": task(key),
            "payload": self.payload(key),
            "environment": self.environment,
            "description": format!("Test environment of #{}", key.pr),
            // The commit as it is, whatever its checks say and however far the base has moved.
            "auto_merge": false,
            "required_contexts": [],
            "transient_environment": true,
            "production_environment": false,
        });
        let ask = Ask::write(&CREATE_DEPLOYMENT, Method::POST, format!("/repos/{}/deployments", key.repo), body);
        let made = client.ask_in(&key.repo, ask).await;
        self.doubt.settle(&CREATE_DEPLOYMENT, made, || self.current(client, signal)).await
    }

    async fn current(&self, client: &Client, signal: &Signal) -> Result<Option<Deployment>, Error> {
        let ours = self.ours(client, &signal.key).await?;
        Ok(ours.into_iter().find(|one| one.sha == signal.sha))
    }

    /// Adds a status where the last one says something else. After a lost answer the next try finds it.
    async fn settle(&self, client: &Client, key: &EnvKey, id: u64, wanted: Status) -> Result<(), Error> {
        let path = format!("/repos/{}/deployments/{id}/statuses", key.repo);
        let ask = Ask::get(&LIST_DEPLOYMENT_STATUSES, format!("{path}?per_page=100"));
        let statuses: Vec<Numbered> = client.ask_in(&key.repo, ask).await?.read(&LIST_DEPLOYMENT_STATUSES)?;
        let last = statuses.into_iter().max_by_key(|one| one.id);
        if last.is_some_and(|last| last.status == wanted || last.status.is_gone() && wanted.is_gone()) {
            return Ok(());
        }
        let mut body = json!({
            "state": wanted.state,
            "description": wanted.description,
            "log_url": wanted.log_url,
            // The others of this environment are other pull requests'.
            "auto_inactive": false,
        });
        // Both addresses may be left out; where there is none, that says so without an address that is none.
        if !wanted.environment_url.is_empty() {
            body["environment_url"] = json!(wanted.environment_url);
        }
        client.ask_in(&key.repo, Ask::write(&CREATE_DEPLOYMENT_STATUS, Method::POST, path, body)).await?;
        Ok(())
    }

    fn payload(&self, key: &EnvKey) -> Value {
        json!({ "bivouac": self.instance, "pull_request": key.pr.get() })
    }
}

impl Deployment {
    fn says(&self, payload: &Value) -> bool {
        match &self.payload {
            Value::String(text) => serde_json::from_str::<Value>(text).is_ok_and(|inner| inner == *payload),
            other => other == payload,
        }
    }
}

const INACTIVE: &str = "inactive";

impl Status {
    fn of(signal: &Signal) -> Self {
        let state = match signal.phase {
            Phase::Pending
            | Phase::WaitingForImage
            | Phase::Queued
            | Phase::Provisioning
            | Phase::Starting
            // It is being mended.
            | Phase::Degraded => "in_progress",
            Phase::Ready => "success",
            Phase::Failed | Phase::Invalid => "failure",
            Phase::Asleep | Phase::Terminating | Phase::Terminated => INACTIVE,
        };
        Self {
            state: state.to_owned(),
            description: signal.description.clone(),
            environment_url: signal.url.clone().unwrap_or_default(),
            log_url: signal.page.clone(),
        }
    }

    fn retired(signal: &Signal) -> Self {
        Self {
            state: INACTIVE.to_owned(),
            description: "A later commit took its place.".to_owned(),
            environment_url: String::new(),
            log_url: signal.page.clone(),
        }
    }

    /// How a deployment ended is no news.
    fn is_gone(&self) -> bool {
        self.state == INACTIVE
    }
}

fn task(key: &EnvKey) -> String {
    format!("bivouac:pr-{}", key.pr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_may_be_empty_or_left_out() {
        let read = |text: &str| serde_json::from_str::<Numbered>(text).unwrap().status;
        let empty =
            read(r#"{"id": 1, "state": "failure", "description": "d", "environment_url": "", "log_url": "http://l"}"#);
        let none = read(r#"{"id": 2, "state": "failure", "description": "d", "log_url": "http://l"}"#);
        assert!(empty == none);
    }
}

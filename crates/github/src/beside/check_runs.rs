//! Check runs: the environment as a line among the checks of a commit. Only GitHub Apps can write them.

use std::sync::Arc;

use bivouac_model::Phase;
use bivouac_ports::Error;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::signal::Signal;
use crate::answer::App;
use crate::author::Ourselves;
use crate::client::{Ask, Client};
use crate::comment::percent;
use crate::doubt::Doubt;
use crate::operation::{CREATE_CHECK_RUN, LIST_CHECK_RUNS, UPDATE_CHECK_RUN};
use crate::settings::Settings;

#[derive(Debug)]
pub(super) struct CheckRuns {
    instance: String,
    name: String,
    ourselves: Arc<Ourselves>,
    doubt: Doubt,
}

/// The answer's envelope.
#[derive(Debug, Deserialize)]
struct Page {
    check_runs: Vec<CheckRun>,
}

/// `check-run`.
#[derive(Debug, Deserialize)]
struct CheckRun {
    id: u64,
    name: String,
    status: String,
    conclusion: Option<String>,
    external_id: Option<String>,
    details_url: Option<String>,
    output: Output,
    app: Option<App>,
}

#[derive(Debug, Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
}

impl CheckRuns {
    pub fn new(settings: &Settings, ourselves: &Arc<Ourselves>, doubt: &Doubt) -> Self {
        Self {
            instance: settings.instance.clone(),
            name: settings.environment.clone(),
            ourselves: Arc::clone(ourselves),
            doubt: doubt.clone(),
        }
    }

    /// Makes the one check run of this commit say what the signal says.
    pub async fn tell(&self, client: &Client, signal: &Signal) -> Result<(), Error> {
        let repo = &signal.key.repo;
        let (status, conclusion) = stand(signal.phase);
        let found = self.find(client, signal).await?;
        if found.as_ref().is_some_and(|run| run.says(signal)) {
            return Ok(());
        }
        let mut body = json!({
            "name": self.name,
            "status": status,
            "external_id": self.external_id(signal),
            "details_url": signal.page,
            "output": { "title": signal.title, "summary": signal.summary },
        });
        if let Some(conclusion) = conclusion {
            body["conclusion"] = Value::from(conclusion);
        }
        if let Some(run) = found {
            let path = format!("/repos/{repo}/check-runs/{}", run.id);
            client.ask_in(repo, Ask::write(&UPDATE_CHECK_RUN, Method::PATCH, path, body)).await?;
            return Ok(());
        }
        body["head_sha"] = Value::from(signal.sha.as_str());
        let ask = Ask::write(&CREATE_CHECK_RUN, Method::POST, format!("/repos/{repo}/check-runs"), body);
        let made = client.ask_in(repo, ask).await;
        self.doubt.settle(&CREATE_CHECK_RUN, made, || self.find(client, signal)).await?;
        Ok(())
    }

    /// Our run on the commit, the newest if there were more. Two pull requests may have one head: each has its own.
    async fn find(&self, client: &Client, signal: &Signal) -> Result<Option<CheckRun>, Error> {
        let author = self.ourselves.author(client).await?;
        let (repo, sha, name) = (&signal.key.repo, &signal.sha, percent(&self.name));
        let path = format!("/repos/{repo}/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
        let page: Page = client.ask_in(repo, Ask::get(&LIST_CHECK_RUNS, path)).await?.read(&LIST_CHECK_RUNS)?;
        let id = self.external_id(signal);
        let ours = page.check_runs.into_iter().filter(|run| {
            let made = run.app.as_ref().is_some_and(|app| author.is_bot_of(app));
            made && run.name == self.name && run.external_id.as_deref() == Some(&id)
        });
        Ok(ours.max_by_key(|run| run.id))
    }

    fn external_id(&self, signal: &Signal) -> String {
        format!("bivouac:{}:{}", self.instance, signal.key)
    }
}

impl CheckRun {
    fn says(&self, signal: &Signal) -> bool {
        (self.status.as_str(), self.conclusion.as_deref()) == stand(signal.phase)
            && self.output.title.as_deref() == Some(&signal.title)
            && self.output.summary.as_deref() == Some(&signal.summary)
            && self.details_url.as_deref() == Some(&signal.page)
    }
}

/// The status, and the conclusion of one that is completed.
fn stand(phase: Phase) -> (&'static str, Option<&'static str>) {
    match phase {
        Phase::Pending | Phase::WaitingForImage | Phase::Queued => ("queued", None),
        Phase::Provisioning | Phase::Starting => ("in_progress", None),
        Phase::Ready => ("completed", Some("success")),
        Phase::Failed | Phase::Invalid => ("completed", Some("failure")),
        // Neither is the change's fault.
        Phase::Degraded | Phase::Asleep | Phase::Terminating | Phase::Terminated => ("completed", Some("neutral")),
    }
}

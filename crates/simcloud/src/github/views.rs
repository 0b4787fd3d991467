//! What a test, or a person at the terminal, sees of a [`Hub`].

use chrono::{DateTime, Utc};

use super::model::{CheckRun, Comment, Deployment, Pull};
use super::{Hub, HubError};

/// A comment as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    /// Its id.
    pub id: u64,
    /// The author's login.
    pub author: String,
    /// The text, Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last edited; `created_at` if never.
    pub updated_at: DateTime<Utc>,
    /// Who reacted how: login and content (`+1`, `eyes`, …), in the order they came.
    pub reactions: Vec<(String, &'static str)>,
    /// Why it is minimized, in the words of GraphQL (`OUTDATED`, `RESOLVED`, …); absent when it is not.
    pub hidden: Option<&'static str>,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Open.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// A pull request as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullView {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// The author's login.
    pub author: String,
    /// The newest commit.
    pub head_sha: String,
    /// The repository the commit lives in; another one for a pull request from a fork.
    pub head_repository: String,
    /// Where it stands.
    pub state: PullState,
    /// True for a draft.
    pub draft: bool,
    /// The names of its labels, in the order they came.
    pub labels: Vec<String>,
}

fn view(pull: &Pull) -> PullView {
    let state = match (pull.merged_at, pull.closed_at) {
        (Some(_), _) => PullState::Merged,
        (None, Some(_)) => PullState::Closed,
        (None, None) => PullState::Open,
    };
    PullView {
        number: pull.number,
        title: pull.title.clone(),
        author: pull.author.clone(),
        head_sha: pull.head_sha.clone(),
        head_repository: pull.head_repository.clone(),
        state,
        draft: pull.draft,
        labels: pull.labels.clone(),
    }
}

/// One line of a pull request's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Who did it.
    pub actor: String,
    /// `labeled`, `unlabeled`, `closed`, `reopened`, `merged`, …
    pub kind: &'static str,
    /// The label that came or went.
    pub label: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A deployment as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentView {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The environment's name.
    pub environment: String,
    /// Who made it.
    pub creator: String,
    /// True when the environment will be gone one day.
    pub transient: bool,
    /// True when people use the environment directly.
    pub production: bool,
    /// The newest state; `pending` when there is none.
    pub state: &'static str,
    /// `environment_url` of the newest status; empty when it has none.
    pub environment_url: String,
    /// All states, oldest first.
    pub states: Vec<&'static str>,
}

fn deployment(one: &Deployment) -> DeploymentView {
    DeploymentView {
        id: one.id,
        sha: one.sha.clone(),
        environment: one.environment.clone(),
        creator: one.creator.clone(),
        transient: one.transient,
        production: one.production,
        state: one.state(),
        environment_url: one.statuses.last().map(|status| status.environment_url.clone()).unwrap_or_default(),
        states: one.statuses.iter().map(|status| status.state).collect(),
    }
}

/// A check run as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRunView {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit.
    pub head_sha: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: &'static str,
    /// How it ended, such as `success`; of a completed one.
    pub conclusion: Option<&'static str>,
    /// Where it leads.
    pub details_url: Option<String>,
    /// The title and summary it shows.
    pub output: Option<(String, String)>,
}

fn check_run(run: &CheckRun) -> CheckRunView {
    let output = run.title.clone().or(run.summary.clone());
    CheckRunView {
        id: run.id,
        name: run.name.clone(),
        head_sha: run.head_sha.clone(),
        status: run.status,
        conclusion: run.conclusion,
        details_url: run.details_url.clone(),
        output: output.map(|_| (run.title.clone().unwrap_or_default(), run.summary.clone().unwrap_or_default())),
    }
}

impl Hub {
    /// A pull request as it is now.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn pull_request(&self, repository: &str, number: u64) -> Result<PullView, HubError> {
        self.look(|state| state.model.require_pull(repository, number).map(|pull| view(pull)))
    }

    /// The comments of a pull request, oldest first.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comments(&self, repository: &str, number: u64) -> Result<Vec<CommentView>, HubError> {
        self.look(|state| {
            state.model.require_pull(repository, number)?;
            let all = &state.model.require(repository)?.comments;
            let of_pull = all.values().filter(|comment| comment.number == number);
            let view = |comment: &Comment| CommentView {
                id: comment.id,
                author: comment.author.clone(),
                body: comment.body.clone(),
                created_at: comment.created_at,
                updated_at: comment.updated_at,
                reactions: comment.reactions.iter().map(|one| (one.login.clone(), one.content)).collect(),
                hidden: comment.hidden,
            };
            Ok(of_pull.map(view).collect())
        })
    }

    /// What happened to a pull request, oldest first.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn history(&self, repository: &str, number: u64) -> Result<Vec<EventView>, HubError> {
        self.look(|state| {
            let events = &state.model.require_pull(repository, number)?.events;
            let view = |event: &super::model::IssueEvent| EventView {
                actor: event.actor.clone(),
                kind: event.kind,
                label: event.label.clone(),
                at: event.created_at,
            };
            Ok(events.iter().map(view).collect())
        })
    }

    /// All deployments of a repository, oldest first.
    ///
    /// # Errors
    /// [`HubError::NoRepository`]; so for the next.
    pub fn deployments(&self, repository: &str) -> Result<Vec<DeploymentView>, HubError> {
        self.look(|state| Ok(state.model.require(repository)?.deployments.values().map(deployment).collect()))
    }

    /// All check runs of a repository, oldest first.
    ///
    /// # Errors
    /// [`HubError::NoRepository`].
    pub fn check_runs(&self, repository: &str) -> Result<Vec<CheckRunView>, HubError> {
        self.look(|state| Ok(state.model.require(repository)?.check_runs.values().map(check_run).collect()))
    }
}

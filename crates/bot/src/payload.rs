//! From what GitHub sent to what we act on. Only what is needed is named; the rest of a payload is skipped.

use bivouac_model::PrNumber;
use bivouac_model::command::read_commands;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::letter::{Asked, Changed, Comment, Fact, How, News};
use crate::settings::{ProjectRules, Settings};

/// What a delivery comes to.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// GitHub asks whether we are here.
    Ping,
    /// Nothing to act on, and why.
    Ignored(&'static str),
    /// Of a repository that is not configured.
    Elsewhere(String),
    /// Something to act on.
    News(Box<News>),
    /// There may be a new image in this repository.
    Hint(bivouac_model::RepoName),
}

/// Why a signed delivery is refused. What is wrong is said to GitHub, whose page of deliveries shows it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// Truncated, not JSON, or the payload of another event.
    #[error("the body is not the JSON of this event: {0}")]
    Json(#[from] serde_json::Error),
    /// A comment that somebody else than its author created.
    #[error("the sender is not the author of the comment")]
    Sender,
    /// GitHub has no such numbers.
    #[error("the pull request has an impossible number")]
    Number,
}

/// Reads the payload of an event. Any bytes may come: it answers, and never panics.
pub(crate) fn read(event: &str, body: &[u8], settings: &Settings) -> Result<Delivery, Malformed> {
    match event {
        "ping" => serde_json::from_slice::<IgnoredAny>(body).map(|_| Delivery::Ping).map_err(Malformed::from),
        "issue_comment" => comment(serde_json::from_slice(body)?, settings),
        "pull_request" => pull_request(serde_json::from_slice(body)?, settings),
        "registry_package" => {
            let RegistryPackage { action, repository, .. } = serde_json::from_slice(body)?;
            hint(matches!(&*action, "published" | "updated"), repository, settings)
        }
        "workflow_run" => {
            let WorkflowRun { action, repository, .. } = serde_json::from_slice(body)?;
            hint(action == "completed", repository, settings)
        }
        _ => {
            serde_json::from_slice::<IgnoredAny>(body)?;
            Ok(Delivery::Ignored("this event is of no interest here"))
        }
    }
}

#[derive(Deserialize)]
struct IssueComment {
    action: String,
    issue: Issue,
    comment: GivenComment,
    repository: Repository,
    sender: User,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    /// Present on pull requests alone.
    pull_request: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct GivenComment {
    id: u64,
    html_url: String,
    created_at: DateTime<Utc>,
    /// Absent when the account is gone.
    user: Option<User>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
    id: u64,
    #[serde(rename = "type", default)]
    kind: String,
}

impl User {
    /// Apps have accounts of the type Bot, whose names end so.
    fn is_person(&self) -> bool {
        self.kind == "User" && is_person(&self.login)
    }
}

/// Whether a login may be a person's. No person has brackets in theirs.
pub(crate) fn is_person(login: &str) -> bool {
    !login.is_empty() && !login.ends_with("[bot]")
}

#[derive(Deserialize)]
struct PullRequestEvent {
    action: String,
    pull_request: GivenPullRequest,
    label: Option<Label>,
    repository: Repository,
    sender: User,
}

#[derive(Deserialize)]
struct GivenPullRequest {
    number: u64,
    head: Head,
    html_url: String,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

/// The name of the event's own entry is what tells it from another's payload.
#[derive(Deserialize)]
struct RegistryPackage {
    action: String,
    #[serde(rename = "registry_package")]
    _entry: IgnoredAny,
    /// A package of an organisation may belong to no repository.
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct WorkflowRun {
    action: String,
    #[serde(rename = "workflow_run")]
    _entry: IgnoredAny,
    repository: Option<Repository>,
}

fn comment(event: IssueComment, settings: &Settings) -> Result<Delivery, Malformed> {
    let IssueComment { action, issue, comment, repository, sender } = event;
    // An edited comment is none: what people answered to would have been another one.
    if action != "created" {
        return Ok(Delivery::Ignored("only new comments are read"));
    }
    if issue.pull_request.is_none() {
        return Ok(Delivery::Ignored("it is an issue and not a pull request"));
    }
    let Some(author) = comment.user else {
        return Ok(Delivery::Ignored("the comment has no author"));
    };
    if author.id != sender.id || !author.login.eq_ignore_ascii_case(&sender.login) {
        return Err(Malformed::Sender);
    }
    if !author.is_person() || !sender.is_person() {
        return Ok(Delivery::Ignored("only people give commands"));
    }
    let Some(project) = settings.project(&repository.full_name) else {
        return Ok(Delivery::Elsewhere(repository.full_name));
    };
    let asked: Vec<Asked> = read_commands(comment.body.as_deref().unwrap_or_default(), &settings.command)
        .into_iter()
        .map(|reading| Asked {
            line: reading.line.excerpt(),
            command: reading.command.map(|command| command.to_string()).map_err(|error| error.to_string()),
        })
        .collect();
    if asked.is_empty() {
        return Ok(Delivery::Ignored("there is no command in it"));
    }
    let (id, author) = (comment.id, author.login);
    let fact = Comment { id, author, at: comment.created_at, url: fit(comment.html_url).unwrap_or_default(), asked };
    news(project, issue.number, Fact::Comment(fact))
}

fn pull_request(event: PullRequestEvent, settings: &Settings) -> Result<Delivery, Malformed> {
    let PullRequestEvent { action, pull_request, label, repository, sender } = event;
    let how = match &*action {
        "closed" => How::Closed,
        "reopened" => How::Reopened,
        "synchronize" => How::Pushed { head: pull_request.head.sha },
        "labeled" | "unlabeled" => {
            let ours = settings.label.as_deref();
            let ours = label.zip(ours).is_some_and(|(label, ours)| label.name.eq_ignore_ascii_case(ours));
            if !ours {
                return Ok(Delivery::Ignored("the label is no command"));
            }
            How::Labelled
        }
        _ => return Ok(Delivery::Ignored("this action is of no interest here")),
    };
    let Some(project) = settings.project(&repository.full_name) else {
        return Ok(Delivery::Elsewhere(repository.full_name));
    };
    let by = sender.is_person().then_some(sender.login);
    let changed = Changed { how, by, at: pull_request.updated_at, url: fit(pull_request.html_url) };
    news(project, pull_request.number, Fact::Changed(changed))
}

fn news(project: &ProjectRules, number: u64, fact: Fact) -> Result<Delivery, Malformed> {
    let pr = PrNumber::new(number).map_err(|_| Malformed::Number)?;
    Ok(Delivery::News(Box::new(News { repo: project.repo.clone(), pr, fact })))
}

fn hint(is_one: bool, repository: Option<Repository>, settings: &Settings) -> Result<Delivery, Malformed> {
    Ok(match repository {
        _ if !is_one => Delivery::Ignored("this action is of no interest here"),
        None => Delivery::Ignored("it belongs to no repository"),
        Some(Repository { full_name }) => match settings.project(&full_name) {
            Some(project) => Delivery::Hint(project.repo.clone()),
            None => Delivery::Elsewhere(full_name),
        },
    })
}

/// An address that a record takes (`request_url`: at most 2,048 bytes, no control characters).
fn fit(url: String) -> Option<String> {
    (!url.is_empty() && url.len() <= 2048 && !url.chars().any(char::is_control)).then_some(url)
}

#[cfg(test)]
mod tests;

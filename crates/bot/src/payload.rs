//! From what GitHub sent to what we act on. Only what is needed is named; the rest of a payload is skipped.

use bivouac_model::PrNumber;
use bivouac_model::command::{CommandError, Reading, almost, read_commands};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::letter::{Asked, Changed, Comment, Fact, Hint, How, News, Source, body_hash};
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
        "pull_request_review" => review(serde_json::from_slice(body)?, settings),
        "pull_request_review_comment" => review_comment(serde_json::from_slice(body)?, settings),
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

/// The repository that a delivery names, whatever its event is, by its configured name where it was renamed. `None`: it names
/// none, or [`read`] refuses the body for the same reason as this does.
pub(crate) fn repository(body: &[u8], settings: &Settings) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        repository: Option<Repository>,
    }
    let repository = serde_json::from_slice::<Named>(body).ok()?.repository?;
    let project = repository.project(settings);
    Some(project.map_or(repository.full_name, |project| project.repo.to_string()))
}

#[derive(Deserialize)]
struct IssueComment {
    action: String,
    issue: Issue,
    comment: GivenComment,
    changes: Option<Changes>,
    repository: Repository,
    sender: User,
}

/// The changes of an edit.
#[derive(Deserialize)]
struct Changes {
    /// Present if the text changed.
    body: Option<ChangedBody>,
}

#[derive(Deserialize)]
struct ChangedBody {
    /// The text before.
    from: Option<String>,
}

#[derive(Deserialize)]
struct ReviewEvent {
    action: String,
    review: GivenReview,
    pull_request: Numbered,
    changes: Option<Changes>,
    repository: Repository,
    sender: User,
}

#[derive(Deserialize)]
struct GivenReview {
    id: u64,
    html_url: String,
    /// Absent as long as it is pending.
    submitted_at: Option<DateTime<Utc>>,
    user: Option<User>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct ReviewCommentEvent {
    action: String,
    comment: GivenComment,
    pull_request: Numbered,
    repository: Repository,
    sender: User,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
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
    id: Option<u64>,
}

impl Repository {
    fn project<'a>(&self, settings: &'a Settings) -> Option<&'a ProjectRules> {
        settings.project_of(&self.full_name, self.id)
    }
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
    changes: Option<Changes>,
    repository: Repository,
    sender: User,
}

#[derive(Deserialize)]
struct GivenPullRequest {
    number: u64,
    head: Head,
    html_url: String,
    updated_at: DateTime<Utc>,
    created_at: Option<DateTime<Utc>>,
    user: Option<User>,
    body: Option<String>,
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
    let IssueComment { action, issue, comment, changes, repository, sender } = event;
    let GivenComment { id, html_url: url, created_at: at, user, body } = comment;
    if issue.pull_request.is_none() {
        return Ok(Delivery::Ignored("it is an issue and not a pull request"));
    }
    let text = Text { source: Source::Comment, id, at, url, user, body, number: issue.number };
    match &*action {
        "created" => text.created(&sender, &repository, settings),
        "edited" => text.edited(changes, &sender, &repository, settings),
        _ => Ok(Delivery::Ignored("only new comments are read")),
    }
}

/// The body of a review is a comment. GitHub tells of it when it is submitted.
fn review(event: ReviewEvent, settings: &Settings) -> Result<Delivery, Malformed> {
    let ReviewEvent { action, review, pull_request, changes, repository, sender } = event;
    let GivenReview { id, html_url: url, submitted_at, user, body } = review;
    let Some(at) = submitted_at else {
        return Ok(Delivery::Ignored("the review is not submitted"));
    };
    let text = Text { source: Source::Review, id, at, url, user, body, number: pull_request.number };
    match &*action {
        "submitted" => text.created(&sender, &repository, settings),
        "edited" => text.edited(changes, &sender, &repository, settings),
        _ => Ok(Delivery::Ignored("only new reviews are read")),
    }
}

/// A comment on a line of code is about that line, and not a place for commands.
fn review_comment(event: ReviewCommentEvent, settings: &Settings) -> Result<Delivery, Malformed> {
    let ReviewCommentEvent { action, comment, pull_request, repository, sender } = event;
    let GivenComment { id, html_url: url, created_at: at, user, body } = comment;
    let text = Text { source: Source::ReviewComment, id, at, url, user, body, number: pull_request.number };
    match &*action {
        "created" => text.misplaced(&sender, &repository, settings),
        _ => Ok(Delivery::Ignored("only new comments are read")),
    }
}

/// A text of a person as a delivery has it.
struct Text {
    source: Source,
    id: u64,
    at: DateTime<Utc>,
    url: String,
    user: Option<User>,
    body: Option<String>,
    number: u64,
}

impl Text {
    /// The commands of a new text, or else what was meant as one.
    fn created(self, sender: &User, repository: &Repository, settings: &Settings) -> Result<Delivery, Malformed> {
        let Some(author) = self.user else {
            return Ok(Delivery::Ignored("the comment has no author"));
        };
        if author.id != sender.id || !author.login.eq_ignore_ascii_case(&sender.login) {
            return Err(Malformed::Sender);
        }
        if !author.is_person() || !sender.is_person() {
            return Ok(Delivery::Ignored("only people give commands"));
        }
        let Some(project) = repository.project(settings) else {
            return Ok(Delivery::Elsewhere(repository.full_name.clone()));
        };
        let body = self.body.as_deref().unwrap_or_default();
        let Self { source, id, at, url, number, .. } = self;
        let said = Said { source, id, author: author.login, at, url, body };
        match said.read(project, number, settings)? {
            Some(news) => Ok(Delivery::News(Box::new(news))),
            None => Ok(Delivery::Ignored("there is no command in it")),
        }
    }

    /// An edit is no command: what people answered to would have been another text. A person who writes a command into
    /// their own text learns that.
    fn edited(
        self,
        changes: Option<Changes>,
        sender: &User,
        repository: &Repository,
        settings: &Settings,
    ) -> Result<Delivery, Malformed> {
        const NO_COMMAND: Delivery = Delivery::Ignored("only new comments are read");
        let before = changes.and_then(|changes| changes.body).and_then(|body| body.from);
        let (Some(before), Some(now)) = (before, self.body.as_deref()) else { return Ok(NO_COMMAND) };
        if asked_in(&before, &settings.command) == asked_in(now, &settings.command) {
            return Ok(NO_COMMAND);
        }
        self.misplaced(sender, repository, settings)
    }

    /// A hint about a command in a place that is not read for commands.
    fn misplaced(self, sender: &User, repository: &Repository, settings: &Settings) -> Result<Delivery, Malformed> {
        let Some(project) = repository.project(settings) else {
            return Ok(Delivery::Elsewhere(repository.full_name.clone()));
        };
        let number = self.number;
        match self.hint(sender, &settings.command) {
            Some(hint) => Ok(Delivery::News(Box::new(news(project, number, Fact::Hint(hint))?))),
            None => Ok(Delivery::Ignored("there is no command in it")),
        }
    }

    fn hint(self, sender: &User, command: &str) -> Option<Hint> {
        // An edit by another person is not its author's mistake, and the forge does not say who edited.
        let author = self.user.filter(|user| user.id == sender.id && user.is_person())?;
        let body = self.body.unwrap_or_default();
        let place = match self.source {
            Source::Comment | Source::Review => {
                "an edited comment is not read for commands. Write the command in a new comment"
            }
            Source::ReviewComment => {
                "a comment on a line of code is not read for commands. Write the command in a comment of the conversation, or \
                 in the summary of a review"
            }
            Source::Description => {
                "the description is not read for commands. Write the command in a comment, where it is obeyed"
            }
        };
        let readings = read_commands(&body, command);
        let understood =
            readings.iter().find_map(|reading| Some((reading.line, reading.command.as_ref().ok()?.verb())));
        let (line, verb) = understood?;
        let Self { source, id, at, .. } = self;
        let url = fit(self.url).unwrap_or_default();
        let (line, why) = (line.excerpt(), place.to_owned());
        Some(Hint { source, id, author: author.login, at, url, line, verb, why, body: body_hash(&body) })
    }
}

/// A text of a person, however it was heard of.
pub(crate) struct Said<'a> {
    pub source: Source,
    pub id: u64,
    pub author: String,
    pub at: DateTime<Utc>,
    pub url: String,
    pub body: &'a str,
}

impl Said<'_> {
    /// The commands in it, or else what was meant as one; `None`: there is neither.
    ///
    /// # Errors
    /// [`Malformed::Number`].
    pub fn read(self, project: &ProjectRules, number: u64, settings: &Settings) -> Result<Option<News>, Malformed> {
        let Self { source, id, author, at, url, body } = self;
        let asked = asked_in(body, &settings.command);
        let url = fit(url).unwrap_or_default();
        if !asked.is_empty() {
            let fact = Comment { id, author, at, url, asked, body: Some(body_hash(body)), source };
            return news(project, number, Fact::Comment(fact)).map(Some);
        }
        let Some(almost) = almost(body, &settings.command) else { return Ok(None) };
        let (line, why) = (almost.line.excerpt(), almost.hint(&settings.command));
        let hint = Hint { source, id, author, at, url, line, verb: almost.verb, why, body: body_hash(body) };
        news(project, number, Fact::Hint(hint)).map(Some)
    }
}

/// The commands of a comment, as they are kept.
pub(crate) fn asked_in(body: &str, command: &str) -> Vec<Asked> {
    let asked = |reading: Reading<'_>| Asked {
        line: reading.line.excerpt(),
        in_history: match reading.command {
            Err(CommandError::BelowMailHistory { verb }) => Some(verb),
            _ => None,
        },
        command: reading.command.map(|command| command.to_string()).map_err(|error| error.to_string()),
    };
    read_commands(body, command).into_iter().map(asked).collect()
}

fn pull_request(event: PullRequestEvent, settings: &Settings) -> Result<Delivery, Malformed> {
    let PullRequestEvent { action, pull_request, label, changes, repository, sender } = event;
    let is_described = match &*action {
        "opened" => true,
        "edited" => changes.is_some_and(|changes| changes.body.is_some()),
        _ => false,
    };
    let GivenPullRequest { number, head, html_url, updated_at, created_at, user, body } = pull_request;
    let description = Text {
        source: Source::Description,
        id: number,
        at: created_at.unwrap_or(updated_at),
        url: html_url.clone(),
        user,
        body,
        number,
    };
    let how = match &*action {
        "closed" => How::Closed,
        // New commits may come with each: the look remembers which one is the head.
        "opened" | "reopened" | "ready_for_review" => How::Opened,
        "synchronize" => How::Pushed { head: head.sha },
        "edited" if is_described => return description.misplaced(&sender, &repository, settings),
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
    let Some(project) = repository.project(settings) else {
        return Ok(Delivery::Elsewhere(repository.full_name));
    };
    let hint = if is_described { description.hint(&sender, &settings.command) } else { None };
    let by = sender.is_person().then_some(sender.login);
    let changed = Changed { how, by, at: updated_at, url: fit(html_url), hint };
    let news = news(project, number, Fact::Changed(changed))?;
    Ok(Delivery::News(Box::new(news)))
}

fn news(project: &ProjectRules, number: u64, fact: Fact) -> Result<News, Malformed> {
    let pr = PrNumber::new(number).map_err(|_| Malformed::Number)?;
    Ok(News { repo: project.repo.clone(), pr, fact })
}

fn hint(is_one: bool, repository: Option<Repository>, settings: &Settings) -> Result<Delivery, Malformed> {
    Ok(match repository {
        _ if !is_one => Delivery::Ignored("this action is of no interest here"),
        None => Delivery::Ignored("it belongs to no repository"),
        Some(repository) => match repository.project(settings) {
            Some(project) => Delivery::Hint(project.repo.clone()),
            None => Delivery::Elsewhere(repository.full_name),
        },
    })
}

/// An address that a record takes (`request_url`: at most 2,048 bytes, no control characters).
fn fit(url: String) -> Option<String> {
    (!url.is_empty() && url.len() <= 2048 && !url.chars().any(char::is_control)).then_some(url)
}

#[cfg(test)]
mod tests;

//! One request to GitHub: signed, in its turn, in time, counted, and its failure understood.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::RepoName;
use bivouac_ports::{
    Audience, Error, ForgeHealth, GuardedBody, Meaning, Meter, RepoNames, WriteGuard, refused_by_guard,
};
use http::{HeaderMap, Method, Request, header};
use octocrab::{OctoBody, Octocrab};
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::{Answer, header as text};
use crate::budget::Budget;
use crate::identity::Identity;
use crate::operation::Operation;
use crate::pace::{Kind, Pace, Turn};
use crate::redirect;
use crate::refusal::refused;
use crate::repository;
use crate::settings::{Settings, SetupError};

/// The way to GitHub, shared by all that ask.
pub(crate) struct Client {
    identity: Identity,
    timeout: Duration,
    pace: Pace,
    meter: Arc<dyn Meter>,
    health: ForgeHealth,
    names: RepoNames,
    api_url: String,
}

/// What to ask.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub operation: &'static Operation,
    pub method: Method,
    /// From the root of the interface, beginning with a slash.
    pub path: String,
    /// The entity tag of what we know already.
    pub etag: Option<&'a str>,
    pub body: Option<Value>,
    /// For whom content is written; a read has no use for it.
    pub audience: Audience,
}

impl Ask<'_> {
    pub fn get(operation: &'static Operation, path: String) -> Self {
        Self { operation, method: Method::GET, path, etag: None, body: None, audience: Audience::Member }
    }

    /// A write for [`Audience::Member`]: the reserve is only for those who name it.
    pub fn write(operation: &'static Operation, method: Method, path: String, body: Value) -> Self {
        Self { operation, method, path, etag: None, body: Some(body), audience: Audience::Member }
    }

    /// The same for another audience.
    pub fn to(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    fn kind(&self) -> Kind {
        if self.method == Method::GET { Kind::Read } else { Kind::Write(self.audience) }
    }
}

/// A request that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// It may have been done all the same.
    pub unsure: bool,
}

impl Failure {
    /// It was certainly not done.
    pub fn sure(error: Error) -> Self {
        Self { error, unsure: false }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A request that failed, and whether GitHub refused our credentials.
struct Refused {
    failure: Failure,
    unauthorized: bool,
}

/// The answer to one request.
enum Sent {
    Answer(Answer),
    /// The same request has to be sent to this path of the interface.
    Redirect(String),
}

/// The code for metrics of an answer that refuses our credentials.
const UNAUTHORIZED: &str = "401";

impl Client {
    pub fn new(settings: &Settings, meter: Arc<dyn Meter>) -> Result<Self, SetupError> {
        Ok(Self {
            identity: Identity::new(settings)?,
            timeout: settings.timeout,
            pace: Pace::new(settings.write_gap, settings.write_patience, Budget::new(settings.content)),
            meter,
            health: ForgeHealth::default(),
            names: RepoNames::default(),
            api_url: settings.api_url.clone(),
        })
    }

    /// Notifies when a repository answers again.
    pub fn health(&self) -> &ForgeHealth {
        &self.health
    }

    /// The root of the interface, as configured.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Which repositories the configured names stand for.
    pub fn names(&self) -> &RepoNames {
        &self.names
    }

    /// Whether we are a GitHub App.
    pub fn is_app(&self) -> bool {
        self.identity.is_app()
    }

    /// Differs whenever our credentials differ.
    pub fn version(&self) -> u64 {
        self.identity.current().version
    }

    /// Asks about a repository: as the user of the token, or as the installation of the app there.
    ///
    /// When our credentials are refused, they are looked at again. If they have changed, or the refused one was the token of
    /// an installation, the request is made once more: a refused one was not done.
    ///
    /// A repository that was renamed or transferred is asked by its id, so that another one under the old name never answers.
    pub async fn ask_in(&self, repo: &RepoName, ask: Ask<'_>) -> Result<Answer, Failure> {
        let is_named = below(repo, &ask.path).is_some();
        let path = self.located(repo, ask.path);
        let is_read = ask.body.is_none();
        let answer = self.ask_by_name(repo, Ask { path, ..ask }).await?;
        if answer.moved && is_named {
            match Box::pin(repository::identify(self, repo)).await {
                // It is done, and the next answer shows the new name as well.
                Err(error) if !is_read => tracing::warn!(%repo, error = &error as &dyn std::error::Error, "renamed"),
                identified => identified.map_err(Failure::sure)?,
            }
        }
        Ok(answer)
    }

    /// The path of a request about a repository: by its id where its name is another one than the configured.
    pub fn located(&self, repo: &RepoName, path: String) -> String {
        match (below(repo, &path), self.names.moved_from(repo)) {
            (Some(rest), Some(moved)) => format!("/repositories/{}{rest}", moved.id),
            _ => path,
        }
    }

    /// As [`Client::ask_in`], by the path as it is. Redirects are followed and not noted.
    pub async fn ask_by_name(&self, repo: &RepoName, ask: Ask<'_>) -> Result<Answer, Failure> {
        let outcome = self.ask_there(repo, ask).await;
        if outcome.is_ok() {
            self.health.answered(repo);
        }
        outcome
    }

    async fn ask_there(&self, repo: &RepoName, ask: Ask<'_>) -> Result<Answer, Failure> {
        let person = self.identity.current();
        let Some(installations) = &person.installations else { return self.ask(ask).await };
        let crab = installations.of(repo, &person.crab, self).await.map_err(Failure::sure)?;
        let refused = match self.take_turn(&crab, &ask).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        if refused.failure.error.meaning() == Meaning::Denied {
            // It may have been uninstalled and installed again, with another number.
            installations.forget(repo);
        }
        if !refused.unauthorized {
            return Err(refused.failure);
        }
        let person = self.identity.look_again();
        let Some(installations) = &person.installations else { return Err(refused.failure) };
        let crab = installations.of(repo, &person.crab, self).await.map_err(Failure::sure)?;
        self.take_turn(&crab, &ask).await.map_err(|refused| refused.failure)
    }

    /// Asks about ourselves: as the user of the token, or as the app. Refused credentials are looked at again, and if they
    /// have changed the request is made once more.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let person = self.identity.current();
        match self.take_turn(&person.crab, &ask).await {
            Ok(answer) => Ok(answer),
            Err(Refused { failure, unauthorized: true }) => {
                let renewed = self.identity.look_again();
                if renewed.version == person.version {
                    return Err(failure);
                }
                self.take_turn(&renewed.crab, &ask).await.map_err(|refused| refused.failure)
            }
            Err(refused) => Err(refused.failure),
        }
    }

    async fn take_turn(&self, crab: &Octocrab, ask: &Ask<'_>) -> Result<Answer, Refused> {
        let _turn = self.turn(ask).await.map_err(|failure| Refused { failure, unauthorized: false })?;
        self.send(crab, ask).await
    }

    async fn turn(&self, ask: &Ask<'_>) -> Result<Turn<'_>, Failure> {
        let turn = self.pace.turn(ask.operation, ask.kind()).await;
        if let Kind::Write(audience) = ask.kind() {
            let (written, most) = self.pace.used(audience);
            self.meter.forge_content(audience.as_str(), written, most);
        }
        turn.map_err(Failure::sure)
    }

    /// Sends a request, and once more to where it is redirected within the interface, with its method and body.
    async fn send(&self, crab: &Octocrab, ask: &Ask<'_>) -> Result<Answer, Refused> {
        match self.send_to(crab, ask, &ask.path).await? {
            Sent::Answer(answer) => Ok(answer),
            Sent::Redirect(path) => match self.send_to(crab, ask, &path).await? {
                Sent::Answer(answer) => Ok(Answer { moved: true, ..answer }),
                Sent::Redirect(_) => {
                    let error =
                        Error::new(Meaning::Unavailable, ask.operation.call, "GitHub redirects again and again");
                    Err(Refused { failure: Failure::sure(error), unauthorized: false })
                }
            },
        }
    }

    async fn send_to(&self, crab: &Octocrab, ask: &Ask<'_>, path: &str) -> Result<Sent, Refused> {
        let (operation, kind) = (ask.operation, ask.kind());
        let unsent = |error| Refused { failure: Failure::sure(error), unauthorized: false };
        let request = request(crab, ask, path).map_err(unsent)?;
        let request = match WriteGuard::current() {
            Some(guard) => {
                guard.check().map_err(unsent)?;
                // A request without a body changes nothing.
                let under = |body| OctoBody::new(GuardedBody::new(body, guard));
                if ask.body.is_some() { request.map(under) } else { request }
            }
            None => request,
        };
        let started = Instant::now();
        let exchange = async {
            let response = crab.execute(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = crab.body_to_string(response).await?;
            Ok(Answer { status, headers, body, moved: false })
        };
        let outcome = tokio::time::timeout(self.timeout, exchange).await;
        if let Ok(Ok(answer)) = &outcome
            && let Some(path) = redirect::target(&self.api_url, answer.status, &answer.headers)
        {
            self.meter.api_call("github", operation.name, &answer.status.to_string(), started.elapsed());
            return Ok(Sent::Redirect(path));
        }
        let (code, outcome) = match outcome {
            Ok(Ok(answer)) => self.understand(operation, answer),
            Ok(Err(source)) => self.broken(operation, source),
            Err(_) => {
                let error = Error::new(Meaning::Unavailable, operation.call, "GitHub did not answer in time");
                ("timeout".to_owned(), Err(Failure { error, unsure: true }))
            }
        };
        self.meter.api_call("github", operation.name, &code, started.elapsed());
        if let Err(Failure { error, .. }) = &outcome
            && let Some(wait) = error.wait()
        {
            // The quota is one for reads and writes; a limit on content is not.
            self.pace.hold(kind, code == "quota", wait);
        }
        outcome.map(Sent::Answer).map_err(|failure| Refused { failure, unauthorized: code == UNAUTHORIZED })
    }

    /// An answer came. The code for metrics is `ok`, `quota` for a spent quota, else the status.
    fn understand(&self, operation: &'static Operation, answer: Answer) -> (String, Result<Answer, Failure>) {
        let remaining = answer.header("x-ratelimit-remaining").and_then(|text| text.parse().ok());
        if let Some(remaining) = remaining {
            self.meter.forge_quota(remaining);
        }
        let status = answer.status;
        if (200..300).contains(&status) || status == 304 {
            return ("ok".to_owned(), Ok(answer));
        }
        let error = refused(operation, status, &answer.headers, &answer.body);
        let spent = error.meaning() == Meaning::Throttled && is_spent(&answer.headers);
        let code = if spent { "quota".to_owned() } else { status.to_string() };
        // A gateway that gives up does not know what happened behind it.
        let unsure = error.meaning() == Meaning::Unavailable;
        (code, Err(Failure { error, unsure }))
    }

    /// No answer came to this request.
    fn broken(&self, operation: &'static Operation, source: octocrab::Error) -> (String, Result<Answer, Failure>) {
        if let Some(error) = refused_by_guard(&source) {
            return ("unsent".to_owned(), Err(Failure::sure(error)));
        }
        if let octocrab::Error::GitHub { source: refusal, .. } = &source {
            // Only the request for an installation's token is answered this way; ours was never sent.
            let status = refusal.status_code.as_u16();
            let complaint = serde_json::json!({ "message": refusal.message }).to_string();
            let headers = refusal.headers.clone().unwrap_or_default();
            let error = match refused(operation, status, &headers, &complaint) {
                error if error.meaning() == Meaning::NotFound => {
                    Error::new(Meaning::Denied, operation.call, "the GitHub App is not installed here any more")
                }
                error => error,
            };
            return (status.to_string(), Err(Failure::sure(error)));
        }
        let unsure = !never_connected(&source);
        let message = if unsure { "the connection to GitHub broke" } else { "GitHub cannot be reached" };
        let error = Error::new(Meaning::Unavailable, operation.call, message).caused_by(source);
        ("connection".to_owned(), Err(Failure { error, unsure }))
    }
}

/// The part of a path behind the repository's name; `None`: the path names another one.
fn below<'a>(repo: &RepoName, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix("/repos/")?.strip_prefix(repo.as_str())?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

/// The request that an ask comes to.
fn request(crab: &Octocrab, ask: &Ask<'_>, path: &str) -> Result<Request<OctoBody>, Error> {
    let mut request =
        Request::builder().method(&ask.method).uri(path).header(header::ACCEPT, "application/vnd.github+json");
    if let Some(etag) = ask.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    crab.build_request(request, ask.body.as_ref()).map_err(|source| {
        let message = "the request cannot be put into words of HTTP";
        Error::new(Meaning::Invalid, ask.operation.call, message).caused_by(source)
    })
}

/// Nothing is left of the quota of this hour.
fn is_spent(headers: &HeaderMap) -> bool {
    text(headers, "x-ratelimit-remaining") == Some("0") && text(headers, "retry-after").is_none()
}

/// The other side refused the connection, so it saw no request.
fn never_connected(error: &octocrab::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

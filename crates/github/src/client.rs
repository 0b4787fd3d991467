//! One request to GitHub: signed, in its turn, in time, counted, and its failure understood.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::RepoName;
use bivouac_ports::{Error, Meaning, Meter};
use http::{HeaderMap, Method, Request, header};
use octocrab::Octocrab;
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::{Answer, header as text};
use crate::installations::Installations;
use crate::operation::Operation;
use crate::pace::{Kind, Pace};
use crate::refusal::refused;
use crate::settings::{Credentials, Settings, SetupError};

/// The way to GitHub, shared by all that ask.
pub(crate) struct Client {
    crab: Octocrab,
    installations: Option<Installations>,
    timeout: Duration,
    pace: Pace,
    meter: Arc<dyn Meter>,
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
}

impl Ask<'_> {
    pub fn get(operation: &'static Operation, path: String) -> Self {
        Self { operation, method: Method::GET, path, etag: None, body: None }
    }

    pub fn write(operation: &'static Operation, method: Method, path: String, body: Value) -> Self {
        Self { operation, method, path, etag: None, body: Some(body) }
    }

    fn kind(&self) -> Kind {
        if self.method == Method::GET { Kind::Read } else { Kind::Write }
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

impl Client {
    pub fn new(settings: &Settings, meter: Arc<dyn Meter>) -> Result<Self, SetupError> {
        let crab = settings.octocrab()?;
        let is_app = matches!(settings.credentials, Credentials::App { .. });
        Ok(Self {
            installations: is_app.then(Installations::default),
            crab,
            timeout: settings.timeout,
            pace: Pace::new(settings.write_gap, settings.write_patience),
            meter,
        })
    }

    /// Whether we are a GitHub App.
    pub fn is_app(&self) -> bool {
        self.installations.is_some()
    }

    /// Asks about a repository: as the user of the token, or as the installation of the app there.
    pub async fn ask_in(&self, repo: &RepoName, ask: Ask<'_>) -> Result<Answer, Failure> {
        let Some(installations) = &self.installations else { return self.ask(ask).await };
        let crab = installations.of(repo, &self.crab, self).await.map_err(Failure::sure)?;
        let turn = self.pace.turn(ask.operation, ask.kind()).await.map_err(Failure::sure)?;
        let outcome = self.send(&crab, ask).await;
        drop(turn);
        if matches!(&outcome, Err(failure) if failure.error.meaning() == Meaning::Denied) {
            // It may have been uninstalled and installed again, with another number.
            installations.forget(repo);
        }
        outcome
    }

    /// Asks about ourselves: as the user of the token, or as the app.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let _turn = self.pace.turn(ask.operation, ask.kind()).await.map_err(Failure::sure)?;
        self.send(&self.crab, ask).await
    }

    async fn send(&self, crab: &Octocrab, ask: Ask<'_>) -> Result<Answer, Failure> {
        let (operation, kind) = (ask.operation, ask.kind());
        let mut request =
            Request::builder().method(ask.method).uri(ask.path).header(header::ACCEPT, "application/vnd.github+json");
        if let Some(etag) = ask.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = crab.build_request(request, ask.body.as_ref()).map_err(|source| {
            let message = "the request cannot be put into words of HTTP";
            Failure::sure(Error::new(Meaning::Invalid, operation.call, message).caused_by(source))
        })?;
        let started = Instant::now();
        let exchange = async {
            let response = crab.execute(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = crab.body_to_string(response).await?;
            Ok(Answer { status, headers, body })
        };
        let outcome = tokio::time::timeout(self.timeout, exchange).await;
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
        outcome
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

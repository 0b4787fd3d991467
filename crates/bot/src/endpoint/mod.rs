//! `POST /webhooks/github`: checked, kept, answered within a second. The work is done later, by whoever lives.

mod arrival;
mod body;
mod budget;
mod intake;
mod says;
mod strangers;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use bivouac_model::RepoName;
use bivouac_ports::{Clock, Inbox, Letter, Received};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::letter::News;
use crate::payload::{self, Delivery};
use crate::settings::Settings;
use crate::signature::Signer;
use arrival::Arrival;
use intake::Intake;
use says::{Said, says};
use strangers::{Refused, Strangers};

/// The path of the endpoint (contract 3).
const PATH: &str = "/webhooks/github";

/// How long the store may take. GitHub waits ten seconds (webhooks, "Best practices"), and we promise one.
const KEEP_WITHIN: Duration = Duration::from_millis(800);

/// What GitHub is told then.
const NOT_KEPT: &str = "this delivery could not be kept, since the store does not answer; redeliver it in a minute";

/// What GitHub is told where one person causes more deliveries than are taken in.
const TOO_MANY: &str = "the sender causes too many deliveries; redeliver it in a minute";

/// What a letter may hold ([`Letter::content`]). The commands of a comment of 65,536 characters stay below it.
pub(crate) const MAX_CONTENT: usize = 300_000;

/// Everything the endpoint needs. It asks nobody but the inbox.
pub(crate) struct Endpoint {
    pub settings: Arc<Settings>,
    pub inbox: Arc<dyn Inbox>,
    pub clock: Arc<dyn Clock>,
    /// Where letters are handled at once; when it is full they are found in the inbox.
    pub letters: mpsc::Sender<Letter>,
    /// Repositories with a new image perhaps; when it is full the resync finds it.
    pub hints: mpsc::Sender<RepoName>,
    pub state: EndpointState,
}

/// What the endpoint remembers.
#[derive(Default)]
pub(crate) struct EndpointState {
    strangers: Strangers,
    intake: Intake,
    body: body::Bodies,
    /// Repositories that were said not to be configured.
    told: Mutex<BTreeSet<String>>,
}

/// The routes of the endpoint.
pub(crate) fn router(endpoint: Arc<Endpoint>) -> Router {
    Router::new()
        .route(PATH, post(receive))
        .fallback(async || says(StatusCode::NOT_FOUND, "not found; webhooks go to POST /webhooks/github"))
        .method_not_allowed_fallback(async || says(StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use POST"))
        .with_state(endpoint)
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Said {
    match endpoint.receive(request).await {
        Ok(said) | Err(said) => said,
    }
}

impl Endpoint {
    /// The checks, the cheapest first. A stranger learns nothing but that it was not accepted.
    async fn receive(&self, request: Request) -> Result<Said, Said> {
        // Served without addresses, everybody is one peer.
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let (parts, body) = request.into_parts();
        let arrival = Arrival::read(&parts.headers).map_err(|(said, why)| {
            self.state.strangers.note(peer, why);
            said
        })?;
        let most = self.state.strangers.allows(peer);
        let body = self.state.body.read(arrival.length, body, most).await?;
        let signer = self.settings.secrets.signer(&body, arrival.signature);
        if signer.is_none_or(|signer| !self.may_speak(&signer, &body)) {
            self.state.strangers.note(peer, Refused::IsStrange);
            return Err(says(StatusCode::UNAUTHORIZED, "unauthorized"));
        }
        let delivery = arrival.delivery()?;
        let event = arrival.event()?;
        let read = payload::read(event, &body, &self.settings);
        // It is verified and read, so its part of the budget is free while the store is waited for.
        drop(body);
        match read {
            Err(error) => {
                tracing::warn!(%event, %delivery, error = &error as &dyn std::error::Error, "a signed delivery is refused");
                Err(says(StatusCode::BAD_REQUEST, error.to_string()))
            }
            Ok(Delivery::Ping) => Ok(says(StatusCode::OK, "pong")),
            Ok(Delivery::Ignored(why)) => Ok(says(StatusCode::ACCEPTED, format!("ignored: {why}"))),
            Ok(Delivery::Elsewhere(repo)) => {
                self.tell(&repo);
                Ok(says(StatusCode::ACCEPTED, "ignored: the repository is not configured"))
            }
            Ok(Delivery::Hint(repo)) => {
                // Only a hint: it is not worth a place in the inbox.
                let taken = self.hints.try_send(repo).is_ok();
                Ok(says(StatusCode::ACCEPTED, if taken { "taken as a hint" } else { "ignored: too many hints" }))
            }
            Ok(Delivery::News(news)) => self.keep(delivery, &news).await,
        }
    }

    /// Whether the secret that fits is good for the repository that the delivery names.
    fn may_speak(&self, signer: &Signer, body: &[u8]) -> bool {
        let secrets = &self.settings.secrets;
        // Most have one secret for all, and need not look into the body here.
        !secrets.differ() || secrets.may_speak_of(signer, payload::repository(body, &self.settings).as_deref())
    }

    /// Puts it where it outlives this process.
    async fn keep(&self, delivery: &str, news: &News) -> Result<Said, Said> {
        if !self.state.intake.takes(news) {
            tracing::warn!(environment = %news.key(), %delivery, "a delivery is refused: its sender causes too many");
            return Err(says(StatusCode::TOO_MANY_REQUESTS, TOO_MANY));
        }
        let content = news.seal();
        if content.len() > MAX_CONTENT {
            tracing::warn!(%delivery, bytes = content.len(), "a delivery is refused: it does not fit into a letter");
            return Err(says(StatusCode::PAYLOAD_TOO_LARGE, "the commands in it are too long"));
        }
        let letter = Letter { id: delivery.to_owned(), received_at: self.clock.now(), content };
        let name = news.name_of_comment();
        let taking = async {
            match &name {
                // So that the comparison, which finds the comment too, knows that it was taken.
                Some(name) => self.inbox.take_also_as(&letter, name).await,
                None => self.inbox.take(&letter).await,
            }
        };
        match timeout(KEEP_WITHIN, taking).await {
            Ok(Ok(Received::New)) => {
                // A full queue loses nothing: the inbox is read every half minute.
                if self.letters.try_send(letter).is_err() {
                    tracing::warn!("many letters wait to be handled; this one is found again in the inbox");
                }
                Ok(says(StatusCode::ACCEPTED, "taken"))
            }
            Ok(Ok(Received::Before)) => Ok(says(StatusCode::ACCEPTED, "seen before")),
            Ok(Err(error)) => {
                tracing::error!(%delivery, error = &error as &dyn std::error::Error, "a delivery could not be kept");
                Err(says(StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT))
            }
            Err(_) => {
                tracing::error!(%delivery, "a delivery could not be kept: the store took too long");
                Err(says(StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT))
            }
        }
    }

    /// Says once of each repository that it is not configured.
    fn tell(&self, repo: &str) {
        /// An organisation's webhook sends those of all its repositories.
        const MOST: usize = 1000;
        let mut told = self.state.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST && told.insert(repo.to_owned()) {
            tracing::info!(repo = %repo.escape_debug(), "there are webhooks of a repository that is not configured");
        }
    }
}

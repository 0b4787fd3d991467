//! What an endpoint is, and what its handler is given to answer with.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use chrono::{DateTime, Utc};

use super::access::Caller;
use super::acts::{Actor, Acts};
use super::answer::{Refusal, Reply};
use super::grants::Need;
use super::model::Repository;
use super::shape::Links;
use super::{Limits, State};

/// How a request to an endpoint is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counts against the primary quota.
    Api,
    /// Makes content: counts against the secondary limits too.
    Write,
    /// Free of quota.
    Free,
    /// A page for people: no credentials, no limits, no faults but an outage.
    Page,
}

/// Does the one thing an endpoint is there for. It neither waits nor sees headers.
pub(super) type Handler = fn(&mut Ask<'_>) -> Result<Reply, Refusal>;

pub(super) struct Endpoint {
    pub method: Method,
    pub route: &'static str,
    pub kind: Kind,
    pub handle: Handler,
}

/// What a handler is given.
pub(super) struct Ask<'a> {
    pub state: &'a mut State,
    pub links: &'a Links,
    pub limits: &'a Limits,
    pub caller: &'a Caller,
    pub now: DateTime<Utc>,
    pub uri: &'a Uri,
    pub parameters: &'a BTreeMap<String, String>,
    pub body: &'a [u8],
}

impl Ask<'_> {
    /// To change something, and have the webhooks told.
    pub fn acts(&mut self) -> Acts<'_> {
        Acts { state: self.state, links: self.links, now: self.now }
    }

    /// Who asks, for what they do to bear their name.
    pub fn actor(&self) -> Result<Actor, Refusal> {
        Actor::of(self.caller).ok_or_else(Refusal::requires_authentication)
    }

    /// A parameter of the path. One that the route does not have is empty, and then found nowhere.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A number of the path. What is no number names nothing.
    pub fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.parameter(name).parse().map_err(|_| Refusal::not_found())
    }

    /// The parameters behind the question mark; of one that comes twice, the last.
    pub fn query(&self) -> BTreeMap<String, String> {
        Query::try_from_uri(self.uri).map(|Query(all)| all).unwrap_or_default()
    }

    /// `owner/name` of the path.
    pub fn repository_name(&self) -> String {
        format!("{}/{}", self.parameter("owner"), self.parameter("repo"))
    }

    /// The repository of the path, if the caller may do this with it.
    pub fn repository(&self, need: Need) -> Result<&Repository, Refusal> {
        let repository = self.state.model.repository(&self.repository_name()).ok_or_else(Refusal::not_found)?;
        self.caller.check(repository, need)?;
        Ok(repository)
    }

    /// The JSON object that was sent. An empty body is an empty object.
    pub fn object(&self) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(serde_json::Map::new());
        }
        match serde_json::from_slice(self.body) {
            Ok(serde_json::Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::bad_request("Body should be a JSON object")),
            Err(_) => Err(Refusal::bad_request("Problems parsing JSON")),
        }
    }

    /// A required string property of the object that was sent.
    pub fn text(&self, name: &str) -> Result<String, Refusal> {
        match self.object()?.remove(name) {
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(other) => Err(Refusal::invalid_request(&format!("For 'properties/{name}', {other} is not a string."))),
            None => Err(Refusal::invalid_request(&format!("\"{name}\" wasn't supplied."))),
        }
    }
}

//! What was asked of the embedded GitHub: counters for assertions, and the last requests for reading.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

/// How many requests are remembered one by one. Counters go on beyond it.
/// Ours: enough to read a test's whole story, small enough that `bivouac dev` can run for days.
const REMEMBERED: usize = 10_000;

/// One request as it was seen on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// When it arrived, by the hub's clock.
    pub at: DateTime<Utc>,
    /// `X-GitHub-Request-Id` of the answer.
    pub id: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The route of the OpenAPI description, such as `/repos/{owner}/{repo}/pulls`; `unknown` when none fits.
    pub route: &'static str,
    /// The status sent. Absent when the connection was dropped instead.
    pub status: Option<u16>,
    /// Whose request it was: a login, `app/ID`, or `anonymous`.
    pub caller: String,
    /// True when a content write was carried out, whatever was answered. An edit to the same text counts.
    pub took_effect: bool,
}

impl RequestRecord {
    /// True for a request that makes, changes or removes content, the kind that counts against the secondary limits.
    pub fn is_content_write(&self) -> bool {
        is_write(&self.method) && !self.route.starts_with("/app/")
    }
}

/// Counters since the start or the last [`Hub::reset_calls`](super::Hub::reset_calls). A snapshot: it does not change afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    counts: BTreeMap<(String, &'static str, Option<u16>), u64>,
    reads: u64,
    content_writes: u64,
    effects: u64,
}

impl Calls {
    /// Every counter: method, route, status (absent: connection dropped), how often.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static str, Option<u16>, u64)> {
        self.counts.iter().map(|((method, route, status), count)| (method.as_str(), *route, *status, *count))
    }

    /// How often a method and route were called, whatever was answered.
    pub fn count(&self, method: &str, route: &str) -> u64 {
        self.iter().filter(|(m, r, ..)| *m == method && *r == route).map(|(.., count)| count).sum()
    }

    /// How often a status was answered.
    pub fn with_status(&self, status: u16) -> u64 {
        self.iter().filter(|(_, _, s, _)| *s == Some(status)).map(|(.., count)| count).sum()
    }

    /// Requests to the interface that change nothing. Pages for people do not count.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Requests that make, change or remove content, whether they worked or not.
    pub fn content_writes(&self) -> u64 {
        self.content_writes
    }

    /// Content writes that were carried out, also when the answer said otherwise or was lost.
    pub fn effects(&self) -> u64 {
        self.effects
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub calls: Calls,
    records: VecDeque<RequestRecord>,
}

impl Journal {
    pub fn note(&mut self, record: RequestRecord, page: bool) {
        let key = (record.method.clone(), record.route, record.status);
        *self.calls.counts.entry(key).or_default() += 1;
        if record.is_content_write() {
            self.calls.content_writes += 1;
        } else if !page {
            self.calls.reads += 1;
        }
        self.calls.effects += u64::from(record.took_effect);
        if self.records.len() == REMEMBERED {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        *self = Journal::default();
    }
}

pub(super) fn is_write(method: &str) -> bool {
    matches!(method, "POST" | "PATCH" | "PUT" | "DELETE")
}

//! Deliveries: one event on its way to one webhook, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Kept back until it is released.
    Held,
    /// On its way.
    Waiting,
    /// Lost on purpose; it was never sent.
    Lost,
    /// The receiver answered. Anything but a 2xx counts as failed at GitHub.
    Answered {
        /// The status of the answer.
        status: u16,
        /// How long the receiver took, in tokio's time.
        took: Duration,
    },
    /// No answer came.
    Failed {
        /// Why, in GitHub's words (`timed out`) or those of the client.
        reason: String,
    },
}

impl Outcome {
    /// True when there is nothing more to come.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Outcome::Held | Outcome::Waiting)
    }

    /// True for an answer of 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Answered { status: 200..=299, .. })
    }
}

/// One event on its way to one webhook. A redelivery is another one, with the same [`guid`](Delivery::guid) and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: u64,
    /// `X-GitHub-Delivery`: the same for all copies and redeliveries.
    pub guid: String,
    /// The webhook it is for.
    pub hook: u64,
    /// `X-GitHub-Event`, such as `issue_comment`.
    pub event: String,
    /// `action` of the body, such as `created`.
    pub action: Option<String>,
    /// The repository it is about, `owner/name`.
    pub repository: Option<String>,
    /// When it was made, by the hub's clock.
    pub at: DateTime<Utc>,
    /// True when a person asked for it to be sent again.
    pub redelivery: bool,
    /// The bytes that are signed and sent, JSON.
    pub body: Arc<str>,
    /// What became of it.
    pub outcome: Outcome,
}

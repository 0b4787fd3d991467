//! What a listener grants to the strangers that connect to it.

use std::time::Duration;

/// The limits of one listener. Each listener has its own, so that a flood at one takes nothing from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. For one more, the connection that has been idle for the longest time is dropped. A connection
    /// with a request under way is never dropped for another: then the new one waits.
    pub connections: usize,
    /// How long the head of a request may take: from its first byte, and of the first request from the connection on.
    pub head_within: Duration,
    /// How long a connection stays open between two requests.
    pub idle: Duration,
    /// How long a request may be under way: from its head until the client has taken the answer.
    pub answer_within: Duration,
}

impl Limits {
    /// The limits of `/healthz`, `/readyz` and `/metrics`.
    pub const OPS: Self = Self {
        // A probe of the platform, two Prometheus servers and a person, four times over.
        connections: 16,
        // Heads of some hundred bytes, within one data centre.
        head_within: Duration::from_secs(5),
        // hyper's own default, and twice the usual scrape interval of 15 seconds, whose connections stay open.
        idle: Duration::from_secs(30),
        // Prometheus gives up after 10 seconds by default (`scrape_timeout`).
        answer_within: Duration::from_secs(10),
    };

    /// The same with another number of connections, at least one.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }
}

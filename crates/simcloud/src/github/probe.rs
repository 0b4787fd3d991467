//! What only a test may do to a [`Hub`]: count its calls, break it, wait for it.

use std::time::Duration;

use super::model::fold;
use super::{Calls, FaultRule, Hub, HubError, Quota, RequestRecord};

impl Hub {
    // ── What was asked ──

    /// Counters of all requests, as of now.
    pub fn calls(&self) -> Calls {
        self.look(|state| state.journal.calls.clone())
    }

    /// The last 10,000 requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.look(|state| state.journal.records())
    }

    /// Forgets counters and requests. Quotas stay used.
    pub fn reset_calls(&self) {
        self.step(|state, _| state.journal.clear());
    }

    // ── Faults ──

    /// Adds a rule that makes requests fail.
    pub fn inject(&self, rule: FaultRule) {
        self.step(|state, _| state.faults.inject(rule));
    }

    /// Takes all rules, the latency and the outage away. Used-up quotas stay used up.
    pub fn clear_faults(&self) {
        self.step(|state, _| state.faults.clear());
    }

    /// Takes GitHub down, or up again. While it is down every request, also for a page, loses its connection unanswered.
    pub fn set_down(&self, down: bool) {
        self.step(|state, _| state.faults.down = down);
    }

    /// Adds this wait to every API request.
    pub fn set_latency(&self, latency: Duration) {
        self.step(|state, _| state.faults.latency = latency);
    }

    /// Uses up the primary quota of a login (`SLUG[bot]` has none of its own: name `installation/ID`),
    /// until the clock has moved by `resets_in`.
    pub fn exhaust_quota(&self, name: &str, resets_in: Duration) {
        let limit = self.limit(name);
        self.step(|state, now| state.quotas.exhaust(&fold(name), limit, resets_in, now));
    }

    /// The primary quota of a login, `installation/ID` or `anonymous`.
    pub fn quota(&self, name: &str) -> Quota {
        let limit = self.limit(name);
        self.step(|state, now| state.quotas.peek(&fold(name), limit, now))
    }

    fn limit(&self, name: &str) -> u32 {
        let limits = &self.0.shared.limits;
        if name == "anonymous" { limits.anonymous_per_hour } else { limits.per_hour }
    }

    // ── Waiting ──

    /// Waits until `reached` says true. It is asked now, and again after every request and every control call.
    /// The time is tokio's. Dropped half-way, nothing happens.
    ///
    /// # Errors
    /// [`HubError::TimedOut`].
    pub async fn wait_until(&self, limit: Duration, mut reached: impl FnMut(&Hub) -> bool) -> Result<(), HubError> {
        let mut changes = self.0.shared.changes.subscribe();
        let wait = async {
            loop {
                changes.mark_unchanged();
                if reached(self) {
                    return;
                }
                if changes.changed().await.is_err() {
                    // The sender lives in `self`; there is nothing more to come without it.
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| HubError::TimedOut { limit })
    }
}

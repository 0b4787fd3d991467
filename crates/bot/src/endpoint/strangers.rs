//! Peers that send rubbish.
//!
//! What is unsigned or wrongly signed costs nobody but this process. Still, a body of 25 MB has to be read before its
//! signature can be told from a right one, so whoever sent much rubbish is read no further than usual bodies go. Nobody is
//! shut out: behind a proxy GitHub has the same address as everybody else.

use std::net::IpAddr;
use std::time::Duration;

use super::body::{MAX_BODY, USUAL_BODY};
use crate::pace::Pace;

/// How much rubbish is forgiven, and how fast: somebody who sets a webhook up tries a dozen times.
const FORGIVEN: (u32, Duration) = (20, Duration::from_secs(3));
/// One line in the log now and then, however many come.
const SAID: (u32, Duration) = (1, Duration::from_secs(60));

pub(super) struct Strangers {
    rubbish: Pace<Option<IpAddr>>,
    said: Pace<()>,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { rubbish: Pace::new(FORGIVEN.0, FORGIVEN.1), said: Pace::new(SAID.0, SAID.1) }
    }
}

impl Strangers {
    /// Notes that a peer sent rubbish.
    pub fn note(&self, peer: Option<IpAddr>) {
        self.rubbish.take(peer);
        if self.said.take(()) {
            tracing::warn!(?peer, "deliveries are refused: not GitHub's, or signed with another secret");
        }
    }

    /// The largest body that is read of a peer.
    pub fn allows(&self, peer: Option<IpAddr>) -> usize {
        if self.rubbish.is_spent(&peer) { USUAL_BODY } else { MAX_BODY }
    }
}

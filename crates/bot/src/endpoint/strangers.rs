//! Peers that send rubbish.
//!
//! What is unsigned or wrongly signed costs nobody but this process. Still, a body of 25 MB has to be read before its
//! signature can be told from a right one, so whoever sent much rubbish is read no further than usual bodies go. Nobody is
//! shut out: behind a proxy GitHub has the same address as everybody else.

use std::net::IpAddr;
use std::time::Duration;

use bivouac_model::peer_network;

use super::body::{MAX_BODY, USUAL_BODY};
use crate::pace::Pace;

/// How much rubbish is forgiven, and how fast: somebody who sets a webhook up tries a dozen times.
const FORGIVEN: (u32, Duration) = (20, Duration::from_secs(3));
/// One line in the log now and then, however many come.
const SAID: (u32, Duration) = (1, Duration::from_secs(60));

/// Why a delivery is refused before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Refused {
    /// It is a form, as GitHub sends where a webhook's content type was left as it is at first.
    IsForm,
    /// It is not GitHub's, as far as can be seen.
    IsStrange,
}

impl Refused {
    /// The line in the log.
    fn message(self) -> &'static str {
        match self {
            Self::IsForm => {
                "deliveries are refused: they are form-encoded; set the webhook's content type to application/json"
            }
            Self::IsStrange => "deliveries are refused: not GitHub's, or signed with another secret",
        }
    }
}

/// Counts by network: whoever has a whole /64 of IPv6 is one peer.
pub(super) struct Strangers {
    rubbish: Pace<Option<IpAddr>>,
    said: Pace<Refused>,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { rubbish: Pace::new(FORGIVEN.0, FORGIVEN.1), said: Pace::new(SAID.0, SAID.1) }
    }
}

impl Strangers {
    /// Notes that a peer sent rubbish, and logs each reason once in a while.
    pub fn note(&self, peer: Option<IpAddr>, why: Refused) {
        self.rubbish.take(peer.map(peer_network));
        if self.said.take(why) {
            tracing::warn!(?peer, "{}", why.message());
        }
    }

    /// The largest body that is read of a peer.
    pub fn allows(&self, peer: Option<IpAddr>) -> usize {
        if self.rubbish.is_spent(&peer.map(peer_network)) { USUAL_BODY } else { MAX_BODY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_network_is_one_stranger() {
        let strangers = Strangers::default();
        let peer = |text: &str| Some(text.parse().expect("an address"));
        for host in 0..FORGIVEN.0 {
            assert_eq!(strangers.allows(peer("2001:db8::ffff")), MAX_BODY);
            strangers.note(peer(&format!("2001:db8::{host:x}")), Refused::IsStrange);
            strangers.note(peer(if host % 2 == 0 { "192.0.2.7" } else { "::ffff:192.0.2.7" }), Refused::IsForm);
        }
        assert_eq!(strangers.allows(peer("2001:db8::ffff")), USUAL_BODY, "another address of the same /64");
        assert_eq!(strangers.allows(peer("2001:db8:0:1::1")), MAX_BODY, "another network");
        assert_eq!(strangers.allows(peer("192.0.2.7")), USUAL_BODY, "however it is written");
        assert_eq!(strangers.allows(peer("192.0.2.8")), MAX_BODY);
    }
}

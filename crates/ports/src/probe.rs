//! The door to an environment itself: does it answer, and when was it last used?

use std::net::IpAddr;

use async_trait::async_trait;
use bivouac_model::{Health, LastUse};

/// Asks an address how its application does.
#[async_trait]
pub trait Probe: Send + Sync {
    /// `GET http://ip:port{path}`. Bounded in time; never an error, since silence is an answer too. If the request cannot be
    /// sent for a reason on our side, the answer is [`Health::Unasked`], which is no evidence of anything.
    async fn probe(&self, ip: IpAddr, port: u16, path: &str) -> Health;

    /// `GET http://ip:port{path}`: when it was last used, as its application says with status 200 and a body that
    /// [`LastUse::read`] understands. Bounded in time and bytes; never an error, since what says nothing is a sign of use.
    async fn last_use(&self, ip: IpAddr, port: u16, path: &str) -> LastUse;
}

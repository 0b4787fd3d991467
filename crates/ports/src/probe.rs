//! The door to an environment itself: does it answer?

use std::net::IpAddr;

use async_trait::async_trait;
use bivouac_model::Health;

/// Asks an address whether it is well.
#[async_trait]
pub trait Probe: Send + Sync {
    /// `GET http://ip:port{path}`. Bounded in time; never an error, since silence is an answer too.
    async fn probe(&self, ip: IpAddr, port: u16, path: &str) -> Health;
}

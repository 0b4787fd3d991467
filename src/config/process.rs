//! `[controller]` and `[ops]`: how the daemon runs.

use std::net::SocketAddr;
use std::time::Duration;

use super::reader::Section;

/// `[controller]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// `resync`: how often everything is looked at, whatever the stream said. Default 30 s.
    pub resync: Duration,
    /// `instance`: what `bivouac:managed` says; two instances can share a cluster. Default `default`.
    pub instance: String,
    /// `collect`: how often images and task definitions that nothing needs are looked for. Default 1 h.
    pub collect: Duration,
    /// `lease`: how long a leader that fell silent is waited for. Default 15 s.
    pub lease: Duration,
}

/// `[ops]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ops {
    /// `listen`: where health and metrics are served; empty: off. Default `127.0.0.1:9090`.
    pub listen: Option<SocketAddr>,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn controller(section: Section<'_>) -> Controller {
    // Faster than once a second would spend the sustained 20 ListServices calls a second (ECS service quotas) on one
    // cluster of 2,000; slower than an hour would let an environment outlive its time by an hour.
    let resync = section.duration("resync", seconds(1)..=seconds(3600));
    let instance = section.text_of("instance", "1 to 64 letters, digits, `.`, `_` and `-`", |text| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        (1..=64).contains(&text.len()) && text.bytes().all(letter)
    });
    // Every second would spend the whole of the rate at which task definitions can be read; less than once a day lets
    // images pile up.
    let collect = section.duration("collect", seconds(10)..=seconds(24 * 3600));
    // Under three seconds a slow write would lose the lease; over five minutes a crash would stop the work for as long.
    let lease = section.duration("lease", seconds(3)..=seconds(300));
    let controller = Controller {
        resync: resync.unwrap_or(seconds(30)),
        instance: instance.unwrap_or_else(|| "default".into()),
        collect: collect.unwrap_or(seconds(3600)),
        lease: lease.unwrap_or(seconds(15)),
    };
    section.done();
    controller
}

pub(super) fn ops(section: Section<'_>) -> Ops {
    let ops = Ops { listen: listen(&section, SocketAddr::from(([127, 0, 0, 1], 9090))) };
    section.done();
    ops
}

/// The key `listen`; empty switches off.
pub(super) fn listen(section: &Section<'_>, default: SocketAddr) -> Option<SocketAddr> {
    let address = section.parsed("listen", |text| match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| "it is not an address and a port such as 127.0.0.1:9090 or [::1]:9090; empty switches it off"),
    });
    address.unwrap_or(Some(default))
}

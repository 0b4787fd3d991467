//! The two clocks of this machine.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// What the two clocks of one machine say at one moment. Only readings of the same [`Clock`] can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The monotonic clock, since some fixed moment. May stand still while the machine is suspended.
    pub steady: Duration,
    /// The wall clock, since 1970. May be set forward and back.
    pub wall: Duration,
}

impl Reading {
    /// At least so much time has passed since `earlier`: what a claimant counts.
    #[must_use]
    pub fn surely_since(self, earlier: Self) -> Duration {
        self.steady.saturating_sub(earlier.steady)
    }

    /// So much time may have passed since `earlier`: what a holder counts.
    ///
    /// This compares a wall clock with itself only. Set forward, it makes a holder give up early, which is safe; set
    /// back, it leaves the monotonic clock in charge.
    #[must_use]
    pub fn perhaps_since(self, earlier: Self) -> Duration {
        self.surely_since(earlier).max(self.wall.saturating_sub(earlier.wall))
    }
}

/// Reads both clocks, and waits.
pub trait Clock: Clone + Send + Sync + 'static {
    /// What the clocks say now.
    fn now(&self) -> Reading;

    /// Waits for `time` on the monotonic clock. Dropped half-way, it waits no more.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// tokio's clock for the steady time, so that a test which pauses it is in charge, and the system's for the wall.
#[derive(Clone, Copy, Debug)]
pub struct MachineClock {
    start: Instant,
}

impl Default for MachineClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Reading {
        Reading {
            steady: self.start.elapsed(),
            wall: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        }
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}

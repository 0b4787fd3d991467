//! The clocks of this machine.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// What the clocks of one machine say at one moment. Only readings of the same [`Clock`] can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The monotonic clock, since some fixed moment. May stand still while the machine is suspended.
    pub steady: Duration,
    /// A monotonic clock that goes on while the machine is suspended, since some fixed moment. Zero where there is none.
    pub boot: Duration,
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
    /// The greatest of what the three clocks say. Each is compared with itself only. A wall clock that is set forward makes
    /// a holder give up early, which is safe. One that is set back leaves the monotonic clocks in charge.
    #[must_use]
    pub fn perhaps_since(self, earlier: Self) -> Duration {
        let boot = self.boot.saturating_sub(earlier.boot);
        self.surely_since(earlier).max(boot).max(self.wall.saturating_sub(earlier.wall))
    }
}

/// Reads the clocks, and waits.
pub trait Clock: Clone + Send + Sync + 'static {
    /// What the clocks say now.
    fn now(&self) -> Reading;

    /// Waits for `time` on the monotonic clock. Dropped half-way, it waits no more.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// tokio's clock for the steady time, so that a test which pauses it is in charge, and the system's for the others.
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
            boot: since_boot(),
            wall: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        }
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}

/// The monotonic clock that counts suspension: `CLOCK_BOOTTIME` of Linux, and what others call monotonic, which counts it on
/// macOS (clock_gettime(2) of either).
fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let time = clock_gettime(CLOCK);
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (Ok(seconds), Ok(nanoseconds)) => Duration::new(seconds, nanoseconds),
        // No such clock counts backwards from zero.
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steady: u64, boot: u64, wall: u64) -> Reading {
        let seconds = Duration::from_secs;
        Reading { steady: seconds(steady), boot: seconds(boot), wall: seconds(wall) }
    }

    #[test]
    fn a_holder_believes_the_clock_that_went_furthest_and_a_claimant_the_steady_one() {
        let before = at(10, 100, 1000);
        for (now, perhaps, surely) in [
            (at(15, 105, 1005), 5, 5),
            // The machine was suspended, and its wall clock was set back on waking.
            (at(11, 160, 900), 60, 1),
            (at(11, 101, 1060), 60, 1),
            // A test that pauses tokio's clock is in charge.
            (at(70, 100, 1000), 60, 60),
        ] {
            assert_eq!(now.perhaps_since(before).as_secs(), perhaps, "{now:?}");
            assert_eq!(now.surely_since(before).as_secs(), surely, "{now:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_that_counts_suspension_is_read_and_runs() {
        let clock = MachineClock::default();
        let (before, boot) = (clock.now(), since_boot());
        assert!(before.boot > Duration::ZERO && boot >= before.boot, "{before:?}, then {boot:?}");
        while clock.now().boot == before.boot {
            std::hint::spin_loop();
        }
        assert_eq!(clock.now().steady, before.steady, "tokio's clock is paused");
    }
}

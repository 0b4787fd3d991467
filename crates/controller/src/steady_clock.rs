//! Whether the clock goes on as it should: compared with the time that passed by a clock nobody can set.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// How far the clock may be from where it should be: more than a clock is corrected by in ordinary life. AWS itself refuses
/// signatures that are five minutes off (IAM user guide, "Signature Version 4").
const JUMP: TimeDelta = TimeDelta::minutes(5);

/// What the last pass saw of the clock. One that was never looked at is believed.
#[derive(Debug, Default)]
pub(crate) struct SteadyClock(Mutex<Option<Seen>>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    time: DateTime<Utc>,
    at: Instant,
    jumped: bool,
}

impl Seen {
    fn is_off(&self, now: DateTime<Utc>) -> bool {
        let passed = TimeDelta::from_std(self.at.elapsed()).unwrap_or(TimeDelta::MAX);
        (now - self.time).checked_sub(&passed).is_none_or(|off| off.abs() > JUMP)
    }
}

impl SteadyClock {
    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A complete observation was made at `now`: whether the clock jumped since the one before. The next one starts from
    /// here, so a clock that goes on as it should from now on is believed again.
    pub fn observe(&self, now: DateTime<Utc>) -> bool {
        let mut seen = self.seen();
        let jumped = seen.is_some_and(|seen| seen.is_off(now));
        *seen = Some(Seen { time: now, at: Instant::now(), jumped });
        jumped
    }

    /// Whether `now` is in doubt, without being an observation.
    pub fn is_in_doubt(&self, now: DateTime<Utc>) -> bool {
        self.seen().is_some_and(|seen| seen.jumped || seen.is_off(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_in_doubt_until_it_is_seen_twice() {
        let (clock, start) = (SteadyClock::default(), DateTime::UNIX_EPOCH);
        let hour = TimeDelta::hours(1);
        assert!(!clock.is_in_doubt(start) && !clock.observe(start));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(!clock.is_in_doubt(start + hour), "an hour passed");
        for jumped in [start, start + hour * 2] {
            let clock = SteadyClock::default();
            clock.observe(start + hour);
            assert!(clock.is_in_doubt(jumped) && clock.observe(jumped) && clock.is_in_doubt(jumped));
            assert!(!clock.observe(jumped) && !clock.is_in_doubt(jumped));
        }
    }
}

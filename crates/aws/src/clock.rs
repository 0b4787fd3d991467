//! The time of day as AWS tells it, for a machine whose own clock is off.
//!
//! The SDK corrects its signatures when AWS refuses them for their time, so a process whose clock is an hour off works on,
//! and would reap what has an hour to live. Every answer of AWS carries a `Date`; where it and the machine disagree, AWS
//! is believed: it is what creates the services whose age counts, and the one clock that all who write records share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bivouac_ports::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// Below this the machine's own clock is believed. A `Date` has whole seconds and an answer takes up to five
/// (`ATTEMPT_TIMEOUT`), so less could not be measured; a clock that is set by NTP is off by far less.
const TOLERATED: i64 = 30;

/// The machine's clock, corrected by what AWS's answers say. A clone hears what the other hears.
#[derive(Clone)]
pub struct AwsClock {
    machine: Arc<dyn Clock>,
    /// How many seconds the machine is ahead of AWS; 0 while it is believed.
    ahead: Arc<AtomicI64>,
    /// Whether AWS told its time yet.
    heard: Arc<AtomicBool>,
}

impl AwsClock {
    /// The machine's clock, believed until an answer of AWS says otherwise.
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        Self { machine, ahead: Arc::default(), heard: Arc::default() }
    }

    /// How far the machine is ahead of AWS, behind it where that is negative; zero while it is believed. `None`: AWS told
    /// its time in no answer yet.
    pub fn offset(&self) -> Option<TimeDelta> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.heard.load(Ordering::Relaxed).then(|| TimeDelta::try_seconds(ahead).unwrap_or_default())
    }

    /// Takes in the `Date` of an answer that took this long. One that cannot be read says nothing.
    pub(crate) fn hear(&self, date: &str, took: Duration) {
        let Ok(date) = DateTime::parse_from_rfc2822(date) else { return };
        self.heard.store(true, Ordering::Relaxed);
        // It was written about half-way between the question and the answer.
        let half = TimeDelta::from_std(took / 2).unwrap_or_default();
        let now = self.machine.now();
        let ahead = (now.checked_sub_signed(half).unwrap_or(now) - date.to_utc()).num_seconds();
        let before = self.ahead.load(Ordering::Relaxed);
        // A correction is kept while it is about right, or time would go back and forth with every answer.
        if (ahead - before).abs() <= TOLERATED {
            return;
        }
        let corrected = if ahead.abs() <= TOLERATED { 0 } else { ahead };
        // Of several that hear it at once, one says it.
        if self.ahead.swap(corrected, Ordering::Relaxed) == corrected {
            return;
        }
        match corrected {
            0 => tracing::info!("this machine's clock agrees with AWS's again"),
            _ => {
                let way = if corrected > 0 { "ahead of" } else { "behind" };
                let off = humane(corrected.unsigned_abs());
                tracing::warn!("this machine's clock is {off} {way} AWS's, which counts: set it right (NTP)");
            }
        }
    }
}

impl Clock for AwsClock {
    fn now(&self) -> DateTime<Utc> {
        let now = self.machine.now();
        let ahead = TimeDelta::try_seconds(self.ahead.load(Ordering::Relaxed)).unwrap_or_default();
        now.checked_sub_signed(ahead).unwrap_or(now)
    }
}

impl std::fmt::Debug for AwsClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsClock").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

fn humane(seconds: u64) -> String {
    bivouac_model::format_duration(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// Stands where it is set.
    struct Set(Mutex<DateTime<Utc>>);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }
    }

    fn aws() -> DateTime<Utc> {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn off_by(seconds: i64) -> AwsClock {
        AwsClock::new(Arc::new(Set(Mutex::new(aws() + TimeDelta::seconds(seconds)))))
    }

    const DATE: &str = "Wed, 25 Nov 2026 12:00:00 GMT";

    #[test]
    fn a_clock_that_is_off_is_corrected_either_way() {
        for off in [3600, -3600, 86_400 * 365, 31] {
            let clock = off_by(off);
            assert_eq!(clock.offset(), None);
            clock.hear(DATE, Duration::ZERO);
            assert_eq!(clock.now(), aws(), "{off}");
            assert_eq!(clock.offset(), Some(TimeDelta::seconds(off)));
        }
    }

    #[test]
    fn a_clock_that_is_about_right_is_believed() {
        for off in [0, 30, -30] {
            let clock = off_by(off);
            clock.hear(DATE, Duration::ZERO);
            assert_eq!((clock.now() - aws()).num_seconds(), off);
            assert_eq!(clock.offset(), Some(TimeDelta::zero()));
        }
        // The answer took its time.
        let clock = off_by(32);
        clock.hear(DATE, Duration::from_secs(5));
        assert_eq!((clock.now() - aws()).num_seconds(), 32);
    }

    #[test]
    fn the_time_does_not_tremble_and_a_clock_that_is_set_right_is_believed_again() {
        let machine = Arc::new(Set(Mutex::new(aws() + TimeDelta::seconds(3600))));
        let clock = AwsClock::new(Arc::clone(&machine) as Arc<dyn Clock>);
        clock.hear(DATE, Duration::ZERO);
        clock.hear("Wed, 25 Nov 2026 11:59:58 GMT", Duration::ZERO);
        assert_eq!(clock.now(), aws());
        *machine.0.lock().unwrap() = aws();
        clock.hear(DATE, Duration::ZERO);
        assert_eq!(clock.now(), aws());
    }

    proptest! {
        #[test]
        fn no_date_panics(date in ".{0,40}", year in -9999i32..99_999, took in any::<u64>()) {
            let clock = off_by(0);
            clock.hear(&date, Duration::from_secs(took));
            clock.hear(&format!("Wed, 25 Nov {year} 12:00:00 GMT"), Duration::from_secs(took));
            clock.now();
        }
    }
}

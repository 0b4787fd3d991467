//! The time of the cloud: real, faster than real, or moved by a test.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

/// The clock the whole cloud runs on. A clone is the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Source,
    moved: Notify,
}

#[derive(Debug)]
enum Source {
    Real { origin: Instant, start: DateTime<Utc>, speed: f64 },
    Manual(Mutex<DateTime<Utc>>),
}

impl Clock {
    /// Wall-clock time, from now on measured monotonically.
    pub fn real() -> Self {
        Self::real_at_speed(1.0)
    }

    /// Starts at the present and runs `speed` times as fast as the wall clock.
    ///
    /// A speed that is not a positive number counts as 1.
    pub fn real_at_speed(speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self::with(Source::Real { origin: Instant::now(), start: Utc::now(), speed })
    }

    /// Stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::with(Source::Manual(Mutex::new(start)))
    }

    fn with(source: Source) -> Self {
        Self { inner: Arc::new(Inner { source, moved: Notify::new() }) }
    }

    /// The present moment of the cloud.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.inner.source {
            Source::Real { origin, start, speed } => *start + delta(origin.elapsed().mul_f64(*speed)),
            Source::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward. Every call to the cloud made afterwards
    /// sees all that happened meanwhile. A real clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.inner.source {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now += delta(by);
            self.inner.moved.notify_one();
        }
    }

    /// Whether only [`Clock::advance`] moves this clock.
    pub fn is_manual(&self) -> bool {
        matches!(self.inner.source, Source::Manual(_))
    }

    /// Resolves when the clock shows `at` or later; for a manual clock, when it was moved.
    pub(crate) async fn reached(&self, at: Option<DateTime<Utc>>) {
        match (&self.inner.source, at) {
            (Source::Real { speed, .. }, Some(at)) => {
                let wait = (at - self.now()).to_std().unwrap_or_default().div_f64(*speed);
                tokio::time::sleep(wait).await;
            }
            (Source::Real { .. }, None) => std::future::pending().await,
            (Source::Manual(_), _) => self.inner.moved.notified().await,
        }
    }
}

/// A `Duration` as chrono counts it; what chrono cannot hold becomes its longest.
pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let clock = Clock::manual(start);
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_secs(5));
        assert_eq!(clock.now(), start + TimeDelta::seconds(5));
    }

    #[test]
    fn a_real_clock_ignores_being_advanced() {
        let clock = Clock::real();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() < Utc::now() + TimeDelta::seconds(60));
    }
}

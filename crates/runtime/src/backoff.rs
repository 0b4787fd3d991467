//! How long a key that failed waits before it is tried again.
//!
//! The only module that names the `backoff` crate. That crate is unmaintained (RUSTSEC-2025-0012) and is here because
//! the person this is built for asked for it; what we use of it is one piece of arithmetic, its `ExponentialBackoff`:
//! no clock, no retry loop, no futures. If it ever has to go, this file is all that changes.

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff as _};

/// Growing, jittered delays.
///
/// The policy keeps no state of its own: how often a key failed in a row is kept by the
/// [queue](crate::WorkQueue), in the slot the waiting key has anyway, and forgotten on success.
///
/// # Guarantees
///
/// - The delay after failure `n` (from 0) is `first * 2^n`, at most `longest`, spread evenly over ± `jitter` of that.
/// - No number of failures overflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The delay after the first failure, before jitter.
    pub first: Duration,
    /// The delay that is never exceeded, before jitter.
    pub longest: Duration,
    /// The share of the delay, from 0 to 1, by which it may be shorter or longer.
    pub jitter: f64,
}

/// Each failure doubles the delay: what AWS's guide to retries and client-go's rate limiter do.
const MULTIPLIER: f64 = 2.0;

impl Default for Backoff {
    /// - `first` 500 ms: the interval the `backoff` crate starts with, and longer than the time in which an AWS bucket
    ///   of 5 a second (ECS service modify, the slowest that a reconcile uses often) gives out two tokens.
    /// - `longest` 2 min: above the minute that GitHub asks for when it names no time itself, and as long as a person
    ///   who has mended the cause should have to wait.
    /// - `jitter` 0.5: the `backoff` crate's default; keys that failed together come back spread over a whole delay.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(120), jitter: 0.5 }
    }
}

impl Backoff {
    /// How long to wait after this failure, when the key had failed `failures` times in a row before it.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        // Above 2^63 the product is far beyond any `longest`; the bound keeps the power finite.
        let grown = self.first.as_secs_f64() * MULTIPLIER.powi(failures.min(63) as i32);
        let mut policy = ExponentialBackoff {
            current_interval: Duration::try_from_secs_f64(grown).unwrap_or(self.longest).min(self.longest),
            initial_interval: self.first,
            randomization_factor: self.jitter.clamp(0.0, 1.0),
            multiplier: MULTIPLIER,
            max_interval: self.longest,
            // A reconciler never gives up: level, not edge.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        policy.next_backoff().unwrap_or(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Within its bounds for every count of failures, also absurd ones.
        #[test]
        fn stays_within_its_bounds(failures in prop_oneof![0..20u32, any::<u32>()], jitter in 0.0..=1.0f64) {
            let backoff = Backoff { jitter, ..Backoff::default() };
            let plain = 0.5 * 2f64.powi(failures.min(30) as i32);
            let plain = plain.min(120.0);
            let delay = backoff.delay(failures).as_secs_f64();
            // One microsecond for the rounding of whole nanoseconds in floating point.
            prop_assert!(delay >= plain * (1.0 - jitter) - 1e-6, "{delay} after {failures}");
            prop_assert!(delay <= plain * (1.0 + jitter) + 1e-6, "{delay} after {failures}");
        }
    }

    #[test]
    fn doubles_until_the_longest() {
        let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
        let seconds: Vec<f64> = (0..10).map(|failures| backoff.delay(failures).as_secs_f64()).collect();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0, 120.0];
        for (delay, expected) in seconds.iter().zip(expected) {
            assert!((delay - expected).abs() < 1e-6, "{seconds:?}");
        }
    }

    #[test]
    fn keys_that_failed_together_come_back_apart() {
        let backoff = Backoff::default();
        let delays: Vec<Duration> = (0..50).map(|_| backoff.delay(4)).collect();
        let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        // Fifty draws over 4 s to 12 s that all fall within 2 s: 50 × 0.25^49.
        assert!(*most - *least > Duration::from_secs(2), "{delays:?}");
    }
}

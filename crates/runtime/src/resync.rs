//! The steady tick that finds what every event missed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The share of the period by which a tick may come earlier: a tenth keeps several instances, and the passes of one,
/// from falling into step, and keeps "gone within one resync" true, because a tick is never late.
const JITTER: f64 = 0.1;

/// A ticker with jitter that never catches up in a burst.
///
/// # Guarantees
///
/// - The first tick is immediate: a controller begins with a full look.
/// - Between two ticks there is at most one period, and at least nine tenths of one, counted from the earlier tick's
///   answer. A pass that takes longer than the period is followed by one tick at once, not by all that were missed.
/// - [`tick`](Self::tick) may be dropped half-way, as in a `select!`; the tick is not lost.
#[derive(Debug)]
pub struct Resync {
    period: Duration,
    next: Instant,
}

impl Resync {
    /// Ticks every `period`, less up to a tenth of it.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self { period, next: Instant::now() }
    }

    /// Waits for the next tick.
    pub async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.period.mul_f64(1.0 - JITTER * fastrand::f64());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::{advance, timeout};

    use super::*;

    const PERIOD: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn ticks_at_once_and_then_within_each_period() {
        let mut resync = Resync::new(PERIOD);
        assert!(resync.tick().now_or_never().is_some(), "the first tick is immediate");
        let mut gaps = Vec::new();
        for _ in 0..50 {
            let before = Instant::now();
            resync.tick().await;
            gaps.push(before.elapsed());
        }
        // tokio's timers have a resolution of one millisecond.
        let most = PERIOD + Duration::from_millis(1);
        assert!(gaps.iter().all(|&gap| gap >= PERIOD * 9 / 10 && gap <= most), "{gaps:?}");
        assert!(gaps.iter().any(|gap| *gap != gaps[0]), "there is jitter");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pass_is_followed_by_one_tick() {
        let mut resync = Resync::new(PERIOD);
        resync.tick().await;
        advance(10 * PERIOD).await;
        assert!(resync.tick().now_or_never().is_some());
        assert!(resync.tick().now_or_never().is_none(), "no burst");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_was_not_waited_for_is_not_lost() {
        let mut resync = Resync::new(PERIOD);
        resync.tick().await;
        let start = Instant::now();
        for _ in 0..100 {
            if timeout(Duration::from_secs(1), resync.tick()).await.is_ok() {
                break;
            }
        }
        assert!(start.elapsed() <= PERIOD + Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

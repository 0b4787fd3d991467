//! One bucket and the two queues before it: those whom somebody waits for, and those that stand back.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::Bucket;

/// A bucket and the queues before it. Without a queue every waiter would wake for each token, and the last to come
/// could be the first to go.
#[derive(Debug)]
pub(super) struct Turnstile {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, StateInformationMiddleware>,
    clock: TokioClock,
    queue: tokio::sync::Mutex<()>,
    /// How many are in `queue`, the first of them included.
    waiting: AtomicUsize,
    /// Those that stand back.
    behind: tokio::sync::Mutex<()>,
    /// When the last token was taken, and how many were left.
    taken: Mutex<(Instant, u32)>,
    burst: u32,
    /// What it takes for one token to flow back.
    a_token: Duration,
}

impl Turnstile {
    pub fn new(bucket: Bucket, factor: NonZeroU32) -> Self {
        let start = Instant::now();
        let clock = TokioClock { start };
        let (burst, sustained) = bucket.rate();
        let times = |rate: u32| NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN).saturating_mul(factor);
        let (burst, sustained) = (times(burst), times(sustained));
        let quota = Quota::per_second(sustained).allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(quota, clock).with_middleware::<StateInformationMiddleware>();
        Self {
            limiter,
            clock,
            queue: tokio::sync::Mutex::default(),
            waiting: AtomicUsize::new(0),
            behind: tokio::sync::Mutex::default(),
            taken: Mutex::new((start, burst.get())),
            burst: burst.get(),
            a_token: quota.replenish_interval(),
        }
    }

    /// Takes a token when its turn comes.
    pub async fn pass(&self) {
        let _counted = Waiting::among(&self.waiting);
        let _turn = self.queue.lock().await;
        while let Some(wait) = self.take() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a token when nobody is in the other queue and the bucket is full. So whoever comes next finds all of it but one
    /// token, and is one token late at most.
    pub async fn pass_behind(&self) {
        let _turn = self.behind.lock().await;
        loop {
            let wait = match self.until_full() {
                Duration::ZERO if self.waiting.load(Ordering::Acquire) == 0 => match self.take() {
                    None => return,
                    Some(wait) => wait,
                },
                // Those in front take what comes; look again when there may be one token more.
                wait => wait.max(self.a_token),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a token, or answers how long to wait for one.
    fn take(&self) -> Option<Duration> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.limiter.check() {
            Ok(state) => {
                *taken = (Instant::now(), state.remaining_burst_capacity());
                None
            }
            Err(not_yet) => Some(not_yet.wait_time_from(self.clock.now())),
        }
    }

    /// How long until the bucket is full, if nobody takes of it.
    fn until_full(&self) -> Duration {
        let (at, left) = *self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        (self.a_token * self.burst.saturating_sub(left)).saturating_sub(at.elapsed())
    }
}

/// One who waits in front, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::AcqRel);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tokio's clock, so that a bucket fills by the same time that the waiting is measured in, also when a test drives it.
#[derive(Clone, Copy, Debug)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }
}

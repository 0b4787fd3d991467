//! Turns: so many keys are worked on at once, and a key that waits for something slow is not one of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// A bounded number of turns, handed out in the order in which they were asked for.
///
/// # Guarantees
///
/// - At most so many turns are held at once. A turn that is [set aside](Turn::aside) is not held.
/// - First come, first served. That holds for a turn that comes back from aside too.
/// - Nothing is lost: a turn that is dropped, by a panic or an abort, is free again.
///
/// # Caveats
///
/// - How many wait aside is not bounded here. The number of workers bounds it.
#[derive(Debug)]
pub struct Turns {
    permits: Semaphore,
    waiting: AtomicUsize,
}

/// The right to work on one key.
#[derive(Debug)]
pub struct Turn<'a> {
    /// `None`: of a caller that needs no turn.
    turns: Option<&'a Turns>,
    permit: Option<SemaphorePermit<'a>>,
}

impl Turns {
    /// So many turns; zero counts as one.
    #[must_use]
    pub fn new(turns: usize) -> Self {
        Self { permits: Semaphore::new(turns.clamp(1, Semaphore::MAX_PERMITS)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn; `None` once the turns are [closed](Self::close). Dropped half-way, nothing was taken.
    pub async fn take(&self) -> Option<Turn<'_>> {
        let _waiting = Waiting::of(&self.waiting);
        let permit = self.permits.acquire().await.ok()?;
        Some(Turn { turns: Some(self), permit: Some(permit) })
    }

    /// How many callers wait for a turn now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Hands out no more turns. Turns that are held go on, and so do those that come back from aside. Closing twice is closing
    /// once.
    pub fn close(&self) {
        self.permits.close();
    }
}

impl Turn<'_> {
    /// The turn of a caller that works on one key after the other, so that nobody waits for it.
    #[must_use]
    pub const fn unlimited() -> Self {
        Turn { turns: None, permit: None }
    }

    /// Gives the turn to another key while `slow` runs, and takes a new one afterwards. Dropped half-way, no turn is held.
    pub async fn aside<T>(&mut self, slow: impl Future<Output = T>) -> T {
        drop(self.permit.take());
        let answer = slow.await;
        if let Some(turns) = self.turns {
            let _waiting = Waiting::of(&turns.waiting);
            // Closed turns let what is under way end.
            self.permit = turns.permits.acquire().await.ok();
        }
        answer
    }
}

/// Counts one caller for as long as it waits, dropped ones included.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::FutureExt as _;
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn no_more_turns_than_there_are_and_a_dropped_one_is_free() {
        let turns = Turns::new(1);
        let turn = turns.take().await.expect("a turn");
        assert!(turns.take().now_or_never().is_none());
        assert_eq!(turns.waiting(), 0, "a caller that was dropped waits no more");
        drop(turn);
        assert!(turns.take().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn a_turn_that_is_set_aside_is_another_keys() {
        let turns = Turns::new(1);
        let mut turn = turns.take().await.expect("a turn");
        let (answer, slow) = oneshot::channel();
        let mut aside = Box::pin(turn.aside(slow));
        assert!(aside.as_mut().now_or_never().is_none());
        let other = turns.take().now_or_never().flatten().expect("the turn that was set aside");
        answer.send(7).expect("the asker is there");
        assert!(aside.as_mut().now_or_never().is_none(), "it comes back when the other turn ends");
        drop(other);
        assert_eq!(aside.await, Ok(7));
        assert!(turns.take().now_or_never().is_none(), "it holds its turn again");
    }

    #[tokio::test]
    async fn closed_turns_let_what_is_under_way_end() {
        let turns = Turns::new(1);
        let mut turn = turns.take().await.expect("a turn");
        turns.close();
        assert_eq!(turn.aside(async { 7 }).await, 7);
        assert!(turns.take().await.is_none());
    }

    #[tokio::test]
    async fn an_unlimited_turn_waits_for_nobody() {
        let turns = Turns::new(1);
        let _held = turns.take().await.expect("a turn");
        assert_eq!(Turn::unlimited().aside(async { 7 }).now_or_never(), Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_slow_keys_delays_no_other() {
        let turns = Arc::new(Turns::new(2));
        for _ in 0..100 {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let mut turn = turns.take().await.expect("a turn");
                turn.aside(tokio::time::sleep(Duration::from_secs(5))).await;
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let began = Instant::now();
        drop(turns.take().await.expect("a turn"));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

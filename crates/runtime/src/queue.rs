//! The work queue: which key is handed out next, and never twice at once.

mod table;
mod timers;
mod work;

use std::{
    fmt::Debug,
    hash::Hash,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::coop::consume_budget,
    time::{Instant, sleep_until},
};

pub use self::work::Work;
use self::{
    table::{Next, Table},
    timers::SlotId,
};

/// How far ahead a key can be scheduled at most: 1 year. Later wishes are brought forward to it, which costs one
/// needless reconcile a year and keeps every deadline inside what tokio's timer wheel holds (about 2.2 years).
const FARTHEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A queue of keys to be reconciled. A clone is another handle on the same queue.
///
/// # Guarantees
///
/// - **Nothing is lost.** After [`add`](Self::add) the key is handed out at least once. A [`Work`] that is dropped
///   unfinished, by a panic or an abort, puts its key back.
/// - **Never twice at once.** While a key is handed out it is not handed out again. An `add` meanwhile marks it dirty:
///   it goes to the end of the line as soon as it is handed back, whatever the outcome asked for.
/// - **Each key is there once.** Adding a key a thousand times before it is handed out hands it out once.
/// - **The earliest time wins.** A key has one time. [`add_after`](Self::add_after) brings it forward and never puts it
///   off, and `add` is the earliest time there is. What a later time was meant for is for the reconcile that runs
///   earlier to ask for again: it sees the whole state and answers with its own [`Outcome`](crate::Outcome).
/// - **First due, first out.** Keys come out in the order in which they became due.
///
/// # Caveats
///
/// - A key that fails is found sooner than its backoff when somebody adds it. That is wanted: something changed.
/// - The memory of a key is reused when the key comes to rest, but not given back to the system.
/// - A key is cloned once each time it is handed out. Make it cheap to clone.
pub struct WorkQueue<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<K> {
    state: Mutex<State<K>>,
    /// Times inside the queue are nanoseconds since this one: half the size of an `Instant`.
    born: Instant,
    /// Wakes one waiting [`WorkQueue::next`]. One that takes a key and leaves another passes it on.
    ready: Notify,
    /// Wakes the timekeeper, when the next timer became an earlier one.
    earlier: Notify,
}

struct State<K> {
    table: Table<K>,
    /// Whether one of the waiting `next` calls watches the timers for all of them. If each did, every timer would wake
    /// every idle worker.
    timekeeper: bool,
    /// Whether a wake-up is on its way that no call has answered by a look yet. That one look passes it on if there is
    /// more to do, so a thousand adds in a row wake one worker and not a thousand times one.
    waking: bool,
    closed: bool,
}

/// What the queue looks like at one moment, for metrics and for the curious.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSnapshot {
    /// Keys that could be handed out now (`workqueue_depth`).
    pub ready: usize,
    /// Keys that wait for their time.
    pub waiting: usize,
    /// Keys that are handed out.
    pub running: usize,
    /// For how long the first key in line has been due; zero if the line is empty.
    pub oldest_ready: Duration,
    /// For how long the longest running key has been handed out; zero if none is.
    pub longest_running: Duration,
    /// Every `add` and `add_after` so far, duplicates counted (`workqueue_adds_total`).
    pub adds_total: u64,
    /// Every key handed out so far.
    pub handed_out_total: u64,
    /// Every key handed back as failed so far (`workqueue_retries_total`).
    pub retries_total: u64,
}

impl<K: Hash + Eq + Clone> WorkQueue<K> {
    /// An empty queue. It must live inside a tokio runtime with time enabled once [`next`](Self::next) is called.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State { table: Table::new(), timekeeper: false, waking: false, closed: false }),
                born: Instant::now(),
                ready: Notify::new(),
                earlier: Notify::new(),
            }),
        }
    }

    /// Wants `key` looked at now. Doing it again before the key is handed out changes nothing.
    pub fn add(&self, key: K) {
        let now = self.now();
        let mut state = self.lock();
        let next_due = state.table.next_due();
        state.table.add(key, now);
        self.announce(state, next_due);
    }

    /// Wants `key` looked at not later than `delay` from now. If it is already due, or due earlier, nothing changes.
    pub fn add_after(&self, key: K, delay: Duration) {
        let now = self.now();
        let mut state = self.lock();
        let next_due = state.table.next_due();
        state.table.add_at(key, now + nanos(delay), now);
        self.announce(state, next_due);
    }

    /// The key that has been due for the longest time, as soon as there is one; `None` once the queue is closed.
    ///
    /// Any number of tasks may wait here. A call that is dropped has taken nothing.
    pub async fn next(&self) -> Option<Work<K>> {
        // An always full queue would otherwise let one worker keep its thread for ever.
        consume_budget().await;
        loop {
            // In this order, so that a wake-up between the look and the wait is not missed.
            let woken = self.shared.ready.notified();
            let next_due = match self.look() {
                Look::Closed => return None,
                Look::Found(work) => return Some(work),
                Look::Nothing => {
                    woken.await;
                    continue;
                }
                Look::KeepTime(next_due) => next_due,
            };
            let timekeeper = Timekeeper { queue: self };
            let mut woken = pin!(woken);
            match next_due {
                Some(at) => tokio::select! {
                    () = &mut woken => {}
                    () = self.shared.earlier.notified() => {}
                    () = sleep_until(self.shared.born + Duration::from_nanos(at)) => {}
                },
                None => tokio::select! {
                    () = &mut woken => {}
                    () = self.shared.earlier.notified() => {}
                },
            }
            timekeeper.resign();
        }
    }

    /// Hands out no more: every waiting and every later [`next`](Self::next) answers `None`. What is handed out may
    /// still be handed back, and keys may still be added, to no effect. Closing twice is closing once; a closed queue
    /// stays closed.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.ready.notify_waiters();
    }

    /// What the queue looks like now. Looks at every key once, so ask as often as metrics are scraped, not per key.
    #[must_use]
    pub fn snapshot(&self) -> QueueSnapshot {
        let now = self.now();
        let mut state = self.lock();
        // Nobody may have been idle to move what became due meanwhile.
        state.table.move_due(now);
        let age = |since: Option<u64>| Duration::from_nanos(since.map_or(0, |since| now.saturating_sub(since)));
        let table = &state.table;
        QueueSnapshot {
            ready: table.ready_len(),
            waiting: table.waiting_len(),
            running: table.running_len(),
            oldest_ready: age(table.oldest_ready()),
            longest_running: age(table.running().map(|(_, since)| since).min()),
            adds_total: table.totals.adds,
            handed_out_total: table.totals.handed_out,
            retries_total: table.totals.retries,
        }
    }

    /// The keys that are handed out now, in no particular order.
    #[must_use]
    pub fn running(&self) -> Vec<K> {
        self.lock().table.running().map(|(key, _)| key.clone()).collect()
    }

    fn look(&self) -> Look<K> {
        let now = self.now();
        let mut state = self.lock();
        if state.closed {
            return Look::Closed;
        }
        state.waking = false;
        if let Some((slot, key)) = state.table.hand_out(now) {
            // Whoever takes a key sees to it that the next key, or the timers, get somebody too.
            if state.table.ready_len() > 0 || (!state.timekeeper && state.table.next_due().is_some()) {
                self.wake_one(state);
            }
            return Look::Found(Work::new(self.clone(), slot, key));
        }
        if state.timekeeper {
            return Look::Nothing;
        }
        state.timekeeper = true;
        Look::KeepTime(state.table.next_due())
    }

    fn hand_back(&self, slot: SlotId, next: impl FnOnce(u64) -> Next) {
        let now = self.now();
        let mut state = self.lock();
        let next_due = state.table.next_due();
        state.table.hand_back(slot, next(now), now);
        self.announce(state, next_due);
    }

    /// Wakes who has to know what changed since the next timer was `next_due`.
    fn announce(&self, state: MutexGuard<'_, State<K>>, next_due: Option<u64>) {
        let earlier = match (state.table.next_due(), next_due) {
            (Some(new), Some(old)) => new < old,
            (new, _) => new.is_some(),
        };
        if earlier && state.timekeeper {
            self.shared.earlier.notify_one();
        }
        // Without a timekeeper, whoever is idle becomes it.
        if state.table.ready_len() > 0 || (earlier && !state.timekeeper) {
            self.wake_one(state);
        }
    }

    /// Makes one waiting call look, or the next one that comes.
    fn wake_one(&self, mut state: MutexGuard<'_, State<K>>) {
        if !std::mem::replace(&mut state.waking, true) {
            drop(state);
            self.shared.ready.notify_one();
        }
    }

    fn now(&self) -> u64 {
        self.shared.born.elapsed().as_nanos() as u64
    }
}

impl<K> WorkQueue<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Only a panic in a key's own `Hash`, `Eq` or `Clone` could poison it; the other keys go on.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Default for WorkQueue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq + Clone> Debug for WorkQueue<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.snapshot().fmt(f)
    }
}

enum Look<K: Hash + Eq + Clone> {
    Closed,
    Found(Work<K>),
    /// Nothing is due, and another call watches the timers.
    Nothing,
    /// Nothing is due, and this call watches the timers, of which the next is due then.
    KeepTime(Option<u64>),
}

/// The role of watching the timers, held by one waiting `next` call.
struct Timekeeper<'a, K> {
    queue: &'a WorkQueue<K>,
}

impl<K> Timekeeper<'_, K> {
    /// Gives the role up. The caller looks again at once, and takes the role back or leaves it to another then: waking
    /// one here would wake a lone caller itself, for ever.
    fn resign(self) {
        self.queue.lock().timekeeper = false;
        std::mem::forget(self);
    }
}

impl<K> Drop for Timekeeper<'_, K> {
    /// The `next` call was dropped while it waited: another idle one has to take over.
    fn drop(&mut self) {
        self.queue.lock().timekeeper = false;
        self.queue.shared.ready.notify_one();
    }
}

fn nanos(delay: Duration) -> u64 {
    delay.min(FARTHEST).as_nanos() as u64
}

#[cfg(test)]
mod tests;

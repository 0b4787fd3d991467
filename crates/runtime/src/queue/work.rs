//! A key that is handed out, and the ways to hand it back.

use std::{fmt::Debug, hash::Hash, time::Duration};

use super::{WorkQueue, nanos, table::Next, timers::SlotId};

/// A key that is handed out. Hand it back with one of the methods that take `self`.
///
/// Dropped without that, it goes to the end of the line at once: a reconcile that was broken off is repeated.
#[must_use = "a key that is dropped unfinished is handed out again"]
pub struct Work<K: Hash + Eq + Clone> {
    queue: WorkQueue<K>,
    slot: SlotId,
    key: Option<K>,
    handed_back: bool,
}

impl<K: Hash + Eq + Clone> Work<K> {
    pub(super) fn new(queue: WorkQueue<K>, slot: SlotId, key: K) -> Self {
        Self { queue, slot, key: Some(key), handed_back: false }
    }

    /// The key to be reconciled.
    ///
    /// # Panics
    ///
    /// After [`take_key`](Self::take_key).
    pub fn key(&self) -> &K {
        self.key.as_ref().expect("the key was taken out of this work")
    }

    /// The key by value, to save a clone.
    ///
    /// # Panics
    ///
    /// When called twice.
    pub fn take_key(&mut self) -> K {
        self.key.take().expect("the key was taken out of this work")
    }

    /// How often this key failed in a row before it was handed out.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.queue.lock().table.failures(self.slot)
    }

    /// Done: the key rests until somebody adds it. Its failures are forgotten.
    pub fn done(self) {
        self.hand_back(|_| Next::Rest);
    }

    /// Done: the key is looked at again after `delay`, or earlier if somebody adds it. Its failures are forgotten.
    pub fn requeue_after(self, delay: Duration) {
        self.hand_back(|now| Next::At(now + nanos(delay)));
    }

    /// Failed: the key is looked at again after `delay`, or earlier if somebody adds it. One more failure is counted.
    pub fn retry_after(self, delay: Duration) {
        self.hand_back(|now| Next::RetryAt(now + nanos(delay)));
    }

    /// Gives the work its key back after [`take_key`](Self::take_key), for the log line of one that panicked.
    pub(crate) fn restore_key(&mut self) -> &K {
        let Self { queue, slot, key, .. } = self;
        key.get_or_insert_with(|| queue.lock().table.key(*slot).clone())
    }

    fn hand_back(mut self, next: impl FnOnce(u64) -> Next) {
        self.handed_back = true;
        self.queue.hand_back(self.slot, next);
    }
}

impl<K: Hash + Eq + Clone> Drop for Work<K> {
    fn drop(&mut self) {
        if !self.handed_back {
            self.queue.hand_back(self.slot, |_| Next::Again);
        }
    }
}

impl<K: Hash + Eq + Clone + Debug> Debug for Work<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("key", &self.key).finish_non_exhaustive()
    }
}

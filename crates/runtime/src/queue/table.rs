//! The rules of the queue, without a clock, a lock or a waker: every call is told what time it is.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hash, RandomState},
};

use hashbrown::{HashTable, hash_table::Entry};

use super::timers::{SlotId, Timers};

/// Where a key stands. A key without a slot is unknown to the queue: it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The slot is unused.
    Free,
    /// Has a timer, is not in the ready line.
    Waiting,
    /// In the ready line, has no timer.
    Ready,
    /// Handed out. May have a timer, for a wish to look again at a later time.
    Running,
    /// Handed out, and wanted again as soon as it comes back. Has no timer: nothing is earlier than that.
    RunningDirty,
}

#[derive(Debug)]
struct Slot<K> {
    /// `None` only while the slot is free.
    key: Option<K>,
    /// Ready: when it became due. Running: when it was handed out. Nanoseconds since the queue was made.
    since: u64,
    /// Failures in a row.
    failures: u32,
    state: State,
}

/// What becomes of a key that is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It rests until somebody adds it.
    Rest,
    /// It is looked at again at this time.
    At(u64),
    /// It failed, and is looked at again at this time.
    RetryAt(u64),
    /// It was not finished: it goes to the end of the line, and its failures stay as they were.
    Again,
}

/// Everything that was ever counted, for the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub adds: u64,
    pub handed_out: u64,
    pub retries: u64,
}

/// All keys the queue knows, each stored once.
#[derive(Debug)]
pub(super) struct Table<K> {
    slots: Vec<Slot<K>>,
    free: Vec<SlotId>,
    index: HashTable<SlotId>,
    hasher: RandomState,
    /// Oldest first. Kept in order of the time a key became due: every call moves due timers here before it adds.
    ready: VecDeque<SlotId>,
    timers: Timers,
    running: usize,
    pub(super) totals: Totals,
}

impl<K: Hash + Eq + Clone> Table<K> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            running: 0,
            totals: Totals::default(),
        }
    }

    /// Wants `key` looked at now.
    pub(super) fn add(&mut self, key: K, now: u64) {
        self.totals.adds += 1;
        self.move_due(now);
        let slot = self.slot_of(key);
        match self.slots[slot as usize].state {
            State::Free => self.make_ready(slot, now),
            State::Waiting => {
                self.timers.remove(slot);
                self.make_ready(slot, now);
            }
            State::Running => {
                self.timers.remove(slot);
                self.slots[slot as usize].state = State::RunningDirty;
            }
            State::Ready | State::RunningDirty => {}
        }
    }

    /// Wants `key` looked at not later than `at`.
    pub(super) fn add_at(&mut self, key: K, at: u64, now: u64) {
        if at <= now {
            return self.add(key, now);
        }
        self.totals.adds += 1;
        self.move_due(now);
        let slot = self.slot_of(key);
        match self.slots[slot as usize].state {
            State::Free => {
                self.slots[slot as usize].state = State::Waiting;
                self.timers.set_earlier(slot, at);
            }
            State::Waiting | State::Running => self.timers.set_earlier(slot, at),
            State::Ready | State::RunningDirty => {}
        }
    }

    /// Hands out the key that has been due for the longest time.
    pub(super) fn hand_out(&mut self, now: u64) -> Option<(SlotId, K)> {
        self.move_due(now);
        let id = self.ready.pop_front()?;
        let slot = &mut self.slots[id as usize];
        slot.state = State::Running;
        slot.since = now;
        let key = slot.key.clone().expect("a ready slot holds its key until it is freed");
        self.running += 1;
        self.totals.handed_out += 1;
        Some((id, key))
    }

    /// Takes back what [`Self::hand_out`] gave. Each slot handed out is handed back once.
    pub(super) fn hand_back(&mut self, id: SlotId, next: Next, now: u64) {
        self.move_due(now);
        self.running -= 1;
        let slot = &mut self.slots[id as usize];
        match next {
            Next::RetryAt(_) => {
                slot.failures = slot.failures.saturating_add(1);
                self.totals.retries += 1;
            }
            Next::Rest | Next::At(_) => slot.failures = 0,
            Next::Again => {}
        }
        if slot.state == State::RunningDirty {
            return self.make_ready(id, now);
        }
        match next {
            Next::At(at) | Next::RetryAt(at) if at > now => {
                slot.state = State::Waiting;
                self.timers.set_earlier(id, at);
            }
            Next::Again | Next::At(_) | Next::RetryAt(_) => {
                self.timers.remove(id);
                self.make_ready(id, now);
            }
            Next::Rest if self.timers.contains(id) => slot.state = State::Waiting,
            Next::Rest => self.forget(id),
        }
    }

    /// The key in a slot that is handed out.
    pub(super) fn key(&self, id: SlotId) -> &K {
        self.slots[id as usize].key.as_ref().expect("a slot that is handed out has a key")
    }

    /// How often the key in this slot failed in a row.
    pub(super) fn failures(&self, id: SlotId) -> u32 {
        self.slots[id as usize].failures
    }

    /// When the next timer is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.timers.earliest()
    }

    pub(super) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn waiting_len(&self) -> usize {
        // A running key with a timer is counted as running.
        self.index.len() - self.ready.len() - self.running
    }

    pub(super) fn running_len(&self) -> usize {
        self.running
    }

    /// Since when the first in line has been due.
    pub(super) fn oldest_ready(&self) -> Option<u64> {
        self.ready.front().map(|&id| self.slots[id as usize].since)
    }

    /// Every key that is handed out, with the time at which it was. Looks at every slot.
    pub(super) fn running(&self) -> impl Iterator<Item = (&K, u64)> {
        self.slots
            .iter()
            .filter(|slot| matches!(slot.state, State::Running | State::RunningDirty))
            .filter_map(|slot| slot.key.as_ref().map(|key| (key, slot.since)))
    }

    /// Moves every timer that is due into the ready line; a running key becomes dirty instead.
    pub(super) fn move_due(&mut self, now: u64) {
        while let Some((at, id)) = self.timers.pop_due(now) {
            match self.slots[id as usize].state {
                State::Running => self.slots[id as usize].state = State::RunningDirty,
                _ => self.make_ready(id, at),
            }
        }
    }

    fn make_ready(&mut self, id: SlotId, since: u64) {
        let slot = &mut self.slots[id as usize];
        slot.state = State::Ready;
        slot.since = since;
        self.ready.push_back(id);
    }

    /// The slot of `key`; a new one in state [`State::Free`] if it has none.
    fn slot_of(&mut self, key: K) -> SlotId {
        let Self { slots, free, index, hasher, .. } = self;
        let hash = hasher.hash_one(&key);
        let same = |&id: &SlotId| slots[id as usize].key.as_ref() == Some(&key);
        let rehash =
            |&id: &SlotId| hasher.hash_one(slots[id as usize].key.as_ref().expect("an indexed slot has a key"));
        match index.entry(hash, same, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let id = free.pop().unwrap_or(slots.len() as SlotId);
                entry.insert(id);
                let slot = Slot { key: Some(key), since: 0, failures: 0, state: State::Free };
                match slots.get_mut(id as usize) {
                    Some(unused) => *unused = slot,
                    None => slots.push(slot),
                }
                id
            }
        }
    }

    fn forget(&mut self, id: SlotId) {
        let slot = &mut self.slots[id as usize];
        slot.state = State::Free;
        let key = slot.key.take().expect("a used slot has a key");
        let hash = self.hasher.hash_one(&key);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        self.free.push(id);
    }
}

#[cfg(test)]
mod tests;

//! A heap of deadlines, at most one for each slot, from which a slot can be taken out again.
//!
//! A plain binary heap with stale entries left inside would be shorter, but a resync makes every waiting key earlier
//! than its timer, so stale entries would pile up faster than they expire. Here a moved deadline is moved.

/// The index of a slot in the queue's table.
pub(super) type SlotId = u32;

/// Four children a node: the tree is half as deep as a binary one and a node's children lie in one cache line.
const FANOUT: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// Nanoseconds since the queue was made.
    at: u64,
    slot: SlotId,
}

/// Deadlines ordered by time. Equal times come out in no particular order.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<Timer>,
    /// Where the timer of each slot is in `heap`; [`ABSENT`] if it has none.
    position: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl Timers {
    /// The earliest deadline.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.heap.first().map(|timer| timer.at)
    }

    /// Sets the deadline of `slot`, or moves it forward. A deadline that is already earlier stays.
    pub(super) fn set_earlier(&mut self, slot: SlotId, at: u64) {
        let index = slot as usize;
        if self.position.len() <= index {
            self.position.resize(index + 1, ABSENT);
        }
        let place = match self.position[index] {
            ABSENT => {
                self.heap.push(Timer { at, slot });
                self.heap.len() - 1
            }
            place => {
                let place = place as usize;
                if self.heap[place].at <= at {
                    return;
                }
                self.heap[place].at = at;
                place
            }
        };
        self.rise(place);
    }

    /// Takes the deadline of `slot` away, if it has one.
    pub(super) fn remove(&mut self, slot: SlotId) {
        if let Some(&place) = self.position.get(slot as usize)
            && place != ABSENT
        {
            self.take(place as usize);
        }
    }

    /// Whether `slot` has a deadline.
    pub(super) fn contains(&self, slot: SlotId) -> bool {
        self.position.get(slot as usize).is_some_and(|&place| place != ABSENT)
    }

    /// Takes the earliest deadline that is not after `now`, with its slot.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<(u64, SlotId)> {
        let first = *self.heap.first()?;
        if first.at > now {
            return None;
        }
        self.take(0);
        Some((first.at, first.slot))
    }

    fn take(&mut self, place: usize) {
        let removed = self.heap.swap_remove(place);
        self.position[removed.slot as usize] = ABSENT;
        if place < self.heap.len() {
            // What was last now fills the hole, and may belong above or below it.
            let place = self.sink(place);
            self.rise(place);
        }
    }

    fn rise(&mut self, mut place: usize) -> usize {
        let timer = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / FANOUT;
            if self.heap[parent].at <= timer.at {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, timer);
        place
    }

    fn sink(&mut self, mut place: usize) -> usize {
        let timer = self.heap[place];
        loop {
            let first = place * FANOUT + 1;
            let last = (first + FANOUT).min(self.heap.len());
            let Some(least) = (first..last).min_by_key(|&child| self.heap[child].at) else {
                break;
            };
            if self.heap[least].at >= timer.at {
                break;
            }
            self.put(place, self.heap[least]);
            place = least;
        }
        self.put(place, timer);
        place
    }

    fn put(&mut self, place: usize, timer: Timer) {
        self.heap[place] = timer;
        self.position[timer.slot as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(SlotId, u64),
        Remove(SlotId),
        Pop(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..40u32, 0..100u64).prop_map(|(slot, at)| Step::Set(slot, at)),
            2 => (0..40u32).prop_map(Step::Remove),
            2 => (0..100u64).prop_map(Step::Pop),
        ]
    }

    proptest! {
        /// Whatever is set, moved and removed, the heap gives what a sorted map would.
        #[test]
        fn agrees_with_a_sorted_map(steps in prop::collection::vec(step(), 1..400)) {
            let mut timers = Timers::default();
            let mut model: BTreeMap<SlotId, u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(slot, at) => {
                        timers.set_earlier(slot, at);
                        model.entry(slot).and_modify(|old| *old = at.min(*old)).or_insert(at);
                    }
                    Step::Remove(slot) => {
                        timers.remove(slot);
                        model.remove(&slot);
                    }
                    Step::Pop(now) => match timers.pop_due(now) {
                        Some((at, slot)) => {
                            prop_assert!(at <= now);
                            prop_assert_eq!(Some(at), model.values().min().copied());
                            prop_assert_eq!(model.remove(&slot), Some(at));
                        }
                        None => prop_assert!(model.values().all(|&at| at > now)),
                    },
                }
                prop_assert_eq!(timers.heap.len(), model.len());
                prop_assert_eq!(timers.earliest(), model.values().min().copied());
                for slot in 0..40 {
                    prop_assert_eq!(timers.contains(slot), model.contains_key(&slot));
                }
            }
        }
    }
}

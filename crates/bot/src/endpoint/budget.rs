//! The budget of bytes for what was read of strangers and not verified yet.
//!
//! All bodies share it. A body takes from it as its bytes arrive, in steps, and never by the length that it claims. Each
//! body may begin even if the large ones have used up their part, so a delivery of the usual size is not refused because of
//! them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The budget: room for two of the largest deliveries that GitHub sends (25 MB), and for the beginning of every other.
pub(super) const BUDGET: usize = 64 * 1024 * 1024;

/// What is kept for beginnings: 256 of them, as many as there are connections by default.
const FOR_BEGINNINGS: usize = 16 * 1024 * 1024;

/// The beginning of a body. GitHub's example payloads have 6 to 30 KB.
pub(super) const BEGINNING: usize = 64 * 1024;

/// A budget of bytes. A clone is the same budget.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    used: Arc<AtomicUsize>,
    most: usize,
    /// What of it bodies may use that are longer than a beginning.
    for_long: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(BUDGET, FOR_BEGINNINGS)
    }
}

impl Budget {
    /// A budget of `most` bytes, of which long bodies leave some for beginnings.
    pub fn of(most: usize, for_beginnings: usize) -> Self {
        Self { used: Arc::default(), most, for_long: most.saturating_sub(for_beginnings) }
    }

    /// A reservation of nothing yet.
    pub fn open(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }

    /// How many bytes are reserved.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// The part of the budget that one body has. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Reservation {
    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows to `bytes`. Returns false, and stays as it is, when the budget is spent. A smaller number changes nothing.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.bytes) else { return true };
        let most = if bytes > BEGINNING { self.budget.for_long } else { self.budget.most };
        let fits = |used: usize| used.checked_add(more).filter(|used| *used <= most);
        let reserved = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if reserved {
            self.bytes = bytes;
        }
        reserved
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_can_begin_when_the_long_ones_have_used_up_their_part() {
        let budget = Budget::of(4 * BEGINNING, BEGINNING);
        let mut long = budget.open();
        assert!(long.grow_to(3 * BEGINNING));
        assert!(!long.grow_to(3 * BEGINNING + 1), "the rest is for beginnings");
        assert_eq!(long.bytes(), 3 * BEGINNING, "it stays as it is");
        let mut short = budget.open();
        assert!(short.grow_to(BEGINNING) && !short.grow_to(BEGINNING + 1));
        assert!(!budget.open().grow_to(1), "it is spent");
        drop(long);
        assert!(short.grow_to(2 * BEGINNING));
        drop(short);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_default_has_room_for_the_largest_delivery_and_for_the_beginning_of_each_connection() {
        let budget = Budget::default();
        let mut large = budget.open();
        assert!(large.grow_to(super::super::body::MAX_BODY));
        let beginnings: Vec<_> = (0..256).map(|_| budget.open()).collect();
        for mut beginning in beginnings {
            assert!(beginning.grow_to(BEGINNING));
        }
    }

    proptest! {
        /// Whatever grows and ends in whatever order: what is used is exactly what the bodies have, and never more than all.
        #[test]
        fn what_is_used_is_the_sum_of_all_and_never_above_the_budget(
            steps in proptest::collection::vec((0..8usize, proptest::option::of(0..3 * BEGINNING)), 0..200),
        ) {
            let budget = Budget::of(6 * BEGINNING, 2 * BEGINNING);
            let mut bodies: Vec<Option<Reservation>> = (0..8).map(|_| None).collect();
            for (body, step) in steps {
                match step {
                    None => bodies[body] = None,
                    Some(bytes) => {
                        let body = bodies[body].get_or_insert_with(|| budget.open());
                        let before = body.bytes();
                        let grew = body.grow_to(bytes);
                        prop_assert_eq!(body.bytes(), if grew { before.max(bytes) } else { before });
                    }
                }
                let sum: usize = bodies.iter().flatten().map(Reservation::bytes).sum();
                prop_assert_eq!(budget.used(), sum);
                prop_assert!(sum <= 6 * BEGINNING);
                let long = bodies.iter().flatten().map(Reservation::bytes).filter(|bytes| *bytes > BEGINNING);
                prop_assert!(long.sum::<usize>() <= 4 * BEGINNING);
            }
            bodies.clear();
            prop_assert_eq!(budget.used(), 0);
        }
    }
}

//! How many services may still be deleted before the next pass, whoever deletes them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::ItemKey;

/// For how many passes a place is kept for a person's wish that found no room. It is taken in the next one, unless the
/// record is gone by then.
const KEPT_FOR: u8 = 2;

/// The deletions that are left between two passes (`guardrails.max_deletions_per_pass`).
#[derive(Debug)]
pub(crate) struct Allowance {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: usize,
    /// Wishes of people that found no room, and for how many passes a place is kept for them.
    people: HashMap<ItemKey, u8>,
}

impl Allowance {
    /// All of it is left.
    pub fn new(most: usize) -> Self {
        Self { most, state: Mutex::new(State { left: most, people: HashMap::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pass begins: all of it is left again, less what is kept for people who wait.
    pub fn renew(&self) {
        let mut state = self.state();
        state.left = self.most;
        state.people.retain(|_, passes| {
            *passes = passes.saturating_sub(1);
            *passes > 0
        });
    }

    /// What guardrails may still delete.
    pub fn left(&self) -> usize {
        let state = self.state();
        state.left.saturating_sub(state.people.len())
    }

    /// Takes one for a guardrail, if there is one that nobody waits for.
    pub fn take(&self) -> bool {
        let mut state = self.state();
        let free = state.left > state.people.len();
        state.left -= usize::from(free);
        free
    }

    /// Takes one for a person's `down`. Refused, it comes before every guardrail after the next pass began.
    pub fn take_for_person(&self, key: &ItemKey) -> bool {
        let mut state = self.state();
        let free = state.left > 0;
        match free {
            true => {
                state.left -= 1;
                state.people.remove(key);
            }
            false => drop(state.people.insert(key.clone(), KEPT_FOR)),
        }
        free
    }

    /// A deletion that was surely not done.
    pub fn give_back(&self) {
        let mut state = self.state();
        state.left = (state.left + 1).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_found_no_room_comes_first_in_the_next_pass() {
        let allowance = Allowance::new(2);
        let key = ItemKey { repo: "a/b".into(), pr: "1".into() };
        assert!(allowance.take() && allowance.take() && !allowance.take());
        assert!(!allowance.take_for_person(&key));
        allowance.renew();
        assert!(allowance.take() && !allowance.take(), "one is kept for the person");
        assert!(allowance.take_for_person(&key) && !allowance.take_for_person(&key));
    }

    #[test]
    fn a_place_is_not_kept_for_ever() {
        let allowance = Allowance::new(1);
        assert!(allowance.take());
        assert!(!allowance.take_for_person(&ItemKey { repo: "a/b".into(), pr: "1".into() }));
        allowance.renew();
        assert!(!allowance.take());
        allowance.renew();
        assert!(allowance.take());
    }
}

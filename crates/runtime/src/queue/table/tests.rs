//! The table beside a model of its rules in their plainest form.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

type Key = u8;

#[derive(Clone, Debug)]
enum Step {
    Add(Key),
    AddAfter(Key, u64),
    Advance(u64),
    HandOut,
    /// Hands back one of those that are out, chosen by the number.
    HandBack(usize, Ending),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Rest,
    After(u64),
    RetryAfter(u64),
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        Just(Ending::Rest),
        (0..20u64).prop_map(Ending::After),
        (0..20u64).prop_map(Ending::RetryAfter),
        Just(Ending::Again),
    ];
    prop_oneof![
        3 => (0..8u8).prop_map(Step::Add),
        3 => (0..8u8, 0..20u64).prop_map(|(key, delay)| Step::AddAfter(key, delay)),
        2 => (1..10u64).prop_map(Step::Advance),
        4 => Just(Step::HandOut),
        3 => (any::<usize>(), ending).prop_map(|(which, ending)| Step::HandBack(which, ending)),
    ]
}

/// The rules in their plainest form: each key has at most one time at which it is wanted.
#[derive(Default)]
struct Model {
    wanted: HashMap<Key, u64>,
    running: HashSet<Key>,
    failures: HashMap<Key, u32>,
}

impl Model {
    fn want(&mut self, key: Key, at: u64) {
        self.wanted.entry(key).and_modify(|old| *old = at.min(*old)).or_insert(at);
    }

    fn due(&self, now: u64) -> impl Iterator<Item = (Key, u64)> {
        let due = self.wanted.iter().filter(move |&(key, &at)| at <= now && !self.running.contains(key));
        due.map(|(&key, &at)| (key, at))
    }

    fn hand_back(&mut self, key: Key, ending: Ending, now: u64) {
        self.running.remove(&key);
        // What became due meanwhile is due from now on.
        self.wanted.entry(key).and_modify(|at| *at = now.max(*at));
        match ending {
            Ending::Rest => {}
            Ending::After(delay) | Ending::RetryAfter(delay) => self.want(key, now + delay),
            Ending::Again => self.want(key, now),
        }
        match ending {
            Ending::Rest | Ending::After(_) => drop(self.failures.remove(&key)),
            Ending::RetryAfter(_) => *self.failures.entry(key).or_default() += 1,
            Ending::Again => {}
        }
    }
}

proptest! {
    /// Nothing lost, never twice at once, once each, earliest wins, first due first out: the table does what the
    /// model says after every step, and in the end everything wanted comes out.
    #[test]
    fn agrees_with_the_plain_rules(steps in prop::collection::vec(step(), 1..300)) {
        let mut table = Table::new();
        let mut model = Model::default();
        let mut out: Vec<(SlotId, Key)> = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Add(key) => {
                    table.add(key, now);
                    model.want(key, now);
                }
                Step::AddAfter(key, delay) => {
                    table.add_at(key, now + delay, now);
                    model.want(key, now + delay);
                }
                Step::Advance(by) => now += by,
                Step::HandOut => match table.hand_out(now) {
                    None => prop_assert_eq!(model.due(now).count(), 0),
                    Some((slot, key)) => {
                        prop_assert!(!model.running.contains(&key), "{key} handed out twice at once");
                        let earliest = model.due(now).map(|(_, at)| at).min();
                        prop_assert_eq!(model.wanted.remove(&key), earliest, "{} was not first", key);
                        prop_assert_eq!(table.failures(slot), model.failures.get(&key).copied().unwrap_or(0));
                        model.running.insert(key);
                        out.push((slot, key));
                    }
                },
                Step::HandBack(which, ending) if !out.is_empty() => {
                    let (slot, key) = out.swap_remove(which % out.len());
                    let next = match ending {
                        Ending::Rest => Next::Rest,
                        Ending::After(delay) => Next::At(now + delay),
                        Ending::RetryAfter(delay) => Next::RetryAt(now + delay),
                        Ending::Again => Next::Again,
                    };
                    table.hand_back(slot, next, now);
                    model.hand_back(key, ending, now);
                }
                Step::HandBack(..) => {}
            }
            table.move_due(now);
            let due: Vec<(Key, u64)> = model.due(now).collect();
            prop_assert_eq!(table.ready_len(), due.len());
            prop_assert_eq!(table.oldest_ready(), due.iter().map(|&(_, at)| at).min());
            prop_assert_eq!(table.running_len(), model.running.len());
            let waiting = model.wanted.iter().filter(|&(key, &at)| at > now && !model.running.contains(key));
            prop_assert_eq!(table.waiting_len(), waiting.count());
            let running: HashSet<Key> = table.running().map(|(&key, _)| key).collect();
            prop_assert_eq!(&running, &model.running);
        }
        // Everything comes back and rests, all times pass: each key that is still wanted comes out once.
        for (slot, key) in out.drain(..) {
            table.hand_back(slot, Next::Rest, now);
            model.hand_back(key, Ending::Rest, now);
        }
        while let Some((slot, key)) = table.hand_out(now + 1_000) {
            prop_assert!(model.wanted.remove(&key).is_some());
            table.hand_back(slot, Next::Rest, now + 1_000);
        }
        prop_assert!(model.wanted.is_empty(), "lost: {:?}", model.wanted);
        prop_assert_eq!(table.index.len(), 0);
        prop_assert_eq!(table.free.len(), table.slots.len());
    }
}

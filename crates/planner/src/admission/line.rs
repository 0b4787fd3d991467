//! The order of those who wait, so that the first of them and the position of any are found without going through all.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use bivouac_model::{ItemKey, Place};
use chrono::{DateTime, Utc};

/// The turn of an environment: since when it waits, when it was asked for, and which it is.
pub(super) type Turn = (DateTime<Utc>, Option<DateTime<Utc>>, ItemKey);

/// An environment in the line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    /// Its turn.
    pub turn: Turn,
    /// Who asked for it.
    pub user: Option<String>,
    /// What it needs, and until when.
    pub place: Place,
    /// When it is over.
    pub until: DateTime<Utc>,
}

/// The environments that wait, in order. Each change costs the logarithm of their number, except a change in the middle of a
/// long line, which also moves pointers in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Waitlist {
    all: HashMap<ItemKey, Waiting>,
    /// Every turn, in order: a turn's index is its position. A new turn comes last, and the first leaves first.
    order: VecDeque<Turn>,
    /// The turns of each person, and of those who are not known.
    of_user: HashMap<Option<String>, BTreeSet<Turn>>,
    /// The first turn of each person who may have more.
    heads: BTreeSet<Turn>,
    /// Persons who have as many as one may.
    full: HashSet<String>,
    ends: BTreeSet<(DateTime<Utc>, ItemKey)>,
}

impl Waitlist {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The turn of an environment that waits.
    pub fn turn(&self, key: &ItemKey) -> Option<&Turn> {
        self.all.get(key).map(|waiting| &waiting.turn)
    }

    /// How many are before a turn.
    pub fn position(&self, turn: &Turn) -> usize {
        self.order.partition_point(|other| other < turn)
    }

    /// Puts an environment in its place in the line, or takes it out. Again, it changes nothing.
    pub fn set(&mut self, key: &ItemKey, waiting: Option<Waiting>) {
        if self.all.get(key) == waiting.as_ref() {
            return;
        }
        if let Some(before) = self.all.remove(key) {
            self.take_out(&before);
        }
        let Some(waiting) = waiting else { return };
        let at = self.position(&waiting.turn);
        self.order.insert(at, waiting.turn.clone());
        self.change_turns(&waiting.user, |turns| turns.insert(waiting.turn.clone()));
        self.ends.insert((waiting.until, key.clone()));
        self.all.insert(key.clone(), waiting);
    }

    /// Takes those out whose time is over.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        while let Some((_, key)) = self.ends.first().filter(|(until, _)| *until <= now).cloned() {
            self.set(&key, None);
        }
    }

    /// Whether a person has as many as one may.
    pub fn set_full(&mut self, user: &str, is_full: bool) {
        if is_full == self.full.contains(user) {
            return;
        }
        match is_full {
            true => drop(self.full.insert(user.to_owned())),
            false => drop(self.full.remove(user)),
        }
        let first = self.of_user.get(&Some(user.to_owned())).and_then(|turns| turns.first());
        match (first, is_full) {
            (Some(first), true) => drop(self.heads.remove(first)),
            (Some(first), false) => drop(self.heads.insert(first.clone())),
            (None, _) => {}
        }
    }

    /// The front of the line: in order, without those who already have as many as one person may.
    pub fn front(&self) -> Front<'_> {
        Front { line: self, after: None, next: BTreeSet::new(), last: None }
    }

    fn take_out(&mut self, waiting: &Waiting) {
        if let Ok(at) = self.order.binary_search(&waiting.turn) {
            self.order.remove(at);
        }
        self.change_turns(&waiting.user, |turns| turns.remove(&waiting.turn));
        self.ends.remove(&(waiting.until, waiting.turn.2.clone()));
    }

    fn change_turns(&mut self, user: &Option<String>, change: impl FnOnce(&mut BTreeSet<Turn>) -> bool) {
        let turns = self.of_user.entry(user.clone()).or_default();
        let before = turns.first().cloned();
        change(turns);
        let first = turns.first().cloned();
        if turns.is_empty() {
            self.of_user.remove(user);
        }
        if before == first || user.as_ref().is_some_and(|user| self.full.contains(user)) {
            return;
        }
        if let Some(before) = before {
            self.heads.remove(&before);
        }
        if let Some(first) = first {
            self.heads.insert(first);
        }
    }
}

/// Goes through the front of a line.
pub(super) struct Front<'a> {
    line: &'a Waitlist,
    /// The last head that was taken.
    after: Option<&'a Turn>,
    /// The turn after the last one of each person whose head was taken.
    next: BTreeSet<&'a Turn>,
    /// The one that was returned last.
    last: Option<&'a Waiting>,
}

impl Front<'_> {
    /// Leaves out the rest of the person whose environment was returned last.
    pub fn leave_person(&mut self) {
        self.last = None;
    }
}

impl<'a> Iterator for Front<'a> {
    type Item = &'a Waiting;

    fn next(&mut self) -> Option<&'a Waiting> {
        use std::ops::Bound::{Excluded, Unbounded};
        if let Some(last) = self.last.take() {
            let turns = self.line.of_user.get(&last.user);
            self.next.extend(turns.and_then(|turns| turns.range((Excluded(&last.turn), Unbounded)).next()));
        }
        let heads = &self.line.heads;
        let head = match self.after {
            None => heads.first(),
            Some(after) => heads.range((Excluded(after), Unbounded)).next(),
        };
        let turn = match (head, self.next.first().copied()) {
            (Some(head), Some(next)) if next < head => next,
            (Some(head), _) => head,
            (None, next) => next?,
        };
        if head == Some(turn) {
            self.after = head;
        } else {
            self.next.remove(turn);
        }
        self.last = self.line.all.get(&turn.2);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use bivouac_model::Usd;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a moment") + TimeDelta::seconds(seconds)
    }

    fn key(number: u8) -> ItemKey {
        ItemKey { repo: "a/b".into(), pr: number.to_string().into() }
    }

    fn waiting(number: u8, since: i64, user: Option<&str>, until: i64) -> Waiting {
        let place = Place { cpu: 256, hourly: Usd::ZERO };
        Waiting { turn: (at(since), None, key(number)), user: user.map(str::to_owned), place, until: at(until) }
    }

    proptest! {
        #[test]
        fn front_and_position_are_those_of_the_sorted_list(
            events in proptest::collection::vec((0..20u8, 0..30i64, 0..4u8, 0..40i64, any::<bool>()), 0..80),
            full in proptest::collection::vec((0..3u8, any::<bool>()), 0..10),
            now in 0..40i64,
        ) {
            let name = |user: u8| ["ada", "bob", "eve"].get(usize::from(user)).copied();
            let mut line = Waitlist::default();
            let mut plain: HashMap<u8, Waiting> = HashMap::new();
            let mut full_users: HashSet<&str> = HashSet::new();
            let mut full = full.into_iter();
            for (number, since, user, until, comes) in events {
                let one = comes.then(|| waiting(number, since, name(user), until));
                line.set(&key(number), one.clone());
                match one {
                    Some(one) => drop(plain.insert(number, one)),
                    None => drop(plain.remove(&number)),
                }
                if let Some((user, is_full)) = full.next() {
                    let user = name(user).expect("a person");
                    line.set_full(user, is_full);
                    if is_full { full_users.insert(user); } else { full_users.remove(user); }
                }
            }
            line.advance(at(now));
            let mut sorted: Vec<Waiting> = plain.into_values().filter(|one| one.until > at(now)).collect();
            sorted.sort_by(|one, other| one.turn.cmp(&other.turn));
            prop_assert_eq!(line.len(), sorted.len());
            for (position, one) in sorted.iter().enumerate() {
                prop_assert_eq!(line.position(&one.turn), position);
            }
            let open: Vec<&Waiting> =
                sorted.iter().filter(|one| one.user.as_deref().is_none_or(|user| !full_users.contains(user))).collect();
            prop_assert_eq!(line.front().collect::<Vec<_>>(), open);
        }
    }
}

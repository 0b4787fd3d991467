//! What has to hold before the process may be called ready.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

/// Named conditions, each of which holds or does not yet. A clone shares them.
///
/// Conditions may come and go: what no longer holds is set to `false`, and the process is not ready again.
#[derive(Clone, Debug)]
pub struct Readiness {
    conditions: Arc<Mutex<Vec<(&'static str, Holds)>>>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    NotYet,
    Yes,
    /// It did, and what it depends on has failed since.
    Lost,
}

impl Readiness {
    /// These conditions, none of which holds yet, shown in this order. A name given twice counts once; no names at all
    /// means ready at once.
    #[must_use]
    pub fn new(names: &[&'static str]) -> Self {
        let readiness = Self { conditions: Arc::default() };
        for name in names {
            readiness.set(name, false);
        }
        readiness
    }

    /// Says whether a condition holds. Saying it twice changes nothing.
    ///
    /// A name that [`new`](Self::new) was not given becomes one more condition, at the end: so a misspelt name shows in
    /// `/readyz` beside the one that stays behind.
    pub fn set(&self, name: &'static str, holds: bool) {
        let holds = if holds { Holds::Yes } else { Holds::NotYet };
        let mut conditions = self.conditions();
        match conditions.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = holds,
            None => conditions.push((name, holds)),
        }
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().all(|(_, holds)| *holds == Holds::Yes)
    }

    /// A condition that held is lost. One that never held stays so.
    pub(crate) fn lose(&self, name: &str) {
        self.turn(name, Holds::Yes, Holds::Lost);
    }

    /// A condition that was lost holds again. One that never held stays so.
    pub(crate) fn regain(&self, name: &str) {
        self.turn(name, Holds::Lost, Holds::Yes);
    }

    fn turn(&self, name: &str, from: Holds, to: Holds) {
        for (_, holds) in self.conditions().iter_mut().filter(|(known, holds)| *known == name && *holds == from) {
            tracing::warn!(condition = name, "readiness: {from:?} → {to:?}");
            *holds = to;
        }
    }

    /// Whether every condition holds, and the lines that say so, of one moment.
    pub(crate) fn report(&self) -> (bool, String) {
        let conditions = self.conditions();
        let mut lines = String::new();
        for (name, holds) in conditions.iter() {
            let (sign, word) = match holds {
                Holds::Yes => ('+', "ok"),
                Holds::NotYet => ('-', "not yet"),
                Holds::Lost => ('-', "lost: the last calls failed"),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "[{sign}]{name} {word}");
        }
        if conditions.is_empty() {
            lines.push_str("ok\n");
        }
        (conditions.iter().all(|(_, holds)| *holds == Holds::Yes), lines)
    }

    fn conditions(&self) -> MutexGuard<'_, Vec<(&'static str, Holds)>> {
        // Nothing panics while it is held, and such a list is whole at every moment.
        self.conditions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_only_while_all_conditions_hold() {
        let readiness = Readiness::new(&["tables", "first-observation"]);
        assert!(!readiness.is_ready());
        readiness.set("tables", true);
        assert_eq!(readiness.report(), (false, "[+]tables ok\n[-]first-observation not yet\n".to_owned()));
        readiness.clone().set("first-observation", true);
        assert_eq!(readiness.report(), (true, "[+]tables ok\n[+]first-observation ok\n".to_owned()));
        assert!(readiness.is_ready());
        readiness.set("tables", false);
        assert_eq!(readiness.report(), (false, "[-]tables not yet\n[+]first-observation ok\n".to_owned()));
        assert!(!readiness.is_ready());
    }

    #[test]
    fn a_misspelt_condition_shows_and_stands_in_for_none() {
        let readiness = Readiness::new(&["tables"]);
        readiness.set("tabels", true);
        assert_eq!(readiness.report(), (false, "[-]tables not yet\n[+]tabels ok\n".to_owned()));
    }

    #[test]
    fn a_name_given_twice_counts_once() {
        let readiness = Readiness::new(&["tables", "tables"]);
        readiness.set("tables", true);
        assert_eq!(readiness.report(), (true, "[+]tables ok\n".to_owned()));
    }

    #[test]
    fn without_conditions_it_is_ready_and_says_so() {
        assert_eq!(Readiness::new(&[]).report(), (true, "ok\n".to_owned()));
    }
}

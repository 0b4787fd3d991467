//! Readiness: named conditions, all of which have to hold.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// What has to be the case before the process can do its work. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<Vec<(&'static str, bool)>>>,
}

impl Readiness {
    /// Conditions that do not hold yet, in the order they are shown in. Without any it is ready.
    pub fn new(names: impl IntoIterator<Item = &'static str>) -> Self {
        let readiness = Self::default();
        for name in names {
            readiness.set(name, false);
        }
        readiness
    }

    /// Says whether a condition holds; one that was not named before is added. Saying the same again changes nothing.
    pub fn set(&self, name: &'static str, holds: bool) {
        let mut conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        match conditions.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = holds,
            None => conditions.push((name, holds)),
        }
    }

    /// Whether all conditions hold.
    pub fn is_ready(&self) -> bool {
        self.report().0
    }

    /// Whether all conditions hold, and a line for each, as the Kubernetes API server's `/readyz?verbose` words them.
    pub(crate) fn report(&self) -> (bool, String) {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, holds) in conditions.iter() {
            let _ = if *holds { writeln!(text, "[+]{name} ok") } else { writeln!(text, "[-]{name} not yet") };
        }
        let ready = conditions.iter().all(|(_, holds)| *holds);
        text.push_str(if ready { "readyz check passed\n" } else { "readyz check failed\n" });
        (ready, text)
    }
}

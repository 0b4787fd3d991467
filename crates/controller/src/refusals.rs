//! What AWS refused for good, and when it is tried again.
//!
//! What is refused to the whole account is tried by one environment at a time. Once that one is let in, the others follow at
//! once. Another process knows no refusal, so it tries at once: a configuration that changed comes with another process.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{ItemKey, Record, Refusal};
use bivouac_planner::Policy;
use chrono::{DateTime, Utc};

/// The refusals that one process met.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<State>);

#[derive(Default)]
struct State {
    own: HashMap<ItemKey, Refusal>,
    account: Option<Refusal>,
    /// The records that the refusal of the account concerns, each as it was then.
    concerned: HashMap<ItemKey, u64>,
}

impl State {
    /// The refusal of a record: its own, or that of the account. It is due if a client changed the record since.
    fn of(&self, record: &Record, now: DateTime<Utc>) -> Option<Refusal> {
        if let Some(own) = self.own.get(&record.key) {
            return Some(own.clone());
        }
        let account = self.account.as_ref()?;
        let changed = self.concerned.get(&record.key).is_some_and(|known| *known != fingerprint(record));
        let again_at = if changed { account.again_at.min(now) } else { account.again_at };
        Some(Refusal { again_at, ..account.clone() })
    }
}

impl Refusals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a record. Changes nothing.
    pub fn of(&self, record: &Record, now: DateTime<Utc>) -> Option<Refusal> {
        self.state().of(record, now)
    }

    /// The same for a reconcile. If the account's next attempt is due, this reconcile makes it, and all others wait for the one
    /// after. A reconcile that is dropped half-way leaves the attempt to that one.
    pub fn claim(&self, record: &Record, policy: &Policy, now: DateTime<Utc>) -> Option<Refusal> {
        let mut state = self.state();
        let refusal = state.of(record, now)?;
        if refusal.account_wide {
            state.concerned.insert(record.key.clone(), fingerprint(record));
            if let Some(account) = state.account.as_mut().filter(|account| account.again_at <= now) {
                account.again_at = now + policy.deadlines.later;
            }
        }
        Some(refusal)
    }

    /// A step of a record was refused. Several that were refused at the same time count as one attempt.
    pub fn keep(&self, record: &Record, refusal: Refusal) {
        let mut state = self.state();
        if !refusal.account_wide {
            state.own.insert(record.key.clone(), refusal);
            return;
        }
        state.own.remove(&record.key);
        state.concerned.insert(record.key.clone(), fingerprint(record));
        let is_news = state.account.as_ref().is_none_or(|known| known.times < refusal.times);
        if is_news {
            state.account = Some(refusal);
        }
    }

    /// A step of a record was taken. Returns the records that waited for the account to be let in.
    pub fn succeeded(&self, key: &ItemKey, step: &str) -> Vec<ItemKey> {
        let mut state = self.state();
        // A service is created last of all, so everything before it was let in, too.
        let is_over = |refusal: &Refusal| refusal.step == step || step == "create";
        if state.own.get(key).is_some_and(is_over) {
            state.own.remove(key);
        }
        if !state.account.as_ref().is_some_and(is_over) {
            return Vec::new();
        }
        state.account = None;
        std::mem::take(&mut state.concerned).into_keys().filter(|other| other != key).collect()
    }

    /// Forgets those that have no record any more.
    pub fn retain(&self, records: &[Record]) {
        let mut state = self.state();
        if state.own.is_empty() && state.concerned.is_empty() {
            return;
        }
        let keys: HashSet<&ItemKey> = records.iter().map(|record| &record.key).collect();
        state.own.retain(|key, _| keys.contains(key));
        state.concerned.retain(|key, _| keys.contains(key));
    }
}

/// What a client wrote, in a number.
fn fingerprint(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.generation.hash(&mut hasher);
    format!("{:?}", record.desired).hash(&mut hasher);
    hasher.finish()
}

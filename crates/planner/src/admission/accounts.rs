//! What was spent, by the ledger of spending: of every environment that has an entry, also of one without a record.

use std::collections::HashMap;

use bivouac_model::{ItemKey, Month, Spending, SpendingEntry, Status, Usd};
use chrono::{DateTime, Utc};

use crate::spending::{is_of_another_release, merged};

/// The newest entry of every environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(HashMap<ItemKey, SpendingEntry>);

/// What a record says of its spending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    spending: Spending,
    of_another_release: bool,
}

impl Said {
    pub fn of(status: &Status) -> Self {
        Self { spending: status.spending().sane(), of_another_release: is_of_another_release(status) }
    }
}

impl Accounts {
    pub fn of(&self, key: &ItemKey) -> Option<&SpendingEntry> {
        self.0.get(key)
    }

    pub fn all(&self) -> impl Iterator<Item = &SpendingEntry> {
        self.0.values()
    }

    /// Keeps an entry that was read or written, unless a newer one is known.
    pub fn keep(&mut self, entry: SpendingEntry) {
        match self.0.get_mut(&entry.environment) {
            Some(known) if entry.replaces(known) => *known = entry,
            Some(_) => {}
            None => drop(self.0.insert(entry.environment.clone(), entry)),
        }
    }

    /// Forgets the entries of a month. Its newest entries are kept next.
    pub fn forget(&mut self, month: Month) {
        self.0.retain(|_, entry| entry.month != month);
    }

    /// What an environment with a record cost in the month of `now`.
    pub fn spent(&self, key: &ItemKey, said: Option<Said>, now: DateTime<Utc>) -> Usd {
        self.spending(key, said, now).map_or(Usd::ZERO, |spending| spending.in_month(Month::of(now), now))
    }

    /// What an environment costs, by its entry and its record. `None`: nothing is known.
    pub fn spending(&self, key: &ItemKey, said: Option<Said>, now: DateTime<Utc>) -> Option<Spending> {
        match (self.of(key), said) {
            (Some(entry), Some(said)) if said.of_another_release => {
                Some(merged(&entry.spending(), &said.spending, now))
            }
            (Some(entry), _) => Some(entry.spending()),
            (None, said) => said.map(|said| said.spending),
        }
    }
}

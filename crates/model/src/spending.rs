//! The ledger of spending: what each environment costs in each month, apart from the records that clients can overwrite.

use chrono::{DateTime, Utc};

use crate::{ItemKey, Month, Spending, Usd, cost_between};

/// Two ways to compute one cost may differ by this: each rounds to a millionth, two or three times.
const ROUNDING: i64 = 5;

/// An entry of the ledger: what one environment spent in one month.
///
/// It says what was spent until `as_of` and the price of an hour since then, so it is written only when that price changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingEntry {
    /// The environment, whether or not it still has a record.
    pub environment: ItemKey,
    /// The month. `as_of` lies in it, or is its end.
    pub month: Month,
    /// What was spent in all months before it.
    pub before: Usd,
    /// What was spent in this month until `as_of`.
    pub spent: Usd,
    /// What an hour costs since then.
    pub hourly: Usd,
    /// Until when `spent` counts. Whole seconds.
    pub as_of: DateTime<Utc>,
    /// The last person who asked for the environment.
    pub requested_by: Option<String>,
    /// One more with every write of this entry.
    pub revision: u64,
}

/// What is known of an environment's entry in the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LedgerView {
    /// The ledger was not read, or does not take writes now.
    #[default]
    Unknown,
    /// The ledger has no entry of it.
    Empty,
    /// The newest entry.
    Entry(SpendingEntry),
}

impl LedgerView {
    /// The newest entry, if there is one.
    pub fn entry(&self) -> Option<&SpendingEntry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Unknown | Self::Empty => None,
        }
    }
}

impl SpendingEntry {
    /// The entry that says this, with revision 0.
    pub fn of(environment: ItemKey, spending: &Spending, requested_by: Option<String>) -> Self {
        let before = spending.before_month;
        Self {
            environment,
            month: Month::of(spending.updated_at),
            before,
            spent: spending.cost - before,
            hourly: spending.hourly,
            as_of: spending.updated_at,
            requested_by,
            revision: 0,
        }
    }

    /// Returns the same as a status says it.
    pub fn spending(&self) -> Spending {
        let cost = self.before + self.spent;
        let before_month = if Month::of(self.as_of) == self.month { self.before } else { cost };
        Spending { cost, before_month, hourly: self.hourly, updated_at: self.as_of }
    }

    /// Returns what fell into a month until `now`. Of a month before its own, an entry knows nothing.
    pub fn in_month(&self, month: Month, now: DateTime<Utc>) -> Usd {
        let written = if month == self.month { self.spent } else { Usd::ZERO };
        written + cost_between(self.hourly, self.as_of.max(month.begins()), now.min(month.ends()))
    }

    /// Returns the entry with all of its month counted. `None` if it counts all of it already. The price of an hour stays,
    /// so what comes after the month is still in the entry.
    pub fn closed(&self) -> Option<Self> {
        let end = self.month.ends();
        (self.as_of < end).then(|| Self { spent: self.in_month(self.month, end), as_of: end, ..self.clone() })
    }

    /// Whether this one takes the place of `other`, of the same environment.
    pub fn replaces(&self, other: &Self) -> bool {
        (self.month, self.revision) >= (other.month, other.revision)
    }
}

impl Spending {
    /// Returns what it has cost until `now`, if nothing changed since it was written.
    pub fn cost_at(&self, now: DateTime<Utc>) -> Usd {
        // If `updated_at` cannot be read, half a century of cost is no better guess than none.
        if self.updated_at == DateTime::UNIX_EPOCH {
            return self.cost;
        }
        self.cost + cost_between(self.hourly, self.updated_at, now)
    }

    /// Returns the same as of `now`, which is not before it was written.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> Self {
        let now = now.max(self.updated_at);
        Self { cost: self.cost_at(now), before_month: self.before_month_of(now), updated_at: now, ..*self }
    }

    /// Whether nothing was spent and nothing is being spent.
    pub fn is_nothing(&self) -> bool {
        self.cost.is_zero() && self.hourly.is_zero()
    }

    /// Whether both say the same of `now`, of its month, and of what comes after it.
    pub fn agrees(&self, other: &Self, now: DateTime<Utc>) -> bool {
        let month = Month::of(now);
        let close = |one: Usd, other: Usd| one.micros().abs_diff(other.micros()) <= ROUNDING.unsigned_abs();
        self.hourly == other.hourly
            && close(self.cost_at(now), other.cost_at(now))
            && close(self.in_month(month, now), other.in_month(month, now))
    }

    /// Returns the same without amounts that no spending has: none is below zero, and no part is more than the whole.
    #[must_use]
    pub fn sane(&self) -> Self {
        let cost = self.cost.max(Usd::ZERO);
        let before_month = self.before_month.clamp(Usd::ZERO, cost);
        Self { cost, before_month, hourly: self.hourly.max(Usd::ZERO), ..*self }
    }
}

#[cfg(test)]
mod tests;

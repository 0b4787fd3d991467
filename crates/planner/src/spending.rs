//! The one view of what an environment costs: the ledger of spending, which no client can write, and the record only for
//! what a release without a ledger did.

use bivouac_model::{LedgerView, Month, Record, Spending, SpendingEntry, Status, Usd};
use chrono::{DateTime, Utc};

use crate::expiry::{SKEW, after};

/// What an environment costs, by the ledger and what its record says. `None`: nothing is known, so nothing was spent.
///
/// A record counts only if a release without a ledger wrote it, and never takes anything away. So what a client writes into
/// the record of this release changes nothing. As long as the ledger cannot be read, the record is all there is.
pub(crate) fn view(ledger: &LedgerView, written: Option<&Status>, now: DateTime<Utc>) -> Option<Spending> {
    let record = written.map(|written| written.spending().sane());
    let theirs = record.filter(|_| written.is_some_and(is_of_another_release));
    match ledger {
        LedgerView::Unknown => record,
        LedgerView::Empty => theirs,
        LedgerView::Entry(entry) => {
            let entry = entry.spending().sane();
            Some(theirs.map_or(entry, |theirs| merged(&entry, &theirs, now)))
        }
    }
}

/// Whether a release without a ledger wrote the status last. A client that overwrites the item leaves no revision.
pub(crate) fn is_of_another_release(written: &Status) -> bool {
    !written.machinery.booked && written.machinery.revision > 0
}

/// The entry of the ledger, or what a record of another release says, whichever is more by now.
///
/// A record only ever adds. A client can write a record that looks like another release's, so a lower cost, a lower price of an
/// hour or a later time in it is not believed. After a downgrade the ledger may therefore say too much of what ran meanwhile,
/// and never too little.
pub(crate) fn merged(entry: &Spending, record: &Spending, now: DateTime<Utc>) -> Spending {
    if record.updated_at > after(now, SKEW) {
        return *entry;
    }
    let now = now.max(entry.updated_at).max(record.updated_at);
    let (ours, theirs) = (entry.at(now), record.at(now));
    if theirs.cost <= ours.cost {
        return *entry;
    }
    let before_month = theirs.before_month.max(ours.before_month).min(theirs.cost);
    Spending { before_month, hourly: theirs.hourly.max(ours.hourly), ..theirs }
}

/// Puts what it costs into a status that is to be written now, and returns the entry that the ledger has to have first.
///
/// A ledger that has the price already is not written: readers add what the hours since then cost.
pub(crate) fn account(
    ledger: &LedgerView,
    record: &Record,
    status: &mut Status,
    now: DateTime<Utc>,
) -> Option<SpendingEntry> {
    let written = record.status.as_ref();
    // A clock that was set back takes nothing back.
    let now = ledger.entry().map_or(now, |entry| now.max(entry.as_of));
    let spending = view(ledger, written, now);
    status.cost_usd = spending.map_or(Usd::ZERO, |spending| spending.cost_at(now));
    status.machinery.before_month = spending.map_or(Usd::ZERO, |spending| spending.before_month_of(now));
    status.updated_at = now;
    let said = status.spending();
    let user = record.desired.as_ref().ok().and_then(|desired| desired.requested_by.clone());
    let due = match ledger {
        LedgerView::Unknown => None,
        LedgerView::Empty => (!said.is_nothing()).then(|| SpendingEntry::of(record.key.clone(), &said, user)),
        LedgerView::Entry(entry) => {
            let turned = entry.month < Month::of(now) && !said.hourly.is_zero();
            let same_user = user.is_none() || user == entry.requested_by;
            let current = entry.spending().agrees(&said, now) && same_user && !turned;
            (!current)
                .then(|| SpendingEntry::of(record.key.clone(), &said, user.or_else(|| entry.requested_by.clone())))
        }
    };
    status.machinery.booked = match ledger {
        // What the ledger said when it was read last is still so at the same price.
        LedgerView::Unknown => {
            written.is_some_and(|written| written.machinery.booked && written.hourly_cost_usd == status.hourly_cost_usd)
        }
        LedgerView::Empty | LedgerView::Entry(_) => true,
    };
    due
}

/// The entry of an environment that has no record and no service any more, and still counts: it ends now.
pub fn ended(entry: &SpendingEntry, now: DateTime<Utc>) -> SpendingEntry {
    let spending = entry.spending().at(now);
    let spending = Spending { hourly: Usd::ZERO, ..spending };
    SpendingEntry::of(entry.environment.clone(), &spending, entry.requested_by.clone())
}

//! The ledger of spending beside the reconciles: read when a process begins to lead, written before a record says the same.
//!
//! A price of an hour that rises is in the ledger before the step that makes it rise. One that falls is there after the task
//! was seen to stop. So the ledger never says less than what ran. Each write replaces an entry whole, on the condition that the
//! entry which it was made from still stands there. So no interval counts twice, however often and by which process it is
//! written.
//!
//! If the ledger cannot be read or written, no work on AWS waits for it. The record then keeps the cost alone, unbooked, as a
//! release without a ledger does, and the ledger takes it over later.

use std::error::Error as StdError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_model::{ItemKey, LedgerView, Month, Observed, SpendingEntry, Usd};
use bivouac_planner::{Plan, ended};
use bivouac_ports::{Error, Meaning, Result};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::world::World;

/// The leader writes the ledger alone. Ten minutes are soon enough to see what a person changed by hand.
const HOLDS: Duration = Duration::from_secs(600);
/// How many months are read when a process begins to lead: as long as an entry is kept.
const MONTHS: usize = 14;
/// No scan and no reconcile waits longer for the ledger.
const PATIENCE: Duration = Duration::from_secs(3);
/// A ledger that failed is tried again after this: the resync that most installations have.
const TRIED_AGAIN: Duration = Duration::from_secs(30);
/// The most accounts of environments without a record that one scan ends. Each costs a read and a write.
const MOST_ENDED: usize = 50;

/// What is known of the ledger of spending besides its entries, which admission keeps.
#[derive(Default)]
pub(crate) struct Books {
    state: Mutex<State>,
    /// Held while all months are read, so that they are read once.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// When it is to be read again. `None`: no month was read yet.
    read_again: Option<Instant>,
    /// The ledger failed, and is left alone until then.
    again_at: Option<Instant>,
    /// Whether the failure was logged.
    logged: bool,
}

impl Books {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_read(&self) -> bool {
        self.state().read_again.is_some()
    }

    /// Has the ledger read again by the next look. Who does not lead is not the only one that writes it.
    pub(crate) fn expire(&self) {
        if let Some(at) = &mut self.state().read_again {
            *at = Instant::now();
        }
    }

    fn rests(&self) -> bool {
        self.state().again_at.is_some_and(|at| at > Instant::now())
    }

    fn failed(&self, error: &Error) {
        let mut state = self.state();
        state.again_at = Some(Instant::now() + TRIED_AGAIN);
        let logged = std::mem::replace(&mut state.logged, true);
        drop(state);
        let error = error as &dyn StdError;
        match logged {
            false => tracing::warn!(error, "the ledger of spending does not answer; records keep the cost meanwhile"),
            true => tracing::debug!(error, "the ledger of spending does not answer still"),
        }
    }

    fn answered(&self) {
        let mut state = self.state();
        state.again_at = None;
        if std::mem::replace(&mut state.logged, false) {
            tracing::info!("the ledger of spending answers again");
        }
    }
}

impl Controller {
    /// Reads the month that it is now and then, and, the first time, all months that are kept. What cannot be read stays as
    /// it was known.
    pub(crate) async fn read_spending(&self) {
        let _alone = self.books.reading.lock().await;
        if self.books.rests() || self.books.state().read_again.is_some_and(|at| at > Instant::now()) {
            return;
        }
        let months = if self.books.is_read() { 1 } else { MONTHS };
        let now = Month::of(self.doors.clock.now());
        let months: Vec<Month> =
            std::iter::successors(Some(now), |month| Some(month.previous())).take(months).collect();
        match tokio::time::timeout(PATIENCE, self.doors.spending.months(&months)).await {
            Ok(Ok(entries)) => {
                self.admission.ledger(|ledger| entries.into_iter().for_each(|entry| ledger.booked(entry)));
                self.books.state().read_again = Some(Instant::now() + HOLDS);
                self.books.answered();
            }
            Ok(Err(error)) => self.books.failed(&error),
            Err(_) => self.books.failed(&Error::new(Meaning::Unavailable, "spending", "no answer in time")),
        }
    }

    /// Reads the ledger if that was not done yet: before anything is decided by it.
    pub(crate) async fn know_spending(&self) {
        if !self.books.is_read() {
            self.read_spending().await;
        }
    }

    /// What the ledger says of one environment.
    pub(crate) fn spending_of(&self, key: &ItemKey) -> LedgerView {
        if !self.books.is_read() || self.books.rests() {
            return LedgerView::Unknown;
        }
        let entry = self.admission.ledger(|ledger| ledger.account(key).cloned());
        entry.map_or(LedgerView::Empty, LedgerView::Entry)
    }

    /// Writes an entry, and returns whether the ledger has it. Again, it changes nothing.
    ///
    /// # Errors
    /// `Conflict` if another process wrote the entry meanwhile or the lease is lost: plan again. Every other failure is logged
    /// and leaves the cost to the record.
    pub(crate) async fn book(&self, entry: &SpendingEntry) -> Result<bool> {
        if self.books.rests() {
            return Ok(false);
        }
        let key = &entry.environment;
        let known = self.admission.ledger(|ledger| ledger.account(key).cloned());
        // The record is written twice if its first write failed, and the entry stands there then.
        if known.as_ref().is_some_and(|known| SpendingEntry { revision: known.revision, ..entry.clone() } == *known) {
            return Ok(true);
        }
        let error = match self.write_entry(entry, known.as_ref()).await {
            Ok(()) => {
                self.books.answered();
                return Ok(true);
            }
            Err(error) => error,
        };
        if error.meaning() == Meaning::Conflict && self.fenced.fence().check().is_err() {
            return Err(error);
        }
        if error.meaning() == Meaning::Conflict
            && let Ok(entries) = self.doors.spending.months(&[entry.month]).await
        {
            let found = self.admission.ledger(|ledger| {
                ledger.reread(entry.month, entries);
                ledger.account(key).cloned()
            });
            if found != known {
                return Err(error);
            }
        }
        if matches!(error.meaning(), Meaning::Conflict | Meaning::Invalid) {
            // It concerns this entry alone: an item that cannot be read stands in its place, or its key has no room there.
            tracing::warn!(env = %key, error = &error as &dyn StdError, "the ledger of spending does not take this entry");
            return Ok(false);
        }
        self.books.failed(&error);
        Ok(false)
    }

    async fn write_entry(&self, entry: &SpendingEntry, known: Option<&SpendingEntry>) -> Result<()> {
        let seen = match known {
            // A month that is over is counted to its end first. After that, no process that saw less of it can write it.
            Some(known) if known.month < entry.month => {
                if let Some(closed) = known.closed().filter(|closed| !closed.hourly.is_zero()) {
                    self.write_one(closed, Some(known.revision)).await?;
                }
                None
            }
            known => known.map(|known| known.revision),
        };
        self.write_one(entry.clone(), seen).await
    }

    async fn write_one(&self, entry: SpendingEntry, seen: Option<u64>) -> Result<()> {
        self.fenced.write(self.doors.spending.write(&entry, seen)).await?;
        let entry = SpendingEntry { revision: seen.map_or(1, |seen| seen.saturating_add(1)), ..entry };
        self.admission.ledger(|ledger| ledger.booked(entry));
        Ok(())
    }

    /// Writes the entry of a plan whose next step makes an hour cost more.
    ///
    /// # Errors
    /// As [`Controller::book`].
    pub(crate) async fn book_before(&self, planned: &Plan, observed: &Observed) -> Result<()> {
        let hourly = observed.spending.entry().map_or(Usd::ZERO, |entry| entry.hourly);
        match &planned.ledger {
            Some(entry) if entry.hourly > hourly => self.book(entry).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Ends the accounts of environments that have neither a record nor a service any more. Their month keeps what they cost.
    pub(crate) async fn end_accounts(&self, world: &World) {
        if !self.books.is_read() || self.books.rests() {
            return;
        }
        let open = self.admission.ledger(|ledger| ledger.without_a_record());
        let runs = |entry: &SpendingEntry| {
            let key = entry.environment.env().ok();
            let service = key.and_then(|key| Some(self.policy.projects.get(&key.repo)?.service(&key)));
            service.is_some_and(|service| world.services().contains(&service))
        };
        for entry in open.iter().filter(|entry| !runs(entry)).take(MOST_ENDED) {
            // A record may have appeared since the scan began.
            let gone = matches!(self.doors.records.get(&entry.environment).await, Ok(None));
            if gone && let Err(error) = self.book(&ended(entry, self.doors.clock.now())).await {
                tracing::debug!(env = %entry.environment, error = &error as &dyn StdError, "its account is ended later");
            }
        }
    }
}

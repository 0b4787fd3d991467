//! The ledger of places beside the reconciles: asked before something starts, told of everything that is written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_model::{ItemKey, Place, Record, Room};
use bivouac_planner::admission::{Bill, Ledger};
use bivouac_ports::{Meaning, MonthCost, Result};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::controller::Controller;
use crate::world::World;

/// Who holds a place and who waits. Empty until the first complete observation, before which nobody is given one.
#[derive(Default)]
pub(crate) struct Admission {
    state: Mutex<State>,
    /// Held while everything is observed for want of a pass, so that it is observed once.
    observing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    ledger: Ledger,
    observed: bool,
    /// When the account's quota is to be read again; never read: now.
    read_again: Option<Instant>,
    /// Whether it was told that the quota cannot be read.
    told: bool,
}

/// A quota changes when a person asks for more; ten minutes are soon enough, and two calls are few in them.
const QUOTA_HOLDS: Duration = Duration::from_secs(600);
/// A quota that cannot be read is tried again. One that only is slow is looked for by the next scan.
const QUOTA_TRIED_AGAIN: Duration = Duration::from_secs(60);
/// How many people the metrics name, so that their labels stay few.
const DEAREST: usize = 10;

impl Admission {
    /// Reads or changes the ledger.
    pub(crate) fn ledger<T>(&self, then: impl FnOnce(&mut Ledger) -> T) -> T {
        then(&mut self.state().ledger)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller {
    /// A complete observation, which began at `began`, tells who runs.
    pub(crate) fn count_places(&self, world: &World, began: DateTime<Utc>) {
        let mut state = self.admission.state();
        state.ledger.observe(&self.policy, &world.records, world.listed(), began);
        state.observed = true;
    }

    /// Reads what the account may run, if that is due. What cannot be read stays as it was known.
    pub(crate) async fn read_quota(&self) {
        let now = Instant::now();
        if self.admission.state().read_again.is_some_and(|at| at > now) {
            return;
        }
        let answer = self.closer.sources.quotas(&self.doors).await;
        let mut state = self.admission.state();
        match answer {
            Ok(quotas) => {
                state.ledger.allow(Some(quotas));
                (state.read_again, state.told) = (Some(now + QUOTA_HOLDS), false);
            }
            Err(error) => {
                // One that is slow goes on in the background, and the next scan has its answer.
                let is_slow = error.meaning() == Meaning::Unavailable;
                state.read_again = (!is_slow).then_some(now + QUOTA_TRIED_AGAIN);
                let error = &error as &dyn std::error::Error;
                match std::mem::replace(&mut state.told, true) {
                    false => {
                        tracing::warn!(error, "the Fargate quota cannot be read; `guardrails.max_vcpus` is what counts")
                    }
                    true => tracing::debug!(error, "the Fargate quota cannot be read still"),
                }
            }
        }
    }

    /// Whether there is room for an environment to run, and if so it is kept, before anybody else is answered.
    ///
    /// # Errors
    /// When nobody knows yet who runs, and it could not be observed.
    pub(crate) async fn room(&self, record: &Record, place: Place, until: DateTime<Utc>) -> Result<Room> {
        if !self.admission.state().observed {
            let _alone = self.admission.observing.lock().await;
            if !self.admission.state().observed {
                let began = self.doors.clock.now();
                let (world, (), ()) =
                    tokio::join!(World::observe_running(&self.doors), self.read_quota(), self.read_spending());
                self.count_places(&world?, began);
            }
        }
        let now = self.doors.clock.now();
        Ok(self.admission.state().ledger.ask(&self.policy, record, place, until, now))
    }

    /// What the caps have to say to everyone who waits.
    pub(crate) fn rooms(&self) -> HashMap<ItemKey, Room> {
        self.admission.state().ledger.waiting(&self.policy, self.doors.clock.now())
    }

    /// Tells what this month costs.
    pub(crate) fn tell_cost(&self) {
        let Bill { spent, projected, mut by_user } =
            self.admission.state().ledger.bill(&self.policy, self.doors.clock.now());
        by_user.truncate(DEAREST);
        let budget = self.policy.caps.monthly_budget;
        self.doors.meter.month_cost(&MonthCost { spent, projected, budget, dearest: by_user });
    }

    /// Whether everything was observed and this record was not there: a client has just made it.
    pub(crate) fn is_new(&self, key: &ItemKey) -> bool {
        let state = self.admission.state();
        state.observed && !state.ledger.knows(key)
    }

    /// A record was read.
    pub(crate) fn saw_place(&self, record: &Record) {
        self.admission.state().ledger.saw(&self.policy, record, self.doors.clock.now());
    }

    /// A record was written. Whom that made room for starts now, and not only after the next pass.
    pub(crate) fn wrote_place(&self, record: &Record) {
        let now = self.doors.clock.now();
        let mut state = self.admission.state();
        if !state.ledger.wrote(&self.policy, record, now) {
            return;
        }
        let admitted = state.ledger.admitted(&self.policy, now);
        drop(state);
        for key in &admitted {
            self.wake(key, "room");
        }
    }
}

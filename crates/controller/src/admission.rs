//! The ledger of places beside the reconciles: asked before something starts, told of everything that is written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{ItemKey, Place, Record, Room};
use bivouac_planner::admission::Ledger;
use bivouac_ports::Result;
use chrono::{DateTime, Utc};

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
}

impl Admission {
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

    /// Whether there is room for an environment to run, and if so it is kept, before anybody else is answered.
    ///
    /// # Errors
    /// When nobody knows yet who runs, and it could not be observed.
    pub(crate) async fn room(&self, record: &Record, place: Place, until: DateTime<Utc>) -> Result<Room> {
        if !self.admission.state().observed {
            let _alone = self.admission.observing.lock().await;
            if !self.admission.state().observed {
                let began = self.doors.clock.now();
                let world = World::observe(&self.doors, &self.policy).await?;
                self.count_places(&world, began);
            }
        }
        let now = self.doors.clock.now();
        Ok(self.admission.state().ledger.ask(&self.policy, record, place, until, now))
    }

    /// What the caps have to say to everyone who waits.
    pub(crate) fn rooms(&self) -> HashMap<ItemKey, Room> {
        self.admission.state().ledger.waiting(&self.policy, self.doors.clock.now())
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
        let waiting = state.ledger.waiting(&self.policy, now);
        drop(state);
        for (key, _) in waiting.iter().filter(|(_, room)| **room == Room::Granted) {
            self.wake(key, "room");
        }
    }
}

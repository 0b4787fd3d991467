//! The model behind a lock, always brought up to the present before anybody looks.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::Clock;
use crate::model::{Effect, World};

/// The one model of a cloud, as the listeners and the control handles share it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    clock: Clock,
    changed: Notify,
    jitter: Mutex<fastrand::Rng>,
}

impl Shared {
    pub(crate) fn new(world: World, clock: Clock, seed: u64) -> Self {
        // A stream of its own, so that latency changes no identifier of the model.
        let jitter = Mutex::new(fastrand::Rng::with_seed(seed ^ 0x1a7e_1a7e_1a7e_1a7e));
        Self { world: Mutex::new(world), clock, changed: Notify::new(), jitter }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs `act` on the model at the present moment.
    ///
    /// The lock is never held across an await, so a caller that goes away leaves a call either
    /// done or not begun.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let before = world.next_event();
        world.advance_to(self.clock.now());
        let done = act(&mut world);
        if world.next_event() != before || !world.effects.is_empty() {
            self.changed.notify_one();
        }
        done
    }

    /// Lets time pass in the model; gives what the outside has to do and when to come again.
    pub(crate) fn turn(&self) -> (Vec<Effect>, Option<DateTime<Utc>>) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.clock.now());
        (std::mem::take(&mut world.effects), world.next_event())
    }

    /// Resolves after a call changed what is to come.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A fraction from 0 to 1, from the seed.
    pub(crate) fn jitter(&self) -> f64 {
        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

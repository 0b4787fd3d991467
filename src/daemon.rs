//! The daemon: the controller under its lease, and the ops endpoints beside it, until it is told to stop.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bivouac_controller::{Controller, Doors, Leadership, Settings, lead};
use bivouac_model::ItemKey;
use bivouac_ops::Readiness;
use bivouac_planner::Policy;
use bivouac_ports::{Leases, RecordFeed};
use tokio_util::sync::CancellationToken;

/// Makes a feed each time this process comes to lead; the old one may have been left in the middle.
pub type FeedMaker = Box<dyn Fn() -> Box<dyn RecordFeed> + Send + Sync>;

/// The readiness condition of the tables.
pub const TABLES: &str = "tables";
/// The readiness condition of the first full observation.
pub const FIRST_OBSERVATION: &str = "first-observation";

/// How long to wait before the first observation is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The way to the controller of this process, if one runs: a standby's is deaf.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Weak<Controller>>>);

impl Ear {
    /// Has a key looked at soon. A hint that finds nobody is lost, and nothing depends on it.
    pub fn hint(&self, key: &ItemKey) {
        let controller = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(controller) = controller {
            controller.wake(key, "hint");
        }
    }

    fn listen(&self, controller: &Arc<Controller>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(controller);
    }
}

/// Everything a daemon runs on.
pub struct Daemon {
    /// The doors.
    pub doors: Doors,
    /// The leases.
    pub leases: Arc<dyn Leases>,
    /// News of the table.
    pub feed: FeedMaker,
    /// The policy.
    pub policy: Arc<Policy>,
    /// How the controller runs.
    pub settings: Settings,
    /// Which lease.
    pub leadership: Leadership,
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// Where hints are heard.
    pub ear: Ear,
}

impl Daemon {
    /// Runs until `stop`: looks at everything once, then works whenever it leads. What is under way at `stop` is finished,
    /// and the lease is released.
    pub async fn run(self, stop: CancellationToken) {
        let Self { doors, leases, feed, policy, settings, leadership, readiness, ear } = self;
        tokio::select! {
            () = stop.cancelled() => return,
            () = look_around(&doors, &policy, &readiness) => {}
        }
        let meter = Arc::clone(&doors.meter);
        lead(leases, &leadership, meter, stop.clone(), |fence| {
            let controller = Arc::new(Controller::new(doors.clone(), Arc::clone(&policy), settings, fence));
            ear.listen(&controller);
            controller.run(Some(feed()), stop.clone())
        })
        .await;
    }
}

/// The first full observation, which a standby makes too: that it can see everything is what makes it ready.
async fn look_around(doors: &Doors, policy: &Policy, readiness: &Readiness) {
    loop {
        let seen = async {
            doors.records.check().await?;
            readiness.set(TABLES, true);
            bivouac_controller::World::observe(doors, policy).await
        };
        match seen.await {
            Ok(world) => {
                readiness.set(FIRST_OBSERVATION, true);
                tracing::info!(environments = world.records.len(), "first observation done");
                return;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the first observation failed; trying again");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

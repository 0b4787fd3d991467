//! The daemon: the controller under its lease, and the ops endpoints beside it, until it is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bivouac_controller::{Controller, Doors, Leadership, Settings, lead};
use bivouac_model::ItemKey;
use bivouac_ops::Readiness;
use bivouac_planner::Policy;
use bivouac_ports::{LeaseView, Leases, RecordFeed, Result};
use tokio_util::sync::CancellationToken;

/// Makes a feed each time this process comes to lead; the old one may have been left in the middle.
pub type FeedMaker = Box<dyn Fn() -> Box<dyn RecordFeed> + Send + Sync>;

/// The readiness condition of the tables: they are there, and their last answers were no failures.
pub const TABLES: &str = "tables";
/// Whose answers that condition follows, as [`bivouac_ports::Meter::api_call`] has it.
pub const TABLES_SERVICE: &str = "DynamoDB";
/// The readiness condition of the first observation of every record.
pub const FIRST_OBSERVATION: &str = "first-observation";

/// The readiness condition of the lease. It is shown once the item of the lease was spoiled.
pub const LEASE: &str = "lease";

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
    /// Runs until `stop`: reads the table once, then works whenever it leads. What is under way at `stop` is finished,
    /// and the lease is released.
    pub async fn run(self, stop: CancellationToken) {
        let Self { doors, leases, feed, policy, settings, leadership, readiness, ear } = self;
        tokio::select! {
            () = stop.cancelled() => return,
            () = look_around(&doors, &readiness) => {}
        }
        let meter = Arc::clone(&doors.meter);
        let leases = Arc::new(WatchedLeases { leases, readiness, spoiled: AtomicBool::new(false) });
        lead(leases, &leadership, meter, stop.clone(), |fence| {
            let controller = Arc::new(Controller::new(doors.clone(), Arc::clone(&policy), settings, fence));
            ear.listen(&controller);
            controller.run(Some(feed()), stop.clone())
        })
        .await;
    }
}

/// The leases, of which `/readyz` says when one is spoiled: then no process leads.
struct WatchedLeases {
    leases: Arc<dyn Leases>,
    readiness: Readiness,
    spoiled: AtomicBool,
}

impl WatchedLeases {
    fn saw(&self, spoiled: bool) {
        if self.spoiled.swap(spoiled, Ordering::SeqCst) != spoiled {
            self.readiness.set(LEASE, !spoiled);
        }
    }
}

#[async_trait]
impl Leases for WatchedLeases {
    async fn read(&self, name: &str) -> Result<Option<LeaseView>> {
        let lease = self.leases.read(name).await?;
        self.saw(lease.as_ref().is_some_and(|lease| lease.spoiled.is_some()));
        Ok(lease)
    }

    async fn write(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()> {
        self.leases.write(name, lease, seen).await?;
        self.saw(false);
        Ok(())
    }
}

/// The first observation, which a standby makes too: that it can read every record is what makes it ready.
///
/// Leading needs the table and nothing else. A daemon that cannot see the cluster, the registry, the forge or EC2 yet takes
/// down what is over as soon as that one service can be reached, and its passes tell what is missing.
async fn look_around(doors: &Doors, readiness: &Readiness) {
    loop {
        match doors.records.all().await {
            Ok(records) => {
                readiness.set(TABLES, true);
                readiness.set(FIRST_OBSERVATION, true);
                tracing::info!(environments = records.len(), "first observation done");
                // The table of events may not answer. Nothing waits for it.
                let store = Arc::clone(&doors.records);
                tokio::spawn(async move {
                    if let Err(error) = store.check().await {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the tables could not be checked; `bivouac doctor` says what is missing");
                    }
                });
                return;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the first observation failed; trying again");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

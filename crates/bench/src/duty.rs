//! A controller on duty over a field, whose passes are made by hand and whose calls are counted where they arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac::compose::connect;
use bivouac_controller::{Controller, Settings};
use bivouac_runtime::Fence;
use bivouac_simcloud::is_reading;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::field::Field;
use crate::watch::Watch;

/// Longer than any measurement: no pass but those made by hand.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// How long to wait for what a pass may have woken, or anything else may do. A call takes a millisecond here.
const ECHO: Duration = Duration::from_millis(500);

/// A controller with its workers, after its first pass.
pub struct Duty<'a> {
    field: &'a Field,
    controller: Arc<Controller>,
    watch: Arc<Watch>,
    running: JoinHandle<()>,
    stop: CancellationToken,
}

/// What one pass cost, and the reconciles it woke.
#[derive(Debug, Default)]
pub struct Cost {
    /// Calls to AWS, by service and operation.
    pub aws: BTreeMap<String, u64>,
    /// Those of them that only read.
    pub reads: u64,
    /// The rest.
    pub writes: u64,
    /// Requests to GitHub, by method, route and status.
    pub github: BTreeMap<String, u64>,
    /// Those of them that make or change content.
    pub comments: u64,
    /// Reconciles that ended.
    pub reconciles: u64,
}

impl<'a> Duty<'a> {
    /// Looks around once, so that what is asked for once in a process's life is not counted. AWS's quotas are not kept:
    /// waiting for them changes no number.
    ///
    /// # Panics
    ///
    /// When the adapters cannot be made.
    pub async fn begin(field: &'a Field) -> Self {
        let mut place = field.place.clone();
        place.quotas = false;
        let watch = Arc::new(Watch::default());
        let doors = connect(&place, Arc::clone(&watch) as _).await.expect("adapters").doors;
        let settings = Settings { resync: NEVER, ..Settings::default() };
        let controller = Controller::new(doors, Arc::clone(&field.policy), settings, Fence::unfenced());
        let (controller, stop) = (Arc::new(controller), CancellationToken::new());
        let running = tokio::spawn(Arc::clone(&controller).run(None, stop.clone()));
        watch.passes(1).await;
        sleep(ECHO).await;
        Self { field, controller, watch, running, stop }
    }

    /// One pass. Counts until as many reconciles ended as it is said to wake; with none, for half a second more.
    ///
    /// # Panics
    ///
    /// When the pass does not see everything.
    pub async fn pass(&self, wakes: u64) -> Cost {
        let before = self.watch.reconciled();
        self.field.cloud.calls().reset();
        self.field.hub.reset_calls();
        self.controller.pass().await.expect("a whole view");
        match wakes {
            0 => sleep(ECHO).await,
            wakes => self.watch.reconciles(before + wakes).await,
        }
        Cost { reconciles: self.watch.reconciled() - before, ..Cost::counted(self.field) }
    }

    /// Ends it, when what is under way is finished.
    ///
    /// # Panics
    ///
    /// When the controller did.
    pub async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("the controller ends");
    }
}

impl Cost {
    /// What was called since the counters were last set back.
    #[must_use]
    pub fn counted(field: &Field) -> Self {
        let mut cost = Self::default();
        for (call, count) in field.cloud.calls().counts() {
            *cost.aws.entry(format!("{} {}", call.service, call.operation)).or_default() += count;
            match is_reading(&call.operation) {
                true => cost.reads += count,
                false => cost.writes += count,
            }
        }
        let github = field.hub.calls();
        cost.comments = github.content_writes();
        for (method, route, status, count) in github.iter() {
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            *cost.github.entry(format!("{method} {route} → {status}")).or_default() += count;
        }
        cost
    }

    /// Calls to AWS of one kind, such as `ecs DescribeServices`.
    #[must_use]
    pub fn of(&self, call: &str) -> u64 {
        self.aws.get(call).copied().unwrap_or_default()
    }
}

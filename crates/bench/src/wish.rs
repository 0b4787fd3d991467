//! From the wish to CreateService: a daemon as `bivouac run` composes it, with a delay on every call, and the moments at
//! which records are written and calls arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac::compose::Connected;
use bivouac::daemon::{Daemon, Ear, FIRST_OBSERVATION, TABLES};
use bivouac_controller::{Leadership, Settings};
use bivouac_ops::Readiness;
use bivouac_simcloud::{Fault, Rule};
use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::field::{Field, service};
use crate::watch::Watch;

/// Added to every call to AWS and GitHub, those of the client that wishes too.
pub const DELAY: Duration = Duration::from_millis(30);
/// How often the cloud is asked whether a service is there: how exact a figure is.
const LOOK: Duration = Duration::from_millis(1);
/// How long a wish may take before something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A field with a daemon that leads and has looked around.
pub struct Wishes {
    field: Field,
    daemon: JoinHandle<()>,
    stop: CancellationToken,
}

impl Wishes {
    /// A new field and a new daemon on it, AWS's quotas kept and their buckets full.
    ///
    /// # Panics
    ///
    /// When one of them does not start.
    pub async fn begin() -> Self {
        let field = Field::open().await;
        field.cloud.faults().add(Rule::everywhere(Fault::Delay(DELAY)));
        field.hub.set_latency(DELAY);
        let watch = Arc::new(Watch::default());
        let Connected { doors, leases, feed, .. } = field.connect(Arc::clone(&watch) as _).await;
        let leadership = Leadership { name: "bench".into(), holder: "bench".into(), period: Duration::from_secs(15) };
        let daemon = Daemon {
            doors,
            leases,
            feed,
            policy: Arc::clone(&field.policy),
            settings: Settings::default(),
            leadership,
            readiness: Readiness::new(&[TABLES, FIRST_OBSERVATION]),
            ear: Ear::default(),
        };
        let stop = CancellationToken::new();
        let daemon = tokio::spawn(daemon.run(stop.clone()));
        watch.passes(1).await;
        Self { field, daemon, stop }
    }

    /// Writes so many records at once, each with a pull request and an image, and answers for each how long it took from
    /// the sending of `put-item` to the arrival of CreateService.
    ///
    /// # Panics
    ///
    /// When a service is not created within a minute.
    pub async fn of(&self, records: usize) -> Vec<Duration> {
        let prs: Vec<u64> = (0..records).map(|_| self.field.pull_request()).collect();
        let began = Instant::now();
        let (_, arrived) = tokio::join!(join_all(prs.iter().map(|pr| self.field.ask(*pr))), self.arrivals(&prs));
        arrived.into_iter().map(|arrived| arrived - began).collect()
    }

    /// When CreateService arrived for each. The service is there once the call's own delay is over.
    async fn arrivals(&self, prs: &[u64]) -> Vec<Instant> {
        let ecs = self.field.cloud.ecs();
        let deadline = Instant::now() + PATIENCE;
        let mut arrived = BTreeMap::new();
        while arrived.len() < prs.len() {
            let now = Instant::now();
            assert!(now < deadline, "{} of {} services are there", arrived.len(), prs.len());
            for pr in prs {
                if !arrived.contains_key(pr) && ecs.service(self.field.cluster(), &service(*pr)).is_some() {
                    arrived.insert(*pr, now - DELAY);
                }
            }
            sleep(LOOK).await;
        }
        arrived.into_values().collect()
    }

    /// Stops the daemon as SIGTERM does.
    ///
    /// # Panics
    ///
    /// When it did not end well.
    pub async fn end(self) {
        self.stop.cancel();
        self.daemon.await.expect("the daemon ends");
    }
}

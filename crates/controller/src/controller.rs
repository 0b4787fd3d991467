//! The controller: the queues, what the last pass saw, and the tasks that run while it leads.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bivouac_model::{EnvKey, ItemKey, Observed, Record, Status};
use bivouac_planner::{Look, Next, Plan, Policy, plan};
use bivouac_ports::{ForgeHealth, RecordFeed, Result};
use bivouac_runtime::{Fence, Reconciled, Resync, Turn, Turns, WorkQueue, WorkerObserver, Workers};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::allowance::Allowance;
use crate::audit::Audit;
use crate::closer::Closer;
use crate::collect::{Collected, Collector};
use crate::doors::Doors;
use crate::edits::Edits;
use crate::fenced::Fenced;
use crate::owed::Owed;
use crate::reap::Reaper;
use crate::refusals::Refusals;
use crate::spending::Books;
use crate::steady_clock::SteadyClock;
use crate::world::{ListedHead, OpenLists};

/// How the controller runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Time between two passes over everything.
    pub resync: Duration,
    /// How many environments are reconciled at once. A reconcile mostly waits for AWS; AWS's own buckets are what limits
    /// it, and 50 calls under way empty the smallest of them (ECS service modification, 5 a second) many times over. A
    /// multiple of the ten services that DescribeServices takes, so that keys woken together go out in full calls. A reconcile
    /// that waits for anything but ECS and the table is not counted meanwhile.
    pub concurrency: usize,
    /// How long a write may take; below the margin of the lease.
    pub longest_write: Duration,
    /// Time between two looks for images and task definitions that nothing needs (`controller.collect`).
    pub collect: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(30),
            concurrency: 50,
            // Of a lease of 15 s the margin is a third.
            longest_write: Duration::from_millis(4900),
            // What is condemned is a day old, and a repository of ten thousand images is a dozen calls.
            collect: Duration::from_secs(3600),
        }
    }
}

/// How many reconciles may wait at once for a registry, a forge, EC2 or an application, beside those that work. The default cap
/// is 24 environments, and each that waits holds some ten kilobytes.
const ASIDE: usize = 500;

/// Comments written at once. GitHub wants content writes one after the other ("Best practices for using the REST API"), so a
/// second one only hides the latency of reads.
const ANNOUNCERS: usize = 2;

/// Environments whose lines of the audit are written at once. Lines are few and a write takes milliseconds.
const TELLERS: usize = 2;
/// Between two samples of the depth of the queues: several in one interval of the quickest usual scrape, which is 15 s.
const SAMPLE: Duration = Duration::from_secs(5);

/// The collector's first pass comes after this part of its interval, five minutes of an hour: who just came to lead has
/// more urgent things to do.
const FIRST_COLLECTION: u32 = 12;

/// How long the first pass waits for the stream to take its place. A stream answers within a second; one that does not
/// only shortens a wait, and must not make one.
const BEGIN: Duration = Duration::from_secs(3);

/// Reconciles environments for as long as its fence holds. Made anew each time this process comes to lead.
pub struct Controller {
    pub(crate) doors: Doors,
    pub(crate) policy: Arc<Policy>,
    pub(crate) closer: Closer,
    pub(crate) fenced: Fenced,
    pub(crate) audit: Audit,
    pub(crate) collector: Collector,
    pub(crate) reaper: Reaper,
    pub(crate) allowance: Allowance,
    pub(crate) admission: Admission,
    pub(crate) refusals: Refusals,
    pub(crate) books: Books,
    pub(crate) clock: SteadyClock,
    pub(crate) announcements: WorkQueue<ItemKey>,
    pub(crate) owed: Owed,
    pub(crate) edits: Edits,
    pub(crate) forge_health: ForgeHealth,
    /// The records whose status could not be written for good, each told once.
    pub(crate) unrecorded: Mutex<HashSet<ItemKey>>,
    pub(crate) settings: Settings,
    /// Who works; the others wait for something slow.
    pub(crate) turns: Turns,
    queue: WorkQueue<ItemKey>,
    woken: Mutex<HashMap<ItemKey, &'static str>>,
    open: RwLock<OpenLists>,
}

impl Controller {
    /// A controller that does nothing yet.
    pub fn new(doors: Doors, policy: Arc<Policy>, settings: Settings, fence: Fence) -> Self {
        let closer = Closer::new(doors.clone(), Arc::clone(&policy), settings.resync, settings.concurrency);
        let forge_health = doors.forge.health();
        let collector = Collector::new(doors.clone(), Arc::clone(&policy), settings.resync);
        Self {
            collector,
            reaper: Reaper::new(settings.resync),
            allowance: Allowance::new(policy.max_deletions_per_pass),
            admission: Admission::default(),
            refusals: Refusals::default(),
            books: Books::default(),
            clock: SteadyClock::default(),
            doors,
            policy,
            closer,
            fenced: Fenced::new(fence, settings.longest_write),
            audit: Audit::new(),
            settings,
            turns: Turns::new(settings.concurrency),
            queue: WorkQueue::new(),
            announcements: WorkQueue::new(),
            owed: Owed::default(),
            edits: Edits::default(),
            forge_health,
            unrecorded: Mutex::default(),
            woken: Mutex::default(),
            open: RwLock::default(),
        }
    }

    /// The same, of a person who says that the table is empty because it should be.
    #[must_use]
    pub fn trusting_an_empty_table(mut self) -> Self {
        self.reaper.trust_empty_table();
        self.collector.trust_empty_table();
        self
    }

    /// Runs until `stop` or until the lease is lost: watches `feed`, passes over everything each resync, reconciles and
    /// announces, and keeps the audit. What is under way when it is to stop is finished, within the drain deadline.
    pub async fn run(self: Arc<Self>, mut feed: Option<Box<dyn RecordFeed>>, stop: CancellationToken) {
        let stop = stop.child_token();
        // Before the first pass, so that what is written between its look and the first news is not left to the second.
        if let Some(feed) = &mut feed {
            tokio::select! {
                () = stop.cancelled() => return,
                begun = tokio::time::timeout(BEGIN, feed.begin()) => match begun {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(error = &error as &dyn StdError, "the stream is not there yet"),
                    Err(_) => tracing::warn!("the stream does not answer yet; passes go on without it"),
                },
            }
        }
        // Before the first call, whose success may be the one that somebody waits for.
        let recoveries = self.forge_health.listen();
        let watching = tokio::spawn(Arc::clone(&self).watch(feed, stop.clone()));
        let passing = tokio::spawn(Arc::clone(&self).resync(stop.clone()));
        let collecting = tokio::spawn(Arc::clone(&self).collect(stop.clone()));
        let (reconciler, announcer, teller) = (Arc::clone(&self), Arc::clone(&self), Arc::clone(&self));
        let observer = Arc::new(Observer { controller: Arc::clone(&self) });
        let reconciling = Workers::new(self.settings.concurrency.saturating_add(ASIDE)).observed_by(observer).run(
            &self.queue,
            move |key| {
                let controller = Arc::clone(&reconciler);
                // Apart from its worker, of which most are idle most of the time.
                Box::pin(async move { controller.reconcile(key).await })
            },
            stop.clone(),
        );
        let announcing = Workers::new(ANNOUNCERS).run(
            &self.announcements,
            move |key| {
                let controller = Arc::clone(&announcer);
                async move { controller.announce(key).await }
            },
            stop.clone(),
        );
        let telling = Workers::new(TELLERS).run(
            &self.audit.queue,
            move |key| {
                let controller = Arc::clone(&teller);
                async move { controller.tell(key).await }
            },
            stop.clone(),
        );
        let losing = async {
            tokio::select! {
                () = self.fenced.fence().lost().cancelled() => tracing::warn!("the lease was lost; another instance leads"),
                () = stop.cancelled() => {}
            }
            stop.cancel();
            // Who waits for a turn has not begun.
            self.turns.close();
        };
        let (sampling, hurrying) = (self.sample(stop.clone()), self.hurry(recoveries, stop.clone()));
        let (drained, _, _, (), (), ()) = tokio::join!(reconciling, announcing, telling, losing, sampling, hurrying);
        // Also of what the reconciles that were finished have written.
        self.tell_the_rest().await;
        if drained.left_ready > 0 {
            tracing::info!(left = drained.left_ready, "stopped with keys in the queue; the next pass finds them");
        }
        let _ = tokio::join!(watching, passing, collecting);
    }

    async fn watch(self: Arc<Self>, feed: Option<Box<dyn RecordFeed>>, stop: CancellationToken) {
        let Some(mut feed) = feed else { return };
        loop {
            let news = tokio::select! {
                () = stop.cancelled() => return,
                news = feed.next() => news,
            };
            match news {
                Ok(keys) => keys.iter().for_each(|key| self.wake(key, "stream")),
                // The stream only shortens the wait: without it everything is found by the next pass.
                Err(error) => {
                    tracing::warn!(error = &error as &dyn StdError, "the stream failed; passes go on without it");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(self.settings.resync) => {}
                    }
                }
            }
        }
    }

    async fn resync(self: Arc<Self>, stop: CancellationToken) {
        let mut resync = Resync::new(self.settings.resync);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = resync.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                // An error is said in the pass itself, and the next one may be luckier; so may it after a panic.
                passed = AssertUnwindSafe(self.pass()).catch_unwind() => if passed.is_err() {
                    tracing::error!("a pass panicked; the next one is a resync away");
                }
            }
        }
    }

    /// Collects images and task definitions that nothing needs: now and then, and again after a resync for as long as
    /// something is left or waits for its second observation.
    async fn collect(self: Arc<Self>, stop: CancellationToken) {
        let mut wait = self.settings.collect / FIRST_COLLECTION;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            let unfinished = tokio::select! {
                // Every call of it may be dropped; what it deleted is gone, and the rest is found again.
                () = stop.cancelled() => return,
                passed = AssertUnwindSafe(self.collector.pass(&self.fenced)).catch_unwind() => match passed {
                    Ok(collected) => collected.unfinished,
                    Err(_) => {
                        tracing::error!("the collector panicked; it comes again after its interval");
                        false
                    }
                },
            };
            wait = if unfinished { self.settings.resync.min(self.settings.collect) } else { self.settings.collect };
        }
    }

    /// One pass of the collector, now: deletes what an earlier call condemned too, at least a resync ago. For whoever has no
    /// daemon: call it, wait a resync, and call it again for as long as it is unfinished.
    pub async fn collect_now(&self) -> Collected {
        self.collector.pass(&self.fenced).await
    }

    /// Tells the depth of the queues for as long as they are worked on, so that a scrape finds what is true now.
    async fn sample(&self, stop: CancellationToken) {
        loop {
            self.doors.meter.queue_depth("environments", self.queue.snapshot().ready + self.turns.waiting());
            self.doors.meter.queue_depth("comments", self.announcements.snapshot().ready);
            self.doors.meter.queue_depth("events", self.audit.queue.snapshot().ready);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SAMPLE) => {}
            }
        }
    }

    /// Has a key looked at; the reason is for the log alone.
    pub fn wake(&self, key: &ItemKey, reason: &'static str) {
        self.woken.lock().unwrap_or_else(|e| e.into_inner()).insert(key.clone(), reason);
        self.queue.add(key.clone());
    }

    pub(crate) fn woken_by(&self, key: &ItemKey) -> &'static str {
        self.woken.lock().unwrap_or_else(|e| e.into_inner()).remove(key).unwrap_or("requeue")
    }

    pub(crate) fn keep(&self, open: OpenLists) {
        let mut kept = self.open.write().unwrap_or_else(|e| e.into_inner());
        open.tell_since(&kept);
        *kept = open;
    }

    /// The head of a pull request, if the last list of open ones has it.
    pub(crate) fn listed_head(&self, key: &EnvKey) -> Option<ListedHead> {
        self.open.read().unwrap_or_else(|e| e.into_inner()).head(key)
    }

    /// Plans on as a reconcile would, looking wherever the plan asks for it, up to the first step that would change
    /// something.
    pub(crate) async fn look_through(&self, record: &Record, mut observed: Observed) -> Result<Plan> {
        let policy = &self.policy;
        let mut record = Cow::Borrowed(record);
        observed.spending = self.spending_of(&record.key);
        loop {
            let planned = plan(&record, &observed, policy, self.doors.clock.now());
            match &planned.next {
                Next::Look(look) => {
                    let turn = &mut Turn::unlimited();
                    self.look(look, &record, &planned.status, &mut observed, turn).await?;
                }
                // As if it were recorded.
                Next::Record => record.to_mut().status = Some(planned.status),
                _ => return Ok(planned),
            }
        }
    }

    /// Looks, for a plan that drafts `status`.
    pub(crate) async fn look(
        &self,
        look: &Look,
        record: &Record,
        status: &Status,
        observed: &mut Observed,
        turn: &mut Turn<'_>,
    ) -> Result<()> {
        if let Look::Room(place) = look {
            observed.room = Some(self.room(record, *place, status.expires_at).await?);
            return Ok(());
        }
        match self.policy.project_of(record) {
            Some((key, project)) => self.closer.look(look, record, &key, project, observed, turn).await,
            None => Ok(()),
        }
    }
}

struct Observer {
    controller: Arc<Controller>,
}

impl WorkerObserver for Observer {
    fn reconciled(&self, ended: Reconciled, took: Duration) {
        self.controller.doors.meter.reconciled(ended.label(), took);
    }
}

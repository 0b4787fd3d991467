//! Workers: run a reconciler for each key that is handed out, survive its panics, drain on stop.

use std::{any::Any, fmt::Debug, hash::Hash, num::NonZeroUsize, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{Backoff, Work, WorkQueue};

/// What a reconcile asks for next. Reasons are constants in PascalCase: they end up in logs and as metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The key rests until somebody adds it: an event, or the next resync.
    Done,
    /// Nothing is wrong; look again after this time. Waiting is not an error.
    RequeueAfter(Duration),
    /// It failed, and may succeed later: wait as [`Backoff`] says.
    Backoff {
        /// Why, for example `Throttled`.
        reason: &'static str,
        /// Not before this time, whatever the backoff says: what a `retry-after` asked for. Zero if nobody asked.
        at_least: Duration,
    },
    /// It failed, and trying again cannot help until something changes: the key rests as with `Done`.
    Terminal {
        /// Why, for example `TemplateInvalid`.
        reason: &'static str,
    },
}

impl Outcome {
    /// Back off for `reason`, with no bound from the other side.
    #[must_use]
    pub const fn backoff(reason: &'static str) -> Self {
        Self::Backoff { reason, at_least: Duration::ZERO }
    }

    /// Back off for `reason`, and for `at_least` that long.
    #[must_use]
    pub const fn backoff_at_least(reason: &'static str, at_least: Duration) -> Self {
        Self::Backoff { reason, at_least }
    }

    /// Terminal, for `reason`.
    #[must_use]
    pub const fn terminal(reason: &'static str) -> Self {
        Self::Terminal { reason }
    }
}

/// How a reconcile ended, for [`WorkerObserver`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// It answered.
    Answered(Outcome),
    /// It panicked, and is backed off.
    Panicked,
}

impl Reconciled {
    /// The value of the label `result` of `reconcile_total`: `done`, `requeue`, `backoff`, `terminal` or `panic`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Answered(Outcome::Done) => "done",
            Self::Answered(Outcome::RequeueAfter(_)) => "requeue",
            Self::Answered(Outcome::Backoff { .. }) => "backoff",
            Self::Answered(Outcome::Terminal { .. }) => "terminal",
            Self::Panicked => "panic",
        }
    }
}

/// Is told of every reconcile. Called on the worker, between two reconciles: it should be quick and must not panic.
pub trait WorkerObserver: Send + Sync + 'static {
    /// A reconcile ended after `took`.
    fn reconciled(&self, ended: Reconciled, took: Duration);
}

/// What was left when the workers stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained<K> {
    /// Keys whose reconcile was broken off, or could not be, at the deadline. Empty after a graceful stop.
    pub abandoned: Vec<K>,
    /// How many keys were due and not looked at. The next process finds them by its first resync.
    pub left_ready: usize,
}

/// How long running reconciles may take to end after a stop: 8 s leave 2 s for the release of the lease and the last
/// log lines, of the 10 s within which the daemon exits after SIGTERM. (ECS itself sends SIGKILL after 30 s.)
const DRAIN_WITHIN: Duration = Duration::from_secs(8);

/// Reconciles keys of a queue, several at a time.
///
/// # Guarantees
///
/// - At most `concurrency` reconciles at once, and for one key never two (the queue sees to it).
/// - A panic of a reconcile is logged, told to the observer and backed off; its worker and its key live on.
/// - No allocation for a reconcile but the key's own clone: each worker is one task that lives as long as the run.
///
/// # Caveats
///
/// - A reconcile that blocks its thread without `await` cannot be broken off, and holds up the worker next to it.
pub struct Workers {
    concurrency: NonZeroUsize,
    backoff: Backoff,
    drain_within: Duration,
    observer: Option<Arc<dyn WorkerObserver>>,
}

impl Workers {
    /// Workers that run up to `concurrency` reconciles at once; zero counts as one.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self {
            concurrency: NonZeroUsize::new(concurrency).unwrap_or(NonZeroUsize::MIN),
            backoff: Backoff::default(),
            drain_within: DRAIN_WITHIN,
            observer: None,
        }
    }

    /// Uses this backoff for [`Outcome::Backoff`] and panics instead of the default one.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Gives running reconciles this long to end after a stop, instead of 8 s.
    #[must_use]
    pub fn drain_within(mut self, deadline: Duration) -> Self {
        self.drain_within = deadline;
        self
    }

    /// Tells `observer` of every reconcile.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn WorkerObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Reconciles until `stop`, then closes the queue, waits for what runs until the deadline, breaks off what is left
    /// and says what that was.
    ///
    /// The queue is closed for good: a leader that leads again starts with a new queue and a full resync. Dropping this
    /// future breaks off every reconcile at its next `await`, without drain.
    pub async fn run<K, R, F>(self, queue: &WorkQueue<K>, reconcile: R, stop: CancellationToken) -> Drained<K>
    where
        K: Hash + Eq + Clone + Debug + Send + Sync + 'static,
        R: Fn(K) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send,
    {
        let worker = Arc::new(Worker { reconcile, backoff: self.backoff, observer: self.observer });
        let mut tasks = JoinSet::new();
        for _ in 0..self.concurrency.get() {
            let (worker, queue) = (Arc::clone(&worker), queue.clone());
            tasks.spawn(async move {
                while let Some(work) = queue.next().await {
                    worker.one(work).await;
                }
            });
        }

        // Somebody else may close the queue, which ends the workers too.
        tokio::select! {
            () = stop.cancelled() => {}
            () = all_ended(&mut tasks) => {}
        }
        queue.close();
        let deadline = Instant::now() + self.drain_within;
        let abandoned = match timeout_at(deadline, all_ended(&mut tasks)).await {
            Ok(()) => Vec::new(),
            // Asked before they are broken off, which puts their keys back in line.
            Err(_) => queue.running(),
        };
        for key in &abandoned {
            tracing::warn!(?key, "reconcile abandoned: it did not end before the drain deadline");
        }
        let left_ready = queue.snapshot().ready;
        tasks.abort_all();
        Drained { abandoned, left_ready }
    }
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            // Only an observer, or a key's own code, can do that: the reconciler's panics are caught.
            tracing::error!(error = &error as &dyn std::error::Error, "a worker ended by a panic");
        }
    }
}

struct Worker<R> {
    reconcile: R,
    backoff: Backoff,
    observer: Option<Arc<dyn WorkerObserver>>,
}

impl<R> Worker<R> {
    async fn one<K, F>(&self, mut work: Work<K>)
    where
        K: Hash + Eq + Clone + Debug,
        R: Fn(K) -> F,
        F: Future<Output = Outcome>,
    {
        let started = self.observer.as_ref().map(|_| Instant::now());
        let key = work.take_key();
        // The call itself may panic too, before there is a future. Nothing of ours is left half-changed by either.
        let run = AssertUnwindSafe(async { (self.reconcile)(key).await });
        let ended = match run.catch_unwind().await {
            Ok(outcome) => Reconciled::Answered(outcome),
            Err(panic) => {
                tracing::error!(key = ?work.restore_key(), panic = message(&*panic), "a reconcile panicked");
                Reconciled::Panicked
            }
        };
        if let (Some(observer), Some(started)) = (&self.observer, started) {
            observer.reconciled(ended, started.elapsed());
        }
        match ended {
            Reconciled::Answered(Outcome::Done | Outcome::Terminal { .. }) => work.done(),
            Reconciled::Answered(Outcome::RequeueAfter(delay)) => work.requeue_after(delay),
            Reconciled::Answered(Outcome::Backoff { at_least, .. }) => {
                let delay = self.backoff.delay(work.failures()).max(at_least);
                work.retry_after(delay);
            }
            Reconciled::Panicked => {
                let delay = self.backoff.delay(work.failures());
                work.retry_after(delay);
            }
        }
    }
}

/// What `panic!` was given. Almost always text.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

#[cfg(test)]
mod tests;

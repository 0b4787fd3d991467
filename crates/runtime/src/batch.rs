//! Many single questions become one call.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

/// When a batch goes out: as soon as the first of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// So many different keys are together: what the call behind it takes at most, e.g. 10 for DescribeServices.
    pub keys: NonZeroUsize,
    /// For so long nobody has asked for anything more.
    pub idle: Duration,
    /// So long has the first caller waited.
    pub longest: Duration,
}

impl BatchLimits {
    /// Up to `keys` in a call (zero counts as one), 10 ms idle, 100 ms at the longest.
    ///
    /// Reconciles that a resync wakes together ask within a few milliseconds of one another; 100 ms are the most that
    /// one call may add to an environment whose address is expected within seconds.
    #[must_use]
    pub fn of(keys: usize) -> Self {
        Self {
            keys: NonZeroUsize::new(keys).unwrap_or(NonZeroUsize::MIN),
            idle: Duration::from_millis(10),
            longest: Duration::from_millis(100),
        }
    }
}

/// Why a question was not answered.
#[derive(Debug, Error)]
pub enum BatchError<E: std::error::Error + 'static> {
    /// The call failed. Everybody in the batch gets this same error.
    #[error("the batched call failed")]
    Failed(#[source] Arc<E>),
    /// The call panicked, or the runtime is shutting down.
    #[error("the batched call was broken off")]
    BrokenOff,
}

impl<E: std::error::Error + 'static> Clone for BatchError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::BrokenOff => Self::BrokenOff,
        }
    }
}

type Answer<V, E> = Result<Option<V>, BatchError<E>>;
type Loaded<K, V, E> = Pin<Box<dyn Future<Output = Result<HashMap<K, V>, E>> + Send>>;

/// Collects the keys of callers that ask at about the same time and loads them in one call.
///
/// A clone is another handle on the same batcher.
///
/// # Guarantees
///
/// - A call never has more keys than the limit, never one twice, and never none.
/// - What a caller gets was loaded after it asked: a question does not join a call that is already on its way.
/// - A caller that is dropped harms nobody. Its key is still loaded if it was already asked for.
/// - An error reaches everybody whose key was in that call, and nobody else.
///
/// # Caveats
///
/// - Calls may overlap: while one is on its way the next batch gathers and goes. Rate limits belong into the loader.
/// - Nothing is cached. The next question for the same key is a new call.
pub struct Batcher<K, V, E: std::error::Error + 'static> {
    shared: Arc<Shared<K, V, E>>,
}

impl<K, V, E: std::error::Error + 'static> Clone for Batcher<K, V, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<K, V, E: std::error::Error + 'static> {
    limits: BatchLimits,
    load: Box<dyn Fn(Vec<K>) -> Loaded<K, V, E> + Send + Sync>,
    /// The batch that gathers, if one does.
    open: Mutex<Option<Batch<K, V, E>>>,
}

struct Batch<K, V, E: std::error::Error + 'static> {
    askers: HashMap<K, Vec<oneshot::Sender<Answer<V, E>>>>,
    last_asked: Instant,
    /// Tells the batch's task that the batch left without it.
    full: Arc<Notify>,
}

impl<K, V, E> Batcher<K, V, E>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    /// A batcher over `load`, which answers with the values of the keys it found. A key it leaves out is "not found".
    pub fn new<L, F>(limits: BatchLimits, load: L) -> Self
    where
        L: Fn(Vec<K>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    {
        let load = Box::new(move |keys| Box::pin(load(keys)) as Loaded<K, V, E>);
        Self { shared: Arc::new(Shared { limits, load, open: Mutex::new(None) }) }
    }

    /// The value of `key`, or `None` if the loader did not find it. Waits for the batch to go out and come back.
    ///
    /// Dropped half-way, the question may still be asked; nobody hears the answer.
    ///
    /// # Errors
    ///
    /// That of the one call for all its keys.
    ///
    /// # Panics
    ///
    /// When first polled outside a tokio runtime with time enabled.
    pub async fn get(&self, key: K) -> Answer<V, E> {
        let (answer, answered) = oneshot::channel();
        self.ask(key, answer);
        answered.await.unwrap_or(Err(BatchError::BrokenOff))
    }

    fn ask(&self, key: K, asker: oneshot::Sender<Answer<V, E>>) {
        let now = Instant::now();
        let mut open = self.shared.lock();
        let batch = open.get_or_insert_with(|| {
            let full = Arc::new(Notify::new());
            tokio::spawn(Arc::clone(&self.shared).gather(Arc::clone(&full), now));
            Batch { askers: HashMap::new(), last_asked: now, full }
        });
        batch.last_asked = now;
        batch.askers.entry(key).or_default().push(asker);
        if batch.askers.len() >= self.shared.limits.keys.get()
            && let Some(batch) = open.take()
        {
            batch.full.notify_one();
            tokio::spawn(Arc::clone(&self.shared).send(batch));
        }
    }
}

impl<K, V, E> Shared<K, V, E>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    /// Waits until the batch that opened at `opened` has gathered long enough, then sends it; ends early if it is full.
    async fn gather(self: Arc<Self>, full: Arc<Notify>, opened: Instant) {
        let mut until = opened + self.limits.idle.min(self.limits.longest);
        loop {
            tokio::select! {
                biased;
                () = full.notified() => return,
                () = sleep_until(until) => {}
            }
            let batch = {
                let mut open = self.lock();
                // Between the timer and the lock it may have become full, and another one opened.
                match open.take_if(|batch| Arc::ptr_eq(&batch.full, &full)) {
                    None => return,
                    Some(batch) => {
                        let limits = self.limits;
                        let end = (batch.last_asked + limits.idle).min(opened + limits.longest);
                        if end <= Instant::now() {
                            batch
                        } else {
                            until = end;
                            *open = Some(batch);
                            continue;
                        }
                    }
                }
            };
            return self.send(batch).await;
        }
    }

    async fn send(self: Arc<Self>, batch: Batch<K, V, E>) {
        let mut askers = batch.askers;
        // Nobody waits for these any more.
        askers.retain(|_, askers| askers.iter().any(|asker| !asker.is_closed()));
        if askers.is_empty() {
            return;
        }
        // Should the call panic, the askers are dropped with this task and hear that it was broken off.
        let mut loaded = (self.load)(askers.keys().cloned().collect()).await.map_err(Arc::new);
        for (key, askers) in askers {
            let answer = match &mut loaded {
                Ok(found) => Ok(found.remove(&key)),
                Err(error) => Err(BatchError::Failed(Arc::clone(error))),
            };
            for asker in askers {
                // An asker that was dropped meanwhile does not want to know.
                let _ = asker.send(answer.clone());
            }
        }
    }
}

impl<K, V, E: std::error::Error + 'static> Shared<K, V, E> {
    fn lock(&self) -> MutexGuard<'_, Option<Batch<K, V, E>>> {
        // Only a panic in a key's own `Hash` or `Eq` could poison it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

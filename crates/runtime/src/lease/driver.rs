//! Makes the calls that the two state machines ask for.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::{Either, select};
use thiserror::Error;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Clock, Fence, LeaseRecord, LeaseStore, LeaseTiming, MachineClock, Written,
    claimant::{Claimant, Verdict},
    fence::locked,
    tenure::Tenure,
};

/// A lease to be had. Each `Lease` is a claimant of its own, also within one process.
///
/// ```no_run
/// # use bivouac_runtime::lease::{Lease, LeaseStore, LeaseTiming};
/// # async fn lead(store: impl LeaseStore) {
/// let mut lease = Lease::new(store, "host-7", LeaseTiming::of(std::time::Duration::from_secs(15)));
/// loop {
///     let held = lease.acquire().await;
///     let fence = held.fence();
///     // Work, with `fence.check()?` before each write, until `fence.lost()` is cancelled or all is done, and then:
///     held.release().await;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Lease<S, C = MachineClock> {
    store: Arc<S>,
    clock: C,
    timing: LeaseTiming,
    owner: String,
}

impl<S: LeaseStore> Lease<S> {
    /// The lease in `store`, wanted by one that is called `name` in the record. Names are for people: a random part is
    /// added, so that two claimants are never taken for one, whatever they are called.
    #[must_use]
    pub fn new(store: S, name: &str, timing: LeaseTiming) -> Self {
        Self::with_clock(store, name, timing, MachineClock::default())
    }
}

impl<S: LeaseStore, C: Clock> Lease<S, C> {
    /// The same on another clock.
    #[must_use]
    pub fn with_clock(store: S, name: &str, timing: LeaseTiming, clock: C) -> Self {
        // The standard library seeds this from the operating system: 64 bits that no other start has.
        let unique = RandomState::new().hash_one(name);
        Self { store: Arc::new(store), clock, timing, owner: format!("{name}/{unique:016x}") }
    }

    /// What the record says while this one holds the lease.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Waits until this one holds the lease: at once if nobody does, a whole period after the holder's last renewal if
    /// it died. Failing calls are logged and tried again, for ever.
    ///
    /// Dropped half-way, a claim may have been made: then it is found and taken up by the next `acquire`, or runs out.
    pub async fn acquire(&mut self) -> Held<'_, S, C> {
        let mut claimant = Claimant::new(self.owner.clone(), self.timing);
        loop {
            match self.attempt(&mut claimant).await {
                Ok(Attempt::Won(tenure)) => return Held::new(self, tenure),
                Ok(Attempt::TryAgainIn(wait)) => self.clock.sleep(wait).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the lease could not be claimed");
                    self.clock.sleep(self.timing.retry_after).await;
                }
            }
        }
    }

    /// One look at the record, and the write that follows from it.
    async fn attempt(&self, claimant: &mut Claimant) -> Result<Attempt, CallError<S::Error>> {
        let record = self.call(self.timing.call_timeout, self.store.read()).await?;
        let verdict = claimant.look(record, self.clock.now());
        let sent = self.clock.now();
        let (written, record) = match verdict {
            Verdict::Wait(left) => {
                return Ok(Attempt::TryAgainIn(left.min(self.timing.renew_every)));
            }
            Verdict::Claim { seen, claim } => {
                let claiming = self.store.try_claim(seen, &claim);
                (self.call(self.timing.call_timeout, claiming).await?, claim)
            }
            Verdict::Renew(held) => {
                let written = self.call(self.timing.call_timeout, self.store.renew(&held)).await?;
                (written, LeaseRecord { version: held.version + 1, ..held })
            }
        };
        let tenure = Tenure::new(self.timing, record, sent);
        Ok(match written {
            Written::Done if !tenure.left(self.clock.now()).is_zero() => Attempt::Won(tenure),
            // Won, but the answer took longer than the lease lasts, or somebody else was quicker: look again.
            Written::Done | Written::Conflict => Attempt::TryAgainIn(self.timing.retry_after),
        })
    }

    async fn call<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, S::Error>>,
    ) -> Result<T, CallError<S::Error>> {
        call_within(&self.clock, limit, call).await
    }
}

enum Attempt {
    Won(Tenure),
    TryAgainIn(Duration),
}

#[derive(Debug, Error)]
enum CallError<E: std::error::Error + 'static> {
    #[error("the call failed")]
    Failed(#[source] E),
    #[error("there was no answer within {0:?}")]
    NoAnswer(Duration),
}

async fn call_within<C: Clock, T, E: std::error::Error + 'static>(
    clock: &C,
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
    match select(pin!(call), pin!(clock.sleep(limit))).await {
        Either::Left((answer, _)) => answer.map_err(CallError::Failed),
        Either::Right(_) => Err(CallError::NoAnswer(limit)),
    }
}

/// The lease, held. It is renewed by a task of its own until this is released or dropped.
///
/// Dropped without release, its fence is lost at once, and the others wait until the period is over.
#[derive(Debug)]
pub struct Held<'a, S: LeaseStore, C: Clock = MachineClock> {
    lease: &'a mut Lease<S, C>,
    tenure: Arc<Mutex<Tenure>>,
    fence: Fence,
    keeper: AbortOnDropHandle<()>,
}

impl<'a, S: LeaseStore, C: Clock> Held<'a, S, C> {
    fn new(lease: &'a mut Lease<S, C>, tenure: Tenure) -> Self {
        tracing::info!(owner = lease.owner, version = tenure.record().version, "holds the lease");
        let clock = lease.clock.clone();
        let tenure = Arc::new(Mutex::new(tenure));
        let fence = Fence::new(Arc::clone(&tenure), move || clock.now());
        let keeper = Keeper {
            store: Arc::clone(&lease.store),
            clock: lease.clock.clone(),
            timing: lease.timing,
            tenure: Arc::clone(&tenure),
            fence: fence.clone(),
        };
        let keeper = AbortOnDropHandle::new(tokio::spawn(keeper.keep()));
        Self { lease, tenure, fence, keeper }
    }

    /// The fence of this time of leading.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Gives the lease back, so that the next one need not wait. The fence is lost from the first moment on: end all
    /// work before. If the call fails that is logged, and the lease runs out. Takes two call timeouts at most.
    ///
    /// Dropped half-way, the lease may or may not have been given back.
    pub async fn release(self) {
        self.keeper.abort();
        self.fence.end();
        let mut record = locked(&self.tenure).record().clone();
        let lease = &self.lease;
        let limit = lease.timing.call_timeout;
        let released = async {
            if lease.store.release(&record).await? == Written::Conflict
                && let Some(newer) = lease.store.read().await?
                && newer.owner == record.owner
            {
                // The last renewal was done and its answer never read.
                record = newer;
                lease.store.release(&record).await?;
            }
            Ok(())
        };
        match call_within(&lease.clock, 2 * limit, released).await {
            Ok(()) => tracing::info!(owner = lease.owner, "released the lease"),
            Err(error) => {
                let error: CallError<S::Error> = error;
                tracing::warn!(error = &error as &dyn std::error::Error, "the lease could not be released");
            }
        }
    }
}

impl<S: LeaseStore, C: Clock> Drop for Held<'_, S, C> {
    fn drop(&mut self) {
        self.fence.end();
    }
}

/// The task that renews.
struct Keeper<S, C> {
    store: Arc<S>,
    clock: C,
    timing: LeaseTiming,
    tenure: Arc<Mutex<Tenure>>,
    fence: Fence,
}

impl<S: LeaseStore, C: Clock> Keeper<S, C> {
    async fn keep(self) {
        loop {
            let wait = locked(&self.tenure).renew_in(self.clock.now());
            self.wait(wait).await;
            if self.fence.check().is_err() {
                break;
            }
            if let Err(error) = self.renew().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the lease could not be renewed");
                self.wait(self.timing.retry_after).await;
            }
            if self.fence.check().is_err() {
                break;
            }
        }
        tracing::error!("the lease was lost");
    }

    async fn renew(&self) -> Result<(), CallError<S::Error>> {
        let held = locked(&self.tenure).record().clone();
        let sent = self.clock.now();
        match self.call(self.store.renew(&held)).await? {
            Written::Done => locked(&self.tenure).renewed(sent, self.clock.now()),
            Written::Conflict => {
                let record = self.call(self.store.read()).await?;
                locked(&self.tenure).corrected(record);
            }
        }
        Ok(())
    }

    /// Never longer than the lease lasts, so that its end is told in time.
    async fn wait(&self, time: Duration) {
        self.clock.sleep(self.fence.time_left().map_or(time, |left| time.min(left))).await;
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, S::Error>>) -> Result<T, CallError<S::Error>> {
        let limit = self.timing.call_timeout;
        call_within(&self.clock, self.fence.time_left().map_or(limit, |left| limit.min(left)), call).await
    }
}

//! Leading: one process at a time works, and the next takes over when it is gone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bivouac_ports::{Error, LeaseView, Leases, Meaning, Meter};
use bivouac_runtime::Fence;
use bivouac_runtime::lease::{Lease, LeaseRecord, LeaseStore, LeaseTiming, Written};
use tokio_util::sync::CancellationToken;

/// Which lease, and for whom.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// The name of the lease: one for each instance, since two instances share nothing.
    pub name: String,
    /// Who we are, for people who read the table.
    pub holder: String,
    /// `controller.lease`.
    pub period: Duration,
}

/// Runs `work` whenever this process leads, until `stop`. `work` has to end soon after its fence is lost and after `stop`.
///
/// The lease is released on the way out, so that the next process need not wait for its end. Dropped half-way it is not:
/// the next one waits a period.
pub async fn lead<W, F>(
    leases: Arc<dyn Leases>,
    leadership: &Leadership,
    meter: Arc<dyn Meter>,
    stop: CancellationToken,
    work: W,
) where
    W: Fn(Fence) -> F,
    F: Future<Output = ()>,
{
    let store =
        Table { leases, name: leadership.name.clone(), meter: Arc::clone(&meter), spoiled: AtomicBool::new(false) };
    let mut lease = Lease::new(store, &leadership.holder, LeaseTiming::of(leadership.period));
    meter.lease_held(false);
    while !stop.is_cancelled() {
        let held = tokio::select! {
            () = stop.cancelled() => return,
            held = lease.acquire() => held,
        };
        tracing::info!(lease = leadership.name, "leading");
        meter.lease_held(true);
        work(held.fence()).await;
        meter.lease_held(false);
        held.release().await;
    }
}

/// The lease of one name, as the lease machine wants it.
struct Table {
    leases: Arc<dyn Leases>,
    name: String,
    meter: Arc<dyn Meter>,
    /// Whether the item was spoiled when it was last seen.
    spoiled: AtomicBool,
}

impl Table {
    /// Raises the alarm for as long as the item is spoiled, and logs each change once.
    fn saw(&self, spoiled: Option<&str>) {
        self.meter.lease_unreadable(spoiled.is_some());
        match (spoiled, self.spoiled.swap(spoiled.is_some(), Ordering::SeqCst)) {
            (Some(why), false) => tracing::error!(
                lease = self.name,
                "the lease cannot be read: {why}. It is replaced once its holder was silent for a whole period"
            ),
            (None, true) => tracing::info!(lease = self.name, "the lease can be read again"),
            _ => {}
        }
    }

    async fn write(&self, lease: LeaseView, seen: Option<u64>) -> Result<Written, Error> {
        match self.leases.write(&self.name, &lease, seen).await {
            Ok(()) => {
                self.saw(None);
                Ok(Written::Done)
            }
            Err(error) if error.meaning() == Meaning::Conflict => Ok(Written::Conflict),
            Err(error) => Err(error),
        }
    }
}

impl LeaseStore for Table {
    type Error = Error;

    async fn read(&self) -> Result<Option<LeaseRecord>, Error> {
        let lease = self.leases.read(&self.name).await?;
        self.saw(lease.as_ref().and_then(|lease| lease.spoiled.as_deref()));
        Ok(lease.map(|lease| LeaseRecord { owner: lease.holder, version: lease.version, period: lease.period }))
    }

    async fn try_claim(&self, seen: Option<u64>, claim: &LeaseRecord) -> Result<Written, Error> {
        let lease =
            LeaseView { holder: claim.owner.clone(), version: claim.version, period: claim.period, spoiled: None };
        self.write(lease, seen).await
    }

    // A version belongs to one owner, so a condition on the version is a condition on both.
    async fn renew(&self, held: &LeaseRecord) -> Result<Written, Error> {
        let lease =
            LeaseView { holder: held.owner.clone(), version: held.version + 1, period: held.period, spoiled: None };
        self.write(lease, Some(held.version)).await
    }

    async fn release(&self, held: &LeaseRecord) -> Result<Written, Error> {
        let lease = LeaseView { holder: None, version: held.version + 1, period: held.period, spoiled: None };
        self.write(lease, Some(held.version)).await
    }
}

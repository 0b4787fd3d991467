//! Where a lease is kept: a small door that an adapter implements.

use std::time::Duration;

/// What the store holds of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds it; `None` after a release.
    pub owner: Option<String>,
    /// Raised by one with every write, also by a release; never lowered, never reused.
    pub version: u64,
    /// The holder's period. A claimant with a shorter one waits this long nevertheless.
    pub period: Duration,
}

/// Whether a conditional write was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The condition held, and it was done.
    Done,
    /// The condition did not hold, and nothing was done.
    Conflict,
}

/// A store of one lease, with linearizable conditional writes.
///
/// Each call may fail or never answer and have been done nevertheless, and may be done long after its caller gave up
/// waiting: the lease is safe under that as long as the conditions are checked when the write is done. Reads must see
/// every write that was answered before (DynamoDB: `ConsistentRead`).
///
/// # Errors
///
/// Of every method: anything but "the condition did not hold", which is [`Written::Conflict`].
pub trait LeaseStore: Send + Sync + 'static {
    /// Why a call failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The record, `None` if there has never been one.
    fn read(&self) -> impl Future<Output = Result<Option<LeaseRecord>, Self::Error>> + Send;

    /// Puts `claim` if the version is still `seen` (`None`: if there is still no record), whoever the owner is.
    /// `claim.version` is one above `seen`.
    fn try_claim(
        &self,
        seen: Option<u64>,
        claim: &LeaseRecord,
    ) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Raises the version by one, if owner and version are still those of `held`.
    fn renew(&self, held: &LeaseRecord) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Raises the version by one and removes the owner, if owner and version are still those of `held`. The record
    /// stays: a new one would begin at an old version.
    fn release(&self, held: &LeaseRecord) -> impl Future<Output = Result<Written, Self::Error>> + Send;
}

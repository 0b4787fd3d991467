//! The door to the leases.

use async_trait::async_trait;

use crate::Result;

/// A lease as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// Who holds it; empty when it was released.
    pub holder: String,
    /// +1 with every claim and renewal.
    pub version: u64,
}

/// Leases by name. Every write is conditional on the version that was read, so of two writers one gets `Conflict`.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease, or `None` when nobody ever held it.
    async fn read(&self, name: &str) -> Result<Option<LeaseView>>;

    /// Makes `holder` the holder if the version is still `seen` (`None`: if there is no such lease), and answers the new
    /// version. Claiming and renewing are the same write.
    ///
    /// # Errors
    /// `Conflict` when somebody else wrote meanwhile (or this very call did, and its answer was lost: read again).
    async fn write(&self, name: &str, holder: &str, seen: Option<u64>) -> Result<u64>;

    /// Gives the lease back if the version is still `seen`, so that the next claimant need not wait.
    async fn release(&self, name: &str, holder: &str, seen: u64) -> Result<()>;
}

//! The door to the leases.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

/// A lease as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// Who holds it; `None` after a release.
    pub holder: Option<String>,
    /// +1 with every write, a release included; never lowered, never reused.
    pub version: u64,
    /// The holder's period. A claimant with a shorter one waits this long nevertheless.
    pub period: Duration,
    /// What is wrong with the item in the table, in a sentence; `None`: nothing.
    ///
    /// A spoiled item is shown as a lease of an unknown holder. If its version cannot be read, `version` is a word of the
    /// item's content instead: it changes whenever the item does, so claimants watch a spoiled lease as any other.
    pub spoiled: Option<String>,
}

/// Leases by name. Claiming, renewing and releasing are the same conditional write, so of two writers one loses.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease, strongly consistent; `None` when nobody ever held it. A spoiled one is no error: somebody has to replace it.
    async fn read(&self, name: &str) -> Result<Option<LeaseView>>;

    /// Puts `lease` if the version in the table is still `seen` (`None`: if there is still no such lease). A spoiled lease is
    /// replaced if its item is still what was read as `seen`.
    ///
    /// # Errors
    /// `Conflict` when somebody else wrote meanwhile (or this very call did, and its answer was lost: read again).
    async fn write(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()>;
}

//! The port to the ledger of spending, which no client writes.

use async_trait::async_trait;
use bivouac_model::{Month, SpendingEntry};

use crate::Result;

/// What every environment spent in every month.
#[async_trait]
pub trait SpendingStore: Send + Sync {
    /// Returns all entries of some months, strongly consistent. An entry that cannot be read is left out and logged.
    ///
    /// # Errors
    /// When not all of each month could be read.
    async fn months(&self, months: &[Month]) -> Result<Vec<SpendingEntry>>;

    /// Writes an entry, if the ledger still holds the one with the revision `seen` (`None`: if it holds none for this
    /// environment and month). The written revision is `seen` + 1, or 1, whatever `entry` says. Attributes that this release
    /// does not know stay as they are.
    ///
    /// # Errors
    /// `Conflict` if another entry stands there, or if this very write was done and its answer was lost: read again.
    async fn write(&self, entry: &SpendingEntry, seen: Option<u64>) -> Result<()>;
}

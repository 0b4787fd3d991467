//! The door to the table of environments.

use async_trait::async_trait;
use bivouac_model::{ItemKey, Phase, Record, Status, Value};

use crate::{Error, Result};

/// A change of a wish: each attribute that is set (`Some`) or removed (`None`). What is not named stays.
pub type DesiredChange = Vec<(&'static str, Option<Value>)>;

/// The table of environments.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// Every record, strongly consistent. Complete or an error. An item that cannot be understood is a record too.
    async fn all(&self) -> Result<Vec<Record>>;

    /// The records in a phase, by the index of phases: the cost goes with their number and not with the size of the table.
    /// The index follows the table within about a second, so what was written a moment ago may be missing or still be there.
    async fn in_phase(&self, phase: Phase) -> Result<Vec<Record>>;

    /// One record, strongly consistent.
    async fn get(&self, key: &ItemKey) -> Result<Option<Record>>;

    /// Writes what the controller has to say, and nothing a client wrote.
    ///
    /// The write is conditional: the record must exist, its generation must be that of `seen`, and the revision of its
    /// status must be that of `seen` (absent if it was absent). The written revision is that of `seen` + 1, whatever
    /// `status` says.
    ///
    /// # Errors
    /// `Conflict` when somebody wrote meanwhile, or when this very write was done and its answer lost: read again.
    /// `Invalid` when the item would grow over DynamoDB's 400 KB.
    async fn write_status(&self, seen: &Record, status: &Status) -> Result<()>;

    /// Writes a wish as every client does, creating the record if need be: `generation` becomes one more than it is, in
    /// the same atomic write. Answers the new generation. A second call is a second wish with the same content.
    ///
    /// # Errors
    /// `Invalid` when the record's `generation` is no whole number, or the record would be too large: nothing was written
    /// then. `Conflict` when others wrote the record again and again meanwhile.
    async fn write_desired(&self, key: &ItemKey, change: &DesiredChange) -> Result<u64>;

    /// The same over what was read: only if no client wrote since `seen` was read (`None`: if there is still no record), by
    /// its generation. So a change that was made out of what stood there never undoes another's.
    ///
    /// # Errors
    /// `Conflict` when somebody wrote meanwhile, or when this very write was done and its answer lost: read again.
    async fn write_desired_over(&self, key: &ItemKey, seen: Option<&Record>, change: &DesiredChange) -> Result<u64>;

    /// Creates what is missing of tables, index, stream and time-to-live, waits until all is ACTIVE, and answers what it
    /// did, a sentence each. Safe to repeat, and to run twice at once.
    ///
    /// # Errors
    /// `Invalid` when a table exists with another key schema: it is not touched.
    async fn init(&self) -> Result<Vec<String>>;

    /// Whether the tables are there and as they should be.
    ///
    /// # Errors
    /// `NotFound` names the table that is missing (`bivouac init` makes it), `Invalid` one with another key schema.
    async fn check(&self) -> Result<()>;

    /// Returns everything that keeps the tables from being as they should be. None where all is well.
    async fn problems(&self) -> Vec<Error> {
        self.check().await.err().into_iter().collect()
    }
}

/// News of the table: which records were written. Only a hint; everything is found by the next resync without it.
#[async_trait]
pub trait RecordFeed: Send {
    /// Takes its place in the news: what is written after this returned will be answered by [`RecordFeed::next`]. Who calls
    /// it before reading the whole table misses nothing in between. Again, it does nothing; without it, the first `next`
    /// does it.
    ///
    /// # Errors
    /// When the place could not be taken; `next` tries it again.
    async fn begin(&mut self) -> Result<()> {
        Ok(())
    }

    /// Waits for news and answers the keys, each at least once for each write by a client. Never answers an empty list.
    /// Dropped half-way, some keys may be answered again or not at all.
    async fn next(&mut self) -> Result<Vec<ItemKey>>;
}

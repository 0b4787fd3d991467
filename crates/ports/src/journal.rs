//! The door to the table of events: the audit.

use async_trait::async_trait;
use bivouac_model::{Event, ItemKey};

use crate::Result;

/// What happened, for people who ask later.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes events down. What stands there already under the same environment, time and tie stays as it was written first,
    /// whatever is said of it now: nothing is ever written over, so a second call changes nothing.
    ///
    /// # Errors
    /// Some may be written and others not; call again with all of them.
    async fn append(&self, events: &[Event]) -> Result<()>;

    /// The newest events of an environment, the newest first, at most `most`.
    async fn newest(&self, environment: &ItemKey, most: usize) -> Result<Vec<Event>>;
}

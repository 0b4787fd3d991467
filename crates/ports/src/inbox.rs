//! The door to what arrived and is not handled yet.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;

/// Something that arrived once and has to be handled, whatever becomes of the process that took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The sender's name for this delivery (`X-GitHub-Delivery`); a redelivery has the same.
    pub id: String,
    /// When it arrived here.
    pub received_at: DateTime<Utc>,
    /// What it says, in the words of who put it in; at most 300 KB.
    pub content: String,
}

/// Whether a letter is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is, and it is kept until it is done.
    New,
    /// One of this id was taken before, by whomever, and may be done already.
    Before,
}

/// What arrived and is not handled yet. Shared by all replicas, and there after a restart.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes a letter: remembers its id for days, and the letter until [`Inbox::done`], in one atomic write.
    /// A second call answers [`Received::Before`] and changes nothing; so does a call whose first answer was lost, and then
    /// the letter is still in [`Inbox::waiting`].
    async fn take(&self, letter: &Letter) -> Result<Received>;

    /// Letters that are not done, the oldest first, at most `most`.
    async fn waiting(&self, most: usize) -> Result<Vec<Letter>>;

    /// Removes a letter that was handled; its id stays remembered. One that is gone already is done already.
    async fn done(&self, id: &str) -> Result<()>;
}

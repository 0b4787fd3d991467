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

/// A place in the order of what waits: right behind a delivery. Only the inbox that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxCursor(pub String);

/// A part of what waits, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxPage {
    /// The deliveries.
    pub letters: Vec<Letter>,
    /// Where the next part begins; `None`: nothing follows.
    pub next: Option<InboxCursor>,
}

/// How far a list of the forge was read whose entries are put into the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPosition {
    /// When reading began. What is older was never for us.
    pub begun_at: DateTime<Utc>,
    /// Everything up to this moment is in the inbox, by the forge's clock.
    pub read_until: DateTime<Utc>,
}

/// What arrived and is not handled yet. Shared by all replicas, and there after a restart.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes a letter: remembers its id for days, and the letter until [`Inbox::done`], in one atomic write.
    /// A second call answers [`Received::Before`] and changes nothing; so does a call whose first answer was lost, and then
    /// the letter is still in [`Inbox::waiting`].
    async fn take(&self, letter: &Letter) -> Result<Received>;

    /// Takes a delivery as [`Inbox::take`] does, and remembers a second name with it: a delivery that comes later under that
    /// name was taken before. If the name is remembered already, that changes nothing, and the delivery is taken all the same.
    async fn take_also_as(&self, letter: &Letter, name: &str) -> Result<Received>;

    /// Letters that are not done, the oldest first, at most `most`.
    async fn waiting(&self, most: usize) -> Result<Vec<Letter>>;

    /// One part of the deliveries that are not done, the oldest first, at most `most`, behind `after` (`None`: from the
    /// beginning). One call to the store. A part may be empty though another follows.
    async fn page(&self, after: Option<&InboxCursor>, most: usize) -> Result<InboxPage>;

    /// Removes a letter that was handled; its id stays remembered. One that is gone already is done already.
    async fn done(&self, id: &str) -> Result<()>;

    /// How far the list of this name was read; `None`: never.
    async fn read_position(&self, list: &str) -> Result<Option<ReadPosition>>;

    /// Remembers how far a list was read, for good. It never goes back: if another process read further meanwhile, this
    /// changes nothing. `begun_at` stays what it was at first.
    async fn advance(&self, list: &str, position: &ReadPosition) -> Result<()>;
}

//! The record store, its feed, the leases, the journal and the inbox, on DynamoDB and its streams.
//!
//! - [`records`]: the table of environments. Every write is an UpdateItem ([`update`]) on a condition.
//! - [`tables`], [`init`]: what the tables have to be, and how they become that.
//! - [`feed`]: the news of the stream. [`shards`] says what to read next, [`streams`] reads it, [`changes`] tells a
//!   client's write from the controller's own.
//! - [`leases`]: one conditional write.
//! - [`journal`], [`inbox`], [`heads`], [`spending`]: the table of events, which holds what happened, what arrived, which commits
//!   were seen, and what was spent.
//! - [`value`]: attribute values as the model has them.

mod changes;
mod feed;
mod heads;
mod inbox;
mod init;
mod journal;
mod leases;
mod records;
mod shards;
mod spending;
mod streams;
mod tables;
mod update;
mod value;

pub use feed::DynamoFeed;
pub use heads::DynamoHeads;
pub use inbox::DynamoInbox;
pub use journal::DynamoJournal;
pub use leases::DynamoLeases;
pub use records::DynamoRecords;
pub use spending::DynamoSpending;
pub(crate) use tables::TableNames;

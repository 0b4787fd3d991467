//! The record store, its feed and the leases, on DynamoDB and its streams.
//!
//! - [`records`]: the table of environments. Every write is an UpdateItem ([`update`]) on a condition.
//! - [`tables`], [`init`]: what the tables have to be, and how they become that.
//! - [`feed`]: the news of the stream. [`shards`] says what to read next, [`streams`] reads it, [`changes`] tells a
//!   client's write from the controller's own.
//! - [`leases`]: one conditional write.
//! - [`value`]: attribute values as the model has them.

mod changes;
mod feed;
mod init;
mod leases;
mod records;
mod shards;
mod streams;
mod tables;
mod update;
mod value;

pub use feed::DynamoFeed;
pub use leases::DynamoLeases;
pub use records::DynamoRecords;

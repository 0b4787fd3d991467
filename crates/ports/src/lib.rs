//! The doors: what the controller needs of the world, by meaning.
//!
//! Each door is a trait with one adapter (`crates/aws`, `crates/github`) and its fakes in tests. None of them names an
//! SDK type, and all of them fail with the one [`Error`], which says what a failure *means*.
//!
//! Every method may be called twice with the same arguments; where a second call would do something else, its
//! documentation says so. Every future may be dropped: the call may then have happened or not, and the next observation
//! tells.

mod clock;
mod cluster;
mod conversation;
mod error;
mod forge;
mod inbox;
mod journal;
mod leases;
mod meter;
mod probe;
mod quotas;
mod records;
mod registry;
mod site;

pub use clock::{Clock, SystemClock};
pub use cluster::Cluster;
pub use conversation::{CommentId, Conversation, LabelChange, Permission, Reaction};
pub use error::{Error, Meaning};
pub use forge::{Forge, OpenPullRequests};
pub use inbox::{Inbox, Letter, Received};
pub use journal::Journal;
pub use leases::{LeaseView, Leases};
pub use meter::{Meter, MonthCost, NoMeter};
pub use probe::Probe;
pub use quotas::Quotas;
pub use records::{DesiredChange, RecordFeed, RecordStore};
pub use registry::{Registry, TaggedImages};
pub use site::{Site, SiteCluster, SiteGroup, SiteRead, SiteSubnet};

/// What a door answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

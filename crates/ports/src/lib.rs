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
mod forge_health;
mod heads;
mod inbox;
mod journal;
mod leases;
mod local;
mod logs;
mod meter;
mod probe;
mod quotas;
mod records;
mod registry;
mod repo_names;
mod secret;
mod site;
mod spending;
mod write_guard;

pub use clock::{Clock, SystemClock};
pub use cluster::Cluster;
pub use conversation::{
    Audience, ChangedPull, CommentId, Conversation, LabelChange, Permission, PostedComment, PostedComments, Reaction,
    TextId, WrittenComment,
};
pub use error::{Error, Meaning};
pub use forge::{Forge, OpenPullRequests, Push};
pub use forge_health::{ForgeHealth, Recoveries};
pub use heads::{NamedCommit, SeenHead, SeenHeads};
pub use inbox::{Inbox, InboxCursor, InboxPage, Letter, ReadPosition, Received};
pub use journal::Journal;
pub use leases::{LeaseView, Leases};
pub use local::is_local;
pub use logs::{Follow, LogEvent, LogStore, RecentLines, Tail, recent_lines, tail};
pub use meter::{Meter, MonthCost, NoMeter};
pub use probe::Probe;
pub use quotas::Quotas;
pub use records::{DesiredChange, RecordFeed, RecordStore};
pub use registry::{Registry, TaggedImages};
pub use repo_names::{Moved, RepoNames};
pub use secret::{CurrentSecret, SecretSource, SharedSecret};
pub use site::{Site, SiteCluster, SiteGroup, SiteRead, SiteSubnet};
pub use spending::SpendingStore;
pub use write_guard::{GuardedBody, WriteGuard, refused_by_guard};

/// What a door answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

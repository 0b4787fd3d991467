//! The nouns of Bivouac.
//!
//! Everything here is plain data with its rules of validity: the key of an environment, what a client desires, what was
//! observed, and what the controller recorded. No clock, no network, no SDK type. Items of the table arrive as neutral
//! [`Value`]s, so that the decoders can be tested without a store.

mod attempt;
pub mod command;
mod comment;
mod decode;
mod deploy;
mod desired;
mod digest;
mod duration;
mod encode;
mod event;
mod excerpt;
mod foreign;
mod inventory;
mod key;
mod last_use;
mod money;
mod month;
mod observed;
mod peer;
mod phase;
mod place;
mod pull;
mod record;
mod refusal;
mod request;
mod spending;
mod status;
mod value;

pub use attempt::Attempt;
pub use comment::{CommentIdentity, CommentView};
pub use decode::{Item, decode_record};
pub use deploy::{
    RenderedTaskDefinition, ServiceChange, ServiceSpec, TAG_CONTENT, TAG_HASH_VERSION, TAG_MANAGED, TAG_PR,
    TAG_PROTECT, TAG_REPO, TAG_SPEC,
};
pub use desired::{
    Desired, DesiredState, ImageTag, InvalidImageTag, MAX_ENVIRONMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUE_LENGTH,
    MAX_VARIABLES, Ttl,
};
pub use digest::{ContentHash, HASH_VERSION, short_hash};
pub use duration::{InvalidDuration, format_duration, parse_duration};
pub use encode::{STATUS_ATTRIBUTES, encode_status};
pub use event::{Decision, Event};
pub use excerpt::{LogExcerpt, LogStream};
pub use foreign::Foreign;
pub use inventory::{
    DeletionFailure, DescribedRevision, FailureCause, ImageRef, ListedImage, ManifestKind, ManifestText,
};
pub use key::{EnvKey, InvalidKey, ItemKey, PrNumber, RepoName};
pub use last_use::{IdleSign, LastUse, MAX_LAST_USE_BYTES};
pub use money::Usd;
pub use month::{InvalidMonth, Month};
pub use observed::{
    Container, Deployment, HeadChange, Health, Image, ImageDigest, ImageRevision, ImageView, Observed,
    PullRequestState, PushesView, Rollout, Service, ServiceEvent, ServiceView, StopCode, Task, TaskDefinitionName,
    TaskDefinitionRevision, TaskState, Unanswered,
};
pub use peer::peer_network;
pub use phase::Phase;
pub use place::{FargateQuotas, InvalidPlace, Place, Room, Spending, cost_between};
pub use pull::{Branch, PullRequest};
pub use record::{Problem, Record};
pub use refusal::Refusal;
pub use request::commanding_comment;
pub use spending::{LedgerView, SpendingEntry};
pub use status::{
    AtHead, BoundCommit, Capacity, CommandOutcome, Condition, ConditionStatus, Machinery, Reacted, SaidComment, Status,
};
pub use value::Value;

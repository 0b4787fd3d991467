//! Every decision of Bivouac, as one pure function.
//!
//! [`plan`] is given a record, what was observed of it, the policy and the time, and answers the one next step, or the
//! reason for none. It never reads a clock, a random source, the environment or the network, and it leaves no choice to
//! whoever carries the step out.

mod address;
pub mod admission;
mod approve;
mod attempt;
mod bring_up;
mod cause;
mod context;
mod decide;
pub mod definitions;
mod expiry;
mod glance;
mod hold;
mod idle;
pub mod images;
mod log_lines;
mod notice;
mod pattern;
mod plan;
mod policy;
mod prices;
mod project;
mod push_time;
mod react;
pub mod reap;
mod reason;
mod refusal;
mod rollout;
mod spending;
mod take_down;
mod template;

pub use bivouac_policy::{LogsInComments, MASK_CONTEXT, VariableRules, excerpt};
pub use context::{COMMENT_POSTED, is_comment_refused};
pub use decide::{Setback, plan, set_back};
pub use log_lines::{FailureLog, failure_log};
pub use pattern::{InvalidPattern, Pattern};
pub use plan::{Action, Look, Next, Plan, WaitingOn};
pub use policy::{CapacityPolicy, Deadlines, Policy};
pub use prices::Prices;
pub use project::{ImageCommit, Project, Resources, Size};
pub use spending::ended;
pub use template::{
    Filling, InvalidTemplate, MAX_TASK_DEFINITION_BYTES, Mistake, OUR_TAGS, Rule, Source, Template, Terms, check_tag,
    enough_room, offered,
};

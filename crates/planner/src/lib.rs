//! Every decision of Bivouac, as one pure function.
//!
//! [`plan`] is given a record, what was observed of it, the policy and the time, and answers the one next step, or the
//! reason for none. It never reads a clock, a random source, the environment or the network, and it leaves no choice to
//! whoever carries the step out.

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
mod notice;
mod pattern;
mod plan;
mod policy;
mod prices;
mod project;
mod react;
pub mod reap;
mod reason;
mod rollout;
mod take_down;
mod template;

pub use decide::{Setback, plan, set_back};
pub use pattern::{InvalidPattern, Pattern};
pub use plan::{Action, Look, Next, Plan, WaitingOn};
pub use policy::{CapacityPolicy, Deadlines, Policy};
pub use prices::Prices;
pub use project::{ImageCommit, Project, Resources, Size};
pub use template::{Filling, InvalidTemplate, MAX_TASK_DEFINITION_BYTES, Template};

//! Every decision of Bivouac, as one pure function.
//!
//! [`plan`] is given a record, what was observed of it, the policy and the time, and answers the one next step, or the
//! reason for none. It never reads a clock, a random source, the environment or the network, and it leaves no choice to
//! whoever carries the step out.

mod pattern;
mod policy;
mod prices;
mod project;
mod template;

pub use pattern::{InvalidPattern, Pattern};
pub use policy::{CapacityPolicy, Deadlines, Policy};
pub use prices::Prices;
pub use project::{Project, Resources, Size};
pub use template::{Filling, InvalidTemplate, MAX_TASK_DEFINITION_BYTES, Template};

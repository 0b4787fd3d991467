//! What the configuration allows: one place that the planner, the bot and the command line share.
//!
//! Pure: no clock, no network, no file. It knows the model alone.

mod logs;
mod mask;
mod variables;

pub use logs::{ContainerLog, LogTarget, LogsInComments};
pub use mask::{MASK_CONTEXT, Mask, excerpt, looks_secret};
pub use variables::{REFUSED, Refusal, VariableRules, is_refused};

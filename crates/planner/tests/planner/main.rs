//! The planner against a small deterministic model of the world.
//!
//! `cloud` is what AWS would do, `world` the loop that the controller runs around the planner. Everything is told the time
//! and nothing waits, so thousands of worlds run in seconds.

mod admitting;
mod approvals;
mod attempts;
mod causes;
mod cloud;
mod definitions;
mod fixtures;
mod glances;
mod idling;
mod images;
mod life;
mod notices;
mod pains;
mod pricing;
mod properties;
mod reactions;
mod reaping;
mod records;
mod renamed;
mod sources;
mod spending;
mod stuck;
mod templates;
mod unasked;
mod variables;
mod world;

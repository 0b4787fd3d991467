//! The controller behind fake doors, on paused time: killed, failed, doubled and forgotten at every call.

// The same model of ECS that the planner's tests use, not all of it.
#[allow(dead_code)]
#[path = "../../../planner/tests/planner/cloud.rs"]
mod cloud;
#[allow(dead_code)]
#[path = "../../../planner/tests/planner/fixtures.rs"]
mod fixtures;

mod admission;
mod collecting;
mod doors;
mod edits;
mod idling;
mod leading;
mod owed;
mod reaping;
mod refusals;
mod renamed;
mod runs;
mod sources;
mod spending;
mod starts;
mod state;
mod telling;
mod troubles;

//! Observe → plan → apply → record, and the passes over the whole cluster.
//!
//! A [`Controller`] is woken for keys (by the stream of the table, by a resync, by its own timers), never told what
//! happened to them. For each key it reads everything anew, asks the planner for the next step, takes it, and writes down
//! what there is to say. A pass looks at everything at once, and wakes only the keys that a glance does not settle.

mod admission;
mod allowance;
mod announce;
mod apply;
mod audit;
mod closer;
mod collect;
mod controller;
mod doors;
mod edits;
mod failure_log;
mod fenced;
mod guardrail;
mod idle;
mod lead;
mod owed;
mod pass;
mod reap;
mod reconcile;
mod refusals;
mod sources;
mod spending;
mod steady_clock;
mod world;

pub use collect::{Collected, CollectedRepository, Collection, Collector};
pub use controller::{Controller, Settings};
pub use doors::Doors;
pub use guardrail::Survey;
pub use lead::{Leadership, lead};
pub use pass::Planned;
pub use reap::Reaped;

//! The whole system on the embedded cloud, where every test ends with an empty plan, and the doors on it, one by one.

#[path = "../contract/mod.rs"]
mod contract;
#[path = "../support/logs.rs"]
mod logs;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/system.rs"]
mod system;
#[path = "../support/wait.rs"]
mod wait;

mod admission;
mod approvals;
mod bot;
mod bot_answers;
mod burning;
mod causes;
mod clock;
mod collecting;
mod deliveries;
mod dev;
mod doctor;
mod doors;
mod faults;
mod forge;
mod idling;
mod invalid;
mod lives;
mod quotas;
mod reaping;
mod refusals;
mod store;
mod stream;
mod tables;
mod verbs;

//! The whole system on the embedded cloud, where every test ends with an empty plan, and the doors on it, one by one.

#[path = "../contract/mod.rs"]
mod contract;
#[path = "../hostile/floods.rs"]
mod floods;
#[path = "../support/judge.rs"]
mod judge;
#[path = "../support/logs.rs"]
mod logs;
#[path = "../hostile/pauses.rs"]
mod pauses;
#[path = "../support/program.rs"]
mod program;
#[path = "../hostile/recorder.rs"]
mod recorder;
#[path = "../hostile/rotations.rs"]
mod rotations;
#[path = "../support/system.rs"]
mod system;
#[path = "../support/wait.rs"]
mod wait;

#[path = "../hostile/sockets.rs"]
mod hostile_sockets;
#[path = "../hostile/sockets_scene.rs"]
mod sockets_scene;

mod admission;
mod approvals;
mod approvals_bind;
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
mod leases;
mod lives;
mod log_lines;
mod missed;
mod owed;
mod quotas;
mod reaping;
mod refusals;
mod reviews;
mod sources;
mod spending;
mod store;
mod stream;
mod tables;
mod templates;
mod variables;
mod verbs;
mod workload;

//! The whole system on the embedded cloud, where every test ends with an empty plan, and the doors on it, one by one.

#[path = "../contract/mod.rs"]
mod contract;
#[path = "../support/system.rs"]
mod system;

mod approvals;
mod causes;
mod doors;
mod faults;
mod forge;
mod invalid;
mod lives;
mod store;

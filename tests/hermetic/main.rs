//! The whole system on the embedded cloud. Every test ends with an empty plan.

#[path = "../support/system.rs"]
mod system;

mod causes;
mod faults;
mod invalid;
mod lives;

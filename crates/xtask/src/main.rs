//! The tasks of this repository: `cargo xtask test` and what goes with it.
//!
//! One command passes all tests. It looks first for what the machine lacks, brings in the emulators that other people
//! wrote, runs everything against them, and leaves no process behind, whichever way it ends.

mod bench;
mod cli;
mod emulators;
mod error;
mod process;
mod signals;
mod suite;
mod supervise;
mod tools;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => error::report(&error),
    }
}

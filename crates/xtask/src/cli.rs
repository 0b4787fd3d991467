//! The command line of `cargo xtask`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::emulators::Emulators;
use crate::error::Result;
use crate::signals::Signals;
use crate::workspace::Workspace;
use crate::{bench, suite, supervise, tools};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The tasks of this repository", version = None)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Pass all tests: formatting, lints, documentation tests, and the tests against other people's emulators
    Test {
        /// Need only Rust and a C compiler; the tests that need an emulator are named, and not run
        #[arg(long)]
        hermetic: bool,
        /// Run only the tests whose name contains this, and neither formatting nor lints
        #[arg(last = true, value_name = "NAME")]
        filter: Vec<String>,
    },
    /// Start the emulators, print the variables that the tests read, and keep them until ctrl-c
    Emulators,
    /// List the benchmarks, or run those named (`all`: every one)
    Bench {
        /// Which
        names: Vec<String>,
        /// Passed to the benchmark
        #[arg(last = true)]
        args: Vec<String>,
    },
    #[command(name = supervise::COMMAND, hide = true)]
    Supervise {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// Does what the command line asks.
pub fn run() -> Result<ExitCode> {
    let task = Cli::parse().task;
    // Before the signals are taken over: a supervisor dies of them, as it should.
    if let Task::Supervise { command } = &task {
        return supervise::run(command);
    }
    let signals = Signals::listen()?;
    match task {
        Task::Test { hermetic, filter } => suite::run(&suite::Options { hermetic, filter }, &signals)?,
        Task::Emulators => {
            tools::check(false)?;
            let mut emulators = Emulators::start(&Workspace::read()?.root, &signals)?;
            for (name, value) in emulators.variables() {
                println!("export {name}={value}");
            }
            eprintln!("Running until ctrl-c.");
            emulators.watch(&signals)?;
        }
        Task::Bench { names, args } => bench::run(&Workspace::read()?, &names, &args, &signals)?,
        Task::Supervise { .. } => unreachable!("answered above"),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_test_name_comes_after_two_dashes() {
        let cli = Cli::try_parse_from(["xtask", "test", "--hermetic", "--", "drain"]).expect("parses");
        let Task::Test { hermetic, filter } = cli.task else { panic!("{cli:?}") };
        assert!(hermetic);
        assert_eq!(filter, ["drain"]);
    }
}

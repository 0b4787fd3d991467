//! `cargo xtask test`: everything that must hold before a change goes in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::process::Command;

use crate::emulators::{self, Emulators};
use crate::error::{Error, Result};
use crate::signals::Signals;
use crate::workspace::Workspace;
use crate::{process, tools};

/// What the command line asks of one run.
#[derive(Debug, Default)]
pub struct Options {
    /// Leave out, and name, the tests that need an emulator.
    pub hermetic: bool,
    /// Passed to the test runner. With any, only the tests run: no formatting, no lints, no documentation tests.
    pub filter: Vec<String>,
}

/// Checks the machine, then formatting, lints, documentation tests and tests, in this order: what fails fastest first.
///
/// The emulators run from before the first compilation to the end, and end with this function, however it ends.
pub fn run(options: &Options, signals: &Signals) -> Result<()> {
    tools::check(options.hermetic)?;
    let workspace = Workspace::read()?;
    let cargo = |args: Vec<OsString>| {
        let mut command = Command::new("cargo");
        command.args(args).current_dir(&workspace.root);
        command
    };
    let whole = options.filter.is_empty();
    if whole {
        step("formatting");
        process::run(&mut cargo(words(&["fmt", "--all", "--check"])), signals)?;
    }
    let emulators = if options.hermetic { None } else { Some(Emulators::start(&workspace.root, signals)?) };
    if whole {
        step("lints");
        // The whole workspace, and not its default members: nothing else in a run compiles the benchmarks.
        let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        process::run(&mut cargo(words(&lints)), signals)?;
        step("documentation tests");
        process::run(&mut cargo(words(&["test", "--locked", "--doc"])), signals)?;
    }
    step("tests");
    let mut tests = cargo(test_command(tools::has_nextest(), options, &workspace));
    let calls = workspace.root.join(".cache").join("aws-model-calls");
    match &emulators {
        Some(emulators) => {
            // The counts of an older run.
            if calls.exists() {
                fs::remove_file(&calls).map_err(Error::file("remove", &calls))?;
            }
            tests.envs(emulators.variables()).env(emulators::AWS_MODEL_CALLS, &calls)
        }
        // A variable of an older run would make a hermetic run less so.
        None => emulators::VARIABLES.iter().fold(&mut tests, |tests, name| tests.env_remove(name)),
    };
    let passed = process::run(&mut tests, signals);
    if options.hermetic {
        passed?;
        name_what_was_left_out(&workspace, cargo, signals)?;
        println!("no call was checked against AWS's models: the judge is absent");
        return Ok(());
    }
    let text =
        if calls.exists() { fs::read_to_string(&calls).map_err(Error::file("read", &calls))? } else { String::new() };
    let checked = Checked::read(&text);
    println!("{checked}");
    passed?;
    // A run of some tests may call nothing. The whole suite cannot.
    if whole && checked.calls == 0 { Err(Error::NotChecked) } else { Ok(()) }
}

/// The sum of what the judges of all tests counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Checked {
    calls: u64,
    operations: usize,
    violations: u64,
}

impl Checked {
    /// Reads lines of `SERVICE OPERATION CALLS VIOLATIONS`, one for each operation that a test called.
    fn read(text: &str) -> Self {
        let mut operations: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [service, operation, calls, violations] = words[..] else { continue };
            let counted = operations.entry((service, operation)).or_default();
            counted.0 += calls.parse::<u64>().unwrap_or_default();
            counted.1 += violations.parse::<u64>().unwrap_or_default();
        }
        let calls = operations.values().map(|(calls, _)| calls).sum();
        let violations = operations.values().map(|(_, violations)| violations).sum();
        Self { calls, operations: operations.len(), violations }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, operations, violations } = self;
        write!(f, "{calls} calls of {operations} operations were checked against AWS's models, {violations} violations")
    }
}

/// The test runner's command line.
fn test_command(nextest: bool, options: &Options, workspace: &Workspace) -> Vec<OsString> {
    let mut args = if nextest { words(&["nextest", "run", "--locked"]) } else { words(&["test", "--locked"]) };
    if options.hermetic {
        // Chosen by name on both runners, so that what is left out is not linked either.
        args.extend(words(&["--lib", "--bins"]));
        args.extend(test_targets(&workspace.hermetic_tests));
    } else {
        args.extend(words(&["--lib", "--bins", "--tests"]));
    }
    if !nextest {
        args.extend(words(&["--no-fail-fast", "--"]));
    } else if !options.filter.is_empty() {
        args.push("--".into());
    }
    args.extend(options.filter.iter().map(OsString::from));
    args
}

/// Prints the name of every test that a hermetic run does not run.
fn name_what_was_left_out(
    workspace: &Workspace,
    cargo: impl Fn(Vec<OsString>) -> Command,
    signals: &Signals,
) -> Result<()> {
    if workspace.emulated_tests.is_empty() {
        return Ok(());
    }
    step("not run, because they need emulators (`cargo xtask test` runs them)");
    for name in &workspace.emulated_tests {
        println!("{name}:");
        let list = ["test", "--quiet", "--locked", "--test", name, "--", "--list", "--format", "terse"];
        process::run(&mut cargo(words(&list)), signals)?;
    }
    Ok(())
}

fn test_targets(names: &[String]) -> impl Iterator<Item = OsString> {
    names.iter().flat_map(|name| [OsString::from("--test"), OsString::from(name)])
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn step(name: &str) {
    println!("== {name}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(nextest: bool, hermetic: bool, filter: &[&str]) -> String {
        let workspace = Workspace {
            root: "/".into(),
            hermetic_tests: vec!["architecture".into(), "story".into()],
            emulated_tests: vec!["against_moto".into()],
            benches: Vec::new(),
        };
        let filter = filter.iter().map(|word| (*word).to_owned()).collect();
        let args = test_command(nextest, &Options { hermetic, filter }, &workspace);
        args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_counts_of_all_tests_are_added() {
        let checked = Checked::read("ecs CreateService 2 1\nec2 DescribeSubnets 1 0\necs CreateService 3 0\nhalf a\n");
        assert_eq!(checked, Checked { calls: 6, operations: 2, violations: 1 });
        assert_eq!(checked.to_string(), "6 calls of 2 operations were checked against AWS's models, 1 violations");
        assert_eq!(Checked::read(""), Checked::default());
    }

    #[test]
    fn a_full_run_takes_every_test() {
        assert_eq!(line(true, false, &[]), "nextest run --locked --lib --bins --tests");
        assert_eq!(line(false, false, &[]), "test --locked --lib --bins --tests --no-fail-fast --");
    }

    #[test]
    fn a_hermetic_run_names_the_tests_it_takes() {
        for nextest in [true, false] {
            let line = line(nextest, true, &[]);
            assert!(line.contains("--lib --bins --test architecture --test story"), "{line}");
            assert!(!line.contains("against_"), "{line}");
        }
    }

    #[test]
    fn a_filter_reaches_the_runner() {
        assert_eq!(line(true, false, &["drain"]), "nextest run --locked --lib --bins --tests -- drain");
        assert!(line(false, false, &["drain"]).ends_with(" -- drain"));
    }
}

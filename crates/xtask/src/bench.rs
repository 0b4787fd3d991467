//! `cargo xtask bench`: the figures that the README states, measured here.

use std::process::Command;

use crate::error::{Error, Result};
use crate::process;
use crate::signals::Signals;
use crate::workspace::{BENCHES, Workspace};

/// Lists the benchmarks, or runs those named. `args` go to the benchmark itself.
pub fn run(workspace: &Workspace, names: &[String], args: &[String], signals: &Signals) -> Result<()> {
    if workspace.benches.is_empty() {
        return Err(Error::Usage(format!("this workspace has no benchmark: there is none in {BENCHES}")));
    }
    if names.is_empty() {
        println!("Benchmarks, each run by `cargo xtask bench NAME`; all of them by `cargo xtask bench all`:");
        for name in &workspace.benches {
            println!("  {name}");
        }
        return Ok(());
    }
    for name in chosen(&workspace.benches, names)? {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&workspace.root);
        cargo.args(["bench", "--locked", "--package", BENCHES, "--bench", name, "--"]).args(args);
        process::run(&mut cargo, signals)?;
    }
    Ok(())
}

/// The benchmarks that `names` mean: all known ones, and nothing else.
fn chosen<'a>(known: &'a [String], names: &'a [String]) -> Result<Vec<&'a String>> {
    if names.iter().any(|name| name == "all") {
        return Ok(known.iter().collect());
    }
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(Error::Usage(format!("no benchmark is named `{unknown}`; there are: {}", known.join(", "))));
    }
    Ok(names.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_anything_runs() {
        let known = ["pass".to_owned(), "queue".to_owned()];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(&known, &names(&["queue"])).expect("known"), ["queue"]);
        assert_eq!(chosen(&known, &names(&["all"])).expect("all"), ["pass", "queue"]);
        let refused = chosen(&known, &names(&["pass", "kwue"])).expect_err("unknown").to_string();
        assert_eq!(refused, "no benchmark is named `kwue`; there are: pass, queue");
    }
}

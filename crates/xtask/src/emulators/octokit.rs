//! Octokit's example payloads of every webhook, and its own signer: a GitHub that delivers.
//!
//! A program that prints the deliveries, and not a running server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::cache::Cache;
use super::prism::quoted;
use crate::error::{Error, Result};

/// Of the examples, as pinned in `tests/emulators/octokit/package.json`; the lock file beside it pins the rest.
const VERSION: &str = "7.6.1";

/// The file name of the launcher.
const LAUNCHER: &str = "octokit-deliveries";

/// The launcher: `octokit-deliveries SECRET`.
pub fn install(cache: &Cache) -> Result<PathBuf> {
    let manifest = cache.pin("octokit/package.json")?;
    let lock = cache.pin("octokit/package-lock.json")?;
    let program = cache.pin("octokit/deliveries.mjs")?;
    let source = [&*manifest, &lock, &program].join("\n");
    let home = cache.install(&format!("octokit-{VERSION}"), &source, |installation| {
        installation.write("package.json", &manifest)?;
        installation.write("package-lock.json", &lock)?;
        let program = installation.write("deliveries.mjs", &program)?;
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        installation.run(Command::new("npm").args(options))?;
        let text = format!("#!/bin/sh\nexec node {} \"$@\"\n", quoted(&program.to_string_lossy()));
        let path = installation.write(LAUNCHER, &text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(Error::file("make executable", path))
    })?;
    Ok(home.join(LAUNCHER))
}

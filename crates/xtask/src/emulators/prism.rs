//! Prism: a proxy that checks every request and answer against GitHub's own OpenAPI description.
//!
//! It stands in front of a GitHub that a test has started, so it is a launcher here and not a running server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::{Cache, Installation};
use super::npm::Package;
use super::openapi;
use crate::error::{Error, Result};

/// As pinned in `tests/emulators/prism/package.json`; the lock file beside it pins the rest.
const VERSION: &str = "5.16.0";

/// GitHub's description of its REST API, as Octokit publishes it.
const DESCRIPTION: Package = Package {
    name: "@octokit/openapi",
    version: "23.0.2",
    integrity: "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
};

/// The one file of it that we need, of 400 MB.
const MEMBER: &str = "package/generated/api.github.com.json";

/// The file name of the launcher.
const LAUNCHER: &str = "prism-proxy";

/// The launcher: `prism-proxy --port PORT UPSTREAM`. It ends when its standard input does.
pub fn install(cache: &Cache) -> Result<PathBuf> {
    let manifest = cache.pin("prism/package.json")?;
    let lock = cache.pin("prism/package-lock.json")?;
    let operations = cache.pin("prism/operations.txt")?;
    let guard = cache.pin("prism/end-with-stdin.cjs")?;
    let source = [&manifest, &lock, &operations, &guard, DESCRIPTION.integrity, openapi::FORM].join("\n");
    let home = cache.install(&format!("prism-{VERSION}"), &source, |installation| {
        installation.write("package.json", &manifest)?;
        installation.write("package-lock.json", &lock)?;
        let guard = installation.write("end-with-stdin.cjs", &guard)?;
        // Prism names a newer Node.js than it needs; the warning would help nobody.
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        installation.run(Command::new("npm").args(options))?;
        let description = description(installation, &operations)?;
        launcher(installation, &guard, &description)
    })?;
    Ok(home.join(LAUNCHER))
}

/// The description, cut down to our operations: the whole of it takes Prism minutes to load.
fn description(installation: &Installation<'_>, operations: &str) -> Result<PathBuf> {
    DESCRIPTION.unpack(installation, MEMBER)?;
    let whole = installation.directory.join(MEMBER);
    let text = fs::read(&whole).map_err(Error::file("read", &whole))?;
    let parsed = serde_json::from_slice(&text).map_err(|error| Error::Description(error.to_string()))?;
    let trimmed = openapi::trim(&parsed, operations)?;
    fs::remove_file(&whole).map_err(Error::file("remove", &whole))?;
    installation.write("github.json", &trimmed.to_string())
}

fn launcher(installation: &Installation<'_>, guard: &Path, description: &Path) -> Result<()> {
    let entry = installation.directory.join("node_modules/@stoplight/prism-cli/dist/index.js");
    let [guard, entry, description] = [guard, &entry, description].map(|path| quoted(&path.to_string_lossy()));
    let text = format!("#!/bin/sh\nexec node --require {guard} {entry} proxy {description} --errors \"$@\"\n");
    let path = installation.write(LAUNCHER, &text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(Error::file("make executable", path))
}

/// One word for a shell, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        assert_eq!(quoted("/a b/c"), "'/a b/c'");
        assert_eq!(quoted("/it's"), r"'/it'\''s'");
    }
}

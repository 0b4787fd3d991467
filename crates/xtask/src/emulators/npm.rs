//! One package from npm, without what it depends on and without running any script of it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::cache::Installation;
use crate::error::{Error, Result};

/// A package at one version, with the hash of its archive as npm measures it.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// As in the registry.
    pub name: &'static str,
    /// Exact.
    pub version: &'static str,
    /// `integrity` of `npm pack --json`: SHA-512, so what we unpack is what we once looked at.
    pub integrity: &'static str,
}

impl Package {
    /// Fetches the archive, checks it, and unpacks `member` of it (a file or a directory) where it lies.
    pub fn unpack(self, installation: &Installation<'_>, member: &str) -> Result<()> {
        let package = format!("{}@{}", self.name, self.version);
        let printed = installation.run(Command::new("npm").args(["pack", "--json", &package]))?;
        let (file, found) = packed(&printed).unwrap_or_default();
        if found != self.integrity {
            return Err(Error::Integrity { package, found, expected: self.integrity.to_owned() });
        }
        installation.run(Command::new("tar").args(["-xzf", &file, member]))?;
        let archive = installation.directory.join(file);
        fs::remove_file(&archive).map_err(Error::file("remove", archive))
    }
}

/// File name and integrity from what `npm pack --json` prints: a list with one entry for each package.
fn packed(printed: &str) -> Option<(String, String)> {
    let printed: Value = serde_json::from_str(printed).ok()?;
    let text = |name| Some(printed.get(0)?.get(name)?.as_str()?.to_owned());
    Some((text("filename")?, text("integrity")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_and_hash_are_read_from_npm() {
        let printed = r#"[{"id": "a@1", "integrity": "sha512-x", "filename": "a-1.tgz", "files": []}]"#;
        assert_eq!(packed(printed), Some(("a-1.tgz".into(), "sha512-x".into())));
        assert_eq!(packed("[]"), None);
        assert_eq!(packed("npm notice"), None);
    }
}

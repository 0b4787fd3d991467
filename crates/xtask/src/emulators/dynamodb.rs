//! DynamoDB Local: Amazon's own, with streams. The reference for the record store.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::Cache;
use super::npm::Package;
use super::server::{Probe, Server};
use crate::error::Result;

/// The package that carries Amazon's jar unchanged; the jar's own download site is no package registry.
const PACKAGE: Package = Package {
    name: "amplify-dynamodb-simulator",
    version: "2.9.30",
    integrity: "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==",
};

const PROBE: Probe = Probe { target: "DynamoDB_20120810.ListTables", scope: "dynamodb", expect: "TableNames" };

/// The directory with the jar and its libraries.
pub fn install(cache: &Cache) -> Result<PathBuf> {
    let name = format!("dynamodb-local-{}", PACKAGE.version);
    let home =
        cache.install(&name, PACKAGE.integrity, |installation| PACKAGE.unpack(installation, "package/emulator"))?;
    Ok(home.join("package/emulator"))
}

/// Starts it on a free port. Tables live in memory, one set for all regions and keys.
pub fn start(home: &Path, cache: &Cache) -> Result<Server> {
    Server::start("dynamodb", cache, PROBE, |port| {
        let mut command = Command::new("java");
        command.current_dir(home);
        command.args(["-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]);
        command.args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &port.to_string()]);
        command
    })
}

//! moto: ECS, EC2 and ECR in Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::Cache;
use super::server::{Probe, Server};
use crate::error::{Error, Result};
use crate::process;

const PROBE: Probe =
    Probe { target: "AmazonEC2ContainerServiceV20141113.ListClusters", scope: "ecs", expect: "clusterArns" };

/// A virtual environment with moto and everything it needs, at the versions of `requirements.txt`.
pub fn install(cache: &Cache) -> Result<PathBuf> {
    let requirements = cache.pin("moto/requirements.txt")?;
    let version =
        version(&requirements).ok_or_else(|| Error::Usage("moto/requirements.txt does not pin moto[server]".into()))?;
    // The environment links to the interpreter it was made with: another one needs another environment.
    let python = process::ask("python3", &["-c", "import sys; print(sys.executable, sys.version)"]).unwrap_or_default();
    cache.install(&format!("moto-{version}"), &format!("{python}\n{requirements}"), |installation| {
        let file = installation.write("requirements.txt", &requirements)?;
        installation.run(Command::new("python3").args(["-m", "venv", "venv"]))?;
        let pip = installation.directory.join("venv/bin/pip");
        // No dependency beyond the listed ones: the list is complete, or the installation fails on the first import.
        let options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
        installation.run(Command::new(pip).args(options).arg(file))?;
        Ok(())
    })
}

/// Starts it on a free port. State lives in memory, one set for each account and region.
pub fn start(home: &Path, cache: &Cache) -> Result<Server> {
    Server::start("moto", cache, PROBE, |port| {
        let mut command = Command::new(home.join("venv/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).current_dir(home);
        command
    })
}

/// The version behind `moto[server]==`.
fn version(requirements: &str) -> Option<&str> {
    requirements.lines().find_map(|line| line.strip_prefix("moto[server]==")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_pinned_one() {
        assert_eq!(version("idna==3.20\nmoto[server]==5.2.5\n"), Some("5.2.5"));
        assert_eq!(version("moto[server]>=5\n"), None);
    }
}

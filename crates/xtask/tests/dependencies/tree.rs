//! The dependency tree, as far as the rules look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cargo_metadata::semver::{Version, VersionReq};
use cargo_metadata::{Metadata, PackageId};

/// Everything that one target is built of, tests and build scripts included.
pub struct Tree {
    /// In the order of `cargo metadata`.
    pub crates: Vec<Crate>,
}

/// One version of one crate.
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// `package.license`.
    pub licence: Option<String>,
    /// Where it comes from. `None`: it is a directory of this workspace.
    pub source: Option<String>,
    /// It is published nowhere.
    pub is_private: bool,
    /// Who depends on it directly.
    pub dependents: Vec<String>,
    /// What it takes in any version, and whether it names a path.
    pub wildcards: Vec<(String, bool)>,
}

impl Tree {
    /// Those packages that the resolved graph reaches: `cargo metadata` lists those of other targets too.
    pub fn of(metadata: &Metadata) -> Self {
        let nodes = metadata.resolve.as_ref().map(|resolve| resolve.nodes.as_slice()).unwrap_or_default();
        let names: BTreeMap<&PackageId, &str> =
            metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let mut dependents: BTreeMap<&PackageId, BTreeSet<String>> =
            nodes.iter().map(|node| (&node.id, BTreeSet::new())).collect();
        for node in nodes {
            for dependency in &node.dependencies {
                dependents.entry(dependency).or_default().insert(names[&node.id].to_owned());
            }
        }
        let crates =
            metadata.packages.iter().filter(|package| dependents.contains_key(&package.id)).map(|package| Crate {
                name: package.name.to_string(),
                version: package.version.clone(),
                licence: package.license.clone(),
                source: package.source.as_ref().map(|source| source.repr.clone()),
                is_private: package.publish.as_ref().is_some_and(Vec::is_empty),
                dependents: dependents[&package.id].iter().cloned().collect(),
                wildcards: package
                    .dependencies
                    .iter()
                    .filter(|dependency| dependency.req == VersionReq::STAR)
                    .map(|dependency| (dependency.name.clone(), dependency.path.is_some()))
                    .collect(),
            });
        Self { crates: crates.collect() }
    }
}

impl fmt::Display for Crate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

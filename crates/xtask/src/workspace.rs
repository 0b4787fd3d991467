//! What there is to test and to measure, from `cargo metadata`.

use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand, TargetKind};

use crate::error::{Error, Result};

/// Integration tests that need an emulator are the test binaries whose name begins with this.
///
/// A name, and not an attribute in each test, so that nobody can leave a test out unseen: a whole binary is in or out,
/// and what is out is printed.
pub const EMULATED: &str = "against_";

/// The package that holds the benchmarks. It is no default member: it alone depends on what we compare ourselves with.
pub const BENCHES: &str = "bivouac-bench";

/// The workspace, as far as the tasks care.
#[derive(Debug)]
pub struct Workspace {
    /// The repository's root.
    pub root: PathBuf,
    /// Names of the integration tests that need no emulator, sorted.
    pub hermetic_tests: Vec<String>,
    /// Names of those that do, sorted.
    pub emulated_tests: Vec<String>,
    /// Names of the benchmarks, sorted.
    pub benches: Vec<String>,
}

impl Workspace {
    /// Asks cargo. The lock file must be up to date.
    pub fn read() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .other_options(vec!["--locked".to_owned()])
            .exec()
            .map_err(|error| Error::Metadata(Box::new(error)))?;
        Ok(Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        let tests = metadata.workspace_default_packages();
        let tests = tests.iter().flat_map(|package| &package.targets).filter(|target| target.is_test());
        let (mut emulated_tests, mut hermetic_tests): (Vec<_>, Vec<_>) =
            tests.map(|target| target.name.clone()).partition(|name| name.starts_with(EMULATED));
        let bench = metadata.packages.iter().filter(|package| package.name.as_str() == BENCHES);
        let bench = bench.flat_map(|package| &package.targets);
        let bench = bench.filter(|target| target.kind.contains(&TargetKind::Bench));
        let mut benches: Vec<_> = bench.map(|target| target.name.clone()).collect();
        for names in [&mut hermetic_tests, &mut emulated_tests, &mut benches] {
            names.sort_unstable();
            names.dedup();
        }
        let root = metadata.workspace_root.clone().into_std_path_buf();
        Self { root, hermetic_tests, emulated_tests, benches }
    }
}

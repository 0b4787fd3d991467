//! Other people's emulators, which keep our own embedded cloud honest.
//!
//! They are brought in at exact versions through the package managers, kept by version in `.cache/emulators`, and found
//! by the tests through environment variables. `tests/emulators/README.md` says what each is and what it cannot do.

mod cache;
mod dynamodb;
mod moto;
mod npm;
mod octokit;
mod openapi;
mod prism;
mod server;

use std::path::{Path, PathBuf};
use std::thread;

use cache::Cache;
use server::Server;

use crate::error::Result;
use crate::process::GLANCE;
use crate::signals::Signals;

/// Where moto listens: ECS, EC2 and ECR, without a path.
const MOTO_URL: &str = "BIVOUAC_TEST_MOTO_URL";
/// Where DynamoDB Local listens: DynamoDB and its streams, without a path.
const DYNAMODB_URL: &str = "BIVOUAC_TEST_DYNAMODB_URL";
/// A program that starts Prism with GitHub's description in front of the address it is given.
const PRISM: &str = "BIVOUAC_TEST_PRISM";
/// A program that prints GitHub's example deliveries, signed with the secret it is given.
const OCTOKIT: &str = "BIVOUAC_TEST_OCTOKIT";

/// Every variable that tells a test of an emulator.
pub const VARIABLES: [&str; 4] = [MOTO_URL, DYNAMODB_URL, PRISM, OCTOKIT];

/// The emulators, installed and, where they serve all tests alike, running. They end when this is dropped.
#[derive(Debug)]
pub struct Emulators {
    moto: Server,
    dynamodb: Server,
    prism: PathBuf,
    octokit: PathBuf,
}

impl Emulators {
    /// Installs what is not in the cache yet, starts the servers, and waits until each has answered a real call.
    ///
    /// A signal ends it within moments; a half-done installation is done again the next time.
    pub fn start(root: &Path, signals: &Signals) -> Result<Self> {
        let cache = Cache::open(root, signals)?;
        let moto = moto::install(&cache)?;
        let dynamodb = dynamodb::install(&cache)?;
        let prism = prism::install(&cache)?;
        let octokit = octokit::install(&cache)?;
        Ok(Self { moto: moto::start(&moto, &cache)?, dynamodb: dynamodb::start(&dynamodb, &cache)?, prism, octokit })
    }

    /// What the tests find in their environment.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            (MOTO_URL, self.moto.url()),
            (DYNAMODB_URL, self.dynamodb.url()),
            (PRISM, self.prism.display().to_string()),
            (OCTOKIT, self.octokit.display().to_string()),
        ]
    }

    /// Returns when a signal has come, or when an emulator ended by itself, which is an error.
    pub fn watch(&mut self, signals: &Signals) -> Result<()> {
        while signals.check().is_ok() {
            self.moto.check()?;
            self.dynamodb.check()?;
            thread::sleep(GLANCE);
        }
        Ok(())
    }
}

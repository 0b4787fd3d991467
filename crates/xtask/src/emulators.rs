//! Other people's emulators, which keep our own embedded cloud honest.
//!
//! They are brought in at exact versions through the package managers, kept by version in `.cache/emulators`, and found
//! by the tests through environment variables. `tests/emulators/README.md` says what each is and what it cannot do.

mod aws_models;
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

/// The directory of AWS's service models, against which the tests check every call that they record.
const AWS_MODELS: &str = "BIVOUAC_TEST_AWS_MODELS";
/// The file to which each test adds how many calls it checked against those models, and what it found.
pub const AWS_MODEL_CALLS: &str = "BIVOUAC_TEST_AWS_MODELS_CALLS";
/// Every variable that tells a test of an emulator.
pub const VARIABLES: [&str; 6] = [MOTO_URL, DYNAMODB_URL, PRISM, OCTOKIT, AWS_MODELS, AWS_MODEL_CALLS];

/// The emulators, installed and, where they serve all tests alike, running. They end when this is dropped.
#[derive(Debug)]
pub struct Emulators {
    moto: Server,
    dynamodb: Server,
    prism: PathBuf,
    octokit: PathBuf,
    aws_models: PathBuf,
}

impl Emulators {
    /// Installs what is not in the cache yet, starts the servers, and waits until each has answered a real call.
    ///
    /// A signal ends it within moments; a half-done installation is done again the next time.
    pub fn start(root: &Path, signals: &Signals) -> Result<Self> {
        let cache = Cache::open(root, signals)?;
        let moto = moto::install(&cache)?;
        let aws_models = aws_models::install(&cache, &moto)?;
        let dynamodb = dynamodb::install(&cache)?;
        let prism = prism::install(&cache)?;
        let octokit = octokit::install(&cache)?;
        let (moto, dynamodb) = (moto::start(&moto, &cache)?, dynamodb::start(&dynamodb, &cache)?);
        Ok(Self { moto, dynamodb, prism, octokit, aws_models })
    }

    /// What the tests find in their environment.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            (MOTO_URL, self.moto.url()),
            (DYNAMODB_URL, self.dynamodb.url()),
            (PRISM, self.prism.display().to_string()),
            (OCTOKIT, self.octokit.display().to_string()),
            (AWS_MODELS, self.aws_models.display().to_string()),
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

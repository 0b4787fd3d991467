//! The configuration: one TOML file, every key overridable from the environment.
//!
//! `deploy/examples/bivouac.reference.toml` shows every key with its default. How variables are read stands in
//! [`Variables`]' module: `BIVOUAC__AWS__REGION` overrides `aws.region`, lists are written with commas.
//!
//! Everything that is wrong is reported at once, each with its place. Paths are relative to the directory of the file.
//! Secrets are named by path or given by variable, never written into the file, and never printed.

mod approval;
mod aws;
mod bot;
mod environment;
mod github;
mod guardrails;
mod idle;
mod key_path;
mod locate;
mod nearest;
mod policy;
mod problem;
mod process;
mod project;
mod reader;
mod retired;
mod secret;
mod sizes;
mod text;
mod tuning;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod document_tests;

#[cfg(test)]
mod field_tests;

use std::collections::BTreeMap;
use std::path::Path;

use bivouac_planner::{Deadlines, Prices, Size};

pub use approval::{BIND_IMAGES, DELETE_KEY, NAME_OTHERS};
pub use aws::Aws;
pub use bot::{Bot, RollForward, Rule};
pub use environment::Variables;
pub use github::{Credentials, Github};
pub use guardrails::Guardrails;
pub use idle::GIVE_A_PATH;
pub use key_path::VARIABLE_PREFIX;
pub use problem::{ConfigErrors, Place, Problem};
pub use process::{Controller, Ops};
pub use project::ProjectConfig;
pub use secret::{Secret, SecretError};

use key_path::KeyPath;
use locate::{File, Locations};
use reader::Reader;

/// The list of projects.
const PROJECT: &str = "project";

/// A configuration that passed every check but those of other files (templates, secrets).
#[derive(Clone, Debug)]
pub struct Config {
    /// `[aws]`.
    pub aws: Aws,
    /// `[github]`.
    pub github: Github,
    /// `[controller]`.
    pub controller: Controller,
    /// `[bot]`.
    pub bot: Bot,
    /// `[ops]`.
    pub ops: Ops,
    /// `[guardrails]`.
    pub guardrails: Guardrails,
    /// `[sizes.NAME]`.
    pub sizes: BTreeMap<String, Size>,
    /// `[prices]`.
    pub prices: Prices,
    /// Which prices `[prices]` says nothing of, so that us-east-1's count.
    pub unsaid_prices: Vec<&'static str>,
    /// `[deadlines]`.
    pub deadlines: Deadlines,
    /// `[[project]]`, in the order of the file.
    pub projects: Vec<ProjectConfig>,
    /// A warning for each key that has no effect any more.
    pub retired: Vec<String>,
    locations: Locations,
}

impl Config {
    /// Reads the file at `path` and what `variables` override. Reads no other file; see [`Config::policy`].
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn load(path: &Path, variables: &Variables) -> Result<Self, ConfigErrors> {
        let name = path.display().to_string();
        let unreadable = |error: &dyn std::fmt::Display| {
            ConfigErrors::one(Place::File(name.clone()), format!("cannot read it: {error}"))
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let text = text::decode(&bytes).map_err(|error| unreadable(&error))?;
        Self::parse(path, &text, variables)
    }

    /// Where `repo` of a project is written, for a person who has to change it.
    pub fn place_of_repo(&self, project: &ProjectConfig) -> String {
        let number = project.number.to_string();
        self.locations.place(&KeyPath([PROJECT, &number, "repo"].map(str::to_owned).to_vec())).to_string()
    }

    /// Whether any delivery can be accepted: there is a webhook secret, the general one or a project's.
    pub fn has_webhook_secret(&self) -> bool {
        self.github.webhook_secret.is_some() || self.projects.iter().any(|project| project.webhook_secret.is_some())
    }

    /// As [`Config::load`], with the text of the file at hand.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str, variables: &Variables) -> Result<Self, ConfigErrors> {
        let reader = Reader::new(File::parse(&path.display().to_string(), text)?, variables);
        let dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let parts = Parts::read(&reader, &dir);
        let (locations, retired) = reader.finish(variables)?;
        let Parts {
            aws,
            github,
            controller,
            bot,
            ops,
            guardrails,
            sizes,
            prices: (prices, unsaid_prices),
            deadlines,
            projects,
        } = parts;
        Ok(Self {
            aws,
            github,
            controller,
            bot,
            ops,
            guardrails,
            sizes,
            prices,
            unsaid_prices,
            deadlines,
            projects,
            retired,
            locations,
        })
    }
}

struct Parts {
    aws: Aws,
    github: Github,
    controller: Controller,
    bot: Bot,
    ops: Ops,
    guardrails: Guardrails,
    sizes: BTreeMap<String, Size>,
    prices: (Prices, Vec<&'static str>),
    deadlines: Deadlines,
    projects: Vec<ProjectConfig>,
}

impl Parts {
    /// Reads every section, also after one that is wrong.
    fn read(reader: &Reader, dir: &Path) -> Self {
        let root = reader.root();
        let parts = Self {
            aws: aws::read(root.section("aws")),
            github: github::read(root.section("github"), dir),
            controller: process::controller(root.section("controller")),
            bot: bot::read(root.section("bot")),
            ops: process::ops(root.section("ops")),
            guardrails: guardrails::read(root.section("guardrails")),
            sizes: sizes::read(root.section("sizes")),
            prices: tuning::prices(root.section("prices")),
            deadlines: tuning::deadlines(root.section("deadlines")),
            projects: project::read_all(&root, dir),
        };
        root.done();
        parts
    }
}

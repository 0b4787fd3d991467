//! A project: one repository and how its environments are made.

use std::collections::BTreeMap;

use bivouac_model::{EnvKey, ImageTag, RepoName};
use wildmatch::WildMatch;

use crate::pattern::Pattern;
use crate::template::Template;

/// A `[[project]]` of the configuration, checked.
#[derive(Clone, Debug)]
pub struct Project {
    /// The repository on the forge.
    pub repo: RepoName,
    /// The repository in the registry.
    pub ecr_repository: String,
    /// The task definition's template.
    pub template: Template,
    /// The port that is published.
    pub port: u16,
    /// Where to ask whether it is well; `None`: a running task is ready.
    pub health_path: Option<String>,
    /// Names of services.
    pub service_name: Pattern,
    /// Tags of images.
    pub image_tag: Pattern,
    /// What stands before the name of a flag.
    pub flag_prefix: String,
    /// Which configuration overrides are allowed, with `*` and `?`.
    pub config_allow: Vec<WildMatch>,
    /// The named sizes.
    pub sizes: BTreeMap<String, Size>,
    /// What people are told once it is ready.
    pub ready_note: Option<String>,
}

/// A named size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// CPU units; 1024 are a vCPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
}

/// What a task takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// CPU units; 1024 are a vCPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// Ephemeral storage in GB.
    pub storage: u32,
    /// On ARM64.
    pub arm: bool,
}

impl Project {
    /// The name of the service of a pull request.
    pub fn service(&self, key: &EnvKey) -> String {
        self.service_name.fill(key.pr.get(), None).unwrap_or_default()
    }

    /// The tag of the image by the project's pattern; `None` when it needs a commit that is not known.
    pub fn tag(&self, key: &EnvKey, head_sha: Option<&str>) -> Option<ImageTag> {
        self.image_tag.fill(key.pr.get(), head_sha)?.parse().ok()
    }

    /// The family of its task definitions.
    pub fn family(&self, key: &EnvKey) -> String {
        let mut family = format!("{}-{}", self.template.family(), self.service(key));
        // ECS RegisterTaskDefinition: up to 255 letters, digits, hyphens and underscores. The end is what tells apart.
        if family.len() > 255 {
            family = family.split_off(family.len() - 255);
        }
        family
    }

    /// What a task of a size takes; `None` when there is no such size.
    pub fn resources(&self, size: Option<&str>) -> Option<Resources> {
        let template = self.template.resources();
        match size {
            None => Some(template),
            Some(name) => self.sizes.get(name).map(|size| Resources { cpu: size.cpu, memory: size.memory, ..template }),
        }
    }
}

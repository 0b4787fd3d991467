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
    /// Where to ask when it was last used; `None`: nobody can tell, and it does not fall asleep by itself.
    pub idle_path: Option<String>,
    /// Names of services.
    pub service_name: Pattern,
    /// Tags of images.
    pub image_tag: Pattern,
    /// How an image is known to be of the commit that a record is bound to.
    pub image_commit: ImageCommit,
    /// What stands before the name of a flag.
    pub flag_prefix: String,
    /// Which configuration overrides are allowed, with `*` and `?`.
    pub config_allow: Vec<WildMatch>,
    /// The named sizes.
    pub sizes: BTreeMap<String, Size>,
    /// What people are told once it is ready.
    pub ready_note: Option<String>,
}

/// How an image is known to be of the commit that was approved (`head_sha`). A record without one is bound to none, and
/// runs whatever its tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageCommit {
    /// The tag names the commit, since the pattern holds `{sha}` or `{sha7}`. A record with a tag of its own (`image_tag`)
    /// is its own proof: whoever may write the table may name any image.
    ///
    /// Seven digits name a commit, but do not prove it: another one that begins with them is made within minutes. Where
    /// strangers' commits are built, the pattern has to hold `{sha}`.
    Tag,
    /// The image was there when somebody asked, or the commit was seen at the head of the pull request after the image was
    /// seen. What is pushed to the registry after another commit came to the head is not deployed.
    ///
    /// It tells newer commits from the approved one, and not older ones: an image that was there when somebody asked, or
    /// that comes late, may be of an older commit of the same pull request. Nor does it know of a commit that was at the
    /// head for so short a time that nobody saw it. Where either matters, let the tag or the label say it.
    PushTime,
    /// The image says so itself, in `org.opencontainers.image.revision`.
    Label,
    /// It is not.
    Unchecked,
}

impl ImageCommit {
    /// What holds where the configuration says nothing: the tag if it names the commit, and nothing otherwise.
    pub fn default_for(image_tag: &Pattern) -> Self {
        if image_tag.names_a_commit() { Self::Tag } else { Self::Unchecked }
    }
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

    /// What the families of all its task definitions begin with.
    pub fn family_prefix(&self) -> String {
        format!("{}-{}", self.template.family(), self.service_name.before_pr())
    }

    /// The environment whose task definitions are in a family. One whose name had to be cut is nobody's here.
    pub fn environment_of_family(&self, family: &str) -> Option<EnvKey> {
        let service = family.strip_prefix(self.template.family())?.strip_prefix('-')?;
        Some(EnvKey { repo: self.repo.clone(), pr: self.service_name.pr_of(service)? })
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

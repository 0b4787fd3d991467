//! A project: one repository and how its environments are made.

use std::collections::BTreeMap;

use bivouac_model::{DesiredState, EnvKey, ImageTag, RepoName};
use bivouac_policy::{LogsInComments, Refusal, VariableRules};

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
    /// Which environment variables a record may set.
    pub variables: VariableRules,
    /// The named sizes.
    pub sizes: BTreeMap<String, Size>,
    /// What people are told once it is ready.
    pub ready_note: Option<String>,
    /// Whether ECS Exec is enabled for its services.
    pub exec: bool,
    /// When lines of its log stand in comments.
    pub logs_in_comments: LogsInComments,
}

/// How an image is known to be of the commit that was approved (`head_sha`). A record without one is bound to none, and
/// runs whatever its tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageCommit {
    /// The tag names the commit, since the pattern holds `{sha}` or `{sha7}`. A record with another tag (`image_tag`) is
    /// judged by [`ImageCommit::PushTime`]: its client named the image that was there, and the tag can move.
    ///
    /// Seven digits name a commit, but do not prove it: another one that begins with them is made within minutes. Where
    /// strangers' commits are built, the pattern has to hold `{sha}`.
    Tag,
    /// The image was pushed while the commit was the head of the branch, by the forge's list of pushes. A commit that was
    /// replaced and came back counts until it was replaced.
    ///
    /// An image of an older commit whose build ends that late cannot be told from one of the head. Where that matters, let
    /// the tag or the label say it.
    ///
    /// On a branch of the repository itself, to which only people push who may start environments, an image that was there
    /// when one was asked for is taken too.
    PushTime,
    /// The image says so itself, in `org.opencontainers.image.revision`.
    Label,
    /// No image is checked: one approval covers every later image of the pull request. Only where the configuration writes it.
    Unchecked,
}

impl ImageCommit {
    /// Returns what holds where the configuration says nothing: the tag if it names the commit, else the time of the push.
    pub fn default_for(image_tag: &Pattern) -> Self {
        if image_tag.names_a_commit() { Self::Tag } else { Self::PushTime }
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
    /// On Windows.
    pub windows: bool,
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

    /// The names of flags and configuration that a record may not set.
    pub fn refusals(&self, desired: &DesiredState) -> Vec<Refusal> {
        self.variables.refusals(self.template.secrets(), &desired.flags, &desired.config)
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

//! Which revisions of task definitions are to go: those that we registered and that nothing uses.

use std::collections::HashSet;

use bivouac_model::{DescribedRevision, TaskDefinitionName};
use chrono::{DateTime, Utc};

use crate::images::Hold;
use crate::policy::Policy;

/// What is decided of one revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevisionVerdict {
    /// Its family is no environment's.
    NotOurs,
    /// Another instance registered it, or nobody says who did.
    Foreign,
    /// A task runs it, a service deploys it, or a record remembers it.
    Used,
    /// It is younger than the grace, or nobody knows how old it is: its service may be under way.
    Young,
    /// Nothing is removed in this pass.
    Held(Hold),
    /// It is ACTIVE, and is to be deregistered.
    Deregister,
    /// It is deregistered already, and is to be deleted.
    Delete,
}

impl RevisionVerdict {
    /// In one PascalCase word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotOurs => "NotOurs",
            Self::Foreign => "OtherInstance",
            Self::Used => "Used",
            Self::Young => "Young",
            Self::Held(hold) => hold.reason(),
            Self::Deregister => "Unused",
            Self::Delete => "Deregistered",
        }
    }

    /// In a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotOurs => "Its family is no environment's.",
            Self::Foreign => "It does not carry the tag bivouac:managed of this instance.",
            Self::Used => "A task, a service or a record uses it.",
            Self::Young => "It is younger than `guardrails.untagged_image_grace`.",
            Self::Held(hold) => hold.sentence(),
            Self::Deregister => "Nothing uses it, so it is deregistered.",
            Self::Delete => "It is deregistered and nothing uses it, so it is deleted.",
        }
    }

    /// Whether it is to be deregistered or deleted.
    pub const fn is_condemned(self) -> bool {
        matches!(self, Self::Deregister | Self::Delete)
    }
}

/// Whether a family can be an environment's of this instance, by its name.
pub fn may_be_ours(policy: &Policy, family: &str) -> bool {
    policy.projects.values().any(|project| project.environment_of_family(family).is_some())
}

/// Decides for one revision. `used`: what tasks run, services deploy and records remember.
pub fn plan_revision(
    revision: &DescribedRevision,
    used: &HashSet<TaskDefinitionName>,
    hold: Option<Hold>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> RevisionVerdict {
    let old =
        |registered: DateTime<Utc>| (now - registered).to_std().is_ok_and(|age| age >= policy.untagged_image_grace);
    if !may_be_ours(policy, revision.name.family()) {
        return RevisionVerdict::NotOurs;
    }
    if revision.managed_by.as_deref() != Some(&policy.instance) {
        return RevisionVerdict::Foreign;
    }
    if used.contains(&revision.name) {
        return RevisionVerdict::Used;
    }
    if !revision.registered_at.is_some_and(old) {
        return RevisionVerdict::Young;
    }
    match hold {
        Some(hold) => RevisionVerdict::Held(hold),
        None if revision.active => RevisionVerdict::Deregister,
        None => RevisionVerdict::Delete,
    }
}

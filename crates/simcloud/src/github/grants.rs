//! The permissions of fine-grained tokens and apps, and what each kind of request needs of them.
//!
//! Which permission opens what: docs.github.com/rest/authentication, "Permissions required for fine-grained personal
//! access tokens" and "Permissions required for GitHub Apps".

use std::collections::{BTreeMap, BTreeSet};

/// How far a permission on one kind of thing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No access beyond what is public.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
}

impl Level {
    /// The word in a `permissions` object.
    pub(super) fn word(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Read => "read",
            Level::Write => "write",
        }
    }
}

/// A kind of thing that a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Settings of a repository.
    Administration,
    /// Check runs. Only apps can write them.
    Checks,
    /// Files and commits.
    Contents,
    /// Deployments and their statuses.
    Deployments,
    /// Issues, and comments and labels of pull requests too.
    Issues,
    /// Members and teams of an organization.
    Members,
    /// Packages: what `registry_package` events are about.
    Packages,
    /// Pull requests, and their comments and labels.
    PullRequests,
    /// Webhooks of a repository.
    Webhooks,
    /// Workflows and their runs.
    Actions,
}

impl Resource {
    const ALL: [Resource; 10] = [
        Resource::Administration,
        Resource::Checks,
        Resource::Contents,
        Resource::Deployments,
        Resource::Issues,
        Resource::Members,
        Resource::Packages,
        Resource::PullRequests,
        Resource::Webhooks,
        Resource::Actions,
    ];

    /// The property of the schema `app-permissions`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Resource::Administration => "administration",
            Resource::Checks => "checks",
            Resource::Contents => "contents",
            Resource::Deployments => "deployments",
            Resource::Issues => "issues",
            Resource::Members => "members",
            Resource::Packages => "packages",
            Resource::PullRequests => "pull_requests",
            Resource::Webhooks => "repository_hooks",
            Resource::Actions => "actions",
        }
    }

    pub(super) fn named(name: &str) -> Option<Resource> {
        Resource::ALL.into_iter().find(|resource| resource.name() == name)
    }
}

/// A set of permissions. What is not named is [`Level::None`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<Resource, Level>);

impl Grants {
    /// No permission but the reading of metadata, which everyone has.
    pub fn none() -> Self {
        Grants::default()
    }

    /// Adds a permission, or changes it; [`Level::None`] takes it away.
    #[must_use]
    pub fn with(mut self, resource: Resource, level: Level) -> Self {
        match level {
            Level::None => self.0.remove(&resource),
            _ => self.0.insert(resource, level),
        };
        self
    }

    /// How far the permission on a kind of thing goes.
    pub fn level(&self, resource: Resource) -> Level {
        self.0.get(&resource).copied().unwrap_or(Level::None)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Resource, Level)> {
        self.0.iter().map(|(resource, level)| (*resource, *level))
    }

    pub(super) fn allow(&self, need: Need) -> bool {
        let (resources, level) = need.asks();
        resources.is_empty() || resources.iter().any(|resource| self.level(*resource) >= level)
    }
}

/// What a handler wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Metadata,
    ReadPulls,
    WritePulls,
    ReadComments,
    WriteComments,
    ReadContents,
    ReadDeployments,
    WriteDeployments,
    ReadChecks,
    WriteChecks,
    ReadHooks,
    ReadMembers,
}

impl Need {
    /// Any of these permissions, at least this far.
    fn asks(self) -> (&'static [Resource], Level) {
        // What belongs to an issue and to a pull request alike opens with either.
        const CONVERSATION: &[Resource] = &[Resource::Issues, Resource::PullRequests];
        match self {
            Need::Metadata => (&[], Level::Read),
            Need::ReadPulls => (&[Resource::PullRequests], Level::Read),
            Need::WritePulls => (&[Resource::PullRequests], Level::Write),
            Need::ReadComments => (CONVERSATION, Level::Read),
            Need::WriteComments => (CONVERSATION, Level::Write),
            Need::ReadContents => (&[Resource::Contents], Level::Read),
            Need::ReadDeployments => (&[Resource::Deployments], Level::Read),
            Need::WriteDeployments => (&[Resource::Deployments], Level::Write),
            Need::ReadChecks => (&[Resource::Checks], Level::Read),
            Need::WriteChecks => (&[Resource::Checks], Level::Write),
            Need::ReadHooks => (&[Resource::Webhooks], Level::Read),
            Need::ReadMembers => (&[Resource::Members], Level::Read),
        }
    }

    /// True when no permission is needed for it: metadata always, reading of what is public, but never settings.
    pub fn is_public(self, private: bool) -> bool {
        let (_, level) = self.asks();
        self == Need::Metadata || (!private && level == Level::Read && self != Need::ReadHooks)
    }

    /// True when one of these scopes of a classic token opens it, besides `repo` and `public_repo`, which open all of a
    /// repository (docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
    pub fn opened_by(self, scopes: &BTreeSet<String>) -> bool {
        let any: &[&str] = match self {
            Need::ReadDeployments | Need::WriteDeployments => &["repo_deployment"],
            Need::ReadHooks => &["read:repo_hook", "write:repo_hook", "admin:repo_hook"],
            Need::ReadMembers => &["read:org", "write:org", "admin:org"],
            _ => &[],
        };
        any.iter().any(|scope| scopes.contains(*scope))
    }
}

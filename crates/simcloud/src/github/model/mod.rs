//! The things GitHub knows: accounts, teams, repositories, pull requests, comments, deployments.
//! Plain data, no HTTP and no clock of its own.
//!
//! Names of users and repositories are compared without case, as GitHub does, and shown as they were first written.

mod activity;
mod deployment;
mod pull;
mod rename;
mod review;
mod team;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::HubError;

pub(in crate::github) use activity::{Activity, NO_COMMIT};
pub(in crate::github) use deployment::{CheckRun, Deployment, DeploymentStatus};
pub(in crate::github) use pull::{Comment, IssueEvent, Label, Pull, Reaction};
pub(in crate::github) use review::{LineComment, Review};
pub use team::Membership;
pub(in crate::github) use team::Team;

/// What a user may do in a repository, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing; a private repository is invisible.
    None,
    /// Read and clone.
    Read,
    /// Read, and manage issues. Reported as `read` in the old `permission` field.
    Triage,
    /// Push.
    Write,
    /// Push, and manage the repository without its dangerous settings. Reported as `write` in the old field.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// The four-step word in the `permission` field of the API.
    ///
    /// "The `permission` attribute provides the legacy base roles of `admin`, `write`, `read`, and `none`, where the
    /// `maintain` role is mapped to `write` and the `triage` role is mapped to `read`"
    /// (docs.github.com/rest/collaborators/collaborators, Get repository permissions for a user).
    pub fn base(self) -> &'static str {
        match self {
            Permission::None => "none",
            Permission::Read | Permission::Triage => "read",
            Permission::Write | Permission::Maintain => "write",
            Permission::Admin => "admin",
        }
    }

    /// The exact word in the `role_name` field of the API.
    pub fn role(self) -> &'static str {
        match self {
            Permission::Triage => "triage",
            Permission::Maintain => "maintain",
            other => other.base(),
        }
    }
}

/// What an account is; the `type` field of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum AccountKind {
    User,
    Organization,
    Bot,
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Account {
    pub id: u64,
    pub login: String,
    pub kind: AccountKind,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Repository {
    pub id: u64,
    pub owner: String,
    pub name: String,
    pub private: bool,
    /// `owner/name` of the repository this one was forked from.
    pub parent: Option<String>,
    pub created_at: DateTime<Utc>,
    pub pushed_at: DateTime<Utc>,
    pub permissions: BTreeMap<String, Permission>,
    pub pulls: BTreeMap<u64, Pull>,
    pub comments: BTreeMap<u64, Comment>,
    /// By name, folded.
    pub labels: BTreeMap<String, Label>,
    /// The commits that were pushed, by name.
    pub commits: BTreeMap<String, Commit>,
    /// What happened to its branches, oldest first.
    pub activities: Vec<Activity>,
    pub deployments: BTreeMap<u64, Deployment>,
    pub check_runs: BTreeMap<u64, CheckRun>,
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Commit {
    pub sha: String,
    pub author: String,
    pub committed_at: DateTime<Utc>,
}

impl Repository {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// What `login` may do here. The owner may do everything; everybody may read what is public.
    pub fn permission(&self, login: &str) -> Permission {
        let floor = if self.private { Permission::None } else { Permission::Read };
        if self.owner.eq_ignore_ascii_case(login) {
            return Permission::Admin;
        }
        self.permissions.get(&fold(login)).copied().unwrap_or(floor).max(floor)
    }

    pub fn open_pulls(&self) -> usize {
        self.pulls.values().filter(|pull| pull.closed_at.is_none()).count()
    }

    /// The commit that a name means: a whole commit name, the beginning of only one, or a branch of a pull request.
    pub fn commit(&self, name: &str) -> Option<&Commit> {
        if let Some(exact) = self.commits.get(name) {
            return Some(exact);
        }
        let branch = name.trim_start_matches("refs/").trim_start_matches("heads/");
        if let Some(pull) = self.pulls.values().find(|pull| pull.head_ref == branch) {
            return self.commits.get(&pull.head_sha);
        }
        let mut alike = self.commits.values().filter(|commit| commit.sha.starts_with(name));
        // Four digits are the least that git takes for an abbreviation (git-config, core.abbrev).
        alike.next().filter(|_| name.len() >= 4 && alike.next().is_none())
    }

    /// Notes a commit that was pushed. One that is known stays as it is.
    pub fn note_commit(&mut self, sha: &str, author: &str, now: DateTime<Utc>) -> &mut Commit {
        self.commits.entry(sha.to_owned()).or_insert_with(|| Commit {
            sha: sha.to_owned(),
            author: author.to_owned(),
            committed_at: now,
        })
    }
}

/// The whole content. Ids rise by one from one counter, so a run with the same calls gives the same ids.
#[derive(Debug)]
pub(in crate::github) struct Model {
    next_id: u64,
    accounts: BTreeMap<String, Account>,
    repositories: BTreeMap<String, Repository>,
    /// The ids of the repositories that had a name before, by that name, folded.
    former_names: BTreeMap<String, u64>,
    /// By organization and slug, folded.
    teams: BTreeMap<(String, String), Team>,
}

impl Model {
    pub fn new() -> Self {
        // Any start will do; four digits keep an id from being mistaken for a pull request's number in a log.
        Model {
            next_id: 1_000,
            accounts: BTreeMap::new(),
            repositories: BTreeMap::new(),
            former_names: BTreeMap::new(),
            teams: BTreeMap::new(),
        }
    }

    pub fn issue_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The account of that name; made when it is new. The kind of one that exists stays.
    pub fn ensure_account(&mut self, login: &str, kind: AccountKind, now: DateTime<Utc>) -> &Account {
        if !self.accounts.contains_key(&fold(login)) {
            let id = self.issue_id();
            self.accounts.insert(fold(login), Account { id, login: login.to_owned(), kind, created_at: now });
        }
        &self.accounts[&fold(login)]
    }

    /// Deletes an account. What it wrote stays, as by nobody that is known.
    pub fn remove_account(&mut self, login: &str) {
        self.accounts.remove(&fold(login));
        for at in self.repositories.values_mut() {
            at.permissions.remove(&fold(login));
        }
        for team in self.teams.values_mut() {
            team.members.remove(&fold(login));
        }
    }

    /// The team of that slug; made when it is new.
    pub fn ensure_team(&mut self, organization: &str, slug: &str) -> &mut Team {
        let id = self.issue_id();
        let key = (fold(organization), fold(slug));
        self.teams.entry(key).or_insert_with(|| Team { id, members: BTreeMap::new() })
    }

    pub fn team(&self, organization: &str, slug: &str) -> Option<&Team> {
        self.teams.get(&(fold(organization), fold(slug)))
    }

    pub fn team_mut(&mut self, organization: &str, slug: &str) -> Option<&mut Team> {
        self.teams.get_mut(&(fold(organization), fold(slug)))
    }

    pub fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.get(&fold(login))
    }

    /// Makes the repository and its owner; one that exists stays as it is, with the new visibility.
    pub fn add_repository(
        &mut self,
        full_name: &str,
        private: bool,
        parent: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), HubError> {
        let (owner, name) = split(full_name)?;
        let kind = if parent.is_some() { AccountKind::User } else { AccountKind::Organization };
        let owner = self.ensure_account(owner, kind, now).login.clone();
        if let Some(known) = self.repositories.get_mut(&fold(full_name)) {
            known.private = private;
            return Ok(());
        }
        let repository = Repository {
            id: self.issue_id(),
            owner,
            name: name.to_owned(),
            private,
            parent: parent.map(str::to_owned),
            created_at: now,
            pushed_at: now,
            permissions: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: BTreeMap::new(),
            labels: BTreeMap::new(),
            commits: BTreeMap::new(),
            activities: Vec::new(),
            deployments: BTreeMap::new(),
            check_runs: BTreeMap::new(),
        };
        // "If you create a new repository at the old name, the redirect ends" (docs.github.com/repositories, Renaming a
        // repository).
        self.former_names.remove(&fold(full_name));
        self.repositories.insert(fold(full_name), repository);
        Ok(())
    }

    pub fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(&fold(full_name))
    }

    pub fn repository_mut(&mut self, full_name: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(&fold(full_name))
    }

    pub fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.values()
    }

    pub fn require(&mut self, full_name: &str) -> Result<&mut Repository, HubError> {
        split(full_name)?;
        self.repository_mut(full_name).ok_or_else(|| HubError::NoRepository { name: full_name.to_owned() })
    }

    pub fn require_pull(&mut self, full_name: &str, number: u64) -> Result<&mut Pull, HubError> {
        self.require(full_name)?
            .pulls
            .get_mut(&number)
            .ok_or_else(|| HubError::NoPullRequest { repository: full_name.to_owned(), number })
    }

    /// Adds a comment to a pull request that must exist; answers the new comment's id.
    pub fn comment(
        &mut self,
        full_name: &str,
        number: u64,
        author: &str,
        app: Option<u64>,
        body: String,
        now: DateTime<Utc>,
    ) -> Result<u64, HubError> {
        self.require_pull(full_name, number)?;
        let id = self.issue_id();
        let author = author.to_owned();
        let comment = Comment {
            id,
            number,
            author,
            body,
            created_at: now,
            updated_at: now,
            app,
            reactions: Vec::new(),
            hidden: None,
        };
        self.require(full_name)?.comments.insert(id, comment);
        let pull = self.require_pull(full_name, number)?;
        pull.comments.push(id);
        pull.updated_at = now;
        Ok(id)
    }

    /// Removes a comment and everything on it.
    pub fn remove_comment(&mut self, full_name: &str, id: u64, now: DateTime<Utc>) -> Result<(), HubError> {
        let repository = self.require(full_name)?;
        let gone = repository
            .comments
            .remove(&id)
            .ok_or_else(|| HubError::NoComment { repository: full_name.to_owned(), id })?;
        if let Some(pull) = repository.pulls.get_mut(&gone.number) {
            pull.comments.retain(|other| *other != id);
            pull.updated_at = now;
        }
        Ok(())
    }
}

/// Names are compared without case.
pub(in crate::github) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Splits `owner/name`, and refuses what GitHub would: letters, digits, `-`, `_` and `.` are allowed.
fn split(full_name: &str) -> Result<(&str, &str), HubError> {
    let fine = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match full_name.split_once('/') {
        Some((owner, name)) if fine(owner) && fine(name) => Ok((owner, name)),
        _ => Err(HubError::RepositoryName { name: full_name.to_owned() }),
    }
}

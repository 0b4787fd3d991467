//! The things GitHub knows: users, repositories, pull requests, comments. Plain data, no HTTP and no clock of its own.
//!
//! Names of users and repositories are compared without case, as GitHub does, and shown as they were first written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::HubError;

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
pub(super) enum AccountKind {
    User,
    Organization,
    Bot,
}

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub id: u64,
    pub login: String,
    pub kind: AccountKind,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(super) struct Repository {
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
}

#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    /// `owner/name` of the repository the head branch lives in.
    pub head_repository: String,
    pub head_ref: String,
    pub head_sha: String,
    pub locked: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub merged_at: Option<DateTime<Utc>>,
    pub merged_by: Option<String>,
    /// Ids of its comments, oldest first.
    pub comments: Vec<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub id: u64,
    pub number: u64,
    pub author: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The app whose installation token wrote it.
    pub app: Option<u64>,
    pub reactions: Vec<Reaction>,
}

#[derive(Debug, Clone)]
pub(super) struct Reaction {
    pub id: u64,
    pub login: String,
    pub content: &'static str,
    pub created_at: DateTime<Utc>,
}

/// The whole content. Ids rise by one from one counter, so a run with the same calls gives the same ids.
#[derive(Debug)]
pub(super) struct Model {
    next_id: u64,
    accounts: BTreeMap<String, Account>,
    repositories: BTreeMap<String, Repository>,
}

impl Model {
    pub fn new() -> Self {
        // Any start will do; four digits keep an id from being mistaken for a pull request's number in a log.
        Model { next_id: 1_000, accounts: BTreeMap::new(), repositories: BTreeMap::new() }
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
        };
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
        let comment =
            Comment { id, number, author, body, created_at: now, updated_at: now, app, reactions: Vec::new() };
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
pub(super) fn fold(name: &str) -> String {
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

//! What people do on github.com by hand, done to a [`Hub`] by a test: accounts, repositories, pull requests, comments.

use chrono::{DateTime, Utc};

use super::access::Caller;
use super::model::{AccountKind, Pull, fold};
use super::{AppOptions, Hub, HubError, Permission, Rights, State};

/// A comment as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    /// Its id.
    pub id: u64,
    /// The author's login.
    pub author: String,
    /// The text, Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last edited; `created_at` if never.
    pub updated_at: DateTime<Utc>,
    /// Who reacted how: login and content (`+1`, `eyes`, …), in the order they came.
    pub reactions: Vec<(String, &'static str)>,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Open.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// A pull request as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullView {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// The author's login.
    pub author: String,
    /// The newest commit.
    pub head_sha: String,
    /// The repository the commit lives in; another one for a pull request from a fork.
    pub head_repository: String,
    /// Where it stands.
    pub state: PullState,
}

fn view(pull: &Pull) -> PullView {
    let state = match (pull.merged_at, pull.closed_at) {
        (Some(_), _) => PullState::Merged,
        (None, Some(_)) => PullState::Closed,
        (None, None) => PullState::Open,
    };
    PullView {
        number: pull.number,
        title: pull.title.clone(),
        author: pull.author.clone(),
        head_sha: pull.head_sha.clone(),
        head_repository: pull.head_repository.clone(),
        state,
    }
}

impl Hub {
    /// One step on the state, then everybody who waits is told.
    pub(super) fn step<T>(&self, act: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> T {
        let shared = &self.0.shared;
        let mut state = shared.state();
        let now = (shared.clock)();
        let out = act(&mut state, now);
        drop(state);
        shared.changed();
        out
    }

    pub(super) fn look<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        read(&mut self.0.shared.state())
    }

    // ── Accounts and tokens ──

    /// Makes a user. Done twice, nothing changes. Authors and token holders are made by themselves.
    pub fn add_user(&self, login: &str) {
        self.step(|state, now| {
            state.model.ensure_account(login, AccountKind::User, now);
        });
    }

    /// Makes a personal access token of `login`. Done twice with one token, the last call holds.
    pub fn add_token(&self, token: &str, login: &str, rights: Rights) {
        self.step(|state, now| {
            let login = state.model.ensure_account(login, AccountKind::User, now).login.clone();
            state.tokens.add(token, Caller::Person { login, rights }, None);
        });
    }

    /// Makes a token worthless: it answers 401 from now on. One that is not known stays unknown.
    pub fn revoke_token(&self, token: &str) {
        self.step(|state, _| state.tokens.revoke(token));
    }

    /// Registers an app. Done twice with one id, the last call holds, and the app keeps its installations.
    ///
    /// # Errors
    /// [`HubError::PublicKey`] when the key is given and cannot be read.
    pub fn register_app(&self, app: AppOptions) -> Result<(), HubError> {
        self.step(|state, now| {
            state.model.ensure_account(&app.owner, AccountKind::Organization, now);
            state.model.ensure_account(&format!("{}[bot]", app.slug), AccountKind::Bot, now);
            state.apps.register(app, now)
        })
    }

    /// Installs an app for all repositories of an account, and answers the installation's id. Done twice, the same one.
    ///
    /// # Errors
    /// [`HubError::NoApp`].
    pub fn install_app(&self, app: u64, account: &str) -> Result<u64, HubError> {
        self.step(|state, now| {
            let account = state.model.ensure_account(account, AccountKind::Organization, now).login.clone();
            let id = state.model.issue_id();
            state.apps.install(app, &account, id, now)
        })
    }

    // ── Repositories and pull requests ──

    /// Makes a public repository. Done twice, it stays as it is, and becomes public.
    ///
    /// # Errors
    /// [`HubError::RepositoryName`].
    pub fn add_repository(&self, repository: &str) -> Result<(), HubError> {
        self.step(|state, now| state.model.add_repository(repository, false, None, now))
    }

    /// Makes a private repository, or makes one private.
    ///
    /// # Errors
    /// [`HubError::RepositoryName`].
    pub fn add_private_repository(&self, repository: &str) -> Result<(), HubError> {
        self.step(|state, now| state.model.add_repository(repository, true, None, now))
    }

    /// Gives a user this permission in a repository, and takes any other.
    ///
    /// # Errors
    /// [`HubError::NoRepository`].
    pub fn set_permission(&self, repository: &str, user: &str, permission: Permission) -> Result<(), HubError> {
        self.step(|state, now| {
            state.model.require(repository)?;
            state.model.ensure_account(user, AccountKind::User, now);
            state.model.require(repository)?.permissions.insert(fold(user), permission);
            Ok(())
        })
    }

    /// Opens a pull request from a branch of the repository, or of `fork` (`owner/name`, made when it is new).
    /// Answers its number, which rises by one from 1.
    ///
    /// # Errors
    /// [`HubError::NoRepository`]; [`HubError::RepositoryName`] for the fork.
    pub fn open_pull_request(
        &self,
        repository: &str,
        title: &str,
        author: &str,
        head_sha: &str,
        fork: Option<&str>,
    ) -> Result<u64, HubError> {
        self.step(|state, now| {
            let full_name = state.model.require(repository)?.full_name();
            let author = state.model.ensure_account(author, AccountKind::User, now).login.clone();
            if let Some(fork) = fork {
                state.model.add_repository(fork, false, Some(&full_name), now)?;
            }
            let id = state.model.issue_id();
            let at = state.model.require(repository)?;
            let number = at.pulls.last_key_value().map_or(0, |(last, _)| *last) + 1;
            let pull = Pull {
                id,
                number,
                title: title.to_owned(),
                body: None,
                author,
                head_repository: fork.map_or(full_name, str::to_owned),
                head_ref: format!("change-{number}"),
                head_sha: head_sha.to_owned(),
                locked: false,
                created_at: now,
                updated_at: now,
                closed_at: None,
                merged_at: None,
                merged_by: None,
                comments: Vec::new(),
            };
            at.pulls.insert(number, pull);
            Ok(number)
        })
    }

    fn on_pull(
        &self,
        repository: &str,
        number: u64,
        act: impl FnOnce(&mut Pull, DateTime<Utc>) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        self.step(|state, now| {
            let pull = state.model.require_pull(repository, number)?;
            act(pull, now)?;
            pull.updated_at = now;
            Ok(())
        })
    }

    /// Writes the description of a pull request, Markdown.
    ///
    /// # Errors
    /// [`HubError::NoRepository`], [`HubError::NoPullRequest`]; so for all calls below that name one.
    pub fn describe(&self, repository: &str, number: u64, body: &str) -> Result<(), HubError> {
        self.on_pull(repository, number, |pull, _| {
            pull.body = Some(body.to_owned());
            Ok(())
        })
    }

    /// Pushes: the head becomes this commit.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn push(&self, repository: &str, number: u64, head_sha: &str) -> Result<(), HubError> {
        self.on_pull(repository, number, |pull, _| {
            pull.head_sha = head_sha.to_owned();
            Ok(())
        })
    }

    /// Closes without merging. One that is closed stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn close(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.on_pull(repository, number, |pull, now| {
            pull.closed_at.get_or_insert(now);
            Ok(())
        })
    }

    /// Merges, as the owner of the repository. One that is merged stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn merge(&self, repository: &str, number: u64) -> Result<(), HubError> {
        let owner = repository.split('/').next().unwrap_or_default().to_owned();
        self.on_pull(repository, number, |pull, now| {
            pull.closed_at.get_or_insert(now);
            pull.merged_at.get_or_insert(now);
            pull.merged_by.get_or_insert(owner);
            Ok(())
        })
    }

    /// Opens again. One that is open stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request; [`HubError::Merged`].
    pub fn reopen(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.on_pull(repository, number, |pull, _| {
            if pull.merged_at.is_some() {
                return Err(HubError::Merged { repository: repository.to_owned(), number });
            }
            pull.closed_at = None;
            Ok(())
        })
    }

    /// Locks or unlocks the conversation: only those who may push can comment on a locked one.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn set_locked(&self, repository: &str, number: u64, locked: bool) -> Result<(), HubError> {
        self.on_pull(repository, number, |pull, _| {
            pull.locked = locked;
            Ok(())
        })
    }

    /// A pull request as it is now.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn pull_request(&self, repository: &str, number: u64) -> Result<PullView, HubError> {
        self.look(|state| state.model.require_pull(repository, number).map(|pull| view(pull)))
    }

    // ── Comments ──

    /// The comments of a pull request, oldest first.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comments(&self, repository: &str, number: u64) -> Result<Vec<CommentView>, HubError> {
        self.look(|state| {
            state.model.require_pull(repository, number)?;
            let all = &state.model.require(repository)?.comments;
            let of_pull = all.values().filter(|comment| comment.number == number);
            let view = |comment: &super::model::Comment| CommentView {
                id: comment.id,
                author: comment.author.clone(),
                body: comment.body.clone(),
                created_at: comment.created_at,
                updated_at: comment.updated_at,
                reactions: comment.reactions.iter().map(|one| (one.login.clone(), one.content)).collect(),
            };
            Ok(of_pull.map(view).collect())
        })
    }

    /// Writes a comment as a user, who is made when new, and answers its id. No limit of length applies here.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comment(&self, repository: &str, number: u64, author: &str, body: &str) -> Result<u64, HubError> {
        self.step(|state, now| {
            let author = state.model.ensure_account(author, AccountKind::User, now).login.clone();
            state.model.comment(repository, number, &author, None, body.to_owned(), now)
        })
    }

    /// Removes a comment, as a maintainer would by hand.
    ///
    /// # Errors
    /// No such repository; [`HubError::NoComment`].
    pub fn delete_comment(&self, repository: &str, id: u64) -> Result<(), HubError> {
        self.step(|state, now| state.model.remove_comment(repository, id, now))
    }
}

//! What people do on github.com by hand, done to a [`Hub`] by a test: accounts, repositories, pull requests, comments.

use chrono::{DateTime, Utc};

use super::access::Caller;
use super::model::{AccountKind, Pull, fold};
use super::{AppOptions, Hub, HubError, Membership, Permission, Person, Rights, State};

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

    /// Deletes an account, with its permissions, memberships and tokens. What it wrote stays, as by nobody that is known.
    /// One that is not there stays away.
    pub fn remove_user(&self, login: &str) {
        self.step(|state, _| {
            state.model.remove_account(login);
            state.tokens.revoke_all(login);
        });
    }

    /// Makes a team of an organization. Done twice, it stays as it is.
    pub fn add_team(&self, organization: &str, slug: &str) {
        self.step(|state, now| {
            state.model.ensure_account(organization, AccountKind::Organization, now);
            state.model.ensure_team(organization, slug);
        });
    }

    /// Makes a user a member of a team, or an invited one. The last call holds.
    ///
    /// # Errors
    /// [`HubError::NoTeam`]; so for the next.
    pub fn set_membership(
        &self,
        organization: &str,
        slug: &str,
        user: &str,
        membership: Membership,
    ) -> Result<(), HubError> {
        self.step(|state, now| {
            let missing = || HubError::NoTeam { organization: organization.to_owned(), slug: slug.to_owned() };
            state.model.team_mut(organization, slug).ok_or_else(missing)?.members.insert(fold(user), membership);
            state.model.ensure_account(user, AccountKind::User, now);
            Ok(())
        })
    }

    /// Takes a user out of a team. One who is no member stays none.
    ///
    /// # Errors
    /// [`HubError::NoTeam`].
    pub fn remove_membership(&self, organization: &str, slug: &str, user: &str) -> Result<(), HubError> {
        self.step(|state, _| {
            let missing = || HubError::NoTeam { organization: organization.to_owned(), slug: slug.to_owned() };
            state.model.team_mut(organization, slug).ok_or_else(missing)?.members.remove(&fold(user));
            Ok(())
        })
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

    /// Gives a repository another name. Its id and everything in it stay, and the old name leads to the new one until a
    /// repository is made under it. Webhooks are sent `repository` with the action `renamed`. The same name changes nothing.
    ///
    /// # Errors
    /// [`HubError::NoRepository`], [`HubError::NameTaken`], [`HubError::RepositoryName`].
    pub fn rename_repository(&self, repository: &str, name: &str) -> Result<(), HubError> {
        self.act(|acts| acts.rename_repository(repository, name))
    }

    /// Gives a repository to another account, which is made as an organization when it is new. Otherwise as
    /// [`Hub::rename_repository`], with the action `transferred`.
    ///
    /// # Errors
    /// As of [`Hub::rename_repository`].
    pub fn transfer_repository(&self, repository: &str, owner: &str) -> Result<(), HubError> {
        self.act(|acts| acts.transfer_repository(repository, owner))
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

    /// Takes a user's permission in a repository away; they are a stranger again. One who has none stays so.
    ///
    /// # Errors
    /// [`HubError::NoRepository`].
    pub fn remove_permission(&self, repository: &str, user: &str) -> Result<(), HubError> {
        self.step(|state, _| {
            state.model.require(repository)?.permissions.remove(&fold(user));
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
        self.step(|state, _| state.model.require(repository).map(drop))?;
        self.person(author).open_pull_request(repository, title, head_sha, fork)
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

    /// The author of a pull request at work; the calls of [`Person`] say what follows.
    fn author(&self, repository: &str, number: u64) -> Result<Person, HubError> {
        let author =
            self.step(|state, _| state.model.require_pull(repository, number).map(|pull| pull.author.clone()))?;
        Ok(self.person(&author))
    }

    /// Pushes, as the author: the head becomes this commit.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn push(&self, repository: &str, number: u64, head_sha: &str) -> Result<(), HubError> {
        self.author(repository, number)?.push(repository, number, head_sha)
    }

    /// Closes without merging, as the author. One that is closed stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn close(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.author(repository, number)?.close(repository, number)
    }

    /// Merges, as the owner of the repository. One that is closed stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn merge(&self, repository: &str, number: u64) -> Result<(), HubError> {
        let owner = self.step(|state, _| {
            state.model.require_pull(repository, number)?;
            state.model.require(repository).map(|at| at.owner.clone())
        })?;
        self.person(&owner).merge(repository, number)
    }

    /// Opens again, as the author. One that is open stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request; [`HubError::Merged`].
    pub fn reopen(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.author(repository, number)?.reopen(repository, number)
    }

    /// Says when a commit was made, as its committer would; it need not be when it was pushed. The commit is made, by the
    /// owner of the repository, when it is not known.
    ///
    /// # Errors
    /// [`HubError::NoRepository`].
    pub fn set_commit_date(&self, repository: &str, sha: &str, date: DateTime<Utc>) -> Result<(), HubError> {
        self.step(|state, _| {
            let at = state.model.require(repository)?;
            let owner = at.owner.clone();
            at.note_commit(sha, &owner, date).committed_at = date;
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

    // ── Comments ──

    /// Writes a comment as a user, who is made when new, and answers its id. No limit of length applies here.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comment(&self, repository: &str, number: u64, author: &str, body: &str) -> Result<u64, HubError> {
        self.person(author).comment(repository, number, body)
    }

    /// Removes a comment, as the owner of the repository would by hand.
    ///
    /// # Errors
    /// No such repository; [`HubError::NoComment`].
    pub fn delete_comment(&self, repository: &str, id: u64) -> Result<(), HubError> {
        let owner = self.step(|state, _| state.model.require(repository).map(|at| at.owner.clone()))?;
        self.person(&owner).delete_comment(repository, id)
    }
}

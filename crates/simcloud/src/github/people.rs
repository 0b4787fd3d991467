//! What one person does on github.com by hand, with the webhooks that follow. No right is asked: the test decides.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::acts::{Actor, Acts};
use super::model::{AccountKind, NO_COMMIT, Pull, Reaction};
use super::shape::{self, REACTIONS};
use super::webhook::{self, Made, Package, WorkflowRun};
use super::{Hub, HubError};

/// A person, or a bot, and their browser. Made by [`Hub::person`].
///
/// All calls that name a repository, pull request or comment fail with [`HubError::NoRepository`],
/// [`HubError::NoPullRequest`] or [`HubError::NoComment`] where there is none.
#[derive(Debug, Clone)]
pub struct Person {
    hub: Hub,
    login: String,
}

impl Hub {
    /// Acts as this user, who is made when new. Their `login` is the `sender` of what follows.
    pub fn person(&self, login: &str) -> Person {
        let login = self.step(|state, now| {
            let kind = if login.ends_with("[bot]") { AccountKind::Bot } else { AccountKind::User };
            state.model.ensure_account(login, kind, now).login.clone()
        });
        Person { hub: self.clone(), login }
    }

    /// One step on the state by something that tells webhooks of it.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Acts<'_>) -> T) -> T {
        let links = self.links();
        self.step(|state, now| act(&mut Acts { state, links, now }))
    }
}

impl Person {
    /// Who it is.
    pub fn login(&self) -> &str {
        &self.login
    }

    fn act<T>(&self, act: impl FnOnce(&mut Acts<'_>, &Actor) -> T) -> T {
        self.hub.act(|acts| act(acts, &Actor::person(&self.login)))
    }

    // ── Comments ──

    /// Writes a comment, and answers its id. No limit of length applies here.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comment(&self, repository: &str, number: u64, body: &str) -> Result<u64, HubError> {
        self.act(|acts, who| acts.comment(repository, number, who, body.to_owned()))
    }

    /// Changes the text of a comment. The same text changes nothing, and nobody is told.
    ///
    /// # Errors
    /// No such repository or comment; so for the next two.
    pub fn edit_comment(&self, repository: &str, id: u64, body: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.edit_comment(repository, id, who, body.to_owned()))
    }

    /// Removes a comment.
    ///
    /// # Errors
    /// No such repository or comment.
    pub fn delete_comment(&self, repository: &str, id: u64) -> Result<(), HubError> {
        self.act(|acts, who| acts.delete_comment(repository, id, who))
    }

    /// Reacts to a comment: `+1`, `eyes`, `rocket`, … Done twice, the first stays. No webhook tells of reactions.
    ///
    /// # Errors
    /// No such repository or comment; [`HubError::NoReaction`].
    pub fn react(&self, repository: &str, id: u64, content: &str) -> Result<(), HubError> {
        let known = REACTIONS.iter().find(|known| **known == content);
        let content = *known.ok_or_else(|| HubError::NoReaction { content: content.to_owned() })?;
        self.act(|acts, who| {
            let reaction =
                Reaction { id: acts.state.model.issue_id(), login: who.login.clone(), content, created_at: acts.now };
            let at = acts.state.model.require(repository)?;
            let missing = || HubError::NoComment { repository: repository.to_owned(), id };
            at.comments.get_mut(&id).ok_or_else(missing)?.add_reaction(reaction);
            Ok(())
        })
    }

    // ── Reviews ──

    /// Submits a review that comments, and returns its id. No limit of length applies here.
    ///
    /// # Errors
    /// No such repository or pull request; so for the next three.
    pub fn review(&self, repository: &str, number: u64, body: &str) -> Result<u64, HubError> {
        self.act(|acts, who| acts.review(repository, number, who, body.to_owned()))
    }

    /// Changes the body of a review. The same body changes nothing, and no webhook is sent.
    ///
    /// # Errors
    /// No such repository, pull request or review ([`HubError::NoComment`]).
    pub fn edit_review(&self, repository: &str, number: u64, id: u64, body: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.edit_review(repository, number, id, who, body.to_owned()))
    }

    /// Comments on a line of the code at once, which makes a review without a body, and returns the id of the comment.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn comment_on_line(&self, repository: &str, number: u64, body: &str) -> Result<u64, HubError> {
        self.act(|acts, who| acts.comment_on_line(repository, number, who, body.to_owned()))
    }

    /// Writes the description of a pull request. The same text changes nothing, and no webhook is sent.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn describe(&self, repository: &str, number: u64, body: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.describe(repository, number, who, body.to_owned()))
    }

    // ── Pull requests ──

    /// Opens a pull request from a branch of the repository, or of `fork` (`owner/name`, made when it is new).
    /// Answers its number, which rises by one from 1.
    ///
    /// # Errors
    /// [`HubError::NoRepository`]; [`HubError::RepositoryName`] for the fork.
    pub fn open_pull_request(
        &self,
        repository: &str,
        title: &str,
        head_sha: &str,
        fork: Option<&str>,
    ) -> Result<u64, HubError> {
        self.act(|acts, who| {
            let now = acts.now;
            let model = &mut acts.state.model;
            let full_name = model.require(repository)?.full_name();
            if let Some(fork) = fork {
                model.add_repository(fork, false, Some(&full_name), now)?;
                model.require(fork)?.note_commit(head_sha, &who.login, now);
            }
            let id = model.issue_id();
            let at = model.require(repository)?;
            at.note_commit(head_sha, &who.login, now);
            let number = at.pulls.last_key_value().map_or(0, |(last, _)| *last) + 1;
            let head_repository = fork.map_or(full_name, str::to_owned);
            let pull = pull_request(id, number, title, who, head_repository.clone(), head_sha, now);
            let branch = pull.head_ref.clone();
            at.pulls.insert(number, pull);
            acts.branch_moved(&head_repository, &branch, who, "branch_creation", NO_COMMIT, head_sha);
            acts.opened(repository, number, who);
            Ok(number)
        })
    }

    /// Pushes: the head becomes this commit. The same commit again changes nothing.
    ///
    /// # Errors
    /// No such repository or pull request; so for all that follow.
    pub fn push(&self, repository: &str, number: u64, head_sha: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.push(repository, number, who, head_sha, false))
    }

    /// Pushes with force: this commit takes the place of all that the branch had. The same commit again changes nothing.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn force_push(&self, repository: &str, number: u64, head_sha: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.push(repository, number, who, head_sha, true))
    }

    /// Presses "Update branch": the base is merged into the branch, on top of what is there. Returns the commit that it makes.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn update_branch(&self, repository: &str, number: u64) -> Result<String, HubError> {
        self.act(|acts, who| {
            let pull = acts.state.model.require_pull(repository, number)?;
            let merge = shape::invented_sha(&format!("main into {}", pull.head_sha));
            acts.push(repository, number, who, &merge, false)?;
            Ok(merge)
        })
    }

    /// Closes without merging. One that is closed stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn close(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.act(|acts, who| acts.close(repository, number, who, false))
    }

    /// Merges. One that is closed stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn merge(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.act(|acts, who| acts.close(repository, number, who, true))
    }

    /// Opens again. One that is open stays as it is.
    ///
    /// # Errors
    /// No such repository or pull request; [`HubError::Merged`].
    pub fn reopen(&self, repository: &str, number: u64) -> Result<(), HubError> {
        self.act(|acts, who| acts.reopen(repository, number, who))
    }

    /// Puts a label on. One that is on stays.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn label(&self, repository: &str, number: u64, name: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.label(repository, number, who, name))
    }

    /// Takes a label off. One that is not on stays off.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn unlabel(&self, repository: &str, number: u64, name: &str) -> Result<(), HubError> {
        self.act(|acts, who| acts.unlabel(repository, number, who, name))
    }

    /// Makes a pull request a draft, or ready for review.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn set_draft(&self, repository: &str, number: u64, draft: bool) -> Result<(), HubError> {
        self.act(|acts, who| acts.set_draft(repository, number, who, draft))
    }

    // ── What is only told of ──

    /// Tells that a container image was published from a repository (`registry_package`). The hub keeps no packages.
    ///
    /// # Errors
    /// [`HubError::NoRepository`].
    pub fn publish(&self, repository: &str, package: &Package) -> Result<(), HubError> {
        self.act(|acts, who| {
            acts.state.model.require(repository)?;
            let made = made(acts, who);
            acts.tell("registry_package", "published", repository, who, |state, links, at| {
                webhook::registry_package(state, links, at, package, &made)
            });
            Ok(())
        })
    }

    /// Tells of a run of a workflow (`workflow_run`). The hub runs and keeps none.
    ///
    /// # Errors
    /// No such repository or pull request.
    pub fn run_workflow(&self, repository: &str, run: &WorkflowRun) -> Result<(), HubError> {
        self.act(|acts, who| {
            acts.state.model.require_pull(repository, run.number)?;
            let made = made(acts, who);
            acts.tell("workflow_run", &run.action, repository, who, |state, links, at| {
                let pull = at.pulls.get(&run.number);
                pull.map_or(Value::Null, |pull| webhook::workflow_run(state, links, at, pull, run, &made))
            });
            Ok(())
        })
    }
}

fn made<'a>(acts: &mut Acts<'_>, who: &'a Actor) -> Made<'a> {
    let id = acts.state.model.issue_id();
    // The version of a package, and the suite of a run, are the next.
    acts.state.model.issue_id();
    Made { id, by: &who.login, now: acts.now }
}

fn pull_request(
    id: u64,
    number: u64,
    title: &str,
    author: &Actor,
    head_repository: String,
    head_sha: &str,
    now: DateTime<Utc>,
) -> Pull {
    Pull {
        id,
        number,
        title: title.to_owned(),
        body: None,
        author: author.login.clone(),
        head_repository,
        head_ref: format!("change-{number}"),
        head_sha: head_sha.to_owned(),
        commits: vec![head_sha.to_owned()],
        draft: false,
        locked: false,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
        merged_at: None,
        merged_by: None,
        labels: Vec::new(),
        comments: Vec::new(),
        events: Vec::new(),
        reviews: BTreeMap::new(),
        line_comments: BTreeMap::new(),
    }
}

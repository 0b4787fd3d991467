//! What people and apps do, with all that follows: the change itself, the line in the history, the webhooks.
//!
//! Both ways in, the HTTP interface and the control side, come here once they know that somebody may do it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::access::Caller;
use super::model::{AccountKind, Activity, IssueEvent, Label, Pull, Repository, fold};
use super::shape::{self, Links};
use super::webhook::{self, Event, Hook, HookTarget};
use super::{HubError, State};

/// Who does something.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub login: String,
    /// The app that does it, for its bot or for a person.
    pub app: Option<u64>,
}

impl Actor {
    pub fn person(login: &str) -> Self {
        Actor { login: login.to_owned(), app: None }
    }

    /// The caller of the interface; nobody, when it has no credentials.
    pub fn of(caller: &Caller) -> Option<Self> {
        caller.login().map(|login| Actor { login: login.to_owned(), app: caller.app() })
    }
}

/// The state, and what it takes to tell the world of a change.
pub(super) struct Acts<'a> {
    pub state: &'a mut State,
    pub links: &'a Links,
    pub now: DateTime<Utc>,
}

impl Acts<'_> {
    // ── Comments ──

    pub fn comment(&mut self, at: &str, number: u64, actor: &Actor, body: String) -> Result<u64, HubError> {
        let id = self.state.model.comment(at, number, &actor.login, actor.app, body, self.now)?;
        self.tell("issue_comment", "created", at, actor, |state, links, at| {
            webhook::about_comment(state, links, at, id)
        });
        Ok(id)
    }

    /// Changes the text. The same text again changes and tells nothing.
    pub fn edit_comment(&mut self, at: &str, id: u64, actor: &Actor, body: String) -> Result<(), HubError> {
        let repository = self.state.model.require(at)?;
        let missing = || HubError::NoComment { repository: at.to_owned(), id };
        let comment = repository.comments.get_mut(&id).ok_or_else(missing)?;
        if comment.body == body {
            return Ok(());
        }
        let before = std::mem::replace(&mut comment.body, body);
        comment.updated_at = self.now;
        self.tell("issue_comment", "edited", at, actor, |state, links, at| {
            let mut more = webhook::about_comment(state, links, at, id);
            more["changes"] = json!({ "body": { "from": before } });
            more
        });
        Ok(())
    }

    pub fn delete_comment(&mut self, at: &str, id: u64, actor: &Actor) -> Result<(), HubError> {
        // The event shows the comment as it was.
        let repository = self.state.model.require(at)?;
        if !repository.comments.contains_key(&id) {
            return Err(HubError::NoComment { repository: at.to_owned(), id });
        }
        self.tell("issue_comment", "deleted", at, actor, |state, links, at| {
            webhook::about_comment(state, links, at, id)
        });
        self.state.model.remove_comment(at, id, self.now)
    }

    // ── Pull requests ──

    /// Tells that a pull request was opened.
    pub fn opened(&mut self, at: &str, number: u64, actor: &Actor) {
        self.tell_of_pull("opened", at, number, actor, |_| json!({}));
    }

    /// The head becomes this commit. The same one again changes and tells nothing. Pushed with force, it takes the place of all
    /// commits of the pull request; else it comes on top of them.
    pub fn push(&mut self, at: &str, number: u64, actor: &Actor, sha: &str, force: bool) -> Result<(), HubError> {
        let now = self.now;
        let pull = self.state.model.require_pull(at, number)?;
        if pull.head_sha == sha {
            return Ok(());
        }
        let before = std::mem::replace(&mut pull.head_sha, sha.to_owned());
        pull.updated_at = now;
        if force {
            pull.commits.clear();
        }
        pull.commits.push(sha.to_owned());
        let (open, fork, branch) = (pull.closed_at.is_none(), pull.head_repository.clone(), pull.head_ref.clone());
        self.state.model.require(at)?.note_commit(sha, &actor.login, now);
        if let Some(fork) = self.state.model.repository_mut(&fork) {
            fork.note_commit(sha, &actor.login, now);
            fork.pushed_at = now;
        }
        let kind = if force { "force_push" } else { "push" };
        self.branch_moved(&fork, &branch, actor, kind, &before, sha);
        if open {
            self.tell_of_pull("synchronize", at, number, actor, |_| json!({ "before": before, "after": sha }));
        }
        Ok(())
    }

    /// Notes what happened to a branch of a repository; of one that is gone nothing is known.
    pub fn branch_moved(
        &mut self,
        repository: &str,
        branch: &str,
        actor: &Actor,
        kind: &'static str,
        before: &str,
        after: &str,
    ) {
        let id = self.state.model.issue_id();
        let Some(at) = self.state.model.repository_mut(repository) else { return };
        at.activities.push(Activity {
            id,
            before: before.to_owned(),
            after: after.to_owned(),
            branch: branch.to_owned(),
            at: self.now,
            kind,
            actor: actor.login.clone(),
        });
    }

    /// Closes, or merges. One that is closed stays as it is.
    pub fn close(&mut self, at: &str, number: u64, actor: &Actor, merge: bool) -> Result<(), HubError> {
        let now = self.now;
        let pull = self.state.model.require_pull(at, number)?;
        if pull.closed_at.is_some() {
            return Ok(());
        }
        pull.closed_at = Some(now);
        pull.closed_by = Some(actor.login.clone());
        pull.updated_at = now;
        let mut commit = None;
        if merge {
            pull.merged_at = Some(now);
            pull.merged_by = Some(actor.login.clone());
            commit = Some(shape::merge_commit(pull));
            self.history(at, number, actor, "merged", None, commit.clone())?;
        }
        self.history(at, number, actor, "closed", None, commit)?;
        self.tell_of_pull("closed", at, number, actor, |_| json!({}));
        Ok(())
    }

    /// Opens again. One that is open stays as it is.
    pub fn reopen(&mut self, at: &str, number: u64, actor: &Actor) -> Result<(), HubError> {
        let now = self.now;
        let pull = self.state.model.require_pull(at, number)?;
        if pull.merged_at.is_some() {
            return Err(HubError::Merged { repository: at.to_owned(), number });
        }
        if pull.closed_at.take().is_none() {
            return Ok(());
        }
        pull.closed_by = None;
        pull.updated_at = now;
        self.history(at, number, actor, "reopened", None, None)?;
        self.tell_of_pull("reopened", at, number, actor, |_| json!({}));
        Ok(())
    }

    /// Puts a label on, which is made when the repository has none of that name. One that is on stays.
    pub fn label(&mut self, at: &str, number: u64, actor: &Actor, name: &str) -> Result<(), HubError> {
        let now = self.now;
        if self.state.model.require_pull(at, number)?.has_label(name) {
            return Ok(());
        }
        let id = self.state.model.issue_id();
        let labels = &mut self.state.model.require(at)?.labels;
        let label = labels.entry(fold(name)).or_insert_with(|| Label { id, name: name.to_owned() }).clone();
        let pull = self.state.model.require_pull(at, number)?;
        pull.labels.push(label.name.clone());
        pull.updated_at = now;
        self.history(at, number, actor, "labeled", Some(label.name.clone()), None)?;
        self.tell_of_label("labeled", at, number, actor, &label);
        Ok(())
    }

    /// Takes a label off. One that is not on stays off.
    pub fn unlabel(&mut self, at: &str, number: u64, actor: &Actor, name: &str) -> Result<(), HubError> {
        let now = self.now;
        let pull = self.state.model.require_pull(at, number)?;
        if !pull.has_label(name) {
            return Ok(());
        }
        pull.labels.retain(|label| !label.eq_ignore_ascii_case(name));
        pull.updated_at = now;
        let Some(label) = self.state.model.require(at)?.labels.get(&fold(name)).cloned() else {
            return Ok(());
        };
        self.history(at, number, actor, "unlabeled", Some(label.name.clone()), None)?;
        self.tell_of_label("unlabeled", at, number, actor, &label);
        Ok(())
    }

    /// Makes a pull request a draft, or ready for review.
    pub fn set_draft(&mut self, at: &str, number: u64, actor: &Actor, draft: bool) -> Result<(), HubError> {
        let pull = self.state.model.require_pull(at, number)?;
        if std::mem::replace(&mut pull.draft, draft) == draft {
            return Ok(());
        }
        let (kind, action) = match draft {
            true => ("convert_to_draft", "converted_to_draft"),
            false => ("ready_for_review", "ready_for_review"),
        };
        self.history(at, number, actor, kind, None, None)?;
        self.tell_of_pull(action, at, number, actor, |_| json!({}));
        Ok(())
    }

    fn history(
        &mut self,
        at: &str,
        number: u64,
        actor: &Actor,
        kind: &'static str,
        label: Option<String>,
        commit: Option<String>,
    ) -> Result<(), HubError> {
        let id = self.state.model.issue_id();
        let event =
            IssueEvent { id, actor: actor.login.clone(), kind, label, commit, app: actor.app, created_at: self.now };
        self.state.model.require_pull(at, number)?.events.push(event);
        Ok(())
    }

    // ── Telling ──

    fn tell_of_label(&mut self, action: &str, at: &str, number: u64, actor: &Actor, label: &Label) {
        self.tell("pull_request", action, at, actor, |state, links, at| {
            let pull = at.pulls.get(&number).map(|pull| webhook::about_pull(state, links, at, pull));
            let mut more = pull.unwrap_or_default();
            more["label"] = shape::label(links, at, label);
            more
        });
    }

    fn tell_of_pull(&mut self, action: &str, at: &str, number: u64, actor: &Actor, extra: impl FnOnce(&Pull) -> Value) {
        self.tell("pull_request", action, at, actor, |state, links, at| {
            let Some(pull) = at.pulls.get(&number) else { return Value::Null };
            let mut more = webhook::about_pull(state, links, at, pull);
            shape::extend(&mut more, extra(pull));
            more
        });
    }

    /// Mails an event about a repository to every webhook that hears of it. `more` is asked only when there is one.
    pub fn tell(
        &mut self,
        name: &'static str,
        action: &str,
        repository: &str,
        actor: &Actor,
        more: impl FnOnce(&State, &Links, &Repository) -> Value,
    ) {
        let (state, links) = (&*self.state, self.links);
        let Some(at) = state.model.repository(repository) else { return };
        let listening: Vec<(u64, Option<u64>)> =
            state.post.listeners(name).filter_map(|hook| listens(state, hook, name, at)).collect();
        if listening.is_empty() {
            return;
        }
        let mut body = more(state, links, at);
        let sender = shape::user_of(&state.model, links, &actor.login);
        let repository = shape::repository(&state.model, links, at);
        shape::extend(&mut body, json!({ "action": action, "repository": repository, "sender": sender }));
        if let Some(owner) = state.model.account(&at.owner).filter(|owner| owner.kind == AccountKind::Organization) {
            body["organization"] = shape::organization(links, owner);
        }
        let event = |body| Event { name, action: Some(action.to_owned()), repository: Some(at.full_name()), body };
        let events: Vec<(u64, Event)> = listening
            .into_iter()
            .map(|(hook, installation)| {
                let mut body = body.clone();
                if let Some(id) = installation {
                    body["installation"] = json!({ "id": id, "node_id": shape::node_id("MDIz", id) });
                }
                (hook, event(body))
            })
            .collect();
        for (hook, event) in events {
            self.state.post.mail(hook, &event, self.now);
        }
    }
}

/// The webhook's number, and the installation's when it is an app's, if an event in this repository is for it.
fn listens(state: &State, hook: &Hook, event: &str, at: &Repository) -> Option<(u64, Option<u64>)> {
    match &hook.target {
        HookTarget::Repository(name) => name.eq_ignore_ascii_case(&at.full_name()).then_some((hook.id, None)),
        HookTarget::Account(login) => login.eq_ignore_ascii_case(&at.owner).then_some((hook.id, None)),
        HookTarget::Everything => Some((hook.id, None)),
        HookTarget::App(id) => {
            state.apps.get(*id)?.events.iter().find(|name| *name == event)?;
            Some((hook.id, Some(state.apps.on_account(*id, &at.owner)?.id)))
        }
    }
}

//! A late push takes back what it overtook: a commit that became the head only after the command that started it.
//!
//! The rule of `binding.rs` keeps that from happening. This module corrects what was started all the same: by an older release, or because
//! the forge or the memory of heads did not know better at that moment.

use bivouac_model::command::{Up, Verb};
use bivouac_model::{Decision, Desired, DesiredState, EnvKey, Event, PullRequest, Record, Value};
use bivouac_ports::Audience;
use chrono::{DateTime, Utc};

use super::changed::{Cause, Looked};
use super::newest::wanted;
use super::{Handler, Later};
use crate::answer;
use crate::binding::{newest_onto, overtaking, whole};

/// The reason in the audit.
const TAKEN_BACK: &str = "TakenBack";

impl Handler {
    /// Takes an environment down that a command started before its commit was pushed, by a person who may not start
    /// environments. `None`: the record was written meanwhile.
    ///
    /// # Errors
    /// [`Later`] when that depends on an answer that did not come.
    pub(super) async fn take_back(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<Option<Looked>, Later> {
        let given = wanted(seen).and_then(|wish| Some((wish.requested_at?, wish.requested_by.clone()?)));
        let Some((given_at, by)) = given else { return Ok(Some(Looked::Settled)) };
        let head = &pull.head_sha;
        if self.is_trusted_branch(pull) || self.was_known(key, head, whole(given_at)).await? {
            return Ok(Some(Looked::Settled));
        }
        let Some(pushes) = self.pushes(key, pull).await.map_err(Later::Forge)? else {
            return Ok(Some(Looked::Unknown));
        };
        let Some(push) = overtaking(head, given_at, &pushes) else {
            let is_listed = newest_onto(head, &pushes).is_some();
            return Ok(Some(if is_listed { Looked::Settled } else { Looked::Unknown }));
        };
        if self.may_push(key, push.actor.as_deref()).await.map_err(Later::Forge)? {
            return Ok(Some(Looked::Settled));
        }
        let event = Event {
            at: given_at,
            tie: format!("taken-back-{head}"),
            actor: push.actor.clone().unwrap_or_else(|| "unknown".to_owned()),
            head_sha: Some(head.clone()),
            decision: Some(Decision::Denied),
            ..cause.event(
                key,
                "push",
                TAKEN_BACK,
                "pushed when or after it was asked for, by a person who may not start environments",
            )
        };
        self.note(&[event]).await?;
        // It was no success of the command, and this commit was not approved.
        let down = Value::String(Desired::Down.as_str().into());
        let change = vec![("desired", Some(down)), ("request_url", None), ("head_sha", None)];
        if !self.write(key, seen, &change).await.map_err(Later::Store)? {
            return Ok(None);
        }
        self.explain(key, &by, &asked_of(wanted(seen)), head).await?;
        Ok(Some(Looked::Settled))
    }

    /// Answers the person whose environment was taken back, if the process that did it did not come to that.
    ///
    /// # Errors
    /// [`Later`] when the answer can be given in a while.
    pub(super) async fn explain_again(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<(), Later> {
        let wish = seen.and_then(|record| record.desired.as_ref().ok());
        let given = wish.and_then(|wish| Some((wish.requested_at?, wish.requested_by.clone()?)));
        let Some((given_at, by)) = given.filter(|_| !cause.is_comparison && !self.is_trusted_branch(pull)) else {
            return Ok(());
        };
        let is_it = |event: &Event| {
            event.reason == TAKEN_BACK && event.at == given_at && event.head_sha.as_ref() == Some(&pull.head_sha)
        };
        if self.decided(key).await?.iter().any(is_it) {
            self.explain(key, &by, &asked_of(wish), &pull.head_sha).await
        } else {
            Ok(())
        }
    }

    async fn explain(&self, key: &EnvKey, by: &str, up: &Up, head: &str) -> Result<(), Later> {
        let offer = answer::offer(&self.settings.command, up, head);
        let text = format!(
            "The environment is taken down: commit `{head}` was pushed when or after it was asked for, by a person who \
             may not start environments. Look at that commit. To start it, comment {offer}."
        );
        self.reply(key, by, Some(&text), Audience::Member).await
    }

    /// Whether a commit was seen or named before, or it was not the bot that started it by a command of this moment: other
    /// clients answer for what they write.
    async fn was_known(&self, key: &EnvKey, head: &str, given_at: DateTime<Utc>) -> Result<bool, Later> {
        let heads = &self.doors.heads;
        if heads.was_seen(key, head, given_at).await.map_err(Later::Store)?
            || !heads.named(key, head).await.map_err(Later::Store)?.is_empty()
        {
            return Ok(true);
        }
        let is_ours = |event: &Event| {
            let is_up = event.action == Verb::Up.as_str() && event.decision == Some(Decision::Allowed);
            is_up && event.head_sha.as_deref() == Some(head) && whole(event.at) == given_at
        };
        Ok(!self.decided(key).await?.iter().any(is_ours))
    }
}

/// The `up` that a record stands for.
fn asked_of(wish: Option<&DesiredState>) -> Up {
    wish.map_or_else(Up::default, |wish| Up {
        flags: wish.flags.clone(),
        config: wish.config.clone(),
        ttl: wish.ttl,
        size: wish.size.clone(),
        sha: None,
    })
}

//! A pull request that changed, or may have: it is read as it is now, and the record follows.

use bivouac_model::command::{Command, Request, Up, Verb, Wish};
use bivouac_model::{Decision, Desired, EnvKey, Event, ItemKey, Phase, PullRequest, Record, Value};
use bivouac_ports::Meaning;
use chrono::{DateTime, Utc};

use super::newest::{CLOSE, CLOSE_TIE, Given, wanted};
use super::pushes::Push;
use super::{CONFLICTS, Handler, Later, contended};
use crate::letter::{Changed, How};
use crate::payload::is_person;
use crate::position::{self, Standing};
use crate::settings::RollForward;

/// Why somebody looks.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// Names it in the audit: the same, however often it is handled.
    tie: String,
    /// When it happened: a closing by the forge's clock, anything else by ours.
    at: DateTime<Utc>,
    /// Which person did it.
    by: Option<String>,
    /// The head that they pushed.
    pushed: Option<String>,
    /// Whether somebody closed the pull request, then at least.
    is_closing: bool,
    /// Whether the label is to be looked at.
    is_label: bool,
    /// Whether it is the comparison, which looks again and again: what is *not* done is then not worth a word.
    is_comparison: bool,
    /// The page of the pull request.
    url: Option<String>,
}

impl Cause {
    /// A delivery.
    pub fn letter(id: &str, received_at: DateTime<Utc>, changed: &Changed) -> Self {
        let Changed { how, by, at, url } = changed.clone();
        let (is_label, is_closing) = (how == How::Labelled, how == How::Closed);
        // One closing is one event, however it was heard of.
        let (tie, at) = if is_closing { (CLOSE_TIE.to_owned(), at) } else { (format!("delivery-{id}"), received_at) };
        let pushed = if let How::Pushed { head } = how { Some(head) } else { None };
        Self { tie, at, by, pushed, is_closing, is_label, is_comparison: false, url }
    }

    /// The comparison of what is open with what is recorded.
    pub fn comparison(at: DateTime<Utc>, is_label: bool) -> Self {
        let tie = "comparison".to_owned();
        Self { tie, at, by: None, pushed: None, is_closing: false, is_label, is_comparison: true, url: None }
    }
}

impl Handler {
    /// Remembers a push as soon as it is known, before anybody's command is handled after it.
    pub fn hear(&self, key: &EnvKey, changed: &Changed) {
        if let How::Pushed { head } = &changed.how {
            let push = Push { head: head.clone(), by: changed.by.clone(), at: changed.at };
            self.pushes.remember(key, push);
        }
    }

    /// Makes the record follow the pull request: down if it is closed, on the new head if that may be, and what the label
    /// says. Called twice it finds nothing left to do; dropped half-way, the next look does the rest.
    ///
    /// # Errors
    /// [`Later`]: look again.
    pub async fn look(&self, key: &EnvKey, cause: &Cause) -> Result<(), Later> {
        for _ in 0..CONFLICTS {
            // The record first: whatever is written after the pull request was read is then a conflict.
            let seen = self.record(key).await?;
            // One that cannot be seen is not known to be closed: a token that lost its rights must not end everything.
            let Some(pull) = self.pull_request(key).await? else { return Ok(()) };
            if !self.follow(key, cause, seen.as_ref(), &pull).await? {
                continue;
            }
            return Ok(());
        }
        Err(contended())
    }

    /// `false`: somebody wrote meanwhile.
    async fn follow(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<bool, Later> {
        if !pull.is_open || cause.is_closing {
            return self.close(key, cause, seen, pull).await;
        }
        if cause.is_label
            && let Some(label) = &self.settings.label
        {
            return self.label(key, cause, seen, pull, label).await;
        }
        self.roll_forward(key, cause, seen, pull).await
    }

    /// A closing is a `down` of its moment. So one that is heard of when the pull request is open again ends what was asked
    /// for before it, as it would have in time, and nothing newer.
    async fn close(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<bool, Later> {
        let ends = |seen: Option<&Record>| {
            let is_ended = |record: &Record| !pull.is_open || position::is_from_before(record, cause.at);
            wanted(seen).is_some() && seen.is_some_and(is_ended)
        };
        let event = cause.event(key, CLOSE, "Closed", "the pull request is closed");
        if !ends(seen) {
            if !cause.is_closing {
                return Ok(true);
            }
            // An older `up` that comes after this finds the event. One that came meanwhile is found here.
            self.note(&[event]).await?;
            return Ok(!ends(self.record(key).await?.as_ref()));
        }
        // Who asked for it, and when, stays: the position of the last command among the others is in there.
        let change = vec![("desired", Some(Value::String(Desired::Down.as_str().into())))];
        // Said first: killed in between, nobody would see any more that it was us.
        self.note(&[event]).await?;
        self.write(key, seen, &change).await.map_err(Later::Store)
    }

    async fn roll_forward(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<bool, Later> {
        let Some(wish) = wanted(seen) else { return Ok(true) };
        let over = seen.and_then(|record| record.status.as_ref());
        let over = over.is_some_and(|status| matches!(status.phase, Phase::Terminating | Phase::Terminated));
        // A wish that binds no commit was written by a client who takes whatever the tag holds.
        if over || wish.head_sha.as_ref().is_none_or(|bound| *bound == pull.head_sha) {
            return Ok(true);
        }
        if !self.follows(key, cause, pull).await? {
            if !cause.is_comparison {
                let message = "a push that is not trusted: the environment stays on the commit that was approved";
                let event = Event {
                    head_sha: Some(pull.head_sha.clone()),
                    decision: Some(Decision::Denied),
                    ..cause.event(key, "push", "NotTrusted", message)
                };
                self.note(&[event]).await?;
            }
            return Ok(true);
        }
        let change = vec![("head_sha", Some(Value::String(pull.head_sha.clone())))];
        let event = Event {
            head_sha: Some(pull.head_sha.clone()),
            decision: Some(Decision::Allowed),
            ..cause.event(key, "push", "RolledForward", "the environment follows the head of the pull request")
        };
        self.note(&[event]).await?;
        self.write(key, seen, &change).await.map_err(Later::Store)
    }

    /// Whether the environment may go on to the new head.
    async fn follows(&self, key: &EnvKey, cause: &Cause, pull: &PullRequest) -> Result<bool, Later> {
        match self.settings.roll_forward {
            RollForward::Never => Ok(false),
            RollForward::Auto => Ok(true),
            // Who can push to the repository itself may write to it.
            RollForward::Trusted if !pull.is_from_fork => Ok(true),
            // A person speaks for the commit they pushed, and not for one that somebody else put on top.
            RollForward::Trusted if cause.pushed.as_ref() == Some(&pull.head_sha) => {
                self.may_push(key, cause.by.as_deref()).await
            }
            RollForward::Trusted => Ok(false),
        }
    }

    /// Whether a push of somebody counts like an `up` of theirs.
    pub(super) async fn may_push(&self, key: &EnvKey, by: Option<&str>) -> Result<bool, Later> {
        match by {
            None => Ok(false),
            Some(by) => self.authority.may(&key.repo, by, Verb::Up).await.map_err(Later::Forge),
        }
    }

    /// The label is a command of whoever put it on or took it off last.
    async fn label(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
        label: &str,
    ) -> Result<bool, Later> {
        let last = self.doors.conversation.last_label_change(key, label).await.map_err(Later::Forge)?;
        let Some(last) = last else { return Ok(true) };
        let command = if last.is_on { Command::Up(Up::default()) } else { Command::Down };
        if position::of_label(seen, last.at) != Standing::Newer || (!last.is_on && wanted(seen).is_none()) {
            return Ok(true);
        }
        let given = Given { comment: None, at: last.at };
        if last.is_on && self.is_taken_back(key, given).await? {
            return Ok(true);
        }
        let verb = command.verb();
        let event = |reason: &str, message: &str, decision| Event {
            // The label's own time and not the delivery's: it is one command, however it was heard of.
            at: last.at,
            tie: format!("label-{verb}"),
            actor: last.actor.clone(),
            head_sha: last.is_on.then(|| pull.head_sha.clone()),
            decision: Some(decision),
            ..cause.event(key, verb.as_str(), reason, message)
        };
        if !self.authority.may(&key.repo, &last.actor, verb).await.map_err(Later::Forge)? {
            self.note(&[event(
                "NotAllowed",
                "by a label: the policy does not allow it to this person",
                Decision::Denied,
            )])
            .await?;
            if is_person(&last.actor) && !cause.is_comparison && self.answers.take(last.actor.to_ascii_lowercase()) {
                let label = crate::answer::quoted(label);
                let text = format!(
                    "Sorry, the label {label} is a command for people who may write to this repository, or whom its \
                     operators named."
                );
                self.reply(key, &last.actor, Some(&text)).await?;
            }
            return Ok(true);
        }
        let request = Request {
            by: last.actor.clone(),
            at: last.at,
            url: cause.url.clone(),
            head_sha: Some(pull.head_sha.clone()),
            image_tag: None,
        };
        let mut wish = Wish::new(seen, self.settings.default_ttl, &request);
        if let Err(error) = command.apply(&mut wish) {
            self.note(&[event("Refused", &error.to_string(), Decision::Allowed)]).await?;
            return Ok(true);
        }
        let change = wish.into_change();
        self.note(&[event("Applied", "by a label", Decision::Allowed)]).await?;
        match self.write(key, seen, &change).await {
            Err(error) if error.meaning() == Meaning::Invalid => {
                self.note(&[event("Refused", "the record of this environment is spoiled", Decision::Allowed)]).await?;
                Ok(true)
            }
            Ok(true) if last.is_on && self.is_taken_back(key, given).await? => {
                let is_it = |record: &Record| position::of_label(Some(record), last.at) == Standing::Same;
                self.withdraw(key, is_it).await?;
                Ok(true)
            }
            written => written.map_err(Later::Store),
        }
    }
}

impl Cause {
    fn event(&self, key: &EnvKey, action: &str, reason: &str, message: &str) -> Event {
        Event {
            environment: ItemKey::from(key),
            at: self.at,
            tie: self.tie.clone(),
            actor: self.by.clone().unwrap_or_else(|| "bot".to_owned()),
            action: action.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            head_sha: None,
            url: self.url.clone(),
            decision: None,
        }
    }
}

//! A pull request that changed, or may have: it is read as it is now, and the record follows.

use std::collections::BTreeMap;

use bivouac_model::command::{Command, Request, Up, Verb, Wish, flags_in};
use bivouac_model::{Decision, Desired, EnvKey, Event, ItemKey, Phase, PullRequest, Record, Value};
use bivouac_ports::{Audience, Meaning, TextId};
use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

use super::newest::{CLOSE, CLOSE_TIE, Given, wanted};
use super::{CONFLICTS, Handler, Later, contended};
use crate::binding::{Evidence, is_chosen, newest_onto};
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
    /// Whether somebody closed the pull request, then at least.
    is_closing: bool,
    /// Whether the label is to be looked at.
    is_label: bool,
    /// Whether it is the comparison, which looks again and again: what is *not* done is then not worth a word.
    pub(super) is_comparison: bool,
    /// The page of the pull request.
    url: Option<String>,
}

impl Cause {
    /// A delivery.
    pub fn letter(id: &str, received_at: DateTime<Utc>, changed: &Changed) -> Self {
        let Changed { how, by, at, url, hint: _ } = changed.clone();
        let (is_label, is_closing) = (how == How::Labelled, how == How::Closed);
        // One closing is one event, however it was heard of.
        let (tie, at) = if is_closing { (CLOSE_TIE.to_owned(), at) } else { (format!("delivery-{id}"), received_at) };
        Self { tie, at, by, is_closing, is_label, is_comparison: false, url }
    }

    /// The comparison of what is open with what is recorded.
    pub fn comparison(at: DateTime<Utc>, is_label: bool) -> Self {
        let tie = "comparison".to_owned();
        Self { tie, at, by: None, is_closing: false, is_label, is_comparison: true, url: None }
    }
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// There is nothing left to do before something changes.
    Settled,
    /// The forge does not say yet what decides.
    Unknown,
}

/// Whether an environment may go on to the new head.
enum Follows {
    /// It may; who pushed, if that is known.
    Yes(Option<String>),
    /// It may not.
    No,
    /// A person chose the commit that it is on, when the head was there already.
    Chosen,
}

impl Handler {
    /// Makes the record follow the pull request: down if it is closed, on the new head if that may be, and what the label
    /// says. Called twice it finds nothing left to do; dropped half-way, the next look does the rest.
    ///
    /// # Errors
    /// [`Later`]: look again.
    pub async fn look(&self, key: &EnvKey, cause: &Cause) -> Result<Looked, Later> {
        for _ in 0..CONFLICTS {
            // The record first: whatever is written after the pull request was read is then a conflict.
            let seen = self.record(key).await?;
            // One that cannot be seen is not known to be closed: a token that lost its rights must not end everything.
            let Some(pull) = self.pull_request(key).await? else { return Ok(Looked::Settled) };
            if let Some(looked) = self.follow(key, cause, seen.as_ref(), &pull).await? {
                return Ok(looked);
            }
        }
        Err(contended())
    }

    /// `None`: the record was written meanwhile.
    async fn follow(
        &self,
        key: &EnvKey,
        cause: &Cause,
        seen: Option<&Record>,
        pull: &PullRequest,
    ) -> Result<Option<Looked>, Later> {
        let settled = |is_written: bool| is_written.then_some(Looked::Settled);
        if !pull.is_open || cause.is_closing {
            let Some(confirmed) = self.confirmed(key, cause, pull).await? else { return Ok(Some(Looked::Settled)) };
            return self.close(key, &confirmed, seen, pull).await.map(settled);
        }
        if cause.is_label
            && let Some(label) = &self.settings.label
        {
            return self.label(key, cause, seen, pull, label).await.map(settled);
        }
        let Some(wish) = wanted(seen) else {
            self.explain_again(key, cause, seen, pull).await?;
            return Ok(Some(Looked::Settled));
        };
        match &wish.head_sha {
            // A wish that binds no commit was written by a client who takes whatever the tag holds.
            None => Ok(Some(Looked::Settled)),
            Some(bound) if *bound == pull.head_sha => self.take_back(key, cause, seen, pull).await,
            Some(bound) => self.roll_forward(key, cause, seen, pull, bound).await.map(settled),
        }
    }

    /// Returns a closing with the time that the forge has for it; `None`: the forge has none. Anyone who can sign deliveries could
    /// make one up, or give it a time of their own.
    ///
    /// # Errors
    /// [`Later::Forge`] when the forge does not answer.
    async fn confirmed(&self, key: &EnvKey, cause: &Cause, pull: &PullRequest) -> Result<Option<Cause>, Later> {
        if !cause.is_closing {
            return Ok(Some(cause.clone()));
        }
        let latest = if pull.is_open {
            let closed_at = self.doors.conversation.last_closing(key).await.map_err(Later::Forge)?;
            let Some(closed_at) = closed_at else {
                tracing::warn!(environment = %key, "a closing is not acted on: the pull request is open, and was never closed");
                return Ok(None);
            };
            closed_at
        } else {
            self.doors.clock.now()
        };
        Ok(Some(Cause { at: cause.at.min(latest), ..cause.clone() }))
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
        let closed_at = cause.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let change = vec![
            ("desired", Some(Value::String(Desired::Down.as_str().into()))),
            ("closed_at", Some(Value::String(closed_at))),
        ];
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
        bound: &str,
    ) -> Result<bool, Later> {
        let over = seen.and_then(|record| record.status.as_ref());
        let over = over.is_some_and(|status| matches!(status.phase, Phase::Terminating | Phase::Terminated));
        if over {
            return Ok(true);
        }
        let by = match self.follows(key, seen, pull, bound).await? {
            Follows::Yes(by) => by.or_else(|| cause.by.clone()),
            Follows::No if !cause.is_comparison => {
                let message = "a push that is not trusted: the environment stays on the commit that was approved";
                let event = Event {
                    head_sha: Some(pull.head_sha.clone()),
                    decision: Some(Decision::Denied),
                    ..cause.event(key, "push", "NotTrusted", message)
                };
                self.note(&[event]).await?;
                return Ok(true);
            }
            Follows::No | Follows::Chosen => return Ok(true),
        };
        let change = vec![("head_sha", Some(Value::String(pull.head_sha.clone())))];
        let event = Event {
            head_sha: Some(pull.head_sha.clone()),
            decision: Some(Decision::Allowed),
            actor: by.unwrap_or_else(|| "bot".to_owned()),
            ..cause.event(key, "push", "RolledForward", "the environment follows the head of the pull request")
        };
        self.note(&[event]).await?;
        self.write(key, seen, &change).await.map_err(Later::Store)
    }

    /// Whether the environment may go on from the commit that it is bound to. Who pushed, and what was the head before, says the
    /// forge and no delivery: they come in any order, and the last of several pushes says nothing about the others.
    async fn follows(
        &self,
        key: &EnvKey,
        seen: Option<&Record>,
        pull: &PullRequest,
        bound: &str,
    ) -> Result<Follows, Later> {
        if self.settings.roll_forward == RollForward::Never {
            return Ok(Follows::No);
        }
        let named = self.doors.heads.named(key, bound).await.map_err(Later::Store)?;
        let given_at = wanted(seen).and_then(|wish| wish.requested_at);
        let is_trusted_branch = self.is_trusted_branch(pull);
        let pushes = match self.pushes(key, pull).await {
            Ok(pushes) => pushes.unwrap_or_default(),
            Err(_) if is_trusted_branch => Vec::new(),
            Err(error) => return Err(Later::Forge(error)),
        };
        if is_chosen(&pull.head_sha, given_at, &named, &pushes) {
            return Ok(Follows::Chosen);
        }
        let evidence = Evidence {
            head: &pull.head_sha,
            is_trusted_branch,
            bound: Some(bound),
            pushes: &pushes,
            ..Evidence::default()
        };
        let basis = self.judge(key, evidence).await.map_err(Later::Forge)?;
        let by = newest_onto(&pull.head_sha, &pushes).and_then(|push| push.actor.clone());
        Ok(if basis.is_some() { Follows::Yes(by) } else { Follows::No })
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
        let mut command = if last.is_on { Command::Up(Up::default()) } else { Command::Down };
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
        if !self.authority.may(&key.repo, &last.actor, verb, Instant::now()).await.map_err(Later::Forge)? {
            self.note(&[event(
                "NotAllowed",
                "by a label: the policy does not allow it to this person",
                Decision::Denied,
            )])
            .await?;
            if is_person(&last.actor) && !cause.is_comparison && self.limits.strangers_may_hear(&last.actor) {
                let label = crate::answer::quoted(label);
                let text = format!(
                    "Sorry, the label {label} is a command for people who may write to this repository, or whom its \
                     operators named."
                );
                self.reply(key, &last.actor, Some(&text), Audience::Stranger).await?;
            }
            return Ok(true);
        }
        let mut message = "by a label";
        if let Command::Up(up) = &mut command {
            match self.described(key).await? {
                Ok(described) if described.flags.is_empty() => {}
                Ok(described) => {
                    *up = described;
                    message = "by a label, with the flags of the description";
                }
                Err(why) => {
                    let tie = format!("label-{verb}-description");
                    let refused = Event {
                        tie,
                        ..event("Refused", "by a label: the flags of the description", Decision::Allowed)
                    };
                    return self.refuse_label(key, label, &why, refused).await;
                }
            }
        }
        if last.is_on && self.may_bind(key, seen, pull, last.at).await?.is_none() {
            let why = self.not_seen(&Up::default(), &pull.head_sha);
            let refused = Event {
                tie: format!("label-{verb}-{}", pull.head_sha),
                ..event("HeadNotSeen", &format!("by a label: {why}"), Decision::Denied)
            };
            return self.refuse_label(key, label, &why, refused).await;
        }
        let request = Request {
            by: Some(last.actor.clone()),
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
        self.note(&[event("Applied", message, Decision::Allowed)]).await?;
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

    /// Tells the person of a label why it comes to nothing, once. Answered first, so that an event means that the answer was given.
    async fn refuse_label(&self, key: &EnvKey, label: &str, why: &str, refused: Event) -> Result<bool, Later> {
        if !self.decided(key).await?.iter().any(|known| known.tie == refused.tie && known.at == refused.at) {
            let text = format!("By the label {}: {why}.", crate::answer::quoted(label));
            self.reply(key, &refused.actor, Some(&text), Audience::Member).await?;
            self.note(&[refused]).await?;
        }
        Ok(true)
    }

    /// Returns what the label asks for: the flags of the description, if its author may give `up`. The inner error is why they cannot
    /// be taken, a sentence of Markdown without its full stop.
    async fn described(&self, key: &EnvKey) -> Result<Result<Up, String>, Later> {
        let text = self.doors.conversation.text(key, TextId::Description).await.map_err(Later::Forge)?;
        let (Some(text), Some(rules)) = (text, self.settings.project(key.repo.as_str())) else {
            return Ok(Ok(Up::default()));
        };
        let named = flags_in(&text.body);
        if named.as_ref().is_ok_and(BTreeMap::is_empty) {
            return Ok(Ok(Up::default()));
        }
        // A flag is a part of the command, so it takes the same permission.
        let may = self.authority.may(&key.repo, &text.author, Verb::Up, Instant::now()).await.map_err(Later::Forge)?;
        if !may {
            return Ok(Ok(Up::default()));
        }
        let again = "edit the description, and put the label on again";
        Ok(match named {
            Ok(flags) => {
                let up = Up { flags, ..Up::default() };
                rules.refuses(&up).map_or(Ok(up), |why| Err(format!("the description is not followed: {why}; {again}")))
            }
            Err(problem) => Err(format!("the flags of the description are not clear: {problem}; {again}")),
        })
    }
}

impl Cause {
    pub(super) fn event(&self, key: &EnvKey, action: &str, reason: &str, message: &str) -> Event {
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

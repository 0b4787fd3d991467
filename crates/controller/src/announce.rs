//! Keeps the comments true and tells commands what became of them, beside the reconciles: a forge that is slow or down
//! holds no AWS work up.
//!
//! The record keeps what its comment really displays. What GitHub refuses is still owed: the scans find it from the record
//! alone, and it is tried again until it stands there.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::time::Duration;

use bivouac_model::{CommandOutcome, CommentView, Condition, ConditionStatus, ItemKey, Reacted, SaidComment, Status};
use bivouac_planner::{COMMENT_POSTED, is_comment_refused};
use bivouac_ports::{Audience, CommentId, Error, Meaning, Reaction, Recoveries};
use bivouac_runtime::Outcome;
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::controller::Controller;
use crate::owed::{Announcement, Put};
use crate::reconcile::back_off;

/// How often a record is written again that changed meanwhile; more often than a person and a controller write at once.
const MOST_WRITES: usize = 5;
/// The least wait after our credentials were refused. Each scan asks the forge anyway and a success ends the wait, so this
/// only keeps a hundred comments from asking in vain: GitHub locks an account out after too many wrong logins
/// (docs.github.com/rest/authentication/authenticating-to-the-rest-api, "Failed login limit"). Ours: the queue's longest
/// backoff.
const CREDENTIALS_WAIT: Duration = Duration::from_secs(120);
/// The wait after the first refusal of a comment, which doubles with each one that follows. Ours: a person who unlocks a
/// conversation or grants a permission sees the comment follow within minutes.
const FIRST_REFUSAL_WAIT: Duration = Duration::from_secs(60);
/// The longest wait after a refusal. Ours: a conversation that stays locked costs a day 24 attempts.
const LONGEST_REFUSAL_WAIT: Duration = Duration::from_secs(3600);
/// The wait for a turn of our own pace whose length is not known. GitHub wants writes a second apart.
const TURN_WAIT: Duration = Duration::from_secs(1);

/// Why an announcement is still owed.
enum Unsaid {
    /// The forge did not take it.
    Forge(Error),
    /// The record could not be read or written.
    Store(Error),
}

impl Controller {
    /// Queues an announcement and replaces a pending one. An empty one cancels it.
    pub(crate) fn announce_soon(&self, key: &ItemKey, announcement: Announcement) {
        let reaction = announcement.reaction.filter(|_| self.doors.conversation.is_some());
        if self.owed.put(key, Announcement { reaction, ..announcement }) == Put::New {
            self.announcements.add(key.clone());
        }
    }

    /// Cuts the backoff of what waits for a repository short when that repository answers again, until `stop`. The
    /// client's own pace keeps that from being a storm.
    pub(crate) async fn hurry(&self, mut recoveries: Recoveries, stop: CancellationToken) {
        loop {
            let repo = tokio::select! {
                () = stop.cancelled() => return,
                repo = recoveries.next() => repo,
            };
            let hurried = self.owed.hurry(&repo);
            tracing::debug!(%repo, announcements = hurried.len(), "the forge answers again");
            hurried.into_iter().for_each(|key| self.announcements.add(key));
        }
    }

    /// Makes the comment of one pull request say the newest view and reacts to the command, and remembers in the record
    /// that both was done.
    ///
    /// Killed in between, the comment is found again by its marker, and a reaction that is there is left as it is. Called
    /// twice, it says it once.
    pub(crate) async fn announce(&self, key: ItemKey) -> Outcome {
        let Some(announcement) = self.owed.newest(&key) else { return Outcome::Done };
        let wait = self.edits.wait(&key, &announcement, Instant::now());
        // What a command came to does not wait for the comment.
        let due = Announcement { view: announcement.view.clone().filter(|_| wait.is_none()), ..announcement.clone() };
        match self.say_and_react(&key, &due).await {
            Ok(remembered) => {
                if let Some(wait) = wait {
                    tracing::debug!(env = %key, ?wait, "the comment is edited often for what nobody asked for; it waits");
                    if remembered && due.reaction.is_some() {
                        self.wake(&key, "announced");
                    }
                    return Outcome::RequeueAfter(wait);
                }
                // A newer one may have come meanwhile; it is queued already.
                self.owed.posted(&key, &announcement);
                // A record that does not remember it would have it announced again at once, and for ever.
                if remembered {
                    self.wake(&key, "announced");
                }
                Outcome::Done
            }
            Err(Unsaid::Store(error)) => {
                self.owed.failed(&key, false);
                back_off(&error)
            }
            // Our own pace: a wait for a turn is no failure.
            Err(Unsaid::Forge(error)) if !error.is_sent() => Outcome::RequeueAfter(error.wait().unwrap_or(TURN_WAIT)),
            Err(Unsaid::Forge(error)) => self.wait_for_forge(&key, &error),
        }
    }

    /// Tries each announcement that is owed once, those that wait for a turn again, and ends at `until` at the latest. For
    /// a run without a daemon. What is left is found by the next run.
    pub(crate) async fn announce_owed(&self, until: Instant) {
        for key in self.owed.keys() {
            while let Outcome::RequeueAfter(wait) = self.announce(key.clone()).await {
                if Instant::now() + wait > until {
                    return;
                }
                tokio::time::sleep(wait).await;
            }
            if Instant::now() > until {
                return;
            }
        }
    }

    /// How an announcement goes on that the forge did not take.
    fn wait_for_forge(&self, key: &ItemKey, error: &Error) -> Outcome {
        // A later answer says nothing about a request that is refused as it is, and no success ends a limit.
        // Of a token that lost sight of a private repository, GitHub says that there is no such thing.
        let hurry = matches!(error.meaning(), Meaning::Unavailable | Meaning::Denied | Meaning::NotFound);
        self.owed.failed(key, hurry);
        if let Ok(env) = key.env()
            && hurry
        {
            self.forge_health.awaits(&env.repo);
        }
        match trouble(error) {
            None => back_off(error),
            Some(Trouble::Credentials) => Outcome::backoff_at_least(Trouble::Credentials.reason(), CREDENTIALS_WAIT),
            Some(trouble) => {
                let refusals = self.owed.refused(key);
                let wait = FIRST_REFUSAL_WAIT.saturating_mul(2_u32.saturating_pow(refusals));
                Outcome::backoff_at_least(trouble.reason(), wait.min(LONGEST_REFUSAL_WAIT))
            }
        }
    }

    /// Tells it all, and answers whether the record remembers that.
    async fn say_and_react(&self, key: &ItemKey, announcement: &Announcement) -> Result<bool, Unsaid> {
        let said = match &announcement.view {
            Some(view) => self.say(key, view, announcement).await,
            None => Ok(true),
        };
        let reaction = match (announcement.reaction, &said) {
            // A comment of its own that is refused does not keep the command from its reaction.
            (Some(reaction), Ok(_)) => Some(reaction),
            (Some(reaction), Err(Unsaid::Forge(error))) if is_of_this_comment(error) => Some(reaction),
            _ => None,
        };
        let reacted = match reaction {
            Some(reaction) => self.react(key, reaction).await,
            None => Ok(true),
        };
        Ok(said? && reacted?)
    }

    async fn react(&self, key: &ItemKey, reaction: Reacted) -> Result<bool, Unsaid> {
        let (Some(conversation), Ok(env)) = (&self.doors.conversation, key.env()) else { return Ok(true) };
        let Some(record) = self.doors.records.get(key).await.map_err(Unsaid::Store)? else { return Ok(false) };
        if record.status.as_ref().is_some_and(|status| status.machinery.reacted == Some(reaction)) {
            return Ok(true);
        }
        let comment = CommentId { repo: env.repo, id: reaction.comment };
        let sign = match reaction.outcome {
            CommandOutcome::Done => Reaction::Rocket,
            CommandOutcome::Failed => Reaction::Confused,
        };
        match self.fenced.write(conversation.react(&comment, sign, Audience::Environment)).await {
            Ok(()) => {}
            // The comment is gone, or nobody may react to it: there is nobody to tell, so it counts as told.
            Err(error) if is_of_this_comment(&error) => {
                tracing::info!(env = %key, error = &error as &dyn StdError, "the reaction was refused");
            }
            Err(error) => return Err(Unsaid::Forge(error)),
        }
        self.remember(key, |status| status.machinery.reacted = Some(reaction)).await.map_err(Unsaid::Store)
    }

    /// Says it, and tells whether the record remembers that.
    ///
    /// What is refused is not remembered as said. The record keeps what its comment displays, and a condition says why that
    /// is old. A refusal that the record names already writes nothing.
    async fn say(&self, key: &ItemKey, view: &CommentView, announcement: &Announcement) -> Result<bool, Unsaid> {
        let Some(record) = self.doors.records.get(key).await.map_err(Unsaid::Store)? else { return Ok(false) };
        let refused_before = record.status.as_ref().is_some_and(is_comment_refused);
        let mut said = record.status.as_ref().and_then(|status| status.machinery.comment.clone());
        if refused_before {
            // An earlier release remembered what was refused as said: the comment itself is looked at.
            said = said.map(|said| SaidComment { said: String::new(), ..said });
        }
        if said.as_ref().is_some_and(|said| said.said == view.identity()) {
            // A view may be queued twice.
            return Ok(true);
        }
        let view = &self.with_log(view, &record).await;
        match self.fenced.write(self.doors.forge.say(view, said.as_ref())).await {
            Ok(said) => {
                self.edits.wrote(key, announcement, Instant::now());
                let posted = |status: &mut Status| {
                    status.machinery.comment = Some(said.clone());
                    mark(status, None);
                };
                self.remember(key, posted).await.map_err(Unsaid::Store)
            }
            Err(error) => {
                if let Some(trouble) = trouble(&error) {
                    self.refused(key, &error, trouble, refused_before).await;
                }
                Err(Unsaid::Forge(error))
            }
        }
    }

    /// Has the record say why its comment is old. It is logged once for as long as the record says so.
    async fn refused(&self, key: &ItemKey, error: &Error, trouble: Trouble, refused_before: bool) {
        match refused_before {
            false => tracing::warn!(env = %key, error = error as &dyn StdError, "the comment was refused"),
            true => tracing::debug!(env = %key, error = error as &dyn StdError, "the comment is refused still"),
        }
        let now = self.doors.clock.now();
        let marked = self.remember(key, |status| mark(status, Some((trouble, error.message(), now)))).await;
        if let Err(error) = marked {
            // The next attempt says it.
            tracing::debug!(env = %key, error = &error as &dyn StdError, "the refusal is not recorded yet");
        }
    }

    /// Writes what was told into the record as it is now, and tells whether it remembers that: one that has no status, or no
    /// room for it, does not.
    async fn remember(&self, key: &ItemKey, change: impl Fn(&mut Status)) -> Result<bool, Error> {
        let mut last = None;
        for _ in 0..MOST_WRITES {
            let Some(record) = self.doors.records.get(key).await? else { return Ok(false) };
            let Some(status) = &record.status else { return Ok(false) };
            let mut status = status.clone();
            change(&mut status);
            if record.status.as_ref().is_some_and(|written| status.says_the_same(written)) {
                return Ok(true);
            }
            match self.fenced.write(self.doors.records.write_status(&record, &status)).await {
                Ok(()) => return Ok(true),
                Err(error) if error.meaning() == Meaning::Conflict => last = Some(error),
                // The reconcile tells it.
                Err(error) if error.meaning() == Meaning::Invalid => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        last.map_or(Ok(false), Err)
    }
}

/// Why the forge refuses, where it does. Every other failure passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Our credentials. They are renewed by a person or a rotation, and nothing about the comment has to change.
    Credentials,
    /// A permission is missing, or the conversation is locked.
    Denied,
    /// The pull request or the repository is gone.
    NotFound,
    /// The comment is not taken as it is.
    Refused,
}

impl Trouble {
    /// The word in the record. Scripts compare it.
    const fn reason(self) -> &'static str {
        match self {
            Self::Credentials => "Unauthenticated",
            Self::Denied => "Denied",
            Self::NotFound => "NotFound",
            Self::Refused => "Refused",
        }
    }
}

fn trouble(error: &Error) -> Option<Trouble> {
    match error.meaning() {
        _ if error.is_of_credentials() => Some(Trouble::Credentials),
        Meaning::Denied => Some(Trouble::Denied),
        Meaning::NotFound => Some(Trouble::NotFound),
        Meaning::Invalid => Some(Trouble::Refused),
        Meaning::Conflict | Meaning::Throttled | Meaning::Unavailable => None,
    }
}

/// Whether only this one comment or reaction is refused, for as long as nobody changes that.
fn is_of_this_comment(error: &Error) -> bool {
    trouble(error).is_some_and(|trouble| trouble != Trouble::Credentials)
}

/// Sets the condition where there is trouble, and removes it otherwise.
fn mark(status: &mut Status, trouble: Option<(Trouble, &str, DateTime<Utc>)>) {
    let conditions = &mut status.machinery.conditions;
    let before = conditions.iter().position(|condition| condition.kind == COMMENT_POSTED);
    let Some((trouble, message, now)) = trouble else {
        conditions.retain(|condition| condition.kind != COMMENT_POSTED);
        return;
    };
    let condition = Condition {
        kind: Cow::Borrowed(COMMENT_POSTED),
        status: ConditionStatus::False,
        reason: Cow::Borrowed(trouble.reason()),
        message: message.to_owned(),
        last_transition_at: before.map_or(now, |at| conditions[at].last_transition_at),
    };
    match before {
        // In its place, so that the same refusal is no change.
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

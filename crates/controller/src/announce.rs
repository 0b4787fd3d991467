//! Keeps the comments true and tells commands what became of them, beside the reconciles: a forge that is slow or down
//! holds no AWS work up.

use std::borrow::Cow;
use std::error::Error as StdError;

use bivouac_model::{CommandOutcome, CommentView, Condition, ConditionStatus, ItemKey, Reacted, SaidComment, Status};
use bivouac_ports::{CommentId, Error, Meaning, Reaction};
use bivouac_runtime::Outcome;
use chrono::{DateTime, Utc};

use crate::controller::Controller;
use crate::reconcile::back_off;

/// The condition that says that the comment could not be written for good.
const COMMENT_POSTED: &str = "CommentPosted";
/// How often a record is written again that changed meanwhile; more often than a person and a controller write at once.
const MOST_WRITES: usize = 5;

/// What the pull request has to be told.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// What the comment has to say.
    pub view: Option<CommentView>,
    /// What the command's comment has to be told.
    pub reaction: Option<Reacted>,
}

impl Announcement {
    fn is_nothing(&self) -> bool {
        self.view.is_none() && self.reaction.is_none()
    }

    /// But for the cost so far, which grows by itself.
    fn says_the_same(&self, other: &Self) -> bool {
        let identity = |one: &Self| one.view.as_ref().map(CommentView::identity);
        self.reaction == other.reaction && identity(self) == identity(other)
    }
}

impl Controller {
    /// Has this told soon, or what waits to be told forgotten if there is nothing any more. Only the newest is ever told.
    pub(crate) fn announce_soon(&self, key: &ItemKey, announcement: Announcement) {
        let reaction = announcement.reaction.filter(|_| self.doors.conversation.is_some());
        let announcement = Announcement { reaction, ..announcement };
        let mut news = self.news.lock().unwrap_or_else(|e| e.into_inner());
        if announcement.is_nothing() {
            news.remove(key);
            return;
        }
        // What waits in a backoff already is not news, and adding the key would cut the backoff short.
        let waits = news.get(key).is_some_and(|waiting| waiting.says_the_same(&announcement));
        news.insert(key.clone(), announcement);
        if !waits {
            self.announcements.add(key.clone());
        }
    }

    /// Makes the comment of one pull request say the newest view and reacts to the command, and remembers in the record
    /// that both was done.
    ///
    /// Killed in between, the comment is found again by its marker, and a reaction that is there is left as it is. Called
    /// twice, it says it once.
    pub(crate) async fn announce(&self, key: ItemKey) -> Outcome {
        let newest = self.news.lock().unwrap_or_else(|e| e.into_inner()).get(&key).cloned();
        let Some(announcement) = newest else { return Outcome::Done };
        match self.say_and_react(&key, &announcement).await {
            Ok(remembered) => {
                let mut news = self.news.lock().unwrap_or_else(|e| e.into_inner());
                // A newer one may have come meanwhile; it is queued already.
                if news.get(&key).is_some_and(|newest| newest.says_the_same(&announcement)) {
                    news.remove(&key);
                }
                drop(news);
                // A record that does not remember it would have it announced again at once, and for ever.
                if remembered {
                    self.wake(&key, "announced");
                }
                Outcome::Done
            }
            Err(error) => back_off(&error),
        }
    }

    /// Tells it all, and answers whether the record remembers that.
    async fn say_and_react(&self, key: &ItemKey, announcement: &Announcement) -> Result<bool, Error> {
        let said = match &announcement.view {
            Some(view) => self.say(key, view).await?,
            None => true,
        };
        match announcement.reaction {
            Some(reaction) => Ok(self.react(key, reaction).await? && said),
            None => Ok(said),
        }
    }

    async fn react(&self, key: &ItemKey, reaction: Reacted) -> Result<bool, Error> {
        let (Some(conversation), Ok(env)) = (&self.doors.conversation, key.env()) else { return Ok(true) };
        let Some(record) = self.doors.records.get(key).await? else { return Ok(false) };
        if record.status.as_ref().is_some_and(|status| status.machinery.reacted == Some(reaction)) {
            return Ok(true);
        }
        let comment = CommentId { repo: env.repo, id: reaction.comment };
        let sign = match reaction.outcome {
            CommandOutcome::Done => Reaction::Rocket,
            CommandOutcome::Failed => Reaction::Confused,
        };
        match self.fenced.write(conversation.react(&comment, sign)).await {
            Ok(()) => {}
            // The comment is gone, or nobody may react to it: there is nobody to tell, so it counts as told.
            Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound | Meaning::Invalid) => {
                tracing::info!(env = %key, error = &error as &dyn StdError, "the reaction was refused");
            }
            Err(error) => return Err(error),
        }
        self.remember(key, |status| status.machinery.reacted = Some(reaction)).await
    }

    /// Says it, and tells whether the record remembers that.
    async fn say(&self, key: &ItemKey, view: &CommentView) -> Result<bool, Error> {
        let Some(record) = self.doors.records.get(key).await? else { return Ok(false) };
        let told_already = record.status.as_ref().is_some_and(|status| is_marked(status, COMMENT_POSTED));
        let said = record.status.as_ref().and_then(|status| status.machinery.comment.clone());
        if said.as_ref().is_some_and(|said| said.said == view.identity()) {
            // A view may be queued twice. One that was refused is remembered as said, and is refused still.
            return Ok(true);
        }
        let (said, trouble) = match self.fenced.write(self.doors.forge.say(view, said.as_ref())).await {
            Ok(said) => (said, None),
            Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound | Meaning::Invalid) => {
                // Once for as long as the record says so: a life has half a dozen things to say.
                match told_already {
                    false => tracing::warn!(env = %key, error = &error as &dyn StdError, "the comment was refused"),
                    true => {
                        tracing::debug!(env = %key, error = &error as &dyn StdError, "the comment is refused still")
                    }
                }
                // Remembered as said, so that it is tried again when there is something new to say, not before.
                let id = said.and_then(|said| said.id);
                (SaidComment { id, said: view.identity() }, Some(error))
            }
            Err(error) => return Err(error),
        };
        let now = self.doors.clock.now();
        self.remember(key, |status| {
            status.machinery.comment = Some(said.clone());
            mark(status, trouble.as_ref(), now);
        })
        .await
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

fn is_marked(status: &Status, kind: &str) -> bool {
    status.machinery.conditions.iter().any(|condition| condition.kind == kind)
}

/// A condition for as long as there is trouble, and none otherwise.
fn mark(status: &mut Status, trouble: Option<&Error>, now: DateTime<Utc>) {
    let conditions = &mut status.machinery.conditions;
    let before = conditions.iter().position(|condition| condition.kind == COMMENT_POSTED);
    let before = before.map(|at| conditions.remove(at));
    if let Some(error) = trouble {
        let reason = match error.meaning() {
            Meaning::Denied => "Denied",
            Meaning::NotFound => "NotFound",
            _ => "Refused",
        };
        conditions.push(Condition {
            kind: Cow::Borrowed(COMMENT_POSTED),
            status: ConditionStatus::False,
            reason: Cow::Borrowed(reason),
            message: error.message().to_owned(),
            last_transition_at: before.map_or(now, |before| before.last_transition_at),
        });
    }
}

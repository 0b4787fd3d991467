//! Keeps the comments true, beside the reconciles: a forge that is slow or down holds no AWS work up.

use std::borrow::Cow;
use std::error::Error as StdError;

use bivouac_model::{CommentView, Condition, ConditionStatus, ItemKey, SaidComment, Status};
use bivouac_ports::{Error, Meaning};
use bivouac_runtime::Outcome;
use chrono::{DateTime, Utc};

use crate::controller::Controller;
use crate::reconcile::back_off;

/// The condition that says that the comment could not be written for good.
const COMMENT_POSTED: &str = "CommentPosted";
/// How often a record is written again that changed meanwhile; more often than a person and a controller write at once.
const MOST_WRITES: usize = 5;

impl Controller {
    /// Has the comment say this soon. Only the newest view of a pull request is ever said.
    pub(crate) fn announce_soon(&self, key: &ItemKey, view: CommentView) {
        self.views.lock().unwrap_or_else(|e| e.into_inner()).insert(key.clone(), view);
        self.announcements.add(key.clone());
    }

    /// The comment says what it should: a view that waits for the forge is out of date.
    pub(crate) fn nothing_to_announce(&self, key: &ItemKey) {
        self.views.lock().unwrap_or_else(|e| e.into_inner()).remove(key);
    }

    /// Makes the comment of one pull request say the newest view, and remembers in the record that it does.
    ///
    /// Killed between the two, the comment is found again by its marker. Called twice, it says it once.
    pub(crate) async fn announce(&self, key: ItemKey) -> Outcome {
        let view = self.views.lock().unwrap_or_else(|e| e.into_inner()).get(&key).cloned();
        let Some(view) = view else { return Outcome::Done };
        match self.say(&key, &view).await {
            Ok(remembered) => {
                let mut views = self.views.lock().unwrap_or_else(|e| e.into_inner());
                // A newer one may have come meanwhile; it is queued already.
                if views.get(&key) == Some(&view) {
                    views.remove(&key);
                }
                drop(views);
                // A record that does not remember it would have it announced again at once, and for ever.
                if remembered {
                    self.wake(&key, "announced");
                }
                Outcome::Done
            }
            Err(error) => back_off(&error),
        }
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
        self.remember(key, &said, trouble.as_ref()).await
    }

    /// Tells whether the record remembers it: one that has no status, or no room for it, does not.
    async fn remember(&self, key: &ItemKey, said: &SaidComment, trouble: Option<&Error>) -> Result<bool, Error> {
        let mut last = None;
        for _ in 0..MOST_WRITES {
            let Some(record) = self.doors.records.get(key).await? else { return Ok(false) };
            let Some(status) = &record.status else { return Ok(false) };
            let mut status = status.clone();
            status.machinery.comment = Some(said.clone());
            mark(&mut status, trouble, self.doors.clock.now());
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

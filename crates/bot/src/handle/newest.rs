//! The newest word wins also where there is no record that could tell which one it was.
//!
//! A `down` that finds nothing, and a closing, leave no record behind: one for every pull request that was ever closed would
//! be a table of nothing. So they are written down in the audit, and an older `up` that is still in hand, here or in another
//! replica, looks there. Both sides write first and look after that: the `up` writes the record and reads the audit, the
//! other writes the audit and reads the record, and every read is strongly consistent. Whichever reads last sees the other.

use bivouac_model::command::Verb;
use bivouac_model::{Decision, Desired, DesiredState, EnvKey, Event, ItemKey, Record, Value};
use chrono::{DateTime, Utc};

use super::fate::Fate;
use super::{CONFLICTS, Handler, Later, contended};
use crate::position;

/// How many of the newest events of an environment are looked through for what was decided before. Where there was no record
/// nobody but the bot writes any.
pub(super) const LOOK_BACK: usize = 50;

/// The action of a closing in the audit.
pub(super) const CLOSE: &str = "close";
/// Names a closing whose time is the forge's, so that it can be held against the times of comments.
pub(super) const CLOSE_TIE: &str = "close";

/// A wish for an environment, by its place among the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// The number of the comment; `None`: it was a label.
    pub comment: Option<u64>,
    /// When, by the forge's clock.
    pub at: DateTime<Utc>,
}

impl Given {
    /// Whether something that came after this ended what this asks for.
    pub fn is_taken_back_by(self, event: &Event) -> bool {
        if event.action == CLOSE {
            return event.tie == CLOSE_TIE && event.at > self.at;
        }
        let number = event.url.as_deref().and_then(position::comment_number);
        let is_newer = match (number, self.comment) {
            (Some(number), Some(comment)) => number > comment,
            _ => event.at > self.at,
        };
        // A `down` that lost to a newer command ended nothing.
        let counts = event.decision == Some(Decision::Allowed) && event.reason != Fate::Superseded.reason();
        event.action == Verb::Down.as_str() && counts && is_newer
    }
}

impl Handler {
    /// The newest events of an environment.
    pub(super) async fn decided(&self, key: &EnvKey) -> Result<Vec<Event>, Later> {
        self.doors.journal.newest(&ItemKey::from(key), LOOK_BACK).await.map_err(Later::Store)
    }

    /// Whether a newer `down` or closing came before this wish, and perhaps found nothing that it could have written into.
    pub(super) async fn is_taken_back(&self, key: &EnvKey, given: Given) -> Result<bool, Later> {
        Ok(self.decided(key).await?.iter().any(|event| given.is_taken_back_by(event)))
    }

    /// Takes down what was written a moment ago, if it still is what the record says. It was nobody's success: the address of
    /// the comment goes, so that the controller does not settle it.
    pub(super) async fn withdraw(&self, key: &EnvKey, is_it: impl Fn(&Record) -> bool) -> Result<(), Later> {
        for _ in 0..CONFLICTS {
            let seen = self.record(key).await?;
            if wanted(seen.as_ref()).is_none() || !seen.as_ref().is_some_and(&is_it) {
                return Ok(());
            }
            let down = Value::String(Desired::Down.as_str().into());
            let change = vec![("desired", Some(down)), ("request_url", None)];
            if self.write(key, seen.as_ref(), &change).await.map_err(Later::Store)? {
                return Ok(());
            }
        }
        Err(contended())
    }
}

/// The wish of a record that is not down. One that cannot be read is the controller's to answer: we would write into it
/// again and again and never see it followed.
pub(super) fn wanted(seen: Option<&Record>) -> Option<&DesiredState> {
    seen?.desired.as_ref().ok().filter(|wish| wish.desired != Desired::Down)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn event(action: &str, tie: &str, second: i64, url: Option<&str>) -> Event {
        Event {
            environment: ItemKey { repo: "apache/superset".into(), pr: "7".into() },
            at: at(second),
            tie: tie.into(),
            actor: "ada".into(),
            action: action.into(),
            reason: "Any".into(),
            message: String::new(),
            head_sha: None,
            url: url.map(str::to_owned),
            decision: Some(Decision::Allowed),
        }
    }

    fn down(comment: u64) -> Event {
        let url = format!("https://github.com/apache/superset/pull/7#issuecomment-{comment}");
        event("down", &format!("comment-{comment}-00"), 0, Some(&url))
    }

    #[test]
    fn a_comment_is_taken_back_by_a_larger_number() {
        let given = Given { comment: Some(5), at: at(100) };
        assert!(given.is_taken_back_by(&down(6)), "whatever the clock said");
        assert!(!given.is_taken_back_by(&down(5)) && !given.is_taken_back_by(&down(4)));
        assert!(!given.is_taken_back_by(&Event { decision: Some(Decision::Denied), ..down(6) }));
        assert!(!given.is_taken_back_by(&Event { reason: Fate::Superseded.reason().into(), ..down(6) }));
        assert!(!given.is_taken_back_by(&Event { action: "up".into(), ..down(6) }));
    }

    #[test]
    fn against_anything_else_goes_the_time() {
        let label = Given { comment: None, at: at(100) };
        assert!(label.is_taken_back_by(&Event { at: at(101), ..down(1) }));
        assert!(!label.is_taken_back_by(&Event { at: at(100), ..down(1) }));
        for given in [label, Given { comment: Some(5), at: at(100) }] {
            assert!(given.is_taken_back_by(&event("down", "label-down", 101, None)));
            assert!(given.is_taken_back_by(&event(CLOSE, CLOSE_TIE, 101, None)));
            assert!(!given.is_taken_back_by(&event(CLOSE, CLOSE_TIE, 100, None)));
            // By our own clock, which says nothing about the forge's.
            assert!(!given.is_taken_back_by(&event(CLOSE, "comparison", 101, None)));
        }
    }
}

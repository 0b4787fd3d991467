//! Where the reader of the stream stands in each shard: a state machine without calls and without a clock of its own.
//!
//! A stream is a forest of shards. A shard is read to its end before its children, so that two writes of one record are
//! seen in their order (developer guide, "Change data capture for DynamoDB Streams", "Reading and processing a stream").
//! [`Shards::due`] says which calls may be made; the answers are put in by [`Shards::opened`], [`Shards::read`] and
//! [`Shards::refused`]. An answer that never comes changes nothing: the same call is due again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::streams::{ListedShard, Position, Refusal};

/// The first wait after a refusal: one poll of the feed.
const FIRST_BACKOFF: Duration = super::feed::POLL;
/// The longest: the default of `controller.resync`, after which the news has been found without us.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The wait after so many failures in a row: doubled each time, up to half a minute. There is one reader for each
/// controller, so nobody has to be kept out of step by jitter.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
    FIRST_BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF)
}

/// A shard of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShardId {
    /// The ARN. A stream that was switched off and on again is another one.
    pub stream: String,
    pub shard: String,
}

/// A call that may be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Get an iterator at this position.
    Open(ShardId, Position),
    /// Get the records at this iterator.
    Read(ShardId, String),
}

/// Every shard that was listed.
#[derive(Debug, Default)]
pub(super) struct Shards {
    shards: BTreeMap<ShardId, Shard>,
    /// Whether a listing was seen: what was there before is nobody's news.
    begun: bool,
}

#[derive(Debug)]
struct Shard {
    parent: Option<ShardId>,
    state: State,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
enum State {
    /// To be opened here.
    Unopened(Position),
    /// Being read. `last` is the last sequence number that was seen.
    Open { iterator: String, last: Option<String> },
    /// Read to its end, or not to be read.
    Drained,
    /// Not there when it was asked. If it is listed again it is read again, after the last sequence number that was seen.
    Gone { last: Option<String> },
}

impl Shards {
    /// Takes in a whole listing of a stream. Says whether a shard is new in it.
    ///
    /// In the first listing, what has children is history, and every leaf is read from now on: who starts reads the whole
    /// table anyway. Every shard that appears later is read from its beginning. So is a child that is listed together with
    /// a parent that is still open: it was made while the pages of the listing were read.
    ///
    /// A leaf that is closed is read too. It costs one call if nothing follows, and some engines name an ending sequence
    /// number for a shard that goes on.
    pub(super) fn listed(&mut self, stream: &str, listing: &[ListedShard]) -> bool {
        let id = |shard: &str| ShardId { stream: stream.to_owned(), shard: shard.to_owned() };
        let open: BTreeSet<&str> =
            listing.iter().filter(|shard| !shard.closed).map(|shard| shard.id.as_str()).collect();
        let present: BTreeSet<&str> = listing.iter().map(|shard| shard.id.as_str()).collect();
        // What is not listed was trimmed, or is of a stream that was switched off. It is read to its end nevertheless.
        self.shards.retain(|known, shard| {
            let over = matches!(shard.state, State::Drained | State::Gone { .. });
            (known.stream == stream && present.contains(known.shard.as_str())) || !over
        });
        for shard in self.shards.values_mut() {
            if let State::Gone { last } = &mut shard.state {
                shard.state = State::Unopened(last.take().map_or(Position::TrimHorizon, Position::After));
            }
        }
        let parents: BTreeSet<&str> = listing.iter().filter_map(|shard| shard.parent.as_deref()).collect();
        let mut found = false;
        for shard in listing {
            let parent_open = shard.parent.as_deref().is_some_and(|parent| open.contains(parent));
            let state = if self.begun || parent_open {
                State::Unopened(Position::TrimHorizon)
            } else if shard.closed && parents.contains(shard.id.as_str()) {
                State::Drained
            } else {
                State::Unopened(Position::Latest)
            };
            self.shards.entry(id(&shard.id)).or_insert_with(|| {
                found = true;
                Shard { parent: shard.parent.as_deref().map(id), state, failures: 0, not_before: None }
            });
        }
        self.begun = true;
        found
    }

    /// Whether a listing was seen.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// The calls that may be made now, at most one for a shard.
    pub(super) fn due(&self, now: Instant) -> Vec<Due> {
        let waits = |shard: &Shard| shard.not_before.is_some_and(|not_before| now < not_before);
        self.shards
            .iter()
            .filter(|(_, shard)| !waits(shard) && self.parent_is_done(shard))
            .filter_map(|(id, shard)| match &shard.state {
                State::Unopened(position) => Some(Due::Open(id.clone(), position.clone())),
                State::Open { iterator, .. } => Some(Due::Read(id.clone(), iterator.clone())),
                State::Drained | State::Gone { .. } => None,
            })
            .collect()
    }

    /// Whether a drained shard has no child yet that we know: one is about to appear, unless the stream was switched off.
    pub(super) fn expects_children(&self) -> bool {
        let parents: BTreeSet<&ShardId> = self.shards.values().filter_map(|shard| shard.parent.as_ref()).collect();
        self.shards.iter().any(|(id, shard)| matches!(shard.state, State::Drained) && !parents.contains(id))
    }

    /// An iterator was answered; none means that the shard is over.
    pub(super) fn opened(&mut self, id: &ShardId, iterator: Option<String>) {
        let Some(shard) = self.shards.get_mut(id) else { return };
        let last = match &shard.state {
            State::Unopened(Position::After(number)) => Some(number.clone()),
            _ => None,
        };
        shard.state = iterator.map_or(State::Drained, |iterator| State::Open { iterator, last });
        // A failure is forgiven by records, not by an iterator: else one that expires at once would be asked for without
        // a pause.
    }

    /// Records were answered. Says whether the shard is drained now.
    pub(super) fn read(&mut self, id: &ShardId, last: Option<String>, next: Option<String>) -> bool {
        let Some(shard) = self.shards.get_mut(id) else { return false };
        (shard.failures, shard.not_before) = (0, None);
        let before = match &mut shard.state {
            State::Open { last, .. } => last.take(),
            _ => None,
        };
        match next {
            Some(iterator) => {
                shard.state = State::Open { iterator, last: last.or(before) };
                false
            }
            None => {
                shard.state = State::Drained;
                true
            }
        }
    }

    /// A call was refused. Nothing is lost by it: reading goes on after the last record that was seen, or, where none was
    /// seen or that place is trimmed, at the oldest that is there. Answers how often in a row it was refused.
    pub(super) fn refused(&mut self, id: &ShardId, refusal: &Refusal, now: Instant) -> u32 {
        let Some(shard) = self.shards.get_mut(id) else { return 0 };
        shard.failures = shard.failures.saturating_add(1);
        shard.not_before = Some(now + backoff(shard.failures));
        match (refusal, &mut shard.state) {
            (Refusal::Gone, state) => {
                let last = match state {
                    State::Open { last, .. } => last.take(),
                    State::Unopened(Position::After(number)) => Some(std::mem::take(number)),
                    _ => None,
                };
                *state = State::Gone { last };
            }
            (Refusal::Trimmed, state) => *state = State::Unopened(Position::TrimHorizon),
            (Refusal::Expired, State::Open { last, .. }) => {
                shard.state = State::Unopened(last.take().map_or(Position::TrimHorizon, Position::After));
            }
            // What is written while LATEST cannot be had would be skipped by it.
            (_, State::Unopened(position @ Position::Latest)) => *position = Position::TrimHorizon,
            _ => {}
        }
        shard.failures
    }

    /// A parent that is not listed any more was trimmed, and counts as drained.
    fn parent_is_done(&self, shard: &Shard) -> bool {
        let parent = shard.parent.as_ref().and_then(|parent| self.shards.get(parent));
        parent.is_none_or(|parent| matches!(parent.state, State::Drained | State::Gone { .. }))
    }
}

#[cfg(test)]
mod tests {
    use bivouac_ports::{Error, Meaning};

    use super::*;

    fn shard(id: &str, parent: Option<&str>, closed: bool) -> ListedShard {
        ListedShard { id: id.into(), parent: parent.map(Into::into), closed }
    }

    fn id(shard: &str) -> ShardId {
        ShardId { stream: "s".into(), shard: shard.into() }
    }

    fn unavailable() -> Refusal {
        Refusal::Failed(Error::new(Meaning::Unavailable, "GetRecords", "no answer"))
    }

    #[test]
    fn who_begins_reads_what_is_open_from_now_on() {
        let mut shards = Shards::default();
        shards.listed("s", &[shard("old", None, true), shard("new", Some("old"), false)]);
        assert_eq!(shards.due(Instant::now()), [Due::Open(id("new"), Position::Latest)]);
    }

    #[test]
    fn a_leaf_that_seems_closed_is_read_too() {
        let mut shards = Shards::default();
        shards.listed("s", &[shard("a", None, true)]);
        assert_eq!(shards.due(Instant::now()), [Due::Open(id("a"), Position::Latest)]);
    }

    #[test]
    fn a_child_of_an_open_parent_is_read_from_its_beginning_once_the_parent_is_drained() {
        let now = Instant::now();
        let mut shards = Shards::default();
        shards.listed("s", &[shard("parent", None, false), shard("child", Some("parent"), false)]);
        shards.opened(&id("parent"), Some("i".into()));
        assert_eq!(shards.due(now), [Due::Read(id("parent"), "i".into())]);
        assert!(shards.read(&id("parent"), None, None));
        assert_eq!(shards.due(now), [Due::Open(id("child"), Position::TrimHorizon)]);
    }

    #[test]
    fn what_appears_later_is_read_from_its_beginning() {
        let mut shards = Shards::default();
        shards.listed("s", &[]);
        assert!(shards.listed("s", &[shard("a", Some("trimmed"), true)]));
        assert_eq!(shards.due(Instant::now()), [Due::Open(id("a"), Position::TrimHorizon)]);
        assert!(!shards.listed("s", &[shard("a", None, true)]), "nothing is new");
    }

    #[test]
    fn reading_goes_on_after_the_last_record_that_was_seen() {
        let now = Instant::now();
        let later = now + LONGEST_BACKOFF;
        let mut shards = Shards::default();
        shards.listed("s", &[shard("a", None, false)]);
        shards.opened(&id("a"), Some("1".into()));
        // Nothing was seen yet: LATEST again would skip what was written meanwhile.
        shards.refused(&id("a"), &Refusal::Expired, now);
        assert_eq!(shards.due(later), [Due::Open(id("a"), Position::TrimHorizon)]);
        shards.opened(&id("a"), Some("2".into()));
        shards.read(&id("a"), Some("76".into()), Some("2b".into()));
        shards.read(&id("a"), Some("77".into()), Some("3".into()));
        shards.read(&id("a"), None, Some("4".into()));
        shards.refused(&id("a"), &Refusal::Expired, now);
        assert_eq!(shards.due(later), [Due::Open(id("a"), Position::After("77".into()))]);
        // Expired once more before anything was read.
        shards.opened(&id("a"), Some("5".into()));
        shards.refused(&id("a"), &Refusal::Expired, now);
        assert_eq!(shards.due(later), [Due::Open(id("a"), Position::After("77".into()))]);
        shards.refused(&id("a"), &Refusal::Trimmed, now);
        assert_eq!(shards.due(later), [Due::Open(id("a"), Position::TrimHorizon)]);
        shards.refused(&id("a"), &Refusal::Gone, now);
        assert_eq!(shards.due(later), []);
    }

    #[test]
    fn what_is_gone_and_listed_nevertheless_is_read_on() {
        let now = Instant::now();
        let mut shards = Shards::default();
        shards.listed("s", &[shard("a", None, false), shard("b", None, false)]);
        for id in [id("a"), id("b")] {
            shards.opened(&id, Some("1".into()));
            shards.read(&id, Some("76".into()), Some("2".into()));
            shards.refused(&id, &Refusal::Gone, now);
        }
        shards.listed("s", &[shard("a", None, false)]);
        assert_eq!(shards.due(now), [], "not without a pause");
        assert_eq!(shards.due(now + LONGEST_BACKOFF), [Due::Open(id("a"), Position::After("76".into()))]);
    }

    #[test]
    fn refusals_are_waited_out_longer_each_time_and_forgiven_by_an_answer() {
        let now = Instant::now();
        let mut shards = Shards::default();
        shards.listed("s", &[shard("a", None, false)]);
        assert_eq!(shards.refused(&id("a"), &unavailable(), now), 1);
        assert_eq!(shards.due(now), []);
        assert_eq!(shards.due(now + backoff(1)), [Due::Open(id("a"), Position::TrimHorizon)], "no longer LATEST");
        assert_eq!(shards.refused(&id("a"), &unavailable(), now), 2);
        assert_eq!(shards.due(now + backoff(1)), []);
        shards.opened(&id("a"), Some("1".into()));
        shards.read(&id("a"), None, Some("2".into()));
        assert_eq!(shards.due(now), [Due::Read(id("a"), "2".into())]);
        assert_eq!((backoff(1), backoff(2), backoff(1000)), (FIRST_BACKOFF, FIRST_BACKOFF * 2, LONGEST_BACKOFF));
    }

    #[test]
    fn a_stream_that_is_switched_off_and_on_is_read_from_its_beginning() {
        let mut shards = Shards::default();
        shards.listed("s", &[shard("a", None, false)]);
        shards.opened(&id("a"), Some("1".into()));
        shards.listed("t", &[shard("a", None, false)]);
        let of_t = ShardId { stream: "t".into(), shard: "a".into() };
        let due = shards.due(Instant::now());
        assert_eq!(due, [Due::Read(id("a"), "1".into()), Due::Open(of_t, Position::TrimHorizon)]);
        assert!(shards.read(&id("a"), None, None));
        assert!(shards.expects_children());
        shards.listed("t", &[shard("a", None, false)]);
        assert!(!shards.expects_children(), "the old stream is forgotten");
    }
}

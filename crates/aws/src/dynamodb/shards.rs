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
}

impl Shards {
    /// Takes in a whole listing of a stream: what is new in it, and what is no longer there.
    ///
    /// In the first listing, what is closed is history, and what is open is read from now on: who starts reads the whole
    /// table anyway. Every shard that appears later is read from its beginning. So is a child that is listed together
    /// with a parent that is still open: it was made while the pages of the listing were read.
    pub(super) fn listed(&mut self, stream: &str, listing: &[ListedShard]) {
        let id = |shard: &str| ShardId { stream: stream.to_owned(), shard: shard.to_owned() };
        let open: BTreeSet<&str> =
            listing.iter().filter(|shard| !shard.closed).map(|shard| shard.id.as_str()).collect();
        let present: BTreeSet<&str> = listing.iter().map(|shard| shard.id.as_str()).collect();
        self.shards.retain(|known, _| known.stream != stream || present.contains(known.shard.as_str()));
        for shard in listing {
            let parent_open = shard.parent.as_deref().is_some_and(|parent| open.contains(parent));
            let state = match (self.begun, shard.closed) {
                (true, _) => State::Unopened(Position::TrimHorizon),
                (false, _) if parent_open => State::Unopened(Position::TrimHorizon),
                (false, false) => State::Unopened(Position::Latest),
                (false, true) => State::Drained,
            };
            self.shards.entry(id(&shard.id)).or_insert(Shard {
                parent: shard.parent.as_deref().map(id),
                state,
                failures: 0,
                not_before: None,
            });
        }
        self.begun = true;
    }

    /// Forgets what was drained of every stream but this one.
    pub(super) fn keep_only(&mut self, stream: &str) {
        self.shards.retain(|id, shard| id.stream == stream || !matches!(shard.state, State::Drained));
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
                State::Drained => None,
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
    /// seen or that place is trimmed, at the oldest that is there.
    pub(super) fn refused(&mut self, id: &ShardId, refusal: &Refusal, now: Instant) {
        let Some(shard) = self.shards.get_mut(id) else { return };
        shard.failures = shard.failures.saturating_add(1);
        shard.not_before = Some(now + backoff(shard.failures));
        match (refusal, &mut shard.state) {
            (Refusal::Gone, state) => *state = State::Drained,
            (Refusal::Trimmed, state) => *state = State::Unopened(Position::TrimHorizon),
            (Refusal::Expired, State::Open { last, .. }) => {
                shard.state = State::Unopened(last.take().map_or(Position::TrimHorizon, Position::After));
            }
            // What is written while LATEST cannot be had would be skipped by it.
            (_, State::Unopened(position @ Position::Latest)) => *position = Position::TrimHorizon,
            _ => {}
        }
    }

    /// The earliest moment at which a shard that waits after a refusal is due.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        let waiting = self.shards.values().filter(|shard| !matches!(shard.state, State::Drained));
        waiting.filter_map(|shard| shard.not_before).min()
    }

    /// A parent that is not listed any more was trimmed, and counts as drained.
    fn parent_is_done(&self, shard: &Shard) -> bool {
        let parent = shard.parent.as_ref().and_then(|parent| self.shards.get(parent));
        parent.is_none_or(|parent| matches!(parent.state, State::Drained))
    }
}

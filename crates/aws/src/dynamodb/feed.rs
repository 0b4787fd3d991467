//! News of the table of environments, read from its stream.
//!
//! The stream shortens the wait and nothing else, so this never gives up and never fails: what DynamoDB refuses is tried
//! again after a pause, and the resync finds what was missed meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::ItemKey;
use bivouac_ports::{Error, Meaning, RecordFeed, Result};
use futures::future::join_all;
use tokio::time::Instant;

use super::shards::{Due, ShardId, Shards, backoff};
use super::streams::{ListedShard, Page, Refusal, SdkStreams, StreamCalls};
use super::tables::TableNames;
use crate::Sdk;
use crate::calls::DESCRIBE_TABLE;

/// How often each shard is asked for records: five times a second. AWS publishes no rate for a shard of DynamoDB Streams. Of
/// Kinesis, whose protocol and client library it shares, "each shard can support up to five read transactions per second"
/// (Kinesis Data Streams developer guide, "Quotas and limits"). AWS Lambda polls four times a second (Lambda developer guide,
/// "Polling and batching streams"). Two controllers, one of them leaving the lead, stay within what a shard bears: DynamoDB
/// throttles when "more than 2 processes are reading from the same streams shard at the same time" (DynamoDB Streams API
/// reference, `LimitExceededException`). A page holds up to 1 MB or 1,000 records (the same, `GetRecords`), so this keeps up with
/// 5,000 writes a second.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// How often the shards are listed while nothing hints at new ones. A stream that was switched off and on again is found
/// by this; a shard that closes has its children listed at once. "You can call DescribeStream at a maximum rate of 10 times
/// per second" (DynamoDB Streams API reference, `DescribeStream`), of which this is a hundredth and a half.
const LIST_AGAIN: Duration = Duration::from_secs(15);

/// News of the table of environments.
///
/// What is written after [`DynamoFeed::begin`] (or the first [`next`](RecordFeed::next)) took its place is answered at least
/// once; of a stream that was interrupted everything is answered that is still there. Writes of the controller itself are
/// left out. One thing is left to the resync: what was written to a shard that appeared so shortly before the stream was
/// switched off that it was never listed.
///
/// `next` never answers an error, and dropped half-way it loses nothing: what an answer held is taken in and given out in
/// one step.
pub struct DynamoFeed(Reader<SdkStreams>);

impl DynamoFeed {
    /// The news of the installation whose tables begin with `prefix`. Makes no call yet.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        let table = TableNames::with_prefix(prefix).environments;
        Self(Reader::new(SdkStreams { tables: sdk.dynamodb(), streams: sdk.dynamodb_streams(), table }))
    }
}

impl std::fmt::Debug for DynamoFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DynamoFeed").field(&self.0.calls.table).finish()
    }
}

#[async_trait]
impl RecordFeed for DynamoFeed {
    async fn begin(&mut self) -> Result<()> {
        self.0.begin().await
    }

    async fn next(&mut self) -> Result<Vec<ItemKey>> {
        Ok(self.0.next().await)
    }
}

/// The reader, over whatever answers the four calls.
struct Reader<C> {
    calls: C,
    shards: Shards,
    /// When the shards are to be listed next, and how many listings in a row brought nothing (or failed).
    list_at: Option<Instant>,
    fruitless: u32,
    /// Whether the last listing failed, which is said once.
    failing: bool,
    /// When the shards may be asked for records again.
    poll_at: Option<Instant>,
}

impl<C: StreamCalls> Reader<C> {
    fn new(calls: C) -> Self {
        Self { calls, shards: Shards::default(), list_at: None, fruitless: 0, failing: false, poll_at: None }
    }

    /// Lists the shards and opens each, so that what is written from now on is news. Again, it does nothing.
    async fn begin(&mut self) -> Result<()> {
        if self.shards.begun() {
            return Ok(());
        }
        let found = self.list().await?;
        let now = Instant::now();
        self.listed(Ok(found), now);
        let opened = self.answers(now).await;
        let failure = opened.iter().find_map(|(_, answer)| match answer {
            Answer::Opened(Err(Refusal::Failed(error))) => Some(error.clone()),
            _ => None,
        });
        self.take_in(opened, now);
        failure.map_or(Ok(()), Err)
    }

    async fn next(&mut self) -> Vec<ItemKey> {
        loop {
            match self.step(Instant::now()).await {
                Step::News(keys) => return keys,
                Step::Wait(until) => tokio::time::sleep_until(until).await,
            }
        }
    }

    /// Makes the calls that are due.
    async fn step(&mut self, now: Instant) -> Step {
        if self.list_at.is_none_or(|at| at <= now) {
            let listed = self.list().await;
            self.listed(listed, now);
        }
        if self.poll_at.is_none_or(|at| at <= now) {
            let answers = self.answers(now).await;
            self.poll_at = Some(now + POLL);
            let news = self.take_in(answers, now);
            if !news.is_empty() {
                return Step::News(news.into_iter().collect());
            }
        }
        Step::Wait([self.list_at, self.poll_at].into_iter().flatten().min().unwrap_or(now + POLL))
    }

    async fn answers(&self, now: Instant) -> Vec<(ShardId, Answer)> {
        join_all(self.shards.due(now).into_iter().map(|due| answer(&self.calls, due))).await
    }

    /// Reads every page of the list of shards of the table's stream. Says whether it brought a new one.
    async fn list(&mut self) -> Result<bool> {
        let Some(stream) = self.calls.latest_stream().await? else {
            return Err(Error::new(
                Meaning::NotFound,
                DESCRIBE_TABLE.name,
                "the table of environments has no stream: `bivouac init` adds it",
            ));
        };
        let mut listing: Vec<ListedShard> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, last) = self.calls.shards(&stream, after.as_deref()).await?;
            listing.extend(page);
            // A page that ends where it began would be asked for without end.
            if last.is_none() || last == after {
                break;
            }
            after = last;
        }
        Ok(self.shards.listed(&stream, &listing))
    }

    /// Says when to list again: soon while a shard was drained and its children are not known, each time later.
    fn listed(&mut self, listed: Result<bool>, now: Instant) {
        match &listed {
            Ok(_) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = error as &dyn std::error::Error, "the stream's shards could not be listed");
                }
            }
        }
        self.fruitless = if matches!(listed, Ok(true)) { 0 } else { self.fruitless.saturating_add(1) };
        let settled = listed.is_ok() && !self.shards.expects_children();
        let wait = if settled { LIST_AGAIN } else { backoff(self.fruitless).min(LIST_AGAIN) };
        self.list_at = Some(now + wait);
    }

    /// To list at once: the shards changed.
    fn list_now(&mut self, now: Instant) {
        (self.list_at, self.fruitless) = (Some(now), 0);
    }

    /// Takes in what was answered; the keys of it that are news, each once.
    fn take_in(&mut self, answers: Vec<(ShardId, Answer)>, now: Instant) -> BTreeSet<ItemKey> {
        let mut keys = BTreeSet::new();
        for (shard, answer) in answers {
            let refusal = match answer {
                Answer::Opened(Ok(iterator)) => {
                    self.shards.opened(&shard, iterator);
                    continue;
                }
                Answer::Records(Ok(page)) => {
                    keys.extend(page.news);
                    if self.shards.read(&shard, page.last, page.next) {
                        // Its children, if they are not known yet, are listed now.
                        self.list_now(now);
                    }
                    continue;
                }
                Answer::Opened(Err(refusal)) | Answer::Records(Err(refusal)) => refusal,
            };
            let failures = self.shards.refused(&shard, &refusal, now);
            match &refusal {
                Refusal::Gone => self.list_now(now),
                // Once for each time that a shard begins to fail.
                Refusal::Failed(error) if failures == 1 => tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "a shard of the stream could not be read; trying again"
                ),
                refusal => tracing::debug!(?refusal, failures, "a shard of the stream is tried again"),
            }
        }
        keys
    }
}

/// What a step came to.
enum Step {
    /// Keys, at least one, each once.
    News(Vec<ItemKey>),
    /// Nothing is due before this.
    Wait(Instant),
}

/// What one shard answered.
enum Answer {
    Opened(Result<Option<String>, Refusal>),
    Records(Result<Page, Refusal>),
}

async fn answer(calls: &impl StreamCalls, due: Due) -> (ShardId, Answer) {
    match due {
        Due::Open(id, position) => {
            let answer = calls.iterator(&id.stream, &id.shard, &position).await;
            (id, Answer::Opened(answer))
        }
        Due::Read(id, iterator) => {
            let answer = calls.records(&iterator).await;
            (id, Answer::Records(answer))
        }
    }
}

#[cfg(test)]
mod tests;

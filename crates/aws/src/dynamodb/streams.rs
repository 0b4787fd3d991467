//! The four calls that reading a stream takes, by meaning: what [`super::feed`] knows of DynamoDB Streams.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodbstreams::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bivouac_model::ItemKey;
use bivouac_ports::{Error, Meaning};

use super::changes::news;
use crate::calls::{Call, DESCRIBE_STREAM, DESCRIBE_TABLE, GET_RECORDS, GET_SHARD_ITERATOR};
use crate::error::from_sdk;

/// Where in a shard to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// After everything that is there.
    Latest,
    /// At the oldest record that is still there.
    TrimHorizon,
    /// After the record of this sequence number.
    After(String),
}

/// A shard as DescribeStream lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedShard {
    pub id: String,
    /// The shard that has to be drained first, if it had one. It may be gone already.
    pub parent: Option<String>,
    /// Nothing more is written to it.
    pub closed: bool,
}

/// What GetRecords answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The keys of the records that are news.
    pub news: Vec<ItemKey>,
    /// The sequence number of the last record, news or not; `None` on an empty page.
    pub last: Option<String>,
    /// Where to go on; `None` when the shard is closed and drained.
    pub next: Option<String>,
}

/// Why a call for one shard was refused.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The iterator is older than 15 minutes.
    Expired,
    /// The place was older than 24 hours.
    Trimmed,
    /// There is no such stream or shard any more.
    Gone,
    /// Anything else.
    Failed(Error),
}

/// The calls. Each may be repeated: none of them changes anything.
#[async_trait]
pub(super) trait StreamCalls: Send + Sync {
    /// The stream of the table, if it has one.
    async fn latest_stream(&self) -> Result<Option<String>, Error>;
    /// One page of shards after the shard `after`, and where the next page begins.
    async fn shards(&self, stream: &str, after: Option<&str>) -> Result<(Vec<ListedShard>, Option<String>), Error>;
    /// An iterator.
    async fn iterator(&self, stream: &str, shard: &str, position: &Position) -> Result<Option<String>, Refusal>;
    /// The records at an iterator. The same iterator answers the same records again.
    async fn records(&self, iterator: &str) -> Result<Page, Refusal>;
}

/// The calls on the SDK.
#[derive(Clone, Debug)]
pub(super) struct SdkStreams {
    pub tables: Client,
    pub streams: aws_sdk_dynamodbstreams::Client,
    pub table: String,
}

#[async_trait]
impl StreamCalls for SdkStreams {
    async fn latest_stream(&self) -> Result<Option<String>, Error> {
        let output = self.tables.describe_table().table_name(&self.table).send().await;
        let table = output.map_err(|error| from_sdk(&DESCRIBE_TABLE, error))?.table;
        // The ARN of a stream that was switched off stays for a day; what it still holds may be read.
        Ok(table.and_then(|table| table.latest_stream_arn))
    }

    async fn shards(&self, stream: &str, after: Option<&str>) -> Result<(Vec<ListedShard>, Option<String>), Error> {
        let request = self.streams.describe_stream().stream_arn(stream);
        let output = request.set_exclusive_start_shard_id(after.map(str::to_owned)).send().await;
        let stream = output
            .map_err(|error| from_sdk(&DESCRIBE_STREAM, error))?
            .stream_description
            .ok_or_else(|| Error::new(Meaning::Unavailable, DESCRIBE_STREAM.name, "the answer describes no stream"))?;
        let shards = stream.shards().iter().filter_map(|shard| {
            Some(ListedShard {
                id: shard.shard_id()?.to_owned(),
                parent: shard.parent_shard_id().map(str::to_owned),
                closed: shard.sequence_number_range().is_some_and(|range| range.ending_sequence_number().is_some()),
            })
        });
        Ok((shards.collect(), stream.last_evaluated_shard_id))
    }

    async fn iterator(&self, stream: &str, shard: &str, position: &Position) -> Result<Option<String>, Refusal> {
        let (kind, sequence_number) = match position {
            Position::Latest => (ShardIteratorType::Latest, None),
            Position::TrimHorizon => (ShardIteratorType::TrimHorizon, None),
            Position::After(number) => (ShardIteratorType::AfterSequenceNumber, Some(number.clone())),
        };
        let request = self.streams.get_shard_iterator().stream_arn(stream).shard_id(shard).shard_iterator_type(kind);
        let output = request.set_sequence_number(sequence_number).send().await;
        output.map(|output| output.shard_iterator).map_err(|error| refusal(&GET_SHARD_ITERATOR, error))
    }

    async fn records(&self, iterator: &str) -> Result<Page, Refusal> {
        let output = self.streams.get_records().shard_iterator(iterator).send().await;
        let output = output.map_err(|error| refusal(&GET_RECORDS, error))?;
        let records = output.records();
        Ok(Page {
            news: records.iter().filter_map(news).collect(),
            last: records.last().and_then(|record| record.dynamodb()?.sequence_number().map(str::to_owned)),
            next: output.next_shard_iterator,
        })
    }
}

fn refusal<E>(call: &Call, error: SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error.as_service_error().and_then(|error| error.code()) {
        Some("ExpiredIteratorException") => Refusal::Expired,
        Some("TrimmedDataAccessException") => Refusal::Trimmed,
        Some("ResourceNotFoundException") => Refusal::Gone,
        _ => Refusal::Failed(from_sdk(call, error)),
    }
}

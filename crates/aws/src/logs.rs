//! The logs of containers, out of CloudWatch Logs.

use async_trait::async_trait;
use aws_config::Region;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use bivouac_model::LogStream;
use bivouac_ports::{Error, LogEvent, LogStore, Meaning, Result};
use chrono::{DateTime, Utc};

use crate::Sdk;
use crate::calls::{DESCRIBE_LOG_GROUPS, FILTER_LOG_EVENTS};
use crate::error::from_sdk;

/// The most pages of one window. Ours: a page holds up to 10,000 events or 1 MB (API reference, FilterLogEvents), so this is
/// more than a person reads. It ends a listing whose token never ends.
const MOST_PAGES: usize = 1000;

/// CloudWatch Logs of the account whose credentials are in use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CloudWatchLogs {
    client: aws_sdk_cloudwatchlogs::Client,
}

impl CloudWatchLogs {
    /// Nothing is called yet.
    pub fn new(sdk: &Sdk) -> Self {
        Self { client: sdk.cloudwatch_logs() }
    }
}

/// The configuration of one call: another region, where a log driver writes to another one.
fn within(region: Option<&str>) -> aws_sdk_cloudwatchlogs::config::Builder {
    let config = aws_sdk_cloudwatchlogs::config::Builder::new();
    match region {
        Some(region) => config.region(Region::new(region.to_owned())),
        None => config,
    }
}

#[async_trait]
impl LogStore for CloudWatchLogs {
    async fn events(&self, stream: &LogStream, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>> {
        let (mut events, mut token) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let request = self
                .client
                .filter_log_events()
                .log_group_name(&stream.group)
                .log_stream_names(&stream.stream)
                // "A number of milliseconds after Jan 1, 1970", of which none is negative.
                .start_time(from.timestamp_millis().max(0))
                .end_time(to.timestamp_millis().max(0))
                .set_next_token(token);
            let request = request.customize().config_override(within(stream.region.as_deref()));
            let page = request.send().await.map_err(|error| from_sdk(&FILTER_LOG_EVENTS, error))?;
            events.extend(page.events.into_iter().flatten().filter_map(event));
            // A page may be empty and have a token all the same.
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(events);
            }
        }
        Err(Error::new(Meaning::Invalid, FILTER_LOG_EVENTS.name, "there are more lines than can be read at once"))
    }

    async fn has_group(&self, region: Option<&str>, group: &str) -> Result<bool> {
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let request = self.client.describe_log_groups().log_group_name_prefix(group).set_next_token(token);
            let request = request.customize().config_override(within(region));
            let page = request.send().await.map_err(|error| from_sdk(&DESCRIBE_LOG_GROUPS, error))?;
            if page.log_groups().iter().any(|found| found.log_group_name() == Some(group)) {
                return Ok(true);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(false);
            }
        }
        Err(Error::new(Meaning::Invalid, DESCRIBE_LOG_GROUPS.name, "there are more log groups than can be read"))
    }
}

/// What has no id or no time cannot be ordered or told apart, and CloudWatch Logs gives both to every event.
fn event(event: FilteredLogEvent) -> Option<LogEvent> {
    Some(LogEvent {
        at: DateTime::from_timestamp_millis(event.timestamp?)?,
        received_at: event.ingestion_time.and_then(DateTime::from_timestamp_millis),
        id: event.event_id?,
        message: event.message.unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned(),
    })
}

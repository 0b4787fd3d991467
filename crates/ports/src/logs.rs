//! The port to the logs that containers write, and how their last lines and their new ones are read.

mod follow;
mod tail;

pub use follow::Follow;
pub use tail::{RecentLines, Tail, recent_lines, tail};

use async_trait::async_trait;
use bivouac_model::LogStream;
use chrono::{DateTime, Utc};

use crate::Result;

/// A line of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Names the event for good: the same event has the same id in every answer, and no two events share one.
    pub id: String,
    /// When it was written, by the clock of the writer.
    pub at: DateTime<Utc>,
    /// When the store received it; absent: the store does not say.
    pub received_at: Option<DateTime<Utc>>,
    /// The line without its end.
    pub message: String,
}

/// A store of logs. Both bounds of a window are in milliseconds and belong to it.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Returns the events of a stream in this window, the oldest first. The answer is complete, or an error.
    ///
    /// # Errors
    /// `NotFound` when the group or the stream is not there. A stream begins with its first line. `Denied` without the
    /// permission `logs:FilterLogEvents`.
    async fn events(&self, stream: &LogStream, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>>;

    /// Returns whether a log group is there.
    ///
    /// # Errors
    /// `Denied` without the permission `logs:DescribeLogGroups`.
    async fn has_group(&self, region: Option<&str>, group: &str) -> Result<bool>;
}

//! AWS's times as ours.

use aws_smithy_types::DateTime;

/// The time; `None` when there is none, or one outside of what chrono can say.
pub(crate) fn timestamp(time: Option<&DateTime>) -> Option<chrono::DateTime<chrono::Utc>> {
    time.and_then(|time| chrono::DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
}

//! Reviews of a pull request, and comments on lines of its code.

use chrono::{DateTime, Utc};

#[derive(Debug, Clone)]
pub(in crate::github) struct Review {
    pub id: u64,
    pub author: String,
    pub body: String,
    /// `APPROVED`, `CHANGES_REQUESTED` or `COMMENTED`.
    pub state: &'static str,
    /// The head at that time.
    pub commit: String,
    pub submitted_at: DateTime<Utc>,
}

/// A comment on a line, which is a part of a review.
#[derive(Debug, Clone)]
pub(in crate::github) struct LineComment {
    pub id: u64,
    /// The review that it came with.
    pub review: u64,
    pub author: String,
    pub body: String,
    pub commit: String,
    pub created_at: DateTime<Utc>,
}

//! What happened to the branches of a repository, as `GET /repos/{owner}/{repo}/activity` lists it.

use chrono::{DateTime, Utc};

/// The name that git gives to no commit: what a new branch was before, and what a deleted one is after.
pub(in crate::github) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// One change of a branch.
#[derive(Debug, Clone)]
pub(in crate::github) struct Activity {
    pub id: u64,
    pub before: String,
    pub after: String,
    /// The name of the branch, without `refs/heads/`.
    pub branch: String,
    pub at: DateTime<Utc>,
    /// `push`, `force_push`, `branch_creation`, `branch_deletion`, `pr_merge` or `merge_queue_merge`.
    pub kind: &'static str,
    pub actor: String,
}

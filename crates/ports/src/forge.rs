//! The door to the forge: pull requests and their one comment.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bivouac_model::{CommentView, EnvKey, PrNumber, PullRequest, RepoName, SaidComment};

use crate::Result;

/// The open pull requests of a repository.
pub type OpenPullRequests = Arc<BTreeMap<PrNumber, PullRequest>>;

/// A forge such as GitHub.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Makes the one comment of a pull request say `view`, and answers which comment that is.
    ///
    /// Nothing is sent when `said` says the same already. The comment is found by the id in `said`, else by its marker and
    /// our own authorship, and only then created; so a second call, also after an answer that was lost, never makes a
    /// second comment. Dropped half-way, the comment may or may not have been written; call again.
    ///
    /// # Errors
    /// `Denied` when the token may not comment, `NotFound` when there is no such pull request, `Throttled` with
    /// the wait the forge asked for, `Unavailable` when it is down.
    async fn say(&self, view: &CommentView, said: Option<&SaidComment>) -> Result<SaidComment>;

    /// A pull request as it is now; `None`: there is none of this number, in a repository that we can see.
    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>>;

    /// All open pull requests of a repository. Complete or an error. A call that finds nothing changed since the last one
    /// costs nothing of the quota.
    async fn open_pull_requests(&self, repo: &RepoName) -> Result<OpenPullRequests>;
}

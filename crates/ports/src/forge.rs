//! The door to the forge: pull requests and their one comment.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use bivouac_model::{Branch, CommentView, EnvKey, PrNumber, PullRequest, RepoName, SaidComment};
use chrono::{DateTime, Utc};

use crate::{ForgeHealth, RepoNames, Result};

/// The open pull requests of a repository, by their numbers. Two lists with the same pull requests are equal, whenever each was
/// read.
#[derive(Clone, Debug, Default)]
pub struct OpenPullRequests {
    /// The pull requests. None carries a time of its own, so that a list that did not change stays the same.
    pub pulls: Arc<BTreeMap<PrNumber, PullRequest>>,
    /// The time of the answers from which the list was read, by the forge's clock: every pull request was so at this time or a
    /// moment before it. `None`: the forge sent no time.
    pub seen_at: Option<DateTime<Utc>>,
}

impl Deref for OpenPullRequests {
    type Target = BTreeMap<PrNumber, PullRequest>;

    fn deref(&self) -> &Self::Target {
        &self.pulls
    }
}

impl PartialEq for OpenPullRequests {
    fn eq(&self, other: &Self) -> bool {
        self.pulls == other.pulls
    }
}

impl Eq for OpenPullRequests {}

impl FromIterator<(PrNumber, PullRequest)> for OpenPullRequests {
    fn from_iter<I: IntoIterator<Item = (PrNumber, PullRequest)>>(pulls: I) -> Self {
        Self { pulls: Arc::new(pulls.into_iter().collect()), seen_at: None }
    }
}

/// A push to a branch: whatever moved it from one commit to another, its creation included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The commit before, in full; only zeros when the branch was created.
    pub before: String,
    /// The commit after, in full; only zeros when the branch was deleted.
    pub after: String,
    /// Who pushed; `None` when the account is gone.
    pub actor: Option<String>,
    /// When, by the forge's clock.
    pub at: DateTime<Utc>,
}

/// A forge such as GitHub.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Makes the one comment of a pull request say `view`, and answers which comment that is.
    ///
    /// Nothing is sent when `said` says the same already. The comment is found by the id in `said`, else by its marker and
    /// our own authorship, and only then created; so a second call, also after an answer that was lost, never makes a
    /// second comment. Dropped half-way, the comment may or may not have been written; call again.
    ///
    /// A view that only edits (`edits_only`) makes no comment. The answer has no id if there is none.
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

    /// Returns the newest pushes to a branch, the newest first, a hundred at most. `None`: the forge does not say, because there
    /// is no such repository, or because we may not see it. Nothing may be concluded from a push that is missing: the forge may
    /// be behind.
    ///
    /// `repo` is the repository whose pull request it is, which decides as whom an app asks.
    ///
    /// # Errors
    /// `Throttled` or `Unavailable`: ask again later.
    async fn pushes(&self, repo: &RepoName, branch: &Branch) -> Result<Option<Vec<Push>>>;

    /// Returns the commits of a pull request in full, the oldest first. The forge lists the first 250 (GitHub's documentation,
    /// "List commits on a pull request"); the head is among them if there are no more.
    ///
    /// # Errors
    /// `NotFound` when there is no such pull request.
    async fn commits(&self, key: &EnvKey) -> Result<Vec<String>>;

    /// Notifies when a repository answers again. One that never notifies, where calls are not observed.
    fn health(&self) -> ForgeHealth {
        ForgeHealth::default()
    }

    /// Returns which repositories the configured names stand for, as the answers so far have shown. Each list of open pull
    /// requests renews what is known of its repository.
    fn names(&self) -> RepoNames {
        RepoNames::default()
    }
}

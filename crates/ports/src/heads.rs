//! The port to the memory of which commits were the heads of a pull request, and when.

use async_trait::async_trait;
use bivouac_model::EnvKey;
use chrono::{DateTime, Utc};

use crate::Result;

/// A head that an answer of the forge showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHead {
    /// The commit, in full.
    pub sha: String,
    /// The time of the answer, by the forge's clock where it sends one.
    pub at: DateTime<Utc>,
}

/// A commit that a command named in full, or by digits that only one commit has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCommit {
    /// The commit, in full.
    pub sha: String,
    /// What identifies the command. The same command names the same commit again.
    pub command: String,
    /// When the command was given, by the forge's clock.
    pub at: DateTime<Utc>,
    /// The head of the pull request when the command was handled.
    pub head: String,
}

/// Which commits were the heads of pull requests, and which were named by commands. Shared by all replicas, and there after a
/// restart. Rows are added and never changed; they expire after months.
///
/// What is recorded comes from answers of the forge alone, never from a delivery: anyone who can sign deliveries must not
/// be able to make up what was seen.
#[async_trait]
pub trait SeenHeads: Send + Sync {
    /// Records that a commit was the head. A second call with the same commit and time changes nothing.
    async fn record_seen(&self, key: &EnvKey, head: &SeenHead) -> Result<()>;

    /// Records that a command named a commit. A second call for the same command and commit changes nothing: the first one
    /// stays, also if the head is another one by now.
    async fn record_named(&self, key: &EnvKey, named: &NamedCommit) -> Result<()>;

    /// Returns the newest head that was seen strictly before a moment; `None`: none was. Strongly consistent.
    async fn newest_seen(&self, key: &EnvKey, before: DateTime<Utc>) -> Result<Option<SeenHead>>;

    /// Returns whether a commit was seen as the head strictly before a moment. Of a very long history only the newest part
    /// before that moment is searched: the answer may be `false` though it was, and never `true` though it was not.
    async fn was_seen(&self, key: &EnvKey, sha: &str, before: DateTime<Utc>) -> Result<bool>;

    /// Returns the commands that named a commit, at most a hundred of them, in no particular order.
    async fn named(&self, key: &EnvKey, sha: &str) -> Result<Vec<NamedCommit>>;
}

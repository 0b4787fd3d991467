//! The door to the people on the forge: who may do what, and what they are answered.

use async_trait::async_trait;
use bivouac_model::{EnvKey, RepoName};
use chrono::{DateTime, Utc};

use crate::Result;

/// What somebody may do to a repository, the least first.
///
/// GitHub's REST API tells `admin`, `write`, `read` and `none`, where maintain reads as write and triage as read (REST API,
/// "Get repository permissions for a user").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing, or unknown to the forge.
    #[default]
    None,
    /// Look.
    Read,
    /// Change.
    Write,
    /// Everything.
    Admin,
}

/// A reaction to a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// 👀: it was seen.
    Eyes,
    /// 🚀: it is done.
    Rocket,
    /// 😕: it came to nothing.
    Confused,
}

/// A comment on the forge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommentId {
    /// Its repository.
    pub repo: RepoName,
    /// Its number.
    pub id: u64,
}

/// A label that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// Whether the label is there since.
    pub is_on: bool,
    /// Who did it; empty when the account is gone.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// People on the forge, and what they are answered.
///
/// Nothing is cached here: the caller decides how long an answer is good for. Writes wait for their turn among all writes
/// to the forge, and fail as `Throttled` with the wait when it does not come soon.
#[async_trait]
pub trait Conversation: Send + Sync {
    /// What somebody may do. Somebody whom the forge does not know may do nothing, and so may a bot (`NAME[bot]`) and
    /// whatever else can be no person's name. Names are compared as the forge does, without case.
    ///
    /// # Errors
    /// Whatever keeps the forge from answering; nobody may take that for a permission.
    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Permission>;

    /// Whether somebody is an active member of a team (`owner/slug`). A team that is not there has no members.
    ///
    /// # Errors
    /// `Denied` when we may not see the team, `Invalid` when it is not named `owner/slug`.
    async fn is_in_team(&self, repo: &RepoName, team: &str, login: &str) -> Result<bool>;

    /// The last time a label came or went; `None`: never. Names of labels are compared without case.
    ///
    /// # Errors
    /// `NotFound` when there is no such pull request.
    async fn last_label_change(&self, key: &EnvKey, label: &str) -> Result<Option<LabelChange>>;

    /// Reacts to a comment. A reaction that is there already is left as it is.
    ///
    /// # Errors
    /// `NotFound` when the comment is gone.
    async fn react(&self, comment: &CommentId, reaction: Reaction) -> Result<()>;

    /// Makes the one short reply to a person on a pull request say `text` (Markdown): created, or edited when it says
    /// something else. `None` folds one that is there away, since what it complained about was corrected; without one
    /// nothing is done. Found by its hidden marker and our own authorship, so a second call never makes a second reply.
    ///
    /// The person is called (`@login`) when the reply is made, and not again when it is edited. Nobody else is called,
    /// whatever `text` holds; that what people wrote is inert in it otherwise (in backticks, for one) is the caller's care.
    ///
    /// # Errors
    /// `Invalid` when `login` can be no person's name, `NotFound` when there is no such pull request.
    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>) -> Result<()>;
}

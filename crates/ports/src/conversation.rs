//! The door to the people on the forge: who may do what, and what they are answered.

use async_trait::async_trait;
use bivouac_model::{EnvKey, PrNumber, RepoName};
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

/// For whom content is written on the forge.
///
/// The forge limits how much content an account makes in an hour. Each audience has a share of that limit, so that answers to
/// one audience never use what another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Everybody who follows an environment: its comment, and the reactions to commands that were obeyed.
    Environment,
    /// A person who may give commands, and asked something or made a mistake.
    Member,
    /// Anybody else.
    Stranger,
}

impl Audience {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Member => "member",
            Self::Stranger => "stranger",
        }
    }
}

/// A comment as the forge lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedComment {
    /// Its number; newer comments have larger ones.
    pub id: u64,
    /// The number of the issue or pull request that it stands on.
    pub issue: u64,
    /// The author; `None` when the account is gone.
    pub author: Option<String>,
    /// Whether the author is a person, and not an app or an organization.
    pub is_by_person: bool,
    /// When it was created, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// When its text was changed last; `created_at` if it never was.
    pub updated_at: DateTime<Utc>,
    /// Its page.
    pub url: String,
    /// The text as it is now, Markdown.
    pub body: String,
}

/// The comments of a repository since a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostedComments {
    /// In order of their last change, the oldest first.
    pub comments: Vec<PostedComment>,
    /// Whether these are all. If not, the next call since the last change of the last one answers more.
    pub is_complete: bool,
}

/// A pull request of a list that is ordered by changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedPull {
    /// Its number.
    pub pr: PrNumber,
    /// When anything about it changed last, in whole seconds. A review is such a change.
    pub updated_at: DateTime<Utc>,
}

/// A comment on the forge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommentId {
    /// Its repository.
    pub repo: RepoName,
    /// Its number.
    pub id: u64,
}

/// A text of a person on a pull request that is no comment of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextId {
    /// The body of a review, by its number.
    Review(u64),
    /// A comment on a line of the code, by its number.
    ReviewComment(u64),
    /// The description of the pull request.
    Description,
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

/// A comment as the forge has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenComment {
    /// The pull request or issue on which it stands.
    pub number: PrNumber,
    /// Who wrote it; empty when the account is gone.
    pub author: String,
    /// The Markdown, as it is after the last edit.
    pub body: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// People on the forge, and what they are answered.
///
/// Nothing is cached here: the caller decides how long an answer is good for. Writes wait for their turn among all writes
/// to the forge, and fail as `Throttled` with the wait when it does not come soon. A write for an [`Audience`] that has used
/// its share of this hour fails so too, unsent ([`Error::is_sent`](crate::Error::is_sent)), until a part of the share is free.
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

    /// Returns a comment as it is now; `None`: there is none of this number, in a repository that we can see.
    ///
    /// # Errors
    /// `Denied` or `NotFound` when we may not see the repository: that says nothing about the comment.
    async fn comment(&self, comment: &CommentId) -> Result<Option<WrittenComment>>;

    /// Returns a text of a pull request as it is now; `None`: there is none of this number on it, or it is not published, in a
    /// repository that we can see. The time of a review is when it was submitted, and that of a description when the pull
    /// request was opened.
    ///
    /// # Errors
    /// As [`Conversation::comment`].
    async fn text(&self, key: &EnvKey, id: TextId) -> Result<Option<WrittenComment>>;

    /// Returns when a pull request was closed last, by the forge's own list; `None`: never, as far as the forge has listed.
    ///
    /// # Errors
    /// `NotFound` when there is no such pull request.
    async fn last_closing(&self, key: &EnvKey) -> Result<Option<DateTime<Utc>>>;

    /// Comments of a repository, on issues and pull requests alike, that were created or changed at `since` or later. A call
    /// that finds nothing changed since the last one costs nothing of the quota.
    ///
    /// # Errors
    /// When not one page could be read, and when a later page could not: a part is never taken for the whole.
    async fn comments_since(&self, repo: &RepoName, since: DateTime<Utc>) -> Result<PostedComments>;

    /// Returns the pull requests, open or not, that changed at `since` or later, in any order: the thousand that changed last at
    /// most. A call that finds nothing changed since the last one costs nothing of the quota.
    ///
    /// # Errors
    /// When a page could not be read: a part is never taken for the whole.
    async fn changed_pulls(&self, repo: &RepoName, since: DateTime<Utc>) -> Result<Vec<ChangedPull>>;

    /// Returns the submitted reviews of a pull request that have a text, the oldest first: the first thousand at most. The forge
    /// does not say when one was edited, so `updated_at` is `created_at`. A pull request that is not there has none.
    ///
    /// # Errors
    /// As [`Conversation::changed_pulls`].
    async fn reviews(&self, key: &EnvKey) -> Result<Vec<PostedComment>>;

    /// Reacts to a comment. A reaction that is there already is left as it is.
    ///
    /// # Errors
    /// `NotFound` when the comment is gone.
    async fn react(&self, comment: &CommentId, reaction: Reaction, audience: Audience) -> Result<()>;

    /// Makes the one short reply to a person on a pull request say `text` (Markdown): created, or edited when it says
    /// something else. `None` folds one that is there away, since what it complained about was corrected; without one
    /// nothing is done. Found by its hidden marker and our own authorship, so a second call never makes a second reply.
    ///
    /// The person is called (`@login`) when the reply is made, and not again when it is edited. Nobody else is called,
    /// whatever `text` holds; that what people wrote is inert in it otherwise (in backticks, for one) is the caller's care.
    ///
    /// # Errors
    /// `Invalid` when `login` can be no person's name, `NotFound` when there is no such pull request.
    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>, audience: Audience) -> Result<()>;
}

//! The door to the people on the forge.

use async_trait::async_trait;
use bivouac_model::{EnvKey, RepoName};
use bivouac_ports::{
    Audience, ChangedPull, CommentId, Conversation, LabelChange, Permission, PostedComment, PostedComments, Reaction,
    Result, TextId, WrittenComment,
};
use chrono::{DateTime, Utc};

use crate::forge::GitHub;
use crate::{labels, people, texts};

#[async_trait]
impl Conversation for GitHub {
    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Permission> {
        people::permission(&self.client, repo, login).await
    }

    async fn is_in_team(&self, repo: &RepoName, team: &str, login: &str) -> Result<bool> {
        people::is_in_team(&self.client, repo, team, login).await
    }

    async fn last_label_change(&self, key: &EnvKey, label: &str) -> Result<Option<LabelChange>> {
        labels::last_change(&self.client, key, label).await
    }

    async fn comment(&self, comment: &CommentId) -> Result<Option<WrittenComment>> {
        people::comment(&self.client, comment).await
    }

    async fn text(&self, key: &EnvKey, id: TextId) -> Result<Option<WrittenComment>> {
        texts::text(&self.client, key, id).await
    }

    async fn last_closing(&self, key: &EnvKey) -> Result<Option<DateTime<Utc>>> {
        labels::last_closing(&self.client, key).await
    }

    async fn comments_since(&self, repo: &RepoName, since: DateTime<Utc>) -> Result<PostedComments> {
        self.posted.since(&self.client, repo, since).await
    }

    async fn changed_pulls(&self, repo: &RepoName, since: DateTime<Utc>) -> Result<Vec<ChangedPull>> {
        self.reviews.changed(&self.client, repo, since).await
    }

    async fn reviews(&self, key: &EnvKey) -> Result<Vec<PostedComment>> {
        self.reviews.of(&self.client, key).await
    }

    async fn react(&self, comment: &CommentId, reaction: Reaction, audience: Audience) -> Result<()> {
        self.reactions.react(&self.client, comment, reaction, audience).await
    }

    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>, audience: Audience) -> Result<()> {
        self.replies.reply(&self.client, key, login, text, audience).await
    }
}

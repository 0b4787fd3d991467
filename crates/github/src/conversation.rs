//! The door to the people on the forge.

use async_trait::async_trait;
use bivouac_model::{EnvKey, RepoName};
use bivouac_ports::{CommentId, Conversation, LabelChange, Permission, Reaction, Result};

use crate::forge::GitHub;
use crate::{labels, people};

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

    async fn react(&self, comment: &CommentId, reaction: Reaction) -> Result<()> {
        self.reactions.react(&self.client, comment, reaction).await
    }

    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>) -> Result<()> {
        self.replies.reply(&self.client, key, login, text).await
    }
}

//! What the sticky comment has to say; how it is worded is the forge's adapter's affair.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{EnvKey, ImageDigest, Phase, Usd};

/// The content of the comment of one pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommentView {
    /// Which environment.
    pub key: EnvKey,
    /// Where it stands.
    pub phase: Phase,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// Where it answers.
    pub url: Option<String>,
    /// The tag it runs.
    pub image_tag: String,
    /// The digest it runs.
    pub image_digest: Option<ImageDigest>,
    /// The commit it was made for.
    pub head_sha: Option<String>,
    /// The flags.
    pub flags: BTreeMap<String, String>,
    /// Configuration overrides: names alone, since values may be secret.
    pub config_names: Vec<String>,
    /// When its time is over.
    pub expires_at: DateTime<Utc>,
    /// Expiry waits until it is unpinned.
    pub pinned: bool,
    /// What it costs now, an hour.
    pub hourly_cost: Usd,
    /// What it has cost at `as_of`.
    pub cost: Usd,
    /// When the cost was reckoned.
    pub as_of: DateTime<Utc>,
    /// What the project tells people once it is ready.
    pub ready_note: Option<String>,
    /// The slash command, with the slash.
    pub command: String,
}

impl CommentView {
    /// One word that changes exactly when the comment has to be edited: everything but the cost so far and its time,
    /// which grow by themselves.
    pub fn identity(&self) -> String {
        let timeless = Self { cost: Usd::ZERO, as_of: DateTime::UNIX_EPOCH, ..self.clone() };
        crate::short_hash(&serde_json::to_string(&timeless).unwrap_or_default())
    }
}

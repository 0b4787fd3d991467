//! What the sticky comment has to say; how it is worded is the forge's adapter's affair.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, EnvKey, ImageDigest, Phase, Usd};

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
        let Self { key, phase, reason, message, url, image_tag, image_digest, head_sha, .. } = self;
        let mut numbers = Vec::with_capacity(32);
        numbers.extend(key.pr.get().to_be_bytes());
        numbers.extend(self.expires_at.timestamp().to_be_bytes());
        numbers.extend(self.hourly_cost.micros().to_be_bytes());
        numbers.push(u8::from(self.pinned));
        let optional = |text: &'_ Option<String>| text.as_deref().unwrap_or_default().as_bytes().to_vec();
        let (url, head_sha, note) = (optional(url), optional(head_sha), optional(&self.ready_note));
        let digest = image_digest.as_ref().map(|digest| digest.as_str()).unwrap_or_default();
        let fixed: [&[u8]; 12] = [
            &numbers,
            key.repo.as_str().as_bytes(),
            phase.as_str().as_bytes(),
            reason.as_bytes(),
            message.as_bytes(),
            image_tag.as_bytes(),
            digest.as_bytes(),
            self.command.as_bytes(),
            &url,
            &head_sha,
            &note,
            // Where the flags end and the names begin.
            &(self.flags.len() as u64).to_be_bytes(),
        ];
        let flags = self.flags.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let names = self.config_names.iter().map(String::as_bytes);
        ContentHash::of(fixed.into_iter().chain(flags).chain(names)).as_str()[..16].to_owned()
    }
}

//! What the sticky comment has to say; how it is worded is the forge's adapter's affair.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, EnvKey, ImageDigest, LogExcerpt, Phase, Usd};

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
    /// The newer commit at the head of the pull request that nobody approved.
    pub newer_commit: Option<String>,
    /// The flags.
    pub flags: BTreeMap<String, String>,
    /// Configuration overrides: names alone, since values may be secret.
    pub config_names: Vec<String>,
    /// When its time is over.
    pub expires_at: DateTime<Utc>,
    /// Expiry waits until it is unpinned.
    pub pinned: bool,
    /// Its end is near, and whoever asked for it is told.
    pub ends_soon: bool,
    /// Who asked for it, as they are called on the forge if they are somebody there.
    pub requested_by: Option<String>,
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
    /// It is said where our comment stands, and no comment is made for it. No part of the identity.
    #[serde(skip)]
    pub edits_only: bool,
    /// The last lines of its log, where a failure is shown with them. They are read when the comment is written and are no
    /// part of its identity, so that other lines alone edit no comment.
    #[serde(skip)]
    pub log: Option<LogExcerpt>,
}

impl CommentView {
    /// One word that changes exactly when the comment has to be edited: everything but the cost so far and its time,
    /// which grow by themselves.
    pub fn identity(&self) -> String {
        CommentIdentity {
            key: &self.key,
            phase: self.phase,
            reason: &self.reason,
            message: &self.message,
            url: self.url.as_deref(),
            image_tag: &self.image_tag,
            image_digest: self.image_digest.as_ref(),
            head_sha: self.head_sha.as_deref(),
            newer_commit: self.newer_commit.as_deref(),
            flags: &self.flags,
            config_names: self.config_names.iter().map(String::as_str),
            expires_at: self.expires_at,
            pinned: self.pinned,
            told_of_its_end: self.ends_soon.then_some(self.requested_by.as_deref().unwrap_or_default()),
            hourly_cost: self.hourly_cost,
            ready_note: self.ready_note.as_deref(),
            command: &self.command,
        }
        .word()
    }
}

/// What the identity of a comment is made of, borrowed: a pass asks it of every environment and edits almost none.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of `CommentView`")]
pub struct CommentIdentity<'a, N> {
    pub key: &'a EnvKey,
    pub phase: Phase,
    pub reason: &'a str,
    pub message: &'a str,
    pub url: Option<&'a str>,
    pub image_tag: &'a str,
    pub image_digest: Option<&'a ImageDigest>,
    pub head_sha: Option<&'a str>,
    pub newer_commit: Option<&'a str>,
    pub flags: &'a BTreeMap<String, String>,
    pub config_names: N,
    pub expires_at: DateTime<Utc>,
    pub pinned: bool,
    /// Who is told that the end is near, if it is.
    pub told_of_its_end: Option<&'a str>,
    pub hourly_cost: Usd,
    pub ready_note: Option<&'a str>,
    pub command: &'a str,
}

impl<'a, N: Iterator<Item = &'a str>> CommentIdentity<'a, N> {
    /// The word; see [`CommentView::identity`].
    pub fn word(self) -> String {
        let mut numbers = [0; 25];
        numbers[..8].copy_from_slice(&self.key.pr.get().to_be_bytes());
        numbers[8..16].copy_from_slice(&self.expires_at.timestamp().to_be_bytes());
        numbers[16..24].copy_from_slice(&self.hourly_cost.micros().to_be_bytes());
        numbers[24] = u8::from(self.pinned) | u8::from(self.told_of_its_end.is_some()) << 1;
        let flag_count = (self.flags.len() as u64).to_be_bytes();
        let fixed: [&[u8]; 13] = [
            &numbers,
            self.key.repo.as_str().as_bytes(),
            self.phase.as_str().as_bytes(),
            self.reason.as_bytes(),
            self.message.as_bytes(),
            self.image_tag.as_bytes(),
            self.image_digest.map_or("", ImageDigest::as_str).as_bytes(),
            self.command.as_bytes(),
            self.url.unwrap_or_default().as_bytes(),
            self.head_sha.unwrap_or_default().as_bytes(),
            self.newer_commit.unwrap_or_default().as_bytes(),
            self.ready_note.unwrap_or_default().as_bytes(),
            // Where the flags end and the names begin.
            &flag_count,
        ];
        let flags: &BTreeMap<String, String> = self.flags;
        let flags = flags.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let names = self.config_names.map(|name| -> &[u8] { name.as_bytes() });
        // The numbers say whether there is one more.
        let told = self.told_of_its_end.map(str::as_bytes);
        ContentHash::of(fixed.into_iter().chain(flags).chain(names).chain(told)).as_str()[..16].to_owned()
    }
}

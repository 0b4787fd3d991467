//! A command that is none: its author learns why, once.

use bivouac_model::{EnvKey, Event, ItemKey};
use bivouac_ports::{Audience, CommentId, TextId};
use tokio::time::Instant;

use super::admit::Said;
use super::{Handler, Later};
use crate::answer::Reply;
use crate::letter::{Hint, Source, body_hash};
use crate::limits::Takes;

/// The reason in the audit.
const REASON: &str = "NotACommand";

impl Hint {
    /// The key of the hint in the audit, the same for every delivery about one text.
    pub(super) fn name(&self) -> String {
        format!("hint-{}-{}", self.source.as_str(), self.id)
    }
}

impl Handler {
    /// Replies to a person who may give the command that was meant, if the text is as it was delivered. All others hear nothing.
    /// The audit remembers the hint, so a second call says nothing, and nor does one after a restart. Dropped half-way, call it
    /// again.
    ///
    /// # Errors
    /// [`Later`] when that depends on an answer that did not come.
    pub(super) async fn misplaced(&self, key: &EnvKey, hint: &Hint) -> Result<(), Later> {
        let name = hint.name();
        if self.decided(key).await?.iter().any(|event| event.tie == name) {
            return Ok(());
        }
        let since = Instant::now();
        let may = self.authority.may(&key.repo, &hint.author, hint.verb, since).await.map_err(Later::Forge)?;
        let takes = self.takes(key, &hint.author, Said::Other, since).await?;
        if !may || takes != Takes::Answer || !self.is_as_delivered(key, hint).await? {
            return Ok(());
        }
        if self.admit(key, &name, &hint.author, takes)?.is_none() {
            return Ok(());
        }
        let mut reply = Reply::default();
        reply.complain(Some(&hint.line), &*hint.why);
        self.reply(key, &hint.author, reply.text().as_deref(), Audience::Member).await?;
        self.limits.finished(key, &name);
        // Answered first, so that an event means that the answer was given.
        let event = Event {
            environment: ItemKey::from(key),
            at: hint.at,
            tie: name,
            actor: hint.author.clone(),
            action: "command".to_owned(),
            reason: REASON.to_owned(),
            message: format!("{} was meant, where or as it is no command", hint.verb),
            head_sha: None,
            url: Some(hint.url.clone()).filter(|url| !url.is_empty()),
            decision: None,
        };
        self.note(&[event]).await
    }

    /// Whether the forge has the text that was delivered. Anyone who can sign deliveries could make one up.
    async fn is_as_delivered(&self, key: &EnvKey, hint: &Hint) -> Result<bool, Later> {
        let conversation = &self.doors.conversation;
        let text = |id| async move { conversation.text(key, id).await };
        let written = match hint.source {
            Source::Comment => conversation.comment(&CommentId { repo: key.repo.clone(), id: hint.id }).await,
            Source::Review => text(TextId::Review(hint.id)).await,
            Source::ReviewComment => text(TextId::ReviewComment(hint.id)).await,
            Source::Description => text(TextId::Description).await,
        };
        let is_same = written.map_err(Later::Forge)?.is_some_and(|written| {
            written.number == key.pr
                && written.author.eq_ignore_ascii_case(&hint.author)
                && body_hash(&written.body) == hint.body
        });
        if !is_same {
            tracing::debug!(environment = %key, text = hint.name(), "no hint: the text is not what the delivery says");
        }
        Ok(is_same)
    }
}

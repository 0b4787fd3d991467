//! Whether a comment is handled now, later or never, once it is known what its author may.

use bivouac_model::EnvKey;
use bivouac_ports::{Audience, Error};
use tokio::time::Instant;

use super::{Handler, Later};
use crate::limits::{Charged, Takes};

/// The kind of a comment, once it is known what its author may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A command that changes something and that its author may give.
    Command,
    /// The same, if all that it changes is that the environment ends. It does not wait: it saves what the limits protect.
    Down,
    /// Anything else.
    Other,
}

impl Handler {
    /// Takes what the comment needs out of its author's budget, and answers for whom the answers to it are; `None`: it is not
    /// answered. `comment` is its name. Called again for one comment it takes nothing.
    ///
    /// # Errors
    /// [`Later::Limit`]: its author may give commands and has given many. It waits.
    pub(super) fn admit(
        &self,
        key: &EnvKey,
        comment: &str,
        author: &str,
        takes: Takes,
    ) -> Result<Option<Audience>, Later> {
        match self.limits.charge(key, comment, author, takes) {
            Charged::Paid if takes == Takes::StrangersAnswer => Ok(Some(Audience::Stranger)),
            Charged::Paid => Ok(Some(Audience::Member)),
            Charged::Later(wait) => Err(Later::Limit(wait)),
            Charged::Refused => Ok(None),
        }
    }

    /// Returns the budget that a comment takes from.
    ///
    /// # Errors
    /// [`Later::Forge`] when the forge does not say whether its author is a stranger.
    pub(super) async fn takes(&self, key: &EnvKey, author: &str, said: Said, since: Instant) -> Result<Takes, Later> {
        Ok(match said {
            Said::Down => Takes::Nothing,
            Said::Command => Takes::Command,
            Said::Other if self.is_member(key, author, since).await.map_err(Later::Forge)? => Takes::Answer,
            Said::Other => Takes::StrangersAnswer,
        })
    }

    /// Whether a person may give commands, and so is no stranger. Answers to questions since that moment are used again.
    ///
    /// # Errors
    /// When the forge does not say. That makes no one a stranger.
    pub async fn is_member(&self, key: &EnvKey, login: &str, since: Instant) -> Result<bool, Error> {
        self.authority.is_member(&key.repo, login, since).await
    }

    /// Says once in a while that a stranger's comments are not read.
    pub fn note_stranger(&self, login: &str) {
        self.limits.note(login);
    }
}

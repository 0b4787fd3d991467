//! What is said to people, and the wait for a turn to say it.

use std::time::Duration;

use bivouac_model::EnvKey;
use bivouac_ports::{CommentId, Error, Meaning, Reaction};
use tokio::time::{Instant, sleep, timeout};

use super::{Handler, Later};

/// How long 👀 may wait for its turn. It is a courtesy: what was asked for does not wait for it.
const COURTESY: Duration = Duration::from_secs(5);
/// How long an answer waits for its turn here, before its letter is put back. The forge's door has one write at a time, a
/// second apart, and lets nobody stand in line longer than the controller's lease allows; the bot has no lease. A dozen of
/// others go first in this time.
const PATIENCE: Duration = Duration::from_secs(15);

impl Handler {
    /// Shows that a comment was seen, or not.
    pub(super) async fn eyes(&self, target: &CommentId) {
        let eyes = in_turn(|| self.doors.conversation.react(target, Reaction::Eyes));
        match timeout(COURTESY, eyes).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "no 👀 for a comment"),
            Err(_) => tracing::debug!("no 👀 for a comment: its turn did not come"),
        }
    }

    /// Settles a comment. Called twice, the second changes nothing.
    ///
    /// # Errors
    /// [`Later::Forge`] when it may be said in a while.
    pub(super) async fn react(&self, key: &EnvKey, target: &CommentId, reaction: Reaction) -> Result<(), Later> {
        heard(key, in_turn(|| self.doors.conversation.react(target, reaction)).await)
    }

    /// Answers a person; `None` folds an older answer away. Called twice, the second changes nothing.
    ///
    /// # Errors
    /// [`Later::Forge`] when it may be said in a while.
    pub(super) async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>) -> Result<(), Later> {
        heard(key, in_turn(|| self.doors.conversation.reply(key, login, text)).await)
    }
}

/// Whether the same call may be answered otherwise in a while, without anybody mending anything.
pub(super) fn is_passing(error: &Error) -> bool {
    matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable | Meaning::Conflict)
}

/// Makes a call, and again when its turn has come, as long as patience goes.
async fn in_turn<F: Future<Output = Result<(), Error>>>(call: impl Fn() -> F) -> Result<(), Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = call().await;
        let wait = match &answer {
            Err(error) if error.meaning() == Meaning::Throttled => error.wait(),
            _ => None,
        };
        match wait {
            Some(wait) if Instant::now() + wait <= until => sleep(wait).await,
            _ => return answer,
        }
    }
}

/// An answer that cannot be given for good, on a locked conversation or to a comment that is gone, is not tried again.
fn heard(key: &EnvKey, answer: Result<(), Error>) -> Result<(), Later> {
    match answer {
        Err(error) if is_passing(&error) => Err(Later::Forge(error)),
        Err(error) => {
            tracing::warn!(environment = %key, error = &error as &dyn std::error::Error, "a person gets no answer");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

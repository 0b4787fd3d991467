//! What is said to people, and the wait for a turn to say it.

use std::time::Duration;

use bivouac_model::EnvKey;
use bivouac_ports::{Audience, CommentId, Error, Meaning, Reaction};
use tokio::time::{Instant, sleep, timeout};

use super::{Attempt, Handler, Later};

/// How long 👀 may wait for its turn. It is a courtesy: what was asked for does not wait for it.
const COURTESY: Duration = Duration::from_secs(5);
/// How long an answer waits for its turn here, before its letter is put back. The forge's door has one write at a time, a
/// second apart, and lets nobody stand in line longer than the controller's lease allows; the bot has no lease. A dozen of
/// others go first in this time.
const PATIENCE: Duration = Duration::from_secs(15);

impl Handler {
    /// Shows that a comment was seen, or not. `None`: the forge takes no reactions there, as to a review.
    pub(super) async fn eyes(&self, target: Option<&CommentId>) {
        let Some(target) = target else { return };
        let eyes = in_turn(|| self.doors.conversation.react(target, Reaction::Eyes, Audience::Member));
        match timeout(COURTESY, eyes).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "no 👀 for a comment"),
            Err(_) => tracing::debug!("no 👀 for a comment: its turn did not come"),
        }
    }

    /// Settles a comment. Called twice, the second changes nothing. `None`: the forge takes no reactions there.
    ///
    /// # Errors
    /// [`Later::Answer`] when it may be said in a while.
    pub(super) async fn react(
        &self,
        key: &EnvKey,
        target: Option<&CommentId>,
        reaction: Reaction,
        audience: Audience,
    ) -> Result<(), Later> {
        let Some(target) = target else { return Ok(()) };
        let answer = in_turn(|| self.doors.conversation.react(target, reaction, audience)).await;
        self.heard(key, audience, answer).await
    }

    /// Answers a person; `None` folds an older answer away. Called twice, the second changes nothing.
    ///
    /// # Errors
    /// [`Later::Answer`] when it may be said in a while.
    pub(super) async fn reply(
        &self,
        key: &EnvKey,
        login: &str,
        text: Option<&str>,
        audience: Audience,
    ) -> Result<(), Later> {
        let answer = in_turn(|| self.doors.conversation.reply(key, login, text, audience)).await;
        self.heard(key, audience, answer).await
    }

    /// An answer that cannot be given for good, on a locked conversation or to a comment that is gone, is not tried again. Nor is
    /// one to a stranger for which their share of the forge's limit has no room. If the pull request is out of our sight as well,
    /// the refusal says nothing about the answer.
    async fn heard(&self, key: &EnvKey, audience: Audience, answer: Result<(), Error>) -> Result<(), Later> {
        let Err(error) = answer else { return Ok(()) };
        if audience == Audience::Stranger && error.meaning() == Meaning::Throttled && !error.is_sent() {
            tracing::debug!(environment = %key, "a stranger gets no answer: strangers have had all there are for now");
            return Ok(());
        }
        if is_passing(&error) || (is_out_of_sight(&error) && self.doors.forge.pull_request(key).await.is_err()) {
            return Err(Later::Answer(error));
        }
        tracing::warn!(environment = %key, error = &error as &dyn std::error::Error, "a person gets no answer");
        Ok(())
    }
}

/// Whether the same call may be answered otherwise in a while, though nothing that was asked changes. So it is with refused
/// credentials: they are renewed, and what was said waits for that.
pub(super) fn is_passing(error: &Error) -> bool {
    error.is_of_credentials()
        || matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable | Meaning::Conflict)
}

/// Whether the forge may be out of our sight: it fails, or refuses what we ask about a repository and its people. GitHub answers
/// 403 or 404 for some seconds where a moment later it answers well.
pub(crate) fn is_out_of_sight(error: &Error) -> bool {
    is_passing(error) || matches!(error.meaning(), Meaning::Denied | Meaning::NotFound)
}

/// Whether a person should hear that the forge cannot be asked. Refused credentials and limits of ours are no reason: what a person
/// said waits in the inbox, which keeps it for a month.
pub(super) fn gives_up(attempt: Attempt, error: &Error) -> bool {
    let is_held = error.meaning() == Meaning::Throttled && !error.is_sent();
    attempt.is_last && !error.is_of_credentials() && !is_held
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

//! What is done about a letter.
//!
//! Every handling may be repeated from its beginning, by this process or another: what was written already is seen in the
//! record, and every answer is given so that a second one changes nothing. So a letter is done only when all of it is.

mod admit;
mod changed;
mod comment;
mod evidence;
mod fate;
mod genuine;
mod hint;
mod lines;
mod misplaced;
mod named;
mod newest;
mod overtaken;
mod say;

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{EnvKey, Event, ItemKey, PullRequest, Record};
use bivouac_ports::{DesiredChange, Error, Meaning};
use chrono::{DateTime, Utc};

pub(crate) use changed::{Cause, Looked};
pub(crate) use say::is_out_of_sight;

use crate::authorise::Authority;
use crate::doors::Doors;
use crate::letter::{Changed, Fact, News};
use crate::limits::Limits;
use crate::settings::Settings;

/// How often a change is made anew because somebody wrote meanwhile, before the letter is put back.
const CONFLICTS: usize = 5;

/// Why a letter is not done, and is to be handled again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Later {
    /// The table did not answer, or somebody kept writing.
    #[error("the store: {0}")]
    Store(#[source] Error),
    /// The forge did not answer.
    #[error("the forge: {0}")]
    Forge(#[source] Error),
    /// All is decided and done, and the forge took no answer.
    #[error("the forge takes no answer: {0}")]
    Answer(#[source] Error),
    /// Its author may give commands and has given many. It is handled after this time, before their next one.
    #[error("its author has given many commands, and this one waits {0:?}")]
    Limit(Duration),
}

impl Later {
    /// How long to wait at least.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Store(error) | Self::Forge(error) | Self::Answer(error) => error.wait(),
            Self::Limit(wait) => Some(*wait),
        }
    }

    /// Whether nothing failed: we did not ask, since we keep to a limit. Such a delivery is tried again without an end.
    pub fn is_only_a_wait(&self) -> bool {
        match self {
            Self::Store(_) => false,
            Self::Forge(error) | Self::Answer(error) => error.meaning() == Meaning::Throttled && !error.is_sent(),
            Self::Limit(_) => true,
        }
    }

    /// Whether the command is not decided yet, so that a newer one must not come before it.
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Forge(_))
    }

    /// The error, if the forge is to blame.
    pub fn of_forge(&self) -> Option<&Error> {
        match self {
            Self::Forge(error) | Self::Answer(error) => Some(error),
            Self::Store(_) | Self::Limit(_) => None,
        }
    }
}

/// Which attempt at a letter this is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Whether this process tries for the first time.
    pub is_first: bool,
    /// Whether the forge has not answered for so long that the author should hear of it.
    pub is_last: bool,
}

/// Handles letters.
pub(crate) struct Handler {
    doors: Doors,
    settings: Arc<Settings>,
    authority: Authority,
    limits: Limits,
    recorded: evidence::Recorded,
}

impl Handler {
    pub fn new(doors: Doors, settings: Arc<Settings>) -> Self {
        Self {
            authority: Authority::new(Arc::clone(&doors.conversation), &settings),
            doors,
            settings,
            limits: Limits::new(),
            recorded: evidence::Recorded::default(),
        }
    }

    /// Handles what a letter says. Called twice, also at once, it ends as if called once; dropped half-way, call it again.
    ///
    /// # Errors
    /// [`Later`]: handle it again after a while. A person's command is not given up before its author has an answer.
    pub async fn handle(&self, id: &str, at: DateTime<Utc>, news: &News, attempt: Attempt) -> Result<(), Later> {
        let key = news.key();
        // It may have been taken out of the configuration since.
        let Some(rules) = self.settings.project(key.repo.as_str()) else { return Ok(()) };
        let handled = match &news.fact {
            Fact::Comment(comment) => self.comment(&key, rules, comment, attempt).await,
            Fact::Changed(changed) => self.changed(&key, &Cause::letter(id, at, changed), changed).await,
            Fact::Hint(hint) => self.misplaced(&key, hint).await,
        };
        let handled = match handled {
            Err(later) if later.is_only_a_wait() => Err(later),
            // The comparison knows no closing of a pull request that is open again, so what passes is waited for.
            Err(later @ (Later::Forge(_) | Later::Answer(_)))
                if attempt.is_last
                    && !matches!(news.fact, Fact::Comment(_))
                    && later.of_forge().is_some_and(|error| !say::is_passing(error)) =>
            {
                let error = &later as &dyn std::error::Error;
                tracing::error!(environment = %key, error, "a delivery is given up: the forge refuses what it needs");
                Ok(())
            }
            handled => handled,
        };
        if let (Ok(()), Fact::Comment(comment)) = (&handled, &news.fact) {
            self.limits.finished(&key, &comment.name());
        }
        handled
    }

    async fn changed(&self, key: &EnvKey, cause: &Cause, changed: &Changed) -> Result<(), Later> {
        self.look(key, cause).await?;
        match &changed.hint {
            Some(hint) => self.misplaced(key, hint).await,
            None => Ok(()),
        }
    }

    async fn record(&self, key: &EnvKey) -> Result<Option<Record>, Later> {
        self.doors.records.get(&ItemKey::from(key)).await.map_err(Later::Store)
    }

    /// Reads a pull request as it is now, and remembers its head.
    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>, Later> {
        let pull = self.doors.forge.pull_request(key).await.map_err(Later::Forge)?;
        if let Some(pull) = &pull {
            self.sight(key, pull).await?;
        }
        Ok(pull)
    }

    /// Writes over what was read; `false`: somebody else wrote meanwhile, or this write was done and its answer lost.
    async fn write(&self, key: &EnvKey, seen: Option<&Record>, change: &DesiredChange) -> Result<bool, Error> {
        match self.doors.records.write_desired_over(&ItemKey::from(key), seen, change).await {
            Ok(_) => Ok(true),
            Err(error) if error.meaning() == Meaning::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn note(&self, events: &[Event]) -> Result<(), Later> {
        if events.is_empty() {
            return Ok(());
        }
        self.doors.journal.append(events).await.map_err(Later::Store)
    }
}

/// Somebody kept writing.
fn contended() -> Later {
    Later::Store(Error::new(Meaning::Conflict, "write_desired_over", "the record changed again and again"))
}

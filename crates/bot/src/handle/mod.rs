//! What is done about a letter.
//!
//! Every handling may be repeated from its beginning, by this process or another: what was written already is seen in the
//! record, and every answer is given so that a second one changes nothing. So a letter is done only when all of it is.

mod changed;
mod comment;
mod fate;
mod hint;
mod newest;
mod pushes;
mod say;

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{EnvKey, Event, ItemKey, PullRequest, Record};
use bivouac_ports::{DesiredChange, Error, Meaning};
use chrono::{DateTime, Utc};

pub(crate) use changed::Cause;

use crate::authorise::Authority;
use crate::doors::Doors;
use crate::letter::{Fact, News};
use crate::pace::Pace;
use crate::settings::Settings;

/// How many commands in a row somebody may give, and how fast they come back. Far more than a person types, far less than a
/// flood: what is beyond costs no call to anybody.
const COMMANDS: (u32, Duration) = (30, Duration::from_secs(4));
/// The same for answers in words and for 😕, which are writes to the forge: GitHub allows 500 an hour for all of us (REST
/// API, "About secondary rate limits").
const ANSWERS: (u32, Duration) = (10, Duration::from_secs(60));
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
}

impl Later {
    /// How long the other side asked us to wait.
    pub fn wait(&self) -> Option<Duration> {
        let (Self::Store(error) | Self::Forge(error)) = self;
        error.wait()
    }
}

/// Which attempt at a letter this is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Whether this process tries for the first time.
    pub is_first: bool,
    /// Whether nobody should wait longer for the forge.
    pub is_last: bool,
}

/// Handles letters.
pub(crate) struct Handler {
    doors: Doors,
    settings: Arc<Settings>,
    authority: Authority,
    commands: Pace<String>,
    answers: Pace<String>,
    pushes: pushes::Pushes,
}

impl Handler {
    pub fn new(doors: Doors, settings: Arc<Settings>) -> Self {
        Self {
            authority: Authority::new(Arc::clone(&doors.conversation), &settings),
            doors,
            settings,
            commands: Pace::new(COMMANDS.0, COMMANDS.1),
            answers: Pace::new(ANSWERS.0, ANSWERS.1),
            pushes: pushes::Pushes::default(),
        }
    }

    /// Handles what a letter says. Called twice, also at once, it ends as if called once; dropped half-way, call it again.
    ///
    /// # Errors
    /// [`Later`]: handle it again after a while. On the last attempt only what the store is to blame for.
    pub async fn handle(&self, id: &str, at: DateTime<Utc>, news: &News, attempt: Attempt) -> Result<(), Later> {
        let key = news.key();
        // It may have been taken out of the configuration since.
        let Some(rules) = self.settings.project(key.repo.as_str()) else { return Ok(()) };
        let handled = match &news.fact {
            Fact::Comment(comment) => self.comment(&key, rules, comment, attempt).await,
            Fact::Changed(changed) => self.look(&key, &Cause::letter(id, at, changed)).await,
        };
        match handled {
            Err(Later::Forge(error)) if attempt.is_last => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(environment = %key, error, "given up: the forge did not answer; the comparison will find it");
                Ok(())
            }
            handled => handled,
        }
    }

    async fn record(&self, key: &EnvKey) -> Result<Option<Record>, Later> {
        self.doors.records.get(&ItemKey::from(key)).await.map_err(Later::Store)
    }

    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>, Later> {
        self.doors.forge.pull_request(key).await.map_err(Later::Forge)
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

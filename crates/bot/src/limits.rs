//! How much of the bot one person may use.
//!
//! People who may give commands have budgets of their own for each repository, and what they said waits until its turn comes.
//! Everybody else has a much smaller budget, and what is beyond it is not answered. Nothing that one kind of people says takes
//! anything from the budget of the other.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bivouac_model::{EnvKey, RepoName};

use crate::pace::Pace;

/// Commands of one person in one repository that are obeyed in a row, and how fast more are. Ours: the first keeps a script
/// within what the forge lets us write about it; the second is a fifth of the calls that the forge allows in an hour.
const COMMANDS: (u32, Duration) = (30, Duration::from_secs(2));
/// The same for comments that change nothing: questions, and mistakes that are explained. Each is two writes to the forge, of
/// the 250 an hour that all answers share.
const QUESTIONS: (u32, Duration) = (10, Duration::from_secs(30));
/// Comments of a stranger that are answered, in all repositories. Each is two writes at most, so one stranger causes ten
/// within an hour, and then four an hour.
const STRANGERS: (u32, Duration) = (3, Duration::from_secs(30 * 60));
/// One line in the log for each person, however much they write.
const NOTED: (u32, Duration) = (1, Duration::from_secs(60 * 60));
/// Commands of deliveries on one pull request that the forge does not confirm and that are recorded. Ours: enough to see that it
/// happens, and far fewer than the events that are looked through for older commands.
const UNCONFIRMED: (u32, Duration) = (10, Duration::from_secs(10 * 60));
/// The most comments that are remembered as paid for. More are never in one process.
const MOST_PAID: usize = 4096;

/// The budgets. Kept in memory: after a restart everybody begins with a full one.
pub(crate) struct Limits {
    commands: Pace<(RepoName, String)>,
    questions: Pace<(RepoName, String)>,
    strangers: Pace<String>,
    noted: Pace<String>,
    unconfirmed: Pace<EnvKey>,
    /// Comments that took what they need, and are handled again.
    paid: Mutex<HashSet<(RepoName, String)>>,
}

/// The budget that a comment takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// None: it ends an environment.
    Nothing,
    /// A command that its author may give.
    Command,
    /// An answer to a person who may give commands.
    Answer,
    /// An answer to a stranger.
    StrangersAnswer,
}

/// Whether a comment is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charged {
    /// Now.
    Paid,
    /// After this time. It need not be paid for again.
    Later(Duration),
    /// Never: a stranger has had all the answers that there are for now.
    Refused,
}

impl Limits {
    pub fn new() -> Self {
        Self {
            commands: Pace::new(COMMANDS.0, COMMANDS.1),
            questions: Pace::new(QUESTIONS.0, QUESTIONS.1),
            strangers: Pace::new(STRANGERS.0, STRANGERS.1),
            noted: Pace::new(NOTED.0, NOTED.1),
            unconfirmed: Pace::new(UNCONFIRMED.0, UNCONFIRMED.1),
            paid: Mutex::default(),
        }
    }

    /// Takes what a comment needs out of the budget of its author. `comment` is its name. A second call for one comment takes nothing until
    /// [`Limits::finished`].
    pub fn charge(&self, key: &EnvKey, comment: &str, author: &str, takes: Takes) -> Charged {
        let this = (key.repo.clone(), comment.to_owned());
        if self.paid().contains(&this) {
            return Charged::Paid;
        }
        let person = (key.repo.clone(), author.to_ascii_lowercase());
        let wait = match takes {
            Takes::Nothing => None,
            Takes::Command => self.commands.charge(person),
            Takes::Answer => self.questions.charge(person),
            Takes::StrangersAnswer if self.strangers_may_hear(author) => None,
            Takes::StrangersAnswer => return Charged::Refused,
        };
        let mut paid = self.paid();
        if paid.len() >= MOST_PAID {
            paid.clear();
        }
        paid.insert(this);
        wait.map_or(Charged::Paid, Charged::Later)
    }

    /// A comment is not handled again.
    pub fn finished(&self, key: &EnvKey, comment: &str) {
        self.paid().remove(&(key.repo.clone(), comment.to_owned()));
    }

    /// Whether a stranger has had all the answers that there are for now. Takes nothing. A comment that was paid for has its own.
    pub fn is_stranger_spent(&self, key: &EnvKey, comment: &str, login: &str) -> bool {
        let login = login.to_ascii_lowercase();
        let is_spent =
            !self.paid().contains(&(key.repo.clone(), comment.to_owned())) && self.strangers.is_spent(&login);
        if is_spent {
            self.note(&login);
        }
        is_spent
    }

    /// Whether one more delivery about a pull request that the forge does not confirm is recorded.
    pub fn may_record_unconfirmed(&self, key: &EnvKey) -> bool {
        self.unconfirmed.take(key.clone())
    }

    /// Takes one answer out of a stranger's budget; `false`: there is none left.
    pub fn strangers_may_hear(&self, login: &str) -> bool {
        let login = login.to_ascii_lowercase();
        let may = self.strangers.take(login.clone());
        if !may {
            self.note(&login);
        }
        may
    }

    /// Says once in a while that a person writes more than is read.
    pub fn note(&self, login: &str) {
        if self.noted.take(login.to_ascii_lowercase()) {
            let login = login.escape_debug();
            tracing::info!(%login, "a person without permission writes more commands than are answered; the rest is dropped");
        }
    }

    fn paid(&self) -> std::sync::MutexGuard<'_, HashSet<(RepoName, String)>> {
        // A set is whole between its calls, also after a panic.
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bivouac_model::PrNumber;

    use super::*;

    fn key() -> EnvKey {
        EnvKey { repo: "apache/superset".parse().unwrap(), pr: PrNumber::new(7).unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_strangers_answers_take_nothing_from_anybody_else() {
        let limits = Limits::new();
        let strangers = (0..100)
            .filter(|id| limits.charge(&key(), &id.to_string(), "eve", Takes::StrangersAnswer) == Charged::Paid);
        assert_eq!(strangers.count(), 3);
        assert_eq!(limits.charge(&key(), "200", "mallory", Takes::StrangersAnswer), Charged::Paid);
        // The same login, once it may: the budget is another one.
        assert_eq!(limits.charge(&key(), "201", "eve", Takes::Command), Charged::Paid);
        tokio::time::advance(STRANGERS.1).await;
        assert_eq!(limits.charge(&key(), "202", "Eve", Takes::StrangersAnswer), Charged::Paid);
        assert_eq!(limits.charge(&key(), "203", "eve", Takes::StrangersAnswer), Charged::Refused);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_is_paid_for_once() {
        let limits = Limits::new();
        let waits: Vec<_> = (0..32).map(|id| limits.charge(&key(), &id.to_string(), "ada", Takes::Command)).collect();
        assert!(waits[..30].iter().all(|charged| *charged == Charged::Paid));
        assert_eq!(waits[30..], [Charged::Later(COMMANDS.1), Charged::Later(2 * COMMANDS.1)]);
        assert_eq!(limits.charge(&key(), "31", "ada", Takes::Command), Charged::Paid);
        limits.finished(&key(), "31");
        assert_eq!(limits.charge(&key(), "31", "ada", Takes::Command), Charged::Later(3 * COMMANDS.1));
    }
}

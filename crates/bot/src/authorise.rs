//! Who may give a command. Nobody may, until the forge has said so.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bivouac_model::RepoName;
use bivouac_model::command::{Verb, table};
use bivouac_ports::{Conversation, Meaning, Permission, Result};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::pace::Pace;
use crate::payload::is_person;
use crate::settings::{Policy, Required, Settings};

/// The most answers that are remembered; more people than that do not give commands within two minutes.
const MOST: usize = 2048;
/// How often a person may be refused before the forge is asked about them less often: ten in a row, and then one each half
/// minute. Ours: so a flood of commands by strangers leaves the forge's hourly limit to everybody else.
const REFUSALS: (u32, Duration) = (10, Duration::from_secs(30));
/// How long a refusal counts for a person who has used all of that up.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// Asks the forge, and remembers who may for some seconds.
///
/// A refusal is not kept: a person who has just got the permission is obeyed at once. A command that starts or ends something is
/// never obeyed by an answer from before. A caller that asks while the same question is under way waits for that answer. An error is
/// not remembered at all.
pub(crate) struct Authority {
    conversation: Arc<dyn Conversation>,
    policy: Policy,
    trust_for: Duration,
    permissions: Remembered<(RepoName, String), Permission>,
    memberships: Remembered<(RepoName, String, String), bool>,
    refused: Pace<(RepoName, String)>,
}

/// Which answers of the forge are good enough.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// To a question that was asked at this moment or later.
    since: Instant,
    /// Also one that says yes and is that old.
    yes_for: Duration,
    /// Also one that says no and is that old.
    no_for: Duration,
}

impl Authority {
    pub fn new(conversation: Arc<dyn Conversation>, settings: &Settings) -> Self {
        Self {
            conversation,
            policy: settings.policy.clone(),
            trust_for: settings.trust_for.min(Settings::MOST_TRUST),
            permissions: Remembered::default(),
            memberships: Remembered::default(),
            refused: Pace::new(REFUSALS.0, REFUSALS.1),
        }
    }

    /// Whether somebody may give a command that is handled since a moment. Bots never may. Answers to questions of that moment or
    /// later are used again, so that one comment asks once.
    ///
    /// # Errors
    /// When the forge does not answer what has to be known. That is no permission.
    pub async fn may(&self, repo: &RepoName, login: &str, verb: Verb, since: Instant) -> Result<bool> {
        let Required { permission, teams, users } = self.policy.required(verb);
        if !is_person(login) {
            return Ok(false);
        }
        if *permission == Permission::None || users.iter().any(|user| user.eq_ignore_ascii_case(login)) {
            return Ok(true);
        }
        let yes_for = if starts_or_ends(verb) { Duration::ZERO } else { self.trust_for };
        let login = login.to_ascii_lowercase();
        let may = self.has(repo, &login, *permission, teams, self.wanted(repo, &login, since, yes_for)).await?;
        if !may {
            self.refused.take((repo.clone(), login));
        }
        Ok(may)
    }

    /// Returns whether a person may give at least one command that is not open to everyone, and so is no stranger.
    ///
    /// Everyone may read a public repository, so a command for readers makes no one a member.
    ///
    /// # Errors
    /// When the forge does not answer what has to be known. The person may be a stranger or not.
    pub async fn is_member(&self, repo: &RepoName, login: &str, since: Instant) -> Result<bool> {
        if !is_person(login) {
            return Ok(false);
        }
        let rules = || table::COMMANDS.iter().map(|row| self.policy.required(row.verb));
        let rules: Vec<&Required> = rules().filter(|required| required.permission >= Permission::Write).collect();
        if rules.iter().any(|required| required.users.iter().any(|user| user.eq_ignore_ascii_case(login))) {
            return Ok(true);
        }
        let Some(least) = rules.iter().map(|required| required.permission).min() else { return Ok(false) };
        let teams: BTreeSet<&String> = rules.iter().flat_map(|required| &required.teams).collect();
        let login = login.to_ascii_lowercase();
        let wanted = self.wanted(repo, &login, since, self.trust_for);
        self.has(repo, &login, least, teams, wanted).await
    }

    fn wanted(&self, repo: &RepoName, login: &str, since: Instant, yes_for: Duration) -> Wanted {
        let is_spent = self.refused.is_spent(&(repo.clone(), login.to_owned()));
        Wanted { since, yes_for, no_for: if is_spent { REFUSED_FOR } else { Duration::ZERO } }
    }

    /// Whether a person has a permission, or is in one of the teams. `login` is in lower case.
    async fn has<'a>(
        &self,
        repo: &RepoName,
        login: &str,
        permission: Permission,
        teams: impl IntoIterator<Item = &'a String>,
        wanted: Wanted,
    ) -> Result<bool> {
        let question = (repo.clone(), login.to_owned());
        let is_enough = |granted: &Permission| *granted >= permission;
        let asked = self.permissions.get(question, wanted, is_enough, || self.conversation.permission(repo, login));
        if asked.await? >= permission {
            return Ok(true);
        }
        for team in teams {
            let question = (repo.clone(), login.to_owned(), team.clone());
            let ask = || self.conversation.is_in_team(repo, team, login);
            match self.memberships.get(question, wanted, |is_in| *is_in, ask).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // We may not see this team, today and tomorrow: `bivouac doctor` says so. Others may still know them.
                Err(error) if error.meaning() == Meaning::Denied && !error.is_of_credentials() => {
                    tracing::warn!(%team, error = &error as &dyn std::error::Error, "the members of a team cannot be seen");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Whether a command starts or ends a task.
fn starts_or_ends(verb: Verb) -> bool {
    matches!(verb, Verb::Up | Verb::Down | Verb::Sleep | Verb::Wake | Verb::Restart)
}

/// Answers by question, each for a while.
struct Remembered<Q, A>(Mutex<HashMap<Q, Entry<A>>>);

struct Entry<A> {
    since: Instant,
    answer: Arc<OnceCell<A>>,
}

impl<A> Entry<A> {
    fn new(since: Instant) -> Self {
        Self { since, answer: Arc::default() }
    }

    /// Whether the answer is good enough, or is not there yet.
    fn serves(&self, now: Instant, wanted: Wanted, is_yes: impl Fn(&A) -> bool) -> bool {
        let Some(answer) = self.answer.get() else { return true };
        // The time counts from the question: the answer may be as old as that.
        let age = now.duration_since(self.since);
        self.since >= wanted.since || age < if is_yes(answer) { wanted.yes_for } else { wanted.no_for }
    }
}

impl<Q, A> Default for Remembered<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: Eq + std::hash::Hash, A: Copy> Remembered<Q, A> {
    async fn get<F: Future<Output = Result<A>>>(
        &self,
        question: Q,
        wanted: Wanted,
        is_yes: impl Fn(&A) -> bool,
        ask: impl FnOnce() -> F,
    ) -> Result<A> {
        let now = Instant::now();
        let answer = {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= MOST {
                entries.retain(|_, entry| now.duration_since(entry.since) < REFUSED_FOR);
                if entries.len() >= MOST {
                    entries.clear();
                }
            }
            let entry = entries.entry(question).or_insert_with(|| Entry::new(now));
            if !entry.serves(now, wanted, is_yes) {
                *entry = Entry::new(now);
            }
            Arc::clone(&entry.answer)
        };
        answer.get_or_try_init(ask).await.copied()
    }
}

//! Who may give a command. Nobody may, until the forge has said so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bivouac_model::RepoName;
use bivouac_model::command::Verb;
use bivouac_ports::{Conversation, Meaning, Permission, Result};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::payload::is_person;
use crate::settings::{Policy, Required, Settings};

/// The most answers that are remembered; more people than that do not give commands within two minutes.
const MOST: usize = 2048;

/// Asks the forge, and remembers its answers for a moment. Who asks while the same question is under way waits for that
/// answer; an error is remembered by nobody.
pub(crate) struct Authority {
    conversation: Arc<dyn Conversation>,
    policy: Policy,
    trust_for: Duration,
    permissions: Remembered<(RepoName, String), Permission>,
    memberships: Remembered<(RepoName, String, String), bool>,
}

impl Authority {
    pub fn new(conversation: Arc<dyn Conversation>, settings: &Settings) -> Self {
        Self {
            conversation,
            policy: settings.policy.clone(),
            trust_for: settings.trust_for.min(Settings::MOST_TRUST),
            permissions: Remembered::default(),
            memberships: Remembered::default(),
        }
    }

    /// Whether somebody may give a command. Bots never may.
    ///
    /// # Errors
    /// When the forge does not answer what has to be known. That is no permission.
    pub async fn may(&self, repo: &RepoName, login: &str, verb: Verb) -> Result<bool> {
        let Required { permission, teams, users } = self.policy.required(verb);
        if !is_person(login) {
            return Ok(false);
        }
        if *permission == Permission::None || users.iter().any(|user| user.eq_ignore_ascii_case(login)) {
            return Ok(true);
        }
        let login = login.to_ascii_lowercase();
        let asked = self
            .permissions
            .get((repo.clone(), login.clone()), self.trust_for, || self.conversation.permission(repo, &login));
        if asked.await? >= *permission {
            return Ok(true);
        }
        for team in teams {
            let question = (repo.clone(), login.clone(), team.clone());
            let asked = self
                .memberships
                .get(question, self.trust_for, || self.conversation.is_in_team(repo, team, &login))
                .await;
            match asked {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // We may not see this team, today and tomorrow: `bivouac doctor` says so. Others may still know them.
                Err(error) if error.meaning() == Meaning::Denied => {
                    tracing::warn!(%team, error = &error as &dyn std::error::Error, "the members of a team cannot be seen");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Answers by question, each for a while.
struct Remembered<Q, A>(Mutex<HashMap<Q, Entry<A>>>);

struct Entry<A> {
    since: Instant,
    answer: Arc<OnceCell<A>>,
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
        keep: Duration,
        ask: impl FnOnce() -> F,
    ) -> Result<A> {
        let now = Instant::now();
        let answer = {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= MOST {
                entries.retain(|_, entry| now.duration_since(entry.since) < keep);
                if entries.len() >= MOST {
                    entries.clear();
                }
            }
            let entry = entries.entry(question).or_insert_with(|| Entry { since: now, answer: Arc::default() });
            // The time counts from the question: the answer may be as old as that.
            if now.duration_since(entry.since) >= keep {
                *entry = Entry { since: now, answer: Arc::default() };
            }
            Arc::clone(&entry.answer)
        };
        answer.get_or_try_init(ask).await.copied()
    }
}

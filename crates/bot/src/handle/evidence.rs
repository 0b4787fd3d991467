//! Gathers the evidence for the rule of `binding.rs`: which heads were seen, and who pushed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::command::Verb;
use bivouac_model::{EnvKey, PullRequest, Record, RepoName};
use bivouac_ports::{Error, Meaning, OpenPullRequests, Permission, Push, SeenHead};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use tokio::time::Instant;

use super::newest::wanted;
use super::{Handler, Later};
use crate::binding::{Basis, Evidence, whole};
use crate::settings::RollForward;

/// After which time the same head is recorded again. Well below the half year for which the memory keeps it.
const RENEW_AFTER: TimeDelta = TimeDelta::days(60);
/// How many heads are read and written at once when the open pull requests are compared. Ours: two hundred of them take some
/// seconds.
const AT_ONCE: usize = 8;
/// How many heads are remembered in this process. Ours: some ten megabytes.
const MOST: usize = 65_536;
/// Later than every sighting, and of four digits, so that it sorts so as text too: 9999-12-31T23:59:59Z.
const END_OF_TIME: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).expect("a valid time");

/// The newest sighting of each pull request that this process knows to be recorded. Saves reading what did not change.
#[derive(Debug, Default)]
pub(super) struct Recorded(Mutex<HashMap<EnvKey, SeenHead>>);

impl Recorded {
    fn has(&self, key: &EnvKey, head: &SeenHead) -> bool {
        self.heads().get(key).is_some_and(|known| is_same(known, head))
    }

    fn insert(&self, key: &EnvKey, head: SeenHead) {
        let mut heads = self.heads();
        if heads.len() >= MOST {
            heads.clear();
        }
        heads.insert(key.clone(), head);
    }

    fn heads(&self) -> MutexGuard<'_, HashMap<EnvKey, SeenHead>> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a sighting adds nothing to one that is recorded.
fn is_same(recorded: &SeenHead, head: &SeenHead) -> bool {
    recorded.sha == head.sha && head.at - recorded.at < RENEW_AFTER
}

impl Handler {
    /// Whether every commit of a branch may be started: only people who may give `up` can push to it, or every push counts.
    pub fn is_trusted_branch(&self, pull: &PullRequest) -> bool {
        let up = self.settings.policy.required(Verb::Up);
        let writers_may = up.permission <= Permission::Write;
        self.settings.roll_forward == RollForward::Auto || (!pull.is_from_fork && writers_may)
    }

    /// Records which head a pull request has, where that decides anything and is not recorded yet. Called twice, the second
    /// changes nothing.
    ///
    /// # Errors
    /// [`Later::Store`]: it may not be recorded.
    pub(super) async fn sight(&self, key: &EnvKey, pull: &PullRequest) -> Result<(), Later> {
        if !pull.is_open || self.is_trusted_branch(pull) {
            return Ok(());
        }
        let head = self.sighting(pull, pull.seen_at);
        // Another replica may have recorded another head since this one did.
        let newest = self.doors.heads.newest_seen(key, END_OF_TIME).await.map_err(Later::Store)?;
        if let Some(newest) = newest.filter(|newest| is_same(newest, &head)) {
            self.recorded.insert(key, newest);
            return Ok(());
        }
        self.doors.heads.record_seen(key, &head).await.map_err(Later::Store)?;
        self.recorded.insert(key, head);
        Ok(())
    }

    /// Records the heads of the open pull requests that this process does not know to be recorded. What cannot be recorded is left
    /// to the next comparison.
    pub async fn sight_open(&self, repo: &RepoName, open: &OpenPullRequests) {
        let is_open = |key: &EnvKey| key.repo != *repo || open.contains_key(&key.pr);
        self.recorded.heads().retain(|key, _| is_open(key));
        let news = open.values().filter(|pull| !self.is_trusted_branch(pull)).filter_map(|pull| {
            let key = EnvKey { repo: repo.clone(), pr: pull.number };
            let is_known = self.recorded.has(&key, &self.sighting(pull, open.seen_at));
            (!is_known).then(|| (key, PullRequest { seen_at: open.seen_at, ..pull.clone() }))
        });
        let sights = news.map(|(key, pull)| async move { self.sight(&key, &pull).await.err() });
        let sights: Vec<_> = sights.collect();
        let failed: Vec<Later> =
            futures::stream::iter(sights).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
        if let Some(later) = failed.first() {
            let (count, error) = (failed.len(), later as &dyn std::error::Error);
            tracing::warn!(%repo, count, error, "the heads of pull requests are not recorded before the next comparison");
        }
    }

    fn sighting(&self, pull: &PullRequest, at: Option<DateTime<Utc>>) -> SeenHead {
        SeenHead { sha: pull.head_sha.clone(), at: at.unwrap_or_else(|| self.doors.clock.now()) }
    }

    /// Returns who pushed to the branch of a pull request, the newest first; `None`: the forge does not say.
    pub(super) async fn pushes(&self, key: &EnvKey, pull: &PullRequest) -> Result<Option<Vec<Push>>, Error> {
        match &pull.branch {
            None => Ok(None),
            Some(branch) => match self.doors.forge.pushes(&key.repo, branch).await {
                Err(error) if !is_transient(&error) => Ok(None),
                answer => answer,
            },
        }
    }

    /// Returns why a command that was given at a moment may bind the head of a pull request; `None`: it may not.
    ///
    /// # Errors
    /// [`Later`] when that depends on an answer that did not come.
    pub(super) async fn may_bind(
        &self,
        key: &EnvKey,
        seen: Option<&Record>,
        pull: &PullRequest,
        given_at: DateTime<Utc>,
    ) -> Result<Option<Basis>, Later> {
        if self.is_trusted_branch(pull) {
            return Ok(Some(Basis::TrustedBranch));
        }
        let given_at = whole(given_at);
        let newest = self.doors.heads.newest_seen(key, given_at).await.map_err(Later::Store)?;
        let without = Evidence {
            head: &pull.head_sha,
            bound: wanted(seen).and_then(|wish| wish.head_sha.as_deref()),
            given_at: Some(given_at),
            seen: newest.as_ref().map(|newest| newest.sha.as_str()),
            ..Evidence::default()
        };
        let judged = match self.pushes(key, pull).await {
            Err(error) => Err(error),
            Ok(pushes) => {
                let pushes = pushes.unwrap_or_default();
                self.judge(key, Evidence { pushes: &pushes, ..without }).await
            }
        };
        // What is certain without knowing who pushed does not wait for that.
        match (judged, without.basis(&BTreeSet::new())) {
            (Ok(judged), _) => Ok(judged),
            (Err(_), Some(basis)) => Ok(Some(basis)),
            (Err(error), None) => Err(Later::Forge(error)),
        }
    }

    /// Returns why the environment of a pull request may follow a push from the commit that it is bound to; `None`: it may not.
    pub(super) async fn judge(&self, key: &EnvKey, evidence: Evidence<'_>) -> Result<Option<Basis>, Error> {
        if evidence.is_trusted_branch {
            return Ok(Some(Basis::TrustedBranch));
        }
        let mut trusted = BTreeSet::new();
        for actor in evidence.actors() {
            if self.may_push(key, Some(actor)).await? {
                trusted.insert(actor.to_ascii_lowercase());
            }
        }
        Ok(evidence.basis(&trusted))
    }

    /// Whether a push of this person counts like an `up` of theirs.
    pub(super) async fn may_push(&self, key: &EnvKey, by: Option<&str>) -> Result<bool, Error> {
        match by {
            None => Ok(false),
            Some(by) => match self.authority.may(&key.repo, by, Verb::Up, Instant::now()).await {
                Err(error) if !is_transient(&error) => Ok(false),
                answer => answer,
            },
        }
    }
}

fn is_transient(error: &Error) -> bool {
    matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable | Meaning::Conflict)
}

//! The doors in memory, and what can be wrong with them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::{
    CommentView, EnvKey, Event, Item, ItemKey, PullRequest, Record, RepoName, SaidComment, Status, Value,
    decode_record, encode_status,
};
use bivouac_ports::{
    Clock, CommentId, Conversation, DesiredChange, Error, Forge, Inbox, Journal, LabelChange, Letter, Meaning,
    OpenPullRequests, Permission, Reaction, Received, RecordStore, Result,
};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// What is wrong with a call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It fails, and nothing happened.
    Before(Meaning),
    /// It fails, nothing happened, and the other side says how long to wait.
    Busy(Duration),
    /// It fails, and it happened.
    After(Meaning),
    /// It happens after a while.
    Slow(Duration),
    /// It happens, and nobody ever hears of it: the process that called is about to die.
    Hangs,
}

/// Which calls go wrong, by their names, each once; and how often each was made.
#[derive(Default)]
pub struct Faults {
    next: Mutex<HashMap<&'static str, VecDeque<Fault>>>,
    always: Mutex<HashMap<&'static str, Meaning>>,
    calls: Mutex<HashMap<&'static str, usize>>,
    uneven: Mutex<Option<fastrand::Rng>>,
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// The next such call goes wrong.
    pub fn once(&self, call: &'static str, fault: Fault) {
        locked(&self.next).entry(call).or_default().push_back(fault);
    }

    /// Every such call fails from now on; `None`: no more.
    pub fn always(&self, call: &'static str, meaning: Option<Meaning>) {
        match meaning {
            Some(meaning) => drop(locked(&self.always).insert(call, meaning)),
            None => drop(locked(&self.always).remove(call)),
        }
    }

    pub fn calls(&self, call: &'static str) -> usize {
        locked(&self.calls).get(call).copied().unwrap_or(0)
    }

    /// Every call takes its own time from now on, on its way there and on its way back, by the seed.
    pub fn uneven(&self, seed: u64) {
        *locked(&self.uneven) = Some(fastrand::Rng::with_seed(seed));
    }

    async fn way(&self) {
        let wait = locked(&self.uneven).as_mut().map(|random| Duration::from_millis(random.u64(0..30)));
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    async fn with<T>(&self, call: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        *locked(&self.calls).entry(call).or_default() += 1;
        self.way().await;
        let answer = self.strike(call, act).await;
        self.way().await;
        answer
    }

    async fn strike<T>(&self, call: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let failure = |meaning| Error::new(meaning, call, "made up");
        if let Some(meaning) = locked(&self.always).get(call) {
            return Err(failure(*meaning));
        }
        let fault = locked(&self.next).get_mut(call).and_then(VecDeque::pop_front);
        match fault {
            None => act(),
            Some(Fault::Before(meaning)) => Err(failure(meaning)),
            Some(Fault::Busy(wait)) => Err(failure(Meaning::Throttled).retry_after(wait)),
            Some(Fault::After(meaning)) => act().and(Err(failure(meaning))),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                act()
            }
            Some(Fault::Hangs) => {
                let _ = act();
                std::future::pending().await
            }
        }
    }
}

/// A clock that goes with tokio's, so that paused time is the time of day too.
pub struct TokioClock {
    began: (DateTime<Utc>, Instant),
}

impl TokioClock {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { began: (now, Instant::now()) }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        self.began.0 + self.began.1.elapsed()
    }
}

/// The table of environments.
#[derive(Default)]
pub struct Table {
    pub faults: Arc<Faults>,
    pub items: Mutex<BTreeMap<ItemKey, Item>>,
}

impl Table {
    fn change(&self, key: &ItemKey, over: Option<Option<u64>>, change: &DesiredChange) -> Result<u64> {
        let mut items = locked(&self.items);
        let stands = items.get(key).map(|item| item.get("generation").and_then(Value::as_u64).unwrap_or(0));
        if over.is_some_and(|seen| seen != stands) {
            return Err(Error::new(Meaning::Conflict, "write_desired_over", "somebody wrote"));
        }
        let item = items.entry(key.clone()).or_default();
        for (name, value) in change {
            match value {
                Some(value) => drop(item.insert((*name).to_owned(), value.clone())),
                None => drop(item.remove(*name)),
            }
        }
        let generation = stands.unwrap_or(0) + 1;
        item.insert("generation".to_owned(), Value::Number(generation.to_string()));
        Ok(generation)
    }

    pub fn record(&self, key: &ItemKey) -> Option<Record> {
        locked(&self.items).get(key).map(|item| decode_record(key.clone(), item))
    }
}

#[async_trait]
impl RecordStore for Table {
    async fn all(&self) -> Result<Vec<Record>> {
        let all = || locked(&self.items).iter().map(|(key, item)| decode_record(key.clone(), item)).collect();
        self.faults.with("all", || Ok(all())).await
    }

    async fn get(&self, key: &ItemKey) -> Result<Option<Record>> {
        self.faults.with("get", || Ok(self.record(key))).await
    }

    async fn write_status(&self, seen: &Record, status: &Status) -> Result<()> {
        let mut items = locked(&self.items);
        let item = items.entry(seen.key.clone()).or_default();
        for (name, value) in encode_status(status) {
            match value {
                Some(value) => drop(item.insert(name.to_owned(), value)),
                None => drop(item.remove(name)),
            }
        }
        Ok(())
    }

    async fn write_desired(&self, key: &ItemKey, change: &DesiredChange) -> Result<u64> {
        self.faults.with("write_desired", || self.change(key, None, change)).await
    }

    async fn write_desired_over(&self, key: &ItemKey, seen: Option<&Record>, change: &DesiredChange) -> Result<u64> {
        let seen = seen.map(|seen| seen.generation.unwrap_or(0));
        self.faults.with("write_desired_over", || self.change(key, Some(seen), change)).await
    }

    async fn init(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// The forge and its people.
#[derive(Default)]
pub struct Hub {
    pub faults: Arc<Faults>,
    pub pulls: Mutex<BTreeMap<EnvKey, PullRequest>>,
    pub permissions: Mutex<BTreeMap<String, Permission>>,
    pub teams: Mutex<BTreeSet<(String, String)>>,
    pub labels: Mutex<BTreeMap<EnvKey, LabelChange>>,
    pub reactions: Mutex<BTreeSet<(u64, &'static str)>>,
    /// The reply to each person: what it says, or that it is folded away.
    pub replies: Mutex<BTreeMap<(EnvKey, String), Option<String>>>,
}

#[async_trait]
impl Forge for Hub {
    async fn say(&self, _: &CommentView, _: Option<&SaidComment>) -> Result<SaidComment> {
        Err(Error::new(Meaning::Denied, "say", "the sticky comment is not the bot's"))
    }

    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>> {
        self.faults.with("pull_request", || Ok(locked(&self.pulls).get(key).cloned())).await
    }

    async fn open_pull_requests(&self, repo: &RepoName) -> Result<OpenPullRequests> {
        let open = || {
            let pulls = locked(&self.pulls);
            let open = pulls.iter().filter(|(key, pull)| key.repo == *repo && pull.is_open);
            Arc::new(open.map(|(key, pull)| (key.pr, pull.clone())).collect())
        };
        self.faults.with("open_pull_requests", || Ok(open())).await
    }
}

#[async_trait]
impl Conversation for Hub {
    async fn permission(&self, _: &RepoName, login: &str) -> Result<Permission> {
        let permission = || locked(&self.permissions).get(login).copied().unwrap_or_default();
        self.faults.with("permission", || Ok(permission())).await
    }

    async fn is_in_team(&self, _: &RepoName, team: &str, login: &str) -> Result<bool> {
        let is_in = || locked(&self.teams).contains(&(team.to_owned(), login.to_owned()));
        self.faults.with("is_in_team", || Ok(is_in())).await
    }

    async fn last_label_change(&self, key: &EnvKey, _: &str) -> Result<Option<LabelChange>> {
        self.faults.with("last_label_change", || Ok(locked(&self.labels).get(key).cloned())).await
    }

    async fn react(&self, comment: &CommentId, reaction: Reaction) -> Result<()> {
        let (call, word) = match reaction {
            Reaction::Eyes => ("eyes", "eyes"),
            Reaction::Rocket => ("react", "rocket"),
            Reaction::Confused => ("react", "confused"),
        };
        self.faults
            .with(call, || {
                locked(&self.reactions).insert((comment.id, word));
                Ok(())
            })
            .await
    }

    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>) -> Result<()> {
        self.faults
            .with("reply", || {
                let mut replies = locked(&self.replies);
                let place = (key.clone(), login.to_ascii_lowercase());
                match text {
                    Some(text) => drop(replies.insert(place, Some(text.to_owned()))),
                    None => drop(replies.get_mut(&place).map(Option::take)),
                }
                Ok(())
            })
            .await
    }
}

/// Where an event stands: environment, time and tie.
type Place = (ItemKey, DateTime<Utc>, String);

/// The audit.
#[derive(Default)]
pub struct Book {
    pub faults: Arc<Faults>,
    pub events: Mutex<BTreeMap<Place, Event>>,
}

#[async_trait]
impl Journal for Book {
    async fn append(&self, events: &[Event]) -> Result<()> {
        self.faults
            .with("append", || {
                let mut written = locked(&self.events);
                for event in events {
                    let place = (event.environment.clone(), event.at, event.tie.clone());
                    written.entry(place).or_insert_with(|| event.clone());
                }
                Ok(())
            })
            .await
    }

    async fn newest(&self, environment: &ItemKey, most: usize) -> Result<Vec<Event>> {
        let newest = || {
            let events = locked(&self.events);
            events.values().rev().filter(|event| event.environment == *environment).take(most).cloned().collect()
        };
        self.faults.with("newest", || Ok(newest())).await
    }
}

/// What arrived.
#[derive(Default)]
pub struct Tray {
    pub faults: Arc<Faults>,
    pub seen: Mutex<BTreeSet<String>>,
    pub letters: Mutex<VecDeque<Letter>>,
}

#[async_trait]
impl Inbox for Tray {
    async fn take(&self, letter: &Letter) -> Result<Received> {
        self.faults
            .with("take", || {
                assert!(letter.content.len() <= 300_000, "{}", letter.content.len());
                if !locked(&self.seen).insert(letter.id.clone()) {
                    return Ok(Received::Before);
                }
                locked(&self.letters).push_back(letter.clone());
                Ok(Received::New)
            })
            .await
    }

    async fn waiting(&self, most: usize) -> Result<Vec<Letter>> {
        self.faults.with("waiting", || Ok(locked(&self.letters).iter().take(most).cloned().collect())).await
    }

    async fn done(&self, id: &str) -> Result<()> {
        self.faults
            .with("done", || {
                locked(&self.letters).retain(|letter| letter.id != id);
                Ok(())
            })
            .await
    }
}

//! The doors in memory, and what can be wrong with them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::{
    Branch, CommentView, EnvKey, Event, Item, ItemKey, LogStream, Phase, PrNumber, PullRequest, Record, RepoName,
    SaidComment, Status, Value, decode_record, encode_status,
};
use bivouac_ports::{
    Audience, ChangedPull, Clock, CommentId, Conversation, DesiredChange, Error, Forge, ForgeHealth, Inbox,
    InboxCursor, InboxPage, Journal, LabelChange, Letter, LogEvent, LogStore, Meaning, NamedCommit, OpenPullRequests,
    Permission, PostedComment, PostedComments, Push, Reaction, ReadPosition, Received, RecordStore, RepoNames, Result,
    SeenHead, SeenHeads, TextId, WrittenComment,
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
    /// It was not sent, since a limit of ours says to wait.
    Held(Duration),
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
    /// The calls for which the forge does not know our credentials.
    pub unauthenticated: Mutex<Vec<&'static str>>,
    calls: Mutex<HashMap<&'static str, usize>>,
    uneven: Mutex<Option<fastrand::Rng>>,
}

/// The calls that go to the forge.
pub const FORGE: [&str; 8] =
    ["pull_request", "open_pull_requests", "permission", "is_in_team", "last_label_change", "eyes", "react", "reply"];

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// The next such call goes wrong.
    pub fn once(&self, call: &'static str, fault: Fault) {
        locked(&self.next).entry(call).or_default().push_back(fault);
    }

    /// The next such calls are not sent.
    pub fn held(&self, call: &'static str, wait: Duration, times: usize) {
        (0..times).for_each(|_| self.once(call, Fault::Held(wait)));
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
        if locked(&self.unauthenticated).contains(&call) {
            return Err(failure(Meaning::Denied).of_credentials());
        }
        if let Some(meaning) = locked(&self.always).get(call) {
            return Err(failure(*meaning));
        }
        let fault = locked(&self.next).get_mut(call).and_then(VecDeque::pop_front);
        match fault {
            None => act(),
            Some(Fault::Before(meaning)) => Err(failure(meaning)),
            Some(Fault::Busy(wait)) => Err(failure(Meaning::Throttled).retry_after(wait)),
            Some(Fault::Held(wait)) => Err(failure(Meaning::Throttled).retry_after(wait).unsent()),
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

    async fn in_phase(&self, phase: Phase) -> Result<Vec<Record>> {
        let all = || locked(&self.items).iter().map(|(key, item)| decode_record(key.clone(), item)).collect::<Vec<_>>();
        let is_in = |record: &Record| record.status.as_ref().is_some_and(|status| status.phase == phase);
        self.faults.with("in_phase", || Ok(all().into_iter().filter(is_in).collect())).await
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
    /// The time of every answer.
    pub date: Mutex<Option<DateTime<Utc>>>,
    /// The newest first; the forge does not say who pushed to a branch that is not in here.
    pub pushes: Mutex<HashMap<Branch, Vec<Push>>>,
    /// The commits of each pull request besides its head.
    pub commits: Mutex<BTreeMap<EnvKey, Vec<String>>>,
    pub comments: Mutex<BTreeMap<u64, WrittenComment>>,
    /// Reviews, comments on lines and descriptions.
    pub texts: Mutex<HashMap<(EnvKey, TextId), WrittenComment>>,
    /// When each pull request was closed last.
    pub closings: Mutex<BTreeMap<EnvKey, DateTime<Utc>>>,
    pub reactions: Mutex<BTreeSet<(u64, &'static str)>>,
    /// The reply to each person: what it says, or that it is folded away.
    pub replies: Mutex<BTreeMap<(EnvKey, String), Option<String>>>,
    /// What people wrote, as the forge lists it.
    pub posted: Mutex<Vec<PostedComment>>,
    /// The reviews of each pull request, as the forge lists them.
    pub reviews: Mutex<BTreeMap<EnvKey, Vec<PostedComment>>>,
    /// How many of them one call lists; `None`: all.
    pub most_posted: Mutex<Option<usize>>,
    /// For whom what was written.
    pub audiences: Mutex<Vec<Audience>>,
    pub health: ForgeHealth,
    pub names: RepoNames,
}

#[async_trait]
impl Forge for Hub {
    async fn say(&self, _: &CommentView, _: Option<&SaidComment>) -> Result<SaidComment> {
        Err(Error::new(Meaning::Denied, "say", "the sticky comment is not the bot's"))
    }

    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>> {
        let pull = || {
            let pull = locked(&self.pulls).get(key).cloned();
            pull.map(|pull| PullRequest { seen_at: *locked(&self.date), ..pull })
        };
        self.faults.with("pull_request", || Ok(pull())).await
    }

    async fn open_pull_requests(&self, repo: &RepoName) -> Result<OpenPullRequests> {
        let open = || {
            let pulls = locked(&self.pulls);
            let open = pulls.iter().filter(|(key, pull)| key.repo == *repo && pull.is_open);
            let open: OpenPullRequests = open.map(|(key, pull)| (key.pr, pull.clone())).collect();
            OpenPullRequests { seen_at: *locked(&self.date), ..open }
        };
        self.faults.with("open_pull_requests", || Ok(open())).await
    }

    async fn pushes(&self, _: &RepoName, branch: &Branch) -> Result<Option<Vec<Push>>> {
        self.faults.with("pushes", || Ok(locked(&self.pushes).get(branch).cloned())).await
    }

    async fn commits(&self, key: &EnvKey) -> Result<Vec<String>> {
        self.faults.with("commits", || Ok(locked(&self.commits).get(key).cloned().unwrap_or_default())).await
    }

    fn health(&self) -> ForgeHealth {
        self.health.clone()
    }

    fn names(&self) -> RepoNames {
        self.names.clone()
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

    async fn comment(&self, comment: &CommentId) -> Result<Option<WrittenComment>> {
        let listed = |posted: &PostedComment| WrittenComment {
            number: PrNumber::new(posted.issue).unwrap(),
            author: posted.author.clone().unwrap_or_default(),
            body: posted.body.clone(),
            created_at: posted.created_at,
        };
        let written = || {
            let delivered = locked(&self.comments).get(&comment.id).cloned();
            delivered.or_else(|| locked(&self.posted).iter().find(|posted| posted.id == comment.id).map(listed))
        };
        self.faults.with("comment", || Ok(written())).await
    }

    async fn text(&self, key: &EnvKey, id: TextId) -> Result<Option<WrittenComment>> {
        let listed = |posted: &PostedComment| WrittenComment {
            number: key.pr,
            author: posted.author.clone().unwrap_or_default(),
            body: posted.body.clone(),
            created_at: posted.created_at,
        };
        let written = || {
            let delivered = locked(&self.texts).get(&(key.clone(), id)).cloned();
            let TextId::Review(id) = id else { return delivered };
            let reviews = locked(&self.reviews);
            delivered.or_else(|| reviews.get(key)?.iter().find(|review| review.id == id).map(listed))
        };
        self.faults.with("text", || Ok(written())).await
    }

    async fn last_closing(&self, key: &EnvKey) -> Result<Option<DateTime<Utc>>> {
        self.faults.with("last_closing", || Ok(locked(&self.closings).get(key).copied())).await
    }

    async fn comments_since(&self, _: &RepoName, since: DateTime<Utc>) -> Result<PostedComments> {
        let list = || {
            let mut comments = locked(&self.posted).clone();
            comments.retain(|comment| comment.updated_at >= since);
            comments.sort_by_key(|comment| comment.updated_at);
            let most = locked(&self.most_posted).unwrap_or(usize::MAX);
            let is_complete = comments.len() <= most;
            comments.truncate(most);
            PostedComments { comments, is_complete }
        };
        self.faults.with("comments_since", || Ok(list())).await
    }

    async fn changed_pulls(&self, repo: &RepoName, since: DateTime<Utc>) -> Result<Vec<ChangedPull>> {
        let changed = || {
            let reviews = locked(&self.reviews);
            let last = |(key, reviews): (&EnvKey, &Vec<PostedComment>)| {
                let updated_at = reviews.iter().map(|review| review.created_at).max()?;
                (key.repo == *repo && updated_at >= since).then_some(ChangedPull { pr: key.pr, updated_at })
            };
            reviews.iter().filter_map(last).collect()
        };
        self.faults.with("changed_pulls", || Ok(changed())).await
    }

    async fn reviews(&self, key: &EnvKey) -> Result<Vec<PostedComment>> {
        self.faults.with("reviews", || Ok(locked(&self.reviews).get(key).cloned().unwrap_or_default())).await
    }

    async fn react(&self, comment: &CommentId, reaction: Reaction, audience: Audience) -> Result<()> {
        let (call, word) = match reaction {
            Reaction::Eyes => ("eyes", "eyes"),
            Reaction::Rocket => ("react", "rocket"),
            Reaction::Confused => ("react", "confused"),
        };
        self.faults
            .with(call, || {
                locked(&self.reactions).insert((comment.id, word));
                locked(&self.audiences).push(audience);
                Ok(())
            })
            .await
    }

    async fn reply(&self, key: &EnvKey, login: &str, text: Option<&str>, audience: Audience) -> Result<()> {
        self.faults
            .with("reply", || {
                let mut replies = locked(&self.replies);
                let place = (key.clone(), login.to_ascii_lowercase());
                locked(&self.audiences).push(audience);
                match text {
                    Some(text) => drop(replies.insert(place, Some(text.to_owned()))),
                    None => drop(replies.get_mut(&place).map(Option::take)),
                }
                Ok(())
            })
            .await
    }
}

/// The logs.
#[derive(Default)]
pub struct Shelf {
    pub faults: Arc<Faults>,
    /// The lines of each stream, the oldest first. Each was written now.
    pub lines: Mutex<BTreeMap<String, Vec<String>>>,
}

#[async_trait]
impl LogStore for Shelf {
    async fn events(&self, stream: &LogStream, _: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>> {
        self.faults
            .with("events", || {
                let lines = locked(&self.lines);
                let Some(lines) = lines.get(&stream.stream) else {
                    return Err(Error::new(Meaning::NotFound, "FilterLogEvents", "no such stream"));
                };
                let event = |(at, line): (usize, &String)| LogEvent {
                    id: format!("{}-{at}", stream.stream),
                    at: to,
                    received_at: None,
                    message: line.clone(),
                };
                Ok(lines.iter().enumerate().map(event).collect())
            })
            .await
    }

    async fn has_group(&self, _: Option<&str>, _: &str) -> Result<bool> {
        Ok(true)
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

/// The heads that were seen, and the commits that were named.
#[derive(Default)]
pub struct Memory {
    pub faults: Arc<Faults>,
    pub seen: Mutex<BTreeSet<(EnvKey, DateTime<Utc>, String)>>,
    pub named: Mutex<BTreeMap<(EnvKey, String, String), NamedCommit>>,
}

#[async_trait]
impl SeenHeads for Memory {
    async fn record_seen(&self, key: &EnvKey, head: &SeenHead) -> Result<()> {
        self.faults
            .with("record_seen", || {
                locked(&self.seen).insert((key.clone(), head.at, head.sha.clone()));
                Ok(())
            })
            .await
    }

    async fn record_named(&self, key: &EnvKey, named: &NamedCommit) -> Result<()> {
        self.faults
            .with("record_named", || {
                let place = (key.clone(), named.sha.clone(), named.command.clone());
                locked(&self.named).entry(place).or_insert_with(|| named.clone());
                Ok(())
            })
            .await
    }

    async fn newest_seen(&self, key: &EnvKey, before: DateTime<Utc>) -> Result<Option<SeenHead>> {
        let newest = || {
            let seen = locked(&self.seen);
            let mut seen = seen.iter().rev().filter(|(of, at, _)| of == key && *at < before);
            seen.next().map(|(_, at, sha)| SeenHead { sha: sha.clone(), at: *at })
        };
        self.faults.with("newest_seen", || Ok(newest())).await
    }

    async fn was_seen(&self, key: &EnvKey, sha: &str, before: DateTime<Utc>) -> Result<bool> {
        let was = || locked(&self.seen).iter().any(|(of, at, seen)| of == key && *at < before && seen == sha);
        self.faults.with("was_seen", || Ok(was())).await
    }

    async fn named(&self, key: &EnvKey, sha: &str) -> Result<Vec<NamedCommit>> {
        let named = || {
            locked(&self.named)
                .iter()
                .filter(|((of, named, _), _)| of == key && named == sha)
                .map(|(_, one)| one.clone())
                .collect()
        };
        self.faults.with("named", || Ok(named())).await
    }
}

/// What arrived.
#[derive(Default)]
pub struct Tray {
    pub faults: Arc<Faults>,
    pub seen: Mutex<BTreeSet<String>>,
    pub letters: Mutex<VecDeque<Letter>>,
    /// When each id was taken, by a number that grows.
    pub order: Mutex<HashMap<String, usize>>,
    pub positions: Mutex<HashMap<String, ReadPosition>>,
}

impl Tray {
    fn keep(&self, letter: &Letter) -> Received {
        assert!(letter.content.len() <= 300_000, "{}", letter.content.len());
        if !locked(&self.seen).insert(letter.id.clone()) {
            return Received::Before;
        }
        let mut order = locked(&self.order);
        let number = order.len();
        order.insert(letter.id.clone(), number);
        locked(&self.letters).push_back(letter.clone());
        Received::New
    }
}

#[async_trait]
impl Inbox for Tray {
    async fn take(&self, letter: &Letter) -> Result<Received> {
        self.faults.with("take", || Ok(self.keep(letter))).await
    }

    async fn take_also_as(&self, letter: &Letter, name: &str) -> Result<Received> {
        let keep = || {
            let received = self.keep(letter);
            locked(&self.seen).insert(name.to_owned());
            Ok(received)
        };
        self.faults.with("take", keep).await
    }

    async fn waiting(&self, most: usize) -> Result<Vec<Letter>> {
        self.faults.with("waiting", || Ok(locked(&self.letters).iter().take(most).cloned().collect())).await
    }

    async fn page(&self, after: Option<&InboxCursor>, most: usize) -> Result<InboxPage> {
        let page = || {
            let (letters, order) = (locked(&self.letters), locked(&self.order));
            let after = after.map(|InboxCursor(number)| number.parse::<usize>().unwrap());
            let behind = |letter: &&Letter| after.is_none_or(|after| order[&letter.id] > after);
            let mut letters: Vec<Letter> = letters.iter().filter(behind).take(most + 1).cloned().collect();
            let is_last = letters.len() <= most;
            letters.truncate(most);
            let last = letters.last().filter(|_| !is_last);
            let next = last.map(|last| InboxCursor(order[&last.id].to_string()));
            InboxPage { letters, next }
        };
        self.faults.with("waiting", || Ok(page())).await
    }

    async fn read_position(&self, list: &str) -> Result<Option<ReadPosition>> {
        self.faults.with("read_position", || Ok(locked(&self.positions).get(list).copied())).await
    }

    async fn advance(&self, list: &str, position: &ReadPosition) -> Result<()> {
        let advance = || {
            let mut positions = locked(&self.positions);
            let stands = positions.entry(list.to_owned()).or_insert(*position);
            if position.read_until > stands.read_until {
                *stands = *position;
            }
            Ok(())
        };
        self.faults.with("advance", advance).await
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

//! The letters' way through this process: in order for each pull request, different ones at once, again when it failed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::EnvKey;
use bivouac_ports::{Letter, Result};
use chrono::TimeDelta;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

use crate::doors::Doors;
use crate::handle::{Attempt, Handler};
use crate::letter::{Fact, News, Unreadable};

/// How many letters are held in memory; the others wait in the inbox. A thousand pull requests at once are none.
pub(crate) const CAPACITY: usize = 1024;
/// How many pull requests are worked on at once. Each waits for the network most of the time.
const AT_WORK: usize = 64;
/// How often the inbox is read for letters of processes that died. The plan promises half a minute.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Letters younger than this are somebody's at this moment, probably.
const IN_HAND: TimeDelta = TimeDelta::seconds(20);
/// One handling is a dozen calls; one that takes longer hangs.
const HANDLED_WITHIN: Duration = Duration::from_secs(60);
/// Waits between attempts: twice as long each time, between these.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A letter is not given up before it was tried so often here, however old it is: the process may have been down for hours.
const ATTEMPTS: u32 = 3;
/// How long letters under way may take once the process has to stop; the process as a whole has ten seconds.
const GRACE: Duration = Duration::from_secs(5);

/// A letter in this process.
struct Item {
    letter: Letter,
    news: News,
    attempts: u32,
}

/// What one handling came to.
enum Handled {
    Done,
    /// Again after a while; `Some`: not before this.
    Again(Option<Duration>),
}

/// Handles letters until it is told to stop.
pub(crate) struct Letters {
    doors: Doors,
    handler: Arc<Handler>,
    give_up_after: TimeDelta,
    /// Ids that are in this process.
    known: HashSet<String>,
    /// While the inbox is being read: the ids that were done since. It may answer one of them still.
    done_meanwhile: Option<HashSet<String>>,
    waiting: HashMap<EnvKey, VecDeque<Item>>,
    /// Pull requests with a letter that can be taken up, in the order of their first one.
    ready: VecDeque<EnvKey>,
    /// Those at work, with what they work on.
    working: HashMap<Id, (EnvKey, Item)>,
    busy: HashSet<EnvKey>,
    later: DelayQueue<Item>,
    tasks: JoinSet<Handled>,
}

impl Letters {
    pub fn new(doors: Doors, handler: Arc<Handler>, give_up_after: Duration) -> Self {
        Self {
            doors,
            handler,
            give_up_after: TimeDelta::from_std(give_up_after).unwrap_or(TimeDelta::MAX),
            known: HashSet::new(),
            done_meanwhile: None,
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            working: HashMap::new(),
            busy: HashSet::new(),
            later: DelayQueue::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Runs until `stop`; letters under way then have a few seconds, and what is not done stays in the inbox.
    pub async fn run(mut self, mut arriving: mpsc::Receiver<Letter>, stop: CancellationToken) {
        let mut sweep = interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweeps: JoinSet<Result<Vec<Letter>>> = JoinSet::new();
        // What is in the inbox at the start is nobody's: the process that took it may be the one that died.
        let mut is_first = true;
        loop {
            self.doors.meter.queue_depth("letters", self.known.len());
            tokio::select! {
                () = stop.cancelled() => break,
                Some(letter) = arriving.recv() => self.put(letter),
                Some(ended) = self.tasks.join_next_with_id() => match ended {
                    Ok((id, handled)) => self.ended(id, handled),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "handling a letter panicked");
                        self.ended(error.id(), Handled::Again(Some(LONGEST_WAIT)));
                    }
                },
                Some(expired) = self.later.next() => self.queue(expired.into_inner()),
                _ = sweep.tick(), if sweeps.is_empty() => {
                    let inbox = Arc::clone(&self.doors.inbox);
                    self.done_meanwhile = Some(HashSet::new());
                    sweeps.spawn(async move { inbox.waiting(CAPACITY).await });
                }
                Some(swept) = sweeps.join_next() => self.found(swept.ok(), &mut is_first),
            }
            self.take_up();
        }
        let finished = timeout(GRACE, async { while self.tasks.join_next().await.is_some() {} });
        if finished.await.is_err() {
            tracing::info!(letters = self.tasks.len(), "letters under way are left to whoever comes next");
        }
    }

    fn found(&mut self, swept: Option<Result<Vec<Letter>>>, is_first: &mut bool) {
        let done = self.done_meanwhile.take().unwrap_or_default();
        match swept {
            Some(Ok(letters)) => {
                let now = self.doors.clock.now();
                for letter in letters {
                    let is_left = *is_first || now - letter.received_at >= IN_HAND;
                    if is_left && !done.contains(&letter.id) {
                        self.put(letter);
                    }
                }
                *is_first = false;
            }
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the inbox cannot be read");
            }
            None => {}
        }
    }

    fn put(&mut self, letter: Letter) {
        if self.known.len() >= CAPACITY || self.known.contains(&letter.id) {
            return;
        }
        let news = match News::open(&letter.content) {
            Ok(news) => news,
            Err(error) => {
                let is_ours = matches!(error, Unreadable::Form(_));
                tracing::error!(letter = %letter.id.escape_debug(), error = &error as &dyn std::error::Error, "a letter cannot be read");
                if is_ours {
                    self.discard(letter.id);
                }
                return;
            }
        };
        if let Fact::Changed(changed) = &news.fact {
            self.handler.hear(&news.key(), changed);
        }
        self.known.insert(letter.id.clone());
        self.queue(Item { letter, news, attempts: 0 });
    }

    /// Nobody will ever be able to read it.
    fn discard(&mut self, id: String) {
        let inbox = Arc::clone(&self.doors.inbox);
        tokio::spawn(async move {
            if let Err(error) = inbox.done(&id).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "an unreadable letter stays for now");
            }
        });
    }

    fn queue(&mut self, item: Item) {
        let key = item.news.key();
        let waiting = self.waiting.entry(key.clone()).or_default();
        waiting.push_back(item);
        if waiting.len() == 1 && !self.busy.contains(&key) {
            self.ready.push_back(key);
        }
    }

    fn take_up(&mut self) {
        while self.tasks.len() < AT_WORK
            && let Some(key) = self.ready.pop_front()
        {
            let Some(waiting) = self.waiting.get_mut(&key) else { continue };
            let Some(item) = first(waiting) else { continue };
            if waiting.is_empty() {
                self.waiting.remove(&key);
            }
            let age = self.doors.clock.now() - item.letter.received_at;
            let attempt = Attempt {
                is_first: item.attempts == 0,
                is_last: item.attempts + 1 >= ATTEMPTS && age >= self.give_up_after,
            };
            let (handler, inbox) = (Arc::clone(&self.handler), Arc::clone(&self.doors.inbox));
            let (letter, news) = (item.letter.clone(), item.news.clone());
            let task = self.tasks.spawn(async move {
                let handled = timeout(HANDLED_WITHIN, handler.handle(&letter.id, letter.received_at, &news, attempt));
                match handled.await {
                    Ok(Ok(())) => {}
                    Ok(Err(later)) => {
                        let error = &later as &dyn std::error::Error;
                        tracing::warn!(environment = %news.key(), error, "a letter is put back");
                        return Handled::Again(later.wait());
                    }
                    Err(_) => {
                        tracing::warn!(environment = %news.key(), "a letter is put back: it took too long");
                        return Handled::Again(None);
                    }
                }
                match inbox.done(&letter.id).await {
                    Ok(()) => Handled::Done,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(environment = %news.key(), error, "a letter is handled, and stays for now");
                        Handled::Again(None)
                    }
                }
            });
            self.busy.insert(key.clone());
            self.working.insert(task.id(), (key, item));
        }
    }

    fn ended(&mut self, id: Id, handled: Handled) {
        let Some((key, mut item)) = self.working.remove(&id) else { return };
        self.busy.remove(&key);
        match handled {
            Handled::Done => {
                self.known.remove(&item.letter.id);
                if let Some(done) = &mut self.done_meanwhile {
                    done.insert(item.letter.id);
                }
            }
            Handled::Again(wait) => {
                let wait = backoff(item.attempts).max(wait.unwrap_or_default());
                item.attempts = item.attempts.saturating_add(1);
                self.later.insert(item, wait);
            }
        }
        if self.waiting.contains_key(&key) {
            self.ready.push_back(key);
        }
    }
}

/// The letter to be taken up next: the first that came, but no comment before an older one.
fn first(waiting: &mut VecDeque<Item>) -> Option<Item> {
    let comment = |item: &Item| match &item.news.fact {
        Fact::Comment(comment) => Some(comment.id),
        Fact::Changed(_) => None,
    };
    let mut at = 0;
    if waiting.front().and_then(comment).is_some() {
        let comments = waiting.iter().enumerate().filter_map(|(at, item)| Some((comment(item)?, at)));
        at = comments.min().map_or(0, |(_, at)| at);
    }
    waiting.remove(at)
}

/// With up to a quarter more by chance, so that what failed together is not tried together.
fn backoff(attempts: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_WAIT);
    wait + wait.mul_f64(fastrand::f64() / 4.0)
}

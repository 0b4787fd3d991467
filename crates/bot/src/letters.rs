//! The letters' way through this process: in order for each pull request, different ones by turns and at once, again when it
//! failed.

mod sweep;
mod turns;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{EnvKey, RepoName};
use bivouac_ports::{Error, InboxCursor, Letter, Meaning, Result};
use chrono::TimeDelta;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::time::delay_queue::{self, DelayQueue, Expired};

use crate::doors::Doors;
use crate::handle::{Attempt, Handler, Later, is_out_of_sight};
use crate::letter::{News, Unreadable};
use sweep::{Extent, Swept};
use turns::{Sender, Turns, sender};

/// How many letters are held in memory; the others wait in the inbox. A thousand pull requests at once are none.
pub(crate) const CAPACITY: usize = 1024;
/// How many pull requests are worked on at once. Each waits for the network most of the time.
const AT_WORK: usize = 64;
/// How often the inbox is read for letters of processes that died. The plan promises half a minute.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How often more is fetched from the inbox for a person who has many letters there.
const FETCH_EVERY: Duration = Duration::from_millis(500);
/// Letters younger than this are somebody's at this moment, probably.
const IN_HAND: TimeDelta = TimeDelta::seconds(20);
/// One handling is a dozen calls; one that takes longer hangs.
const HANDLED_WITHIN: Duration = Duration::from_secs(60);
/// Waits between attempts: twice as long each time, between these.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A command is not answered with a refusal before it was tried so often here, however long the forge is silent.
const ATTEMPTS: u32 = 3;
/// How often a delivery that takes too long is tried before newer comments need not wait for it. Ours: ten minutes, each a minute.
const MOST_HOLDING: u32 = 10;
/// How long letters under way may take once the process has to stop; the process as a whole has ten seconds.
const GRACE: Duration = Duration::from_secs(5);

/// A letter in this process.
struct Item {
    letter: Letter,
    news: News,
    attempts: u32,
    /// Since when the forge does not give what this needs; `None`: it did the last time.
    silent_since: Option<Instant>,
    /// Whether a success of somebody else's call to the forge ended its last wait.
    hurried: bool,
}

/// What one handling came to.
enum Handled {
    Done,
    /// Again after a while.
    Again(Again),
    /// Its author has to wait so long, and keeps their place.
    Limit(Duration),
}

/// How one is handled again.
struct Again {
    /// Not before this.
    wait: Duration,
    /// Whether nothing failed, so that the next wait is not longer.
    is_only_a_wait: bool,
    /// Whether newer comments of the pull request wait for it.
    holds: bool,
    /// Whether it is the forge that does not answer.
    is_forges: bool,
    /// Whether a success of another call to its repository ends the wait.
    is_outage: bool,
}

impl Again {
    /// After an end that says nothing of its cause.
    fn after(wait: Duration, holds: bool) -> Self {
        Self { wait, is_only_a_wait: false, holds, is_forges: false, is_outage: false }
    }
}

/// Handles letters until it is told to stop.
pub(crate) struct Letters {
    doors: Doors,
    handler: Arc<Handler>,
    give_up_after: Duration,
    turns: Turns,
    /// While the inbox is being read: the ids that were done since. It may answer one of them still.
    done_meanwhile: Option<HashSet<String>>,
    /// Where the next sweep goes on, if the last one did not reach the end.
    sweep_from: Option<InboxCursor>,
    /// Those at work, with what they work on.
    working: HashMap<Id, (EnvKey, Item)>,
    later: DelayQueue<Item>,
    /// Authors who have to wait.
    blocked: DelayQueue<Sender>,
    /// Whose wait ends early when this repository answers again.
    for_forge: HashMap<delay_queue::Key, RepoName>,
    tasks: JoinSet<Handled>,
}

impl Letters {
    pub fn new(doors: Doors, handler: Arc<Handler>, give_up_after: Duration) -> Self {
        Self {
            doors,
            handler,
            give_up_after,
            turns: Turns::default(),
            done_meanwhile: None,
            sweep_from: None,
            working: HashMap::new(),
            later: DelayQueue::new(),
            blocked: DelayQueue::new(),
            for_forge: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Runs until `stop`; letters under way then have a few seconds, and what is not done stays in the inbox.
    pub async fn run(mut self, mut arriving: mpsc::Receiver<Letter>, stop: CancellationToken) {
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut sweep, mut fetch) = (every(SWEEP_EVERY), every(FETCH_EVERY));
        let mut sweeps: JoinSet<Result<Swept>> = JoinSet::new();
        // What is in the inbox at the start is nobody's: the process that took it may be the one that died.
        let mut is_first = true;
        let mut recoveries = self.doors.forge.health().listen();
        loop {
            self.doors.meter.queue_depth("letters", self.turns.len());
            tokio::select! {
                () = stop.cancelled() => break,
                Some(letter) = arriving.recv() => self.put(letter, Turns::arrive),
                Some(ended) = self.tasks.join_next_with_id() => match ended {
                    Ok((id, handled)) => self.ended(id, handled),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "handling a letter panicked");
                        // What panics each time must not hold up the others.
                        self.ended(error.id(), Handled::Again(Again::after(LONGEST_WAIT, false)));
                    }
                },
                Some(expired) = self.later.next() => {
                    self.for_forge.remove(&expired.key());
                    self.turns.queue(expired.into_inner());
                }
                Some(expired) = self.blocked.next() => self.turns.unblock(&expired.into_inner()),
                repo = recoveries.next() => self.hurry(&repo),
                _ = sweep.tick(), if sweeps.is_empty() => {
                    let extent = Extent::All(self.sweep_from.clone());
                    self.read(&mut sweeps, extent);
                }
                _ = fetch.tick(), if sweeps.is_empty() && self.turns.wants_more() => {
                    self.read(&mut sweeps, Extent::Beginning);
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

    fn read(&mut self, sweeps: &mut JoinSet<Result<Swept>>, extent: Extent) {
        let inbox = Arc::clone(&self.doors.inbox);
        self.done_meanwhile = Some(HashSet::new());
        let blocked = self.turns.reading();
        sweeps.spawn(async move { sweep::sweep(&*inbox, extent, &blocked).await });
    }

    fn found(&mut self, swept: Option<Result<Swept>>, is_first: &mut bool) {
        let done = self.done_meanwhile.take().unwrap_or_default();
        match swept {
            Some(Ok(swept)) => {
                // Fetching more from the beginning says nothing of where a sweep goes on.
                let goes_on = swept.is_sweep.then(|| swept.next.clone());
                let now = self.doors.clock.now();
                let is_for_us = |letter: &Letter| {
                    if done.contains(&letter.id) {
                        return false;
                    }
                    let is_left = *is_first || now - letter.received_at >= IN_HAND;
                    match News::open(&letter.content) {
                        // This process left it there itself, and those before it, which a sweep from further on did not see.
                        Ok(news) if self.turns.is_behind(&sender(&news)) => swept.from_beginning,
                        _ => is_left,
                    }
                };
                let letters: Vec<Letter> = swept.letters.into_iter().filter(is_for_us).collect();
                self.turns.was_read(swept.from_beginning && swept.next.is_none(), swept.over);
                for letter in letters {
                    self.put(letter, Turns::find);
                }
                if let Some(next) = goes_on {
                    self.sweep_from = next;
                }
                *is_first = false;
            }
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the inbox cannot be read");
            }
            None => {}
        }
    }

    fn put(&mut self, letter: Letter, take: impl FnOnce(&mut Turns, Item) -> bool) {
        if self.turns.knows(&letter.id) {
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
        take(&mut self.turns, Item { letter, news, attempts: 0, silent_since: None, hurried: false });
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

    fn take_up(&mut self) {
        while self.tasks.len() < AT_WORK
            && let Some((key, item)) = self.turns.next()
        {
            // The age says nothing: the process may have been down, or others were before it.
            let is_silent = item.silent_since.is_some_and(|since| since.elapsed() >= self.give_up_after);
            let is_first = item.attempts == 0;
            let attempt = Attempt { is_first, is_last: is_silent && item.attempts + 1 >= ATTEMPTS };
            let may_hold = item.attempts < MOST_HOLDING;
            let (handler, inbox) = (Arc::clone(&self.handler), Arc::clone(&self.doors.inbox));
            let (letter, news) = (item.letter.clone(), item.news.clone());
            let task = self.tasks.spawn(async move {
                let handled = timeout(HANDLED_WITHIN, handler.handle(&letter.id, letter.received_at, &news, attempt));
                match handled.await {
                    Ok(Ok(())) => {}
                    Ok(Err(Later::Limit(wait))) => return Handled::Limit(wait),
                    Ok(Err(later)) => {
                        let error = &later as &dyn std::error::Error;
                        let is_only_a_wait = later.is_only_a_wait() && later.wait().is_some();
                        if is_only_a_wait {
                            tracing::debug!(environment = %news.key(), error, "a delivery waits");
                        } else {
                            tracing::warn!(environment = %news.key(), error, "a letter is put back");
                        }
                        return Handled::Again(Again {
                            wait: later.wait().unwrap_or_default(),
                            is_only_a_wait,
                            holds: later.is_undecided(),
                            is_forges: later.of_forge().is_some(),
                            is_outage: !is_only_a_wait && later.of_forge().is_some_and(is_outage),
                        });
                    }
                    Err(_) => {
                        tracing::warn!(environment = %news.key(), "a letter is put back: it took too long");
                        return Handled::Again(Again::after(Duration::ZERO, may_hold));
                    }
                }
                match inbox.done(&letter.id).await {
                    Ok(()) => Handled::Done,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(environment = %news.key(), error, "a letter is handled, and stays for now");
                        Handled::Again(Again::after(Duration::ZERO, false))
                    }
                }
            });
            self.working.insert(task.id(), (key, item));
        }
    }

    /// Has it tried again after its backoff, and not before `wait`.
    fn postpone(&mut self, mut item: Item, wait: Duration) -> delay_queue::Key {
        let wait = backoff(item.attempts).max(wait);
        item.attempts = item.attempts.saturating_add(1);
        self.later.insert(item, wait)
    }

    /// Ends the wait of what waits for this repository.
    fn hurry(&mut self, repo: &RepoName) {
        for (place, _) in self.for_forge.extract_if(|_, waits_for| *waits_for == *repo) {
            if let Some(mut item) = self.later.try_remove(&place).map(Expired::into_inner) {
                item.hurried = true;
                self.later.insert(item, Duration::ZERO);
            }
        }
    }

    fn ended(&mut self, id: Id, handled: Handled) {
        let Some((key, mut item)) = self.working.remove(&id) else { return };
        match handled {
            Handled::Done => {
                self.turns.forget(&item);
                if let Some(done) = &mut self.done_meanwhile {
                    done.insert(item.letter.id);
                }
            }
            Handled::Again(again) => {
                if again.holds {
                    self.turns.hold(&item);
                }
                if again.is_only_a_wait {
                    self.later.insert(item, again.wait.max(FIRST_WAIT));
                } else {
                    item.silent_since =
                        if again.is_forges { item.silent_since.or_else(|| Some(Instant::now())) } else { None };
                    // Once between two attempts of its own time: what fails all the same has a trouble of its own.
                    let waits = again.is_outage && !std::mem::take(&mut item.hurried);
                    let place = self.postpone(item, again.wait);
                    if waits {
                        self.doors.forge.health().awaits(&key.repo);
                        self.for_forge.insert(place, key.repo.clone());
                    }
                }
            }
            Handled::Limit(wait) => {
                self.blocked.insert(self.turns.block(item), wait);
            }
        }
        self.turns.ended(&key);
    }
}

/// Whether the forge may not answer anything now, so that a success of another call means that this one may succeed too.
fn is_outage(error: &Error) -> bool {
    is_out_of_sight(error) && !matches!(error.meaning(), Meaning::Throttled | Meaning::Conflict)
}

/// With up to a quarter more by chance, so that what failed together is not tried together.
fn backoff(attempts: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_WAIT);
    wait + wait.mul_f64(fastrand::f64() / 4.0)
}

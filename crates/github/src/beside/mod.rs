//! What is told beside the comment, where it is switched on: deployments and check runs.
//!
//! The comment is what people rely on, so it never waits for these and never fails with them: they are handed to a task of
//! their own, which tells only the latest of each pull request, one after another, through the same queue of writes. What
//! it tells, it compares with what GitHub has first; so to be told twice, or by two processes, changes nothing. What is
//! dropped with the process is told at the next word of its pull request. A leader's words are told only while it leads:
//! each has the guard of the write of its comment, and is dropped once that is lost.

mod check_runs;
mod deployments;
mod signal;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_model::{CommentView, EnvKey, SaidComment};
use bivouac_ports::{Error, Meaning, WriteGuard};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::author::Ourselves;
use crate::client::Client;
use crate::doubt::Doubt;
use crate::settings::Settings;
use check_runs::CheckRuns;
use deployments::Deployments;
use signal::Signal;

/// How often one is tried. Ours: with a pause of a second that doubles, half a minute; older news is no news.
const MOST_TRIES: u32 = 6;
/// The longest wait that is obeyed by waiting. Ours: the most common one GitHub asks for is a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How many pull requests are remembered as told. Ours: a few megabytes; what is forgotten is compared again.
const REMEMBERED: usize = 8192;

/// Tells what is switched on. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Beside {
    news: Arc<News>,
    web_url: String,
    worker: JoinHandle<()>,
}

impl Beside {
    /// `None` when nothing is switched on. Needs a tokio runtime.
    pub fn new(settings: &Settings, client: &Arc<Client>, ourselves: &Arc<Ourselves>, doubt: &Doubt) -> Option<Self> {
        if !settings.deployments && !settings.check_run {
            return None;
        }
        let news = Arc::new(News::default());
        let teller = Teller {
            client: Arc::clone(client),
            deployments: settings.deployments.then(|| Deployments::new(settings, ourselves, doubt)),
            check_runs: settings.check_run.then(|| CheckRuns::new(settings, ourselves, doubt)),
            pause: settings.write_gap,
            warned: [AtomicBool::new(false), AtomicBool::new(false)],
        };
        let worker = tokio::spawn(work(Arc::clone(&news), teller));
        Some(Self { news, web_url: settings.web_url(), worker })
    }

    /// Has the view told, soon. Returns at once.
    pub fn tell(&self, view: &CommentView, said: &SaidComment) {
        if let Some(signal) = Signal::of(view, said, &self.web_url) {
            // It is one more write of whoever had the comment written, made later by another task.
            let guard = WriteGuard::current().map(WriteGuard::without_deadline);
            self.news.put(Waiting { signal, guard });
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

/// What waits to be told, the latest of each pull request.
#[derive(Debug, Default)]
struct News {
    pile: Mutex<Pile>,
    came: Notify,
}

/// What waits, and whether it may still be told.
#[derive(Clone, Debug)]
struct Waiting {
    signal: Signal,
    guard: Option<WriteGuard>,
}

#[derive(Debug, Default)]
struct Pile {
    waiting: VecDeque<Waiting>,
    told: HashMap<EnvKey, Signal>,
}

impl News {
    fn put(&self, news: Waiting) {
        let mut pile = self.pile();
        match pile.waiting.iter().position(|waiting| waiting.signal.key == news.signal.key) {
            Some(at) => pile.waiting[at] = news,
            None if pile.told.get(&news.signal.key) == Some(&news.signal) => return,
            None => pile.waiting.push_back(news),
        }
        self.came.notify_one();
    }

    async fn next(&self) -> Waiting {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.came.notified().await;
        }
    }

    fn take(&self) -> Option<Waiting> {
        let mut pile = self.pile();
        let news = pile.waiting.pop_front()?;
        if pile.told.len() >= REMEMBERED {
            pile.told.clear();
        }
        pile.told.insert(news.signal.key.clone(), news.signal.clone());
        Some(news)
    }

    fn is_outdated(&self, signal: &Signal) -> bool {
        self.pile().waiting.iter().any(|waiting| waiting.signal.key == signal.key)
    }

    /// It was not told after all.
    fn forget(&self, signal: &Signal) {
        self.pile().told.remove(&signal.key);
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        // Every change is one call, so the pile is whole also after a panic.
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Teller {
    client: Arc<Client>,
    deployments: Option<Deployments>,
    check_runs: Option<CheckRuns>,
    pause: Duration,
    /// Whether the last failure of each was told already.
    warned: [AtomicBool; 2],
}

async fn work(news: Arc<News>, teller: Teller) {
    loop {
        let Waiting { signal, guard } = news.next().await;
        for attempt in 1..=MOST_TRIES {
            let told = match &guard {
                Some(guard) => guard.run(async { Ok(teller.tell(&signal).await) }).await,
                None => Ok(teller.tell(&signal).await),
            };
            let Ok(told) = told else {
                // Another process leads now, and tells it.
                news.forget(&signal);
                break;
            };
            let Some(wait) = told else { break };
            if attempt == MOST_TRIES || wait > LONGEST_WAIT {
                news.forget(&signal);
                break;
            }
            tokio::time::sleep(wait.max(teller.pause * 2u32.pow(attempt - 1))).await;
            if news.is_outdated(&signal) {
                break;
            }
        }
    }
}

impl Teller {
    /// Tells both. Answers how long to wait before another try; `None`: it is done, or no try would do it.
    async fn tell(&self, signal: &Signal) -> Option<Duration> {
        let deployment = match &self.deployments {
            Some(deployments) => self.outcome(0, "deployment", deployments.tell(&self.client, signal).await),
            None => None,
        };
        let check_run = match &self.check_runs {
            Some(check_runs) => self.outcome(1, "check run", check_runs.tell(&self.client, signal).await),
            None => None,
        };
        deployment.max(check_run)
    }

    fn outcome(&self, which: usize, what: &'static str, outcome: Result<(), Error>) -> Option<Duration> {
        let Err(error) = outcome else {
            self.warned[which].store(false, Ordering::Relaxed);
            return None;
        };
        if error.is_of_credentials() || matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable) {
            return Some(error.wait().unwrap_or_default());
        }
        // The same cause would be told for every pull request and at every change.
        if !self.warned[which].swap(true, Ordering::Relaxed) {
            tracing::warn!(what, error = %error, "the comment was written, but not what stands beside it");
        }
        None
    }
}

//! How often the comment of one environment is edited for what no allowed person asked for.
//!
//! A push to a fork, an image that its build pushes, or an application that comes and goes changes what a comment has to say.
//! Whoever causes that needs no permission, and GitHub counts every edit: "no more than 500 content-generating requests per
//! hour" (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "About secondary rate limits"). So those edits are
//! spaced. An edit that waits is replaced by a newer one, and the last text is always written. Whatever follows a new generation
//! of the desired state is written at once.
//!
//! The counts are this process's own. The next leader begins with a full burst.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_model::{CommentView, ItemKey, Phase, Record, Usd};
use tokio::time::Instant;

use crate::owed::Announcement;

/// How many edits may come at once, and how often one may come after them.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    every: Duration,
}

/// Another phase or address. Ours: `up` to Ready takes about four edits, so two starts come without any wait.
const TURNS: Rate = Rate { burst: 10, every: Duration::from_secs(120) };
/// The same phase with another message or newer commit. Ours: 12 an hour are 288 for 24 environments, the default limit of
/// them, and leave 212 of GitHub's 500.
const DETAILS: Rate = Rate { burst: 5, every: Duration::from_secs(300) };

impl Rate {
    /// How long the next edit waits. `spent_until` is when everything that was spent is back.
    fn wait(self, spent_until: Instant, now: Instant) -> Duration {
        let burst = self.every.saturating_mul(self.burst);
        (spent_until.max(now) + self.every).saturating_duration_since(now + burst)
    }

    fn spend(self, spent_until: &mut Instant, now: Instant) {
        *spent_until = now.max(*spent_until) + self.every;
    }
}

/// What the comment of an environment was last written with, and how much of each rate is spent.
#[derive(Debug)]
struct Written {
    asked: (Option<u64>, String),
    stands: String,
    turns: Instant,
    details: Instant,
}

/// What an edit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// A person asked for something, or nothing was written yet.
    Asked,
    /// The environment stands otherwise.
    Turn,
    /// Anything else.
    Detail,
}

/// The edits of each environment.
#[derive(Debug, Default)]
pub(crate) struct Edits(Mutex<HashMap<ItemKey, Written>>);

impl Edits {
    /// How long the comment has to wait before it is written; `None`: it may be written now.
    pub fn wait(&self, key: &ItemKey, announcement: &Announcement, now: Instant) -> Option<Duration> {
        let view = announcement.view.as_ref()?;
        let entries = self.entries();
        let written = entries.get(key)?;
        let wait = match written.why(announcement, view) {
            Why::Asked => return None,
            Why::Turn => TURNS.wait(written.turns, now),
            Why::Detail => DETAILS.wait(written.details, now),
        };
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// Counts an edit that was made.
    pub fn wrote(&self, key: &ItemKey, announcement: &Announcement, now: Instant) {
        let Some(view) = &announcement.view else { return };
        let mut entries = self.entries();
        let fresh = Written { asked: asked(announcement, view), stands: stands(view), turns: now, details: now };
        match entries.get_mut(key) {
            None => drop(entries.insert(key.clone(), fresh)),
            Some(written) => match written.why(announcement, view) {
                Why::Asked => *written = fresh,
                Why::Turn => {
                    TURNS.spend(&mut written.turns, now);
                    written.stands = fresh.stands;
                }
                Why::Detail => DETAILS.spend(&mut written.details, now),
            },
        }
    }

    /// Forgets the environments that have no record any more.
    pub fn retain(&self, records: &[Record]) {
        let there: HashSet<&ItemKey> = records.iter().map(|record| &record.key).collect();
        self.entries().retain(|key, _| there.contains(key));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ItemKey, Written>> {
        // Each entry is whole between two assignments, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn why(&self, announcement: &Announcement, view: &CommentView) -> Why {
        if self.asked != asked(announcement, view) {
            Why::Asked
        } else if self.stands != stands(view) {
            Why::Turn
        } else {
            Why::Detail
        }
    }
}

/// What people with permissions asked for, and what they were promised.
fn asked(announcement: &Announcement, view: &CommentView) -> (Option<u64>, String) {
    let standing = CommentView { phase: Phase::Pending, url: None, hourly_cost: Usd::ZERO, ..without_details(view) };
    (announcement.generation, standing.identity())
}

/// The same, and where the environment stands.
fn stands(view: &CommentView) -> String {
    without_details(view).identity()
}

fn without_details(view: &CommentView) -> CommentView {
    let view = view.clone();
    CommentView { reason: String::new(), message: String::new(), image_digest: None, newer_commit: None, ..view }
}

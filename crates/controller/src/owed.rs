//! What comments and reactions still have to be posted, and how each of them waits after a failure.
//!
//! All of it follows from the records: a new leader finds the same with its first scan. Only the waits are of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{CommentView, ItemKey, Reacted, RepoName};
use bivouac_planner::Plan;

/// What the pull request has to be told.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// What the comment has to say.
    pub view: Option<CommentView>,
    /// What the command's comment has to be told.
    pub reaction: Option<Reacted>,
    /// The newest generation of the desired state that it follows from.
    pub generation: Option<u64>,
}

impl Announcement {
    /// What a plan has to announce.
    pub fn of(plan: Plan) -> Self {
        let generation = plan.status.machinery.observed_generation;
        Self { view: plan.comment, reaction: plan.reaction, generation }
    }

    fn is_nothing(&self) -> bool {
        self.view.is_none() && self.reaction.is_none()
    }

    /// But for the cost so far, which grows by itself.
    fn says_the_same(&self, other: &Self) -> bool {
        let identity = |one: &Self| one.view.as_ref().map(CommentView::identity);
        self.generation == other.generation && self.reaction == other.reaction && identity(self) == identity(other)
    }
}

/// What becomes of an announcement once it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// There is nothing to post any more.
    Nothing,
    /// It says something new: it has to be queued.
    New,
    /// The same is queued or waits in a backoff already, which is not to be cut short.
    Known,
}

#[derive(Debug)]
struct Entry {
    announcement: Announcement,
    wait: Wait,
    /// How often in a row GitHub refused exactly this.
    refusals: u32,
}

/// How an announcement waits for its next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// It was not tried yet.
    Fresh,
    /// It failed, and its backoff runs. `hurry`: a success elsewhere may end that backoff.
    Backoff { hurry: bool },
    /// A success elsewhere ended its backoff.
    Hurried,
}

/// The announcements that are not posted yet, the newest of each record.
#[derive(Debug, Default)]
pub(crate) struct Owed(Mutex<HashMap<ItemKey, Entry>>);

impl Owed {
    /// Replaces what is owed for a record. An announcement of nothing cancels it.
    pub fn put(&self, key: &ItemKey, announcement: Announcement) -> Put {
        let mut entries = self.entries();
        if announcement.is_nothing() {
            entries.remove(key);
            return Put::Nothing;
        }
        match entries.get_mut(key) {
            Some(entry) if entry.announcement.says_the_same(&announcement) => {
                entry.announcement = announcement;
                Put::Known
            }
            _ => {
                entries.insert(key.clone(), Entry { announcement, wait: Wait::Fresh, refusals: 0 });
                Put::New
            }
        }
    }

    /// The newest announcement of a record.
    pub fn newest(&self, key: &ItemKey) -> Option<Announcement> {
        self.entries().get(key).map(|entry| entry.announcement.clone())
    }

    /// Every record that something is owed for.
    pub fn keys(&self) -> Vec<ItemKey> {
        self.entries().keys().cloned().collect()
    }

    /// Removes what was posted, unless a newer one was put meanwhile.
    pub fn posted(&self, key: &ItemKey, announcement: &Announcement) {
        let mut entries = self.entries();
        if entries.get(key).is_some_and(|entry| entry.announcement.says_the_same(announcement)) {
            entries.remove(key);
        }
    }

    /// Notes that an attempt failed. `hurry`: a success elsewhere may mean that the next one will not.
    ///
    /// Between two attempts of its own backoff an announcement is hurried at most once. So a comment whose trouble is its
    /// own (a locked conversation) costs at most twice the attempts of its backoff, however much succeeds around it.
    pub fn failed(&self, key: &ItemKey, hurry: bool) {
        if let Some(entry) = self.entries().get_mut(key) {
            entry.wait = Wait::Backoff { hurry: hurry && entry.wait != Wait::Hurried };
        }
    }

    /// Counts a refusal, and returns how many there were before it.
    pub fn refused(&self, key: &ItemKey) -> u32 {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(key) else { return 0 };
        let before = entry.refusals;
        entry.refusals = before.saturating_add(1);
        before
    }

    /// Marks what waits for a repository as hurried, and returns whose backoff is to be cut short.
    pub fn hurry(&self, repo: &RepoName) -> Vec<ItemKey> {
        let mut entries = self.entries();
        let waits = |(key, entry): &(&ItemKey, &mut Entry)| {
            entry.wait == Wait::Backoff { hurry: true } && key.env().is_ok_and(|env| env.repo == *repo)
        };
        let hurried = entries.iter_mut().filter(waits).map(|(key, entry)| {
            entry.wait = Wait::Hurried;
            key.clone()
        });
        hurried.collect()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ItemKey, Entry>> {
        // Every change is one assignment, so the map is whole also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bivouac_model::CommandOutcome;

    use super::*;

    fn key(pr: u64) -> ItemKey {
        ItemKey { repo: "acme/shop".into(), pr: pr.to_string().into() }
    }

    fn reaction(comment: u64) -> Announcement {
        let reaction = Some(Reacted { comment, outcome: CommandOutcome::Done });
        Announcement { view: None, reaction, generation: None }
    }

    #[test]
    fn the_same_is_not_queued_again_and_nothing_cancels() {
        let owed = Owed::default();
        assert_eq!(owed.put(&key(7), reaction(1)), Put::New);
        assert_eq!(owed.put(&key(7), reaction(1)), Put::Known);
        assert_eq!(owed.put(&key(7), reaction(2)), Put::New);
        owed.posted(&key(7), &reaction(1));
        assert_eq!(owed.keys(), [key(7)], "a newer one came meanwhile");
        assert_eq!(owed.put(&key(7), Announcement { reaction: None, ..reaction(2) }), Put::Nothing);
        assert!(owed.keys().is_empty());
    }

    #[test]
    fn one_success_elsewhere_hurries_once_for_each_attempt_of_its_own() {
        let (owed, shop) = (Owed::default(), "acme/shop".parse().unwrap());
        owed.put(&key(7), reaction(1));
        assert!(owed.hurry(&shop).is_empty(), "it was not tried yet");
        for _ in 0..3 {
            owed.failed(&key(7), true);
            assert!(owed.hurry(&"acme/blog".parse().unwrap()).is_empty());
            assert_eq!(owed.hurry(&shop), [key(7)]);
            assert!(owed.hurry(&shop).is_empty(), "once");
            owed.failed(&key(7), true);
            assert!(owed.hurry(&shop).is_empty(), "its trouble is its own until its own time comes");
        }
        owed.failed(&key(7), false);
        assert!(owed.hurry(&shop).is_empty(), "no success elsewhere changes its trouble");
        // Something new is tried at once, and begins again.
        owed.put(&key(7), reaction(2));
        owed.failed(&key(7), true);
        assert_eq!(owed.hurry(&shop), [key(7)]);
    }

    #[test]
    fn refusals_are_counted_for_what_was_refused() {
        let owed = Owed::default();
        owed.put(&key(7), reaction(1));
        assert_eq!((owed.refused(&key(7)), owed.refused(&key(7))), (0, 1));
        owed.put(&key(7), reaction(2));
        assert_eq!(owed.refused(&key(7)), 0);
    }
}

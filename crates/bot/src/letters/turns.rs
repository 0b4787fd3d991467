//! Whose turn it is: deliveries of one person on one pull request in order, different pull requests and repositories by turns.
//!
//! Guarantees:
//! - One delivery of a pull request is at work, and at most [`PER_PULL_REQUEST`] are in memory, [`PER_PERSON`] of them by one
//!   person. The others wait in the inbox, and a delivery of that person that arrives after them waits there too, so that none
//!   overtakes those before it.
//! - Each turn goes to the next repository, and there to the next pull request. So a delivery waits for one delivery of each other
//!   pull request at most, however many deliveries those have.
//! - A delivery whose sender has to wait keeps its place, before everything else of that person on that pull request. It holds
//!   up no one else.
//! - A comment that is tried again since it could not be decided holds back the newer comments of its pull request
//!   ([`Turns::hold`]), so that none of them supersedes it.
//! - A comment that only ends the environment ([`Comment::is_down`](crate::letter::Comment::is_down)) waits for none of these.
//!
//! Between two people the newer comment may come first where one of them has more than a few waiting. Then the older one is
//! superseded as far as both want the same, as if it had been delivered late.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use bivouac_model::{EnvKey, RepoName};

use super::{AT_WORK, CAPACITY, Item};
use crate::letter::{Fact, News, Source};

/// How many deliveries of one pull request are in memory. Ours: a busy one has a handful.
pub(super) const PER_PULL_REQUEST: usize = 32;
/// How many of them are by one person. Ours: half, so that a flood by one leaves room for another's command on the same one.
pub(super) const PER_PERSON: usize = PER_PULL_REQUEST / 2;
/// Below this many, more are fetched from the inbox, so that a person with many deliveries does not wait for the next sweep.
const FEW: usize = PER_PERSON / 4;
/// How many deliveries of one repository are at work at once. Ours: three quarters, so that others find a place at once.
const AT_WORK_IN_ONE: usize = AT_WORK / 4 * 3;

/// A person on a pull request.
pub(super) type Sender = (EnvKey, String);

/// Returns who sent it, and where.
pub(super) fn sender(news: &News) -> Sender {
    (news.key(), news.person())
}

/// The deliveries in this process.
#[derive(Default)]
pub(super) struct Turns {
    /// Ids of all deliveries here: waiting, at work, or to be tried later.
    known: HashSet<String>,
    /// How many they are of each pull request.
    counts: HashMap<EnvKey, usize>,
    of_persons: HashMap<Sender, usize>,
    waiting: HashMap<EnvKey, VecDeque<Item>>,
    /// Repositories with a pull request in line, by turns.
    repositories: VecDeque<RepoName>,
    /// Pull requests with a delivery that can be taken up, by turns.
    line: HashMap<RepoName, VecDeque<EnvKey>>,
    in_line: HashSet<EnvKey>,
    busy: HashSet<EnvKey>,
    at_work: HashMap<RepoName, usize>,
    /// People who have to wait. One delivery of each is here until then.
    blocked: HashSet<Sender>,
    /// Comments that are to be tried again, and before which no newer one is decided.
    held: HashMap<EnvKey, BTreeSet<u64>>,
    /// People with deliveries that are in the inbox alone.
    behind: HashSet<Sender>,
    /// Those of them that were found to be so since the inbox is being read.
    late: HashSet<Sender>,
}

impl Turns {
    /// How many deliveries are here.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn knows(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    /// Takes a delivery in that just arrived; `false`: it waits in the inbox.
    pub fn arrive(&mut self, item: Item) -> bool {
        let sender = sender(&item.news);
        let is_behind = self.behind.contains(&sender) && !is_down(&item);
        if is_behind || !self.has_room(&sender, is_down(&item)) {
            self.late.insert(sender.clone());
            self.behind.insert(sender);
            return false;
        }
        self.take(item, sender);
        true
    }

    /// Takes a delivery in that was found in the inbox, the oldest first; `false`: it waits there.
    pub fn find(&mut self, item: Item) -> bool {
        let sender = sender(&item.news);
        if !self.has_room(&sender, is_down(&item)) {
            self.behind.insert(sender);
            return false;
        }
        self.take(item, sender);
        true
    }

    fn has_room(&self, sender: &Sender, is_down: bool) -> bool {
        self.known.len() < CAPACITY
            && (is_down || !self.blocked.contains(sender))
            && self.counts.get(&sender.0).is_none_or(|count| *count < PER_PULL_REQUEST)
            && self.of_persons.get(sender).is_none_or(|count| *count < PER_PERSON)
    }

    fn take(&mut self, item: Item, sender: Sender) {
        self.known.insert(item.letter.id.clone());
        *self.counts.entry(sender.0.clone()).or_default() += 1;
        *self.of_persons.entry(sender).or_default() += 1;
        self.queue(item);
    }

    /// Puts a delivery of this process behind the others of its pull request.
    pub fn queue(&mut self, item: Item) {
        let key = item.news.key();
        if let (Some(id), Some(held)) = (comment(&item), self.held.get_mut(&key)) {
            held.remove(&id);
            if held.is_empty() {
                self.held.remove(&key);
            }
        }
        self.waiting.entry(key.clone()).or_default().push_back(item);
        self.line_up(&key);
    }

    /// Has newer comments of its pull request wait until this one is queued again.
    pub fn hold(&mut self, item: &Item) {
        if let Some(id) = comment(item) {
            self.held.entry(item.news.key()).or_default().insert(id);
        }
    }

    /// Puts a delivery back whose sender has to wait, until [`Turns::unblock`]. What else they sent on this pull request goes
    /// back into the inbox, so that it takes no room from others.
    pub fn block(&mut self, item: Item) -> Sender {
        let sender = sender(&item.news);
        let waiting = self.waiting.remove(&sender.0).unwrap_or_default();
        let (theirs, mut others): (VecDeque<_>, VecDeque<_>) =
            waiting.into_iter().partition(|item| item.news.person() == sender.1 && !is_down(item));
        if !theirs.is_empty() {
            self.behind.insert(sender.clone());
            self.late.insert(sender.clone());
        }
        theirs.iter().for_each(|item| self.forget(item));
        others.push_front(item);
        self.waiting.insert(sender.0.clone(), others);
        self.blocked.insert(sender.clone());
        sender
    }

    /// A sender need not wait any longer.
    pub fn unblock(&mut self, sender: &Sender) {
        self.blocked.remove(sender);
        self.line_up(&sender.0);
    }

    /// The next delivery to work on. Its pull request is busy until [`Turns::ended`].
    pub fn next(&mut self) -> Option<(EnvKey, Item)> {
        for _ in 0..self.repositories.len() {
            let repo = self.repositories.pop_front()?;
            if self.at_work.get(&repo).is_some_and(|count| *count >= AT_WORK_IN_ONE) {
                self.repositories.push_back(repo);
                continue;
            }
            let found = self.next_in(&repo);
            if self.line.get(&repo).is_some_and(|line| !line.is_empty()) {
                self.repositories.push_back(repo);
            } else {
                self.line.remove(&repo);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn next_in(&mut self, repo: &RepoName) -> Option<(EnvKey, Item)> {
        while let Some(key) = self.line.get_mut(repo)?.pop_front() {
            self.in_line.remove(&key);
            let Some(waiting) = self.waiting.get_mut(&key) else { continue };
            let oldest = self.held.get(&key).and_then(BTreeSet::first);
            let is_held = |item: &Item| oldest.zip(comment(item)).is_some_and(|(oldest, id)| id > *oldest);
            let can_go = |item: &Item| is_down(item) || !(self.blocked.contains(&sender(&item.news)) || is_held(item));
            let Some(item) = first(waiting, can_go) else { continue };
            if waiting.is_empty() {
                self.waiting.remove(&key);
            }
            self.busy.insert(key.clone());
            *self.at_work.entry(repo.clone()).or_default() += 1;
            return Some((key, item));
        }
        None
    }

    /// The delivery of this pull request is not at work any more. Call it after the delivery was put where it goes.
    pub fn ended(&mut self, key: &EnvKey) {
        if self.busy.remove(key) {
            one_less(&mut self.at_work, &key.repo);
        }
        self.line_up(key);
    }

    /// A delivery is done.
    pub fn forget(&mut self, item: &Item) {
        if !self.known.remove(&item.letter.id) {
            return;
        }
        let sender = sender(&item.news);
        one_less(&mut self.counts, &sender.0);
        one_less(&mut self.of_persons, &sender);
    }

    fn line_up(&mut self, key: &EnvKey) {
        if self.busy.contains(key) || !self.waiting.contains_key(key) || !self.in_line.insert(key.clone()) {
            return;
        }
        let line = self.line.entry(key.repo.clone()).or_default();
        if line.is_empty() && !self.repositories.contains(&key.repo) {
            self.repositories.push_back(key.repo.clone());
        }
        line.push_back(key.clone());
    }

    /// Whether a person has deliveries in the inbox alone.
    pub fn is_behind(&self, sender: &Sender) -> bool {
        self.behind.contains(sender)
    }

    /// Whether a person who has deliveries in the inbox, and need not wait, has few here.
    pub fn wants_more(&self) -> bool {
        let few = |sender: &&Sender| {
            self.of_persons.get(sender).is_none_or(|count| *count <= FEW)
                && self.counts.get(&sender.0).is_none_or(|count| *count < PER_PULL_REQUEST - FEW)
        };
        self.known.len() < CAPACITY && self.behind.iter().any(|sender| few(&sender) && !self.blocked.contains(sender))
    }

    /// The inbox is being read from now on. Answers whose deliveries are to be left there.
    pub fn reading(&mut self) -> HashSet<Sender> {
        self.late.clear();
        self.blocked.clone()
    }

    /// The inbox was read. `all`: from its beginning to its end. `over`: whose deliveries were seen and left.
    pub fn was_read(&mut self, all: bool, over: HashSet<Sender>) {
        if all {
            self.behind = std::mem::take(&mut self.late);
        }
        self.behind.extend(over);
    }
}

fn one_less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The delivery to be taken up next: the first that came of those whose senders need not wait, but no comment before an older
/// one.
fn first(waiting: &mut VecDeque<Item>, can_go: impl Fn(&Item) -> bool) -> Option<Item> {
    let mut place = waiting.iter().position(&can_go)?;
    if comment(&waiting[place]).is_some() {
        let can_go = waiting.iter().enumerate().filter(|(_, item)| can_go(item));
        let comments = can_go.filter_map(|(place, item)| Some((comment(item)?, place)));
        place = comments.min().map_or(place, |(_, place)| place);
    }
    waiting.remove(place)
}

/// The number of a comment among those of its pull request.
fn comment(item: &Item) -> Option<u64> {
    match &item.news.fact {
        // Numbers of reviews are another row of numbers.
        Fact::Comment(comment) if comment.source == Source::Comment => Some(comment.id),
        Fact::Comment(_) | Fact::Changed(_) | Fact::Hint(_) => None,
    }
}

/// Whether it is a comment that only ends the environment.
fn is_down(item: &Item) -> bool {
    matches!(&item.news.fact, Fact::Comment(comment) if comment.is_down())
}

#[cfg(test)]
mod tests;

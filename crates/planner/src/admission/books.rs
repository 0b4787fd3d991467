//! The ledger in the order in which it is asked: running sums of who holds what, and the line of those who wait.
//!
//! Answering one question costs the logarithm of the number of environments, and one step more for each that is ahead in the
//! line and is not waited behind: what fits and is about to start, and what can never start.

use std::collections::HashMap;

use bivouac_model::{FargateQuotas, ItemKey, Room};
use chrono::{DateTime, TimeDelta, Utc};

use super::line::{Turn, Waiting, Waitlist};
use super::queue::Queue;
use super::tally::{Claim, Tally};
use super::totals::{Part, Totals};
use crate::policy::Policy;

/// How far back a clock may seem to go. Callers read the clock before they take the lock, so they come in another order.
const OUT_OF_ORDER: TimeDelta = TimeDelta::seconds(60);

/// Sums and order of a ledger. They follow from it, so they can be made again at any time.
#[derive(Clone, Debug)]
pub(super) struct Books {
    max_per_user: usize,
    now: DateTime<Utc>,
    totals: Totals,
    line: Waitlist,
    parts: HashMap<ItemKey, Part>,
}

impl Books {
    /// Empty books, with what holds a place and has no record.
    pub fn new(policy: &Policy, strangers: impl Iterator<Item = Part>, now: DateTime<Utc>) -> Self {
        let mut totals = Totals::new(now);
        strangers.for_each(|part| totals.add(&part));
        let max_per_user = policy.caps.max_per_user;
        Self { max_per_user, now, totals, line: Waitlist::default(), parts: HashMap::new() }
    }

    /// Whether these books can tell how it is at `now` under a policy.
    pub fn serve(&self, policy: &Policy, now: DateTime<Utc>) -> bool {
        let latest = now.max(self.now);
        policy.caps.max_per_user == self.max_per_user && latest - now <= OUT_OF_ORDER && self.totals.serves(latest)
    }

    /// Goes on to `now`, which they [serve](Self::serve).
    pub fn advance(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now);
        self.totals.advance(self.now);
        self.line.advance(self.now);
    }

    /// When they were asked last.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Replaces what an environment takes and whether it waits. Again, it changes nothing.
    pub fn set(&mut self, key: &ItemKey, part: Part, waiting: Option<Waiting>) {
        self.count(key, part);
        self.line.set(key, waiting);
    }

    fn count(&mut self, key: &ItemKey, part: Part) {
        let before = self.parts.get(key);
        if before == Some(&part) {
            return;
        }
        let users = [before.and_then(|before| before.user.clone()), part.user.clone()];
        if let Some(before) = before {
            self.totals.remove(before);
        }
        self.totals.add(&part);
        self.parts.insert(key.clone(), part);
        for user in users.into_iter().flatten() {
            let had = self.totals.of_user(&user);
            self.line.set_full(&user, had > 0 && had >= self.max_per_user);
        }
    }

    /// Answers what the caps have to say to an environment that wants to run. Changes nothing.
    pub fn ask(&mut self, policy: &Policy, quota: Option<FargateQuotas>, key: &ItemKey, claim: &Claim<'_>) -> Room {
        // What it holds already is not in its own way.
        let own = self.parts.get(key).filter(|part| part.holds.is_some()).cloned();
        if let Some(own) = &own {
            self.count(key, Part { holds: None, ..own.clone() });
        }
        let turn = self.line.turn(key);
        // What is not in the line yet comes last.
        let ahead = turn.map_or(self.line.len(), |turn| self.line.position(turn));
        let mut queue = Queue::new(policy, Tally::over(policy, quota, self.now, &self.totals));
        let started = self.walk(&mut queue, turn).len();
        let room = queue.serve_behind(ahead.saturating_sub(started), claim);
        if let Some(own) = own {
            self.count(key, own);
        }
        room
    }

    /// Those at the front of the line for whom there is room now.
    pub fn admitted(&self, policy: &Policy, quota: Option<FargateQuotas>) -> Vec<ItemKey> {
        let mut queue = Queue::new(policy, Tally::over(policy, quota, self.now, &self.totals));
        self.walk(&mut queue, None).into_iter().cloned().collect()
    }

    /// Serves the front of the line, up to a turn, until an environment is reached that all others wait behind. Returns those for
    /// whom there was room.
    fn walk(&self, queue: &mut Queue<'_>, before: Option<&Turn>) -> Vec<&ItemKey> {
        let mut front = self.line.front();
        let mut started = Vec::new();
        while !queue.is_held()
            && let Some(waiting) = front.next().filter(|waiting| before.is_none_or(|before| waiting.turn < *before))
        {
            let user = waiting.user.as_deref();
            if queue.is_full_of(user) {
                front.leave_person();
            } else if queue.serve(&Claim { user, place: waiting.place, until: waiting.until }) == Room::Granted {
                started.push(&waiting.turn.2);
            }
        }
        started
    }
}

//! The ledger: who holds a place, who waits for one, and what was spent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bivouac_model::{Desired, FargateQuotas, ItemKey, Month, Phase, Place, Record, Room, Spending, Status, Usd};
use chrono::{DateTime, Utc};

use super::queue::Queue;
use super::tally::{Claim, Tally};
use super::waiting_since;
use crate::expiry::{after, before};
use crate::policy::Policy;

/// How old something has to be that was not seen written, before it counts as never written. A write takes seconds at most.
const DOUBT: Duration = Duration::from_secs(60);

/// What is known of who runs and who waits: of every record as it was last read or written, and of services that no record
/// answers for.
///
/// One process at a time writes what the records say, so what it wrote is how things stand; [`Ledger::observe`] finds what
/// others did.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: HashMap<ItemKey, Entry>,
    /// What runs and holds no place (orphans, and environments whose status was lost), and until when it may.
    strangers: Vec<(Place, DateTime<Utc>)>,
    quota: Option<FargateQuotas>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Of the status that this is from; one more for a place that was granted and is not recorded yet.
    revision: u64,
    /// When this was read, written or granted.
    at: DateTime<Utc>,
    user: Option<String>,
    asked_at: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
    stand: Stand,
    spending: Option<Spending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It holds a place.
    Holds(Place),
    /// It has waited for one since.
    Waits(Place, DateTime<Utc>),
    /// Neither.
    Apart,
}

/// What a calendar month costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Until now.
    pub spent: Usd,
    /// With what is promised to those who run, until their time or the month is over.
    pub projected: Usd,
    /// Until now, by who asked, in small letters; the dearest first.
    pub by_user: Vec<(String, Usd)>,
}

/// A service on the list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Tasks of it run, start or stop.
    pub has_tasks: bool,
}

impl Entry {
    fn of(policy: &Policy, record: &Record, now: DateTime<Utc>) -> Self {
        let wish = record.desired.as_ref().ok();
        let status = record.status.as_ref();
        let until = status.map_or(after(now, policy.ttl), |status| status.expires_at);
        Self {
            revision: status.map_or(0, |status| status.machinery.revision),
            at: now,
            // GitHub does not tell logins apart by their case.
            user: wish.and_then(|wish| wish.requested_by.as_deref()).map(str::to_lowercase),
            asked_at: wish.and_then(|wish| wish.requested_at),
            until,
            stand: Stand::of(policy, record),
            spending: status.map(Status::spending),
        }
    }

    fn claim(&self, place: Place) -> Claim<'_> {
        Claim { user: self.user.as_deref(), place, until: self.until }
    }

    fn spent(&self, month: Month, now: DateTime<Utc>) -> Usd {
        self.spending.map_or(Usd::ZERO, |spending| spending.in_month(month, now))
    }

    fn holds(&self) -> Option<Place> {
        match self.stand {
            Stand::Holds(place) => Some(place),
            Stand::Waits(..) | Stand::Apart => None,
        }
    }
}

impl Stand {
    fn of(policy: &Policy, record: &Record) -> Self {
        let Some(status) = &record.status else { return Self::Apart };
        if let Some(place) = status.machinery.place {
            return Self::Holds(place);
        }
        let wanted = record.desired.as_ref().is_ok_and(|wish| wish.desired == Desired::Up);
        match (status.phase, waiting_since(status), policy.place_of(record)) {
            (Phase::Queued, Some(since), Some(place)) if wanted => Self::Waits(place, since),
            _ => Self::Apart,
        }
    }
}

impl Ledger {
    /// Takes over a complete observation that began at `began`: every record, and every service on the list.
    ///
    /// What was written since it began stays as it was written; what was granted long ago and is recorded nowhere is free
    /// again. Observing the same again changes nothing.
    pub fn observe<'a>(
        &mut self,
        policy: &Policy,
        records: &[Record],
        services: impl Iterator<Item = Listed<'a>>,
        began: DateTime<Utc>,
    ) {
        let mut before_it = std::mem::take(&mut self.entries);
        for record in records {
            let seen = Entry::of(policy, record, began);
            let entry = match before_it.remove(&record.key) {
                Some(known) if known.revision > seen.revision && known.at > before(began, DOUBT) => known,
                _ => seen,
            };
            self.entries.insert(record.key.clone(), entry);
        }
        // Records that were made since; what else is not on the list was deleted.
        self.entries.extend(before_it.into_iter().filter(|(_, entry)| entry.at > began));
        self.strangers = self.find_strangers(policy, records, services, began);
    }

    fn find_strangers<'a>(
        &self,
        policy: &Policy,
        records: &[Record],
        services: impl Iterator<Item = Listed<'a>>,
        began: DateTime<Utc>,
    ) -> Vec<(Place, DateTime<Utc>)> {
        let mut answered = HashSet::new();
        let mut lost: HashMap<String, Place> = HashMap::new();
        for record in records {
            let Some((key, project)) = policy.project_of(record) else { continue };
            let name = project.service(&key);
            let Some(entry) = self.entries.get(&record.key) else { continue };
            // What was written since the look tells better how it stands.
            if entry.holds().is_some() || entry.at > began {
                answered.insert(name);
            } else if let Some(place) = policy.place_of(record) {
                lost.insert(name, place);
            }
        }
        let nameless: HashSet<String> = records
            .iter()
            .filter(|record| record.status.is_none())
            .filter_map(|record| policy.project_of(record).map(|(key, project)| project.service(&key)))
            .collect();
        let until = after(began, policy.ttl);
        services
            .filter(|service| !answered.contains(service.name))
            .filter(|service| service.has_tasks || nameless.contains(service.name))
            .filter_map(|service| {
                let of_project = || {
                    let mut projects = policy.projects.values();
                    let project = projects.find(|project| project.service_name.pr_of(service.name).is_some())?;
                    Some(policy.place(&project.template.resources()))
                };
                lost.get(service.name).copied().or_else(of_project)
            })
            .map(|place| (place, until))
            .collect()
    }

    /// What the account may run, as it was last read; `None`: it cannot be read.
    pub fn allow(&mut self, quota: Option<FargateQuotas>) {
        self.quota = quota;
    }

    /// A record was read.
    pub fn saw(&mut self, policy: &Policy, record: &Record, now: DateTime<Utc>) {
        let seen = Entry::of(policy, record, now);
        match self.entries.get_mut(&record.key) {
            // A place was granted, and nobody knows whether it was recorded: the wish alone is news.
            Some(known) if known.revision > seen.revision => {
                (known.user, known.asked_at, known.until) = (seen.user, seen.asked_at, seen.until);
            }
            _ => drop(self.entries.insert(record.key.clone(), seen)),
        }
    }

    /// A record was written, with the status that it has here. Answers whether that made room for others.
    pub fn wrote(&mut self, policy: &Policy, record: &Record, now: DateTime<Utc>) -> bool {
        let written = Entry::of(policy, record, now);
        let place = written.holds();
        let line = matches!(written.stand, Stand::Waits(..));
        let before = self.entries.insert(record.key.clone(), written);
        before.is_some_and(|before| match before.stand {
            Stand::Holds(held) => place.is_none_or(|place| !place.covers(&held)),
            // Who leaves the queue lets the next one forward.
            Stand::Waits(..) => !line && place.is_none(),
            Stand::Apart => false,
        })
    }

    /// Whether there is room for an environment to run, and if so keeps it. Asking again is answered the same.
    pub fn ask(
        &mut self,
        policy: &Policy,
        record: &Record,
        place: Place,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Room {
        if !self.entries.contains_key(&record.key) {
            self.saw(policy, record, now);
        }
        let room = self.room(policy, &record.key, place, until, now);
        if let (Room::Granted, Some(entry)) = (&room, self.entries.get_mut(&record.key)) {
            if entry.stand != Stand::Holds(place) {
                entry.revision += 1;
            }
            (entry.stand, entry.until, entry.at) = (Stand::Holds(place), until, now);
        }
        room
    }

    fn room(&self, policy: &Policy, key: &ItemKey, place: Place, until: DateTime<Utc>, now: DateTime<Utc>) -> Room {
        let own = self.entries.get(key);
        let since = own.and_then(|entry| match entry.stand {
            Stand::Waits(_, since) => Some(since),
            _ => None,
        });
        if own.and_then(Entry::holds).is_some_and(|held| held.covers(&place)) {
            return Room::Granted;
        }
        let mut queue = self.queue(policy, Some(key), now);
        let own_turn = since.map(|since| (since, own.and_then(|entry| entry.asked_at), key));
        for (turn, claim) in self.line(now) {
            // Who is not in line yet comes last.
            if turn.2 != key && own_turn.is_none_or(|own_turn| turn < own_turn) {
                queue.serve(&claim);
            }
        }
        queue.serve(&Claim { user: own.and_then(|entry| entry.user.as_deref()), place, until })
    }

    /// What the caps have to say to everyone who waits.
    pub fn waiting(&self, policy: &Policy, now: DateTime<Utc>) -> HashMap<ItemKey, Room> {
        let line = self.line(now);
        if line.is_empty() {
            return HashMap::new();
        }
        let mut queue = self.queue(policy, None, now);
        line.into_iter().map(|((_, _, key), claim)| (key.clone(), queue.serve(&claim))).collect()
    }

    /// What this month costs.
    pub fn bill(&self, policy: &Policy, now: DateTime<Utc>) -> Bill {
        let mut tally = Tally::new(policy, self.quota, now);
        let month = tally.month();
        let mut by_user: HashMap<&str, Usd> = HashMap::new();
        let mut spent = Usd::ZERO;
        for entry in self.entries.values() {
            let cost = entry.spent(month, now);
            spent = spent + cost;
            if let Some(user) = entry.user.as_deref().filter(|_| !cost.is_zero()) {
                let sum = by_user.entry(user).or_default();
                *sum = *sum + cost;
            }
        }
        self.count(&mut tally, None, now);
        let mut by_user: Vec<_> = by_user.into_iter().map(|(user, cost)| (user.to_owned(), cost)).collect();
        by_user.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Bill { spent, projected: tally.promised(), by_user }
    }

    /// Those who run, and nobody in line.
    fn queue<'a>(&self, policy: &'a Policy, except: Option<&ItemKey>, now: DateTime<Utc>) -> Queue<'a> {
        let mut tally = Tally::new(policy, self.quota, now);
        self.count(&mut tally, except, now);
        Queue::new(policy, tally)
    }

    fn count(&self, tally: &mut Tally<'_>, except: Option<&ItemKey>, now: DateTime<Utc>) {
        for (key, entry) in &self.entries {
            tally.spend(entry.spent(tally.month(), now));
            if let Some(place) = entry.holds().filter(|_| Some(key) != except) {
                tally.take(&entry.claim(place));
            }
        }
        for (place, until) in &self.strangers {
            tally.take(&Claim { user: None, place: *place, until: *until });
        }
    }

    /// Those who wait, first come first: by when they began to wait, then by when they asked. What is over waits no more.
    fn line(&self, now: DateTime<Utc>) -> Vec<(Turn<'_>, Claim<'_>)> {
        let mut line: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.until > now)
            .filter_map(|(key, entry)| match entry.stand {
                Stand::Waits(place, since) => Some(((since, entry.asked_at, key), entry.claim(place))),
                Stand::Holds(_) | Stand::Apart => None,
            })
            .collect();
        line.sort_by_key(|(turn, _)| *turn);
        line
    }
}

/// When somebody's turn is.
type Turn<'a> = (DateTime<Utc>, Option<DateTime<Utc>>, &'a ItemKey);

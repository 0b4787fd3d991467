//! The ledger: who holds a place, who waits for one, and what was spent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bivouac_model::{Desired, FargateQuotas, ItemKey, Month, Phase, Place, Record, Room, SpendingEntry, Usd};
use chrono::{DateTime, Utc};

use super::accounts::{Accounts, Said};
use super::books::Books;
use super::line::Waiting;
use super::queue::Queue;
use super::tally::{Claim, Tally};
use super::totals::Part;
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
    accounts: Accounts,
    /// Sums and order of all of this. `None`: they are made by the next question.
    books: Option<Books>,
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
    spending: Option<Said>,
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
            spending: status.map(Said::of),
        }
    }

    fn claim(&self, place: Place) -> Claim<'_> {
        Claim { user: self.user.as_deref(), place, until: self.until }
    }

    fn waiting(&self, key: &ItemKey) -> Option<Waiting> {
        let Stand::Waits(place, since) = self.stand else { return None };
        Some(Waiting { turn: (since, self.asked_at, key.clone()), user: self.user.clone(), place, until: self.until })
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
        self.books = None;
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

    /// Whether a record was ever read or written.
    pub fn knows(&self, key: &ItemKey) -> bool {
        self.entries.contains_key(key)
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
        self.count_again(&record.key);
    }

    /// A record was written, with the status that it has here. Answers whether that made room for others.
    pub fn wrote(&mut self, policy: &Policy, record: &Record, now: DateTime<Utc>) -> bool {
        let written = Entry::of(policy, record, now);
        let place = written.holds();
        let line = matches!(written.stand, Stand::Waits(..));
        let before = self.entries.insert(record.key.clone(), written);
        self.count_again(&record.key);
        before.is_some_and(|before| match before.stand {
            Stand::Holds(held) => place.is_none_or(|place| !place.covers(&held)),
            // Who leaves the queue lets the next one forward.
            Stand::Waits(..) => !line && place.is_none(),
            Stand::Apart => false,
        })
    }

    /// Whether there is room for an environment to run, and if so keeps it. Asking again is answered the same. Does not go
    /// through the others: what it costs grows with the logarithm of their number.
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
        let own = self.entries.get(&record.key);
        let room = match own.and_then(Entry::holds) {
            Some(held) if held.covers(&place) => Room::Granted,
            _ => {
                let user = own.and_then(|entry| entry.user.clone());
                let quota = self.quota;
                let claim = Claim { user: user.as_deref(), place, until };
                self.books(policy, now).ask(policy, quota, &record.key, &claim)
            }
        };
        if let (Room::Granted, Some(entry)) = (&room, self.entries.get_mut(&record.key)) {
            if entry.stand != Stand::Holds(place) {
                entry.revision += 1;
            }
            (entry.stand, entry.until, entry.at) = (Stand::Holds(place), until, now);
            self.count_again(&record.key);
        }
        room
    }

    /// Those who wait and for whom there is room now, in their order.
    pub fn admitted(&mut self, policy: &Policy, now: DateTime<Utc>) -> Vec<ItemKey> {
        let quota = self.quota;
        self.books(policy, now).admitted(policy, quota)
    }

    /// Sums and order, as of `now`. They are made again after an observation, in another month, and under another policy.
    fn books(&mut self, policy: &Policy, now: DateTime<Utc>) -> &mut Books {
        let mut books = match self.books.take().filter(|books| books.serve(policy, now)) {
            Some(books) => books,
            None => {
                let strangers = self.strangers.iter();
                let strangers = strangers.map(|held| Part { holds: Some(*held), ..Part::default() });
                let mut books = Books::new(policy, strangers, now);
                for key in self.entries.keys() {
                    let (part, waiting) = self.part_of(key, now);
                    books.set(key, part, waiting);
                }
                let without = self.accounts.all().filter(|account| !self.entries.contains_key(&account.environment));
                for account in without {
                    let (part, waiting) = self.part_of(&account.environment, now);
                    books.set(&account.environment, part, waiting);
                }
                books
            }
        };
        books.advance(now);
        self.books.insert(books)
    }

    /// What is known of an environment changed.
    fn count_again(&mut self, key: &ItemKey) {
        let Some(mut books) = self.books.take() else { return };
        let (part, waiting) = self.part_of(key, books.now());
        books.set(key, part, waiting);
        self.books = Some(books);
    }

    fn part_of(&self, key: &ItemKey, now: DateTime<Utc>) -> (Part, Option<Waiting>) {
        let entry = self.entries.get(key);
        let part = Part {
            user: entry.and_then(|entry| entry.user.clone()),
            holds: entry.and_then(|entry| Some((entry.holds()?, entry.until))),
            spending: self.accounts.spending(key, entry.and_then(|entry| entry.spending), now),
        };
        let waiting = entry.and_then(|entry| entry.waiting(key)).filter(|waiting| waiting.until > now);
        (part, waiting)
    }

    /// What the caps have to say to everyone who waits.
    pub fn waiting(&self, policy: &Policy, now: DateTime<Utc>) -> HashMap<ItemKey, Room> {
        let line = self.line(now);
        if line.is_empty() {
            return HashMap::new();
        }
        let mut queue = self.queue(policy, now);
        line.into_iter().map(|((_, _, key), claim)| (key.clone(), queue.serve(&claim))).collect()
    }

    /// What this month costs.
    pub fn bill(&self, policy: &Policy, now: DateTime<Utc>) -> Bill {
        let mut tally = Tally::new(policy, self.quota, now);
        let mut by_user: HashMap<String, Usd> = HashMap::new();
        let mut spent = Usd::ZERO;
        for (user, cost) in self.costs(now) {
            spent = spent + cost;
            if let Some(user) = user.filter(|_| !cost.is_zero()) {
                let sum = by_user.entry(user.to_lowercase()).or_default();
                *sum = *sum + cost;
            }
        }
        self.count(&mut tally, now);
        let mut by_user: Vec<_> = by_user.into_iter().collect();
        by_user.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Bill { spent, projected: tally.promised(), by_user }
    }

    /// What runs, with an empty line. Goes through all of them: a scan needs it once.
    fn queue<'a>(&self, policy: &'a Policy, now: DateTime<Utc>) -> Queue<'a> {
        let mut tally = Tally::new(policy, self.quota, now);
        self.count(&mut tally, now);
        Queue::new(policy, tally)
    }

    fn count(&self, tally: &mut Tally<'_>, now: DateTime<Utc>) {
        self.costs(now).for_each(|(_, cost)| tally.spend(cost));
        for entry in self.entries.values() {
            if let Some(place) = entry.holds() {
                tally.take(&entry.claim(place));
            }
        }
        for (place, until) in &self.strangers {
            tally.take(&Claim { user: None, place: *place, until: *until });
        }
    }

    /// What every environment cost this month, and who asked for it: those with a record, and those that have only an entry
    /// of the ledger of spending any more.
    fn costs(&self, now: DateTime<Utc>) -> impl Iterator<Item = (Option<&str>, Usd)> {
        let of_records = self.entries.iter().map(move |(key, entry)| {
            let user = || self.accounts.of(key)?.requested_by.as_deref();
            (entry.user.as_deref().or_else(user), self.accounts.spent(key, entry.spending, now))
        });
        let others = self.accounts.all().filter(|account| !self.entries.contains_key(&account.environment));
        of_records
            .chain(others.map(move |account| (account.requested_by.as_deref(), account.in_month(Month::of(now), now))))
    }

    /// The newest entry of an environment in the ledger of spending, as far as it was read.
    pub fn account(&self, key: &ItemKey) -> Option<&SpendingEntry> {
        self.accounts.of(key)
    }

    /// The entries of environments that have no record and count on: each has to be looked at.
    pub fn without_a_record(&self) -> Vec<SpendingEntry> {
        let counts = |entry: &&SpendingEntry| !entry.hourly.is_zero() && !self.entries.contains_key(&entry.environment);
        self.accounts.all().filter(counts).cloned().collect()
    }

    /// An entry of the ledger of spending was read or written. An older one than is known changes nothing.
    pub fn booked(&mut self, entry: SpendingEntry) {
        let key = entry.environment.clone();
        self.accounts.keep(entry);
        self.count_again(&key);
    }

    /// A month of the ledger of spending was read again, since its entries were not as they were known.
    pub fn reread(&mut self, month: Month, entries: Vec<SpendingEntry>) {
        self.accounts.forget(month);
        entries.into_iter().for_each(|entry| self.accounts.keep(entry));
        self.books = None;
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

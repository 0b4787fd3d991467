//! Running sums of what the caps count. A change of one environment costs the same, however many there are.
//!
//! What runs costs the same every hour, so a sum of costs is a line over time: an amount and a rate. Amounts are micro-dollars
//! times milliseconds of an hour's price, in whole numbers, so nothing drifts while parts come and go.

use std::collections::{BTreeMap, HashMap};

use bivouac_model::{Month, Place, Spending, Usd};
use chrono::{DateTime, Utc};

/// Milliseconds of an hour: what an amount is divided by to become micro-dollars.
const HOUR: i128 = 3_600_000;

/// An amount that grows by a rate: `amount + rate × now`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    amount: i128,
    rate: i128,
}

impl Line {
    fn at(self, now: DateTime<Utc>) -> i128 {
        self.amount + self.rate * moment(now)
    }

    fn add(&mut self, other: Self, times: i128) {
        self.amount += other.amount * times;
        self.rate += other.rate * times;
    }
}

fn moment(at: DateTime<Utc>) -> i128 {
    i128::from(at.timestamp_millis())
}

fn price(hourly: Usd) -> i128 {
    i128::from(hourly.micros())
}

fn usd(amount: i128) -> Usd {
    let micros = (amount + HOUR / 2).div_euclid(HOUR);
    Usd::from_micros(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
}

/// What one environment takes of the caps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Who asked for it.
    pub user: Option<String>,
    /// What it holds, and until when.
    pub holds: Option<(Place, DateTime<Utc>)>,
    /// What it cost.
    pub spending: Option<Spending>,
}

/// The sums, of one month and those after it.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    month: Month,
    /// The latest moment that was asked about. What ended before it promises nothing more.
    as_of: DateTime<Utc>,
    environments: usize,
    cpu: u64,
    users: HashMap<String, usize>,
    /// What was spent in the month.
    spent: Line,
    /// What is promised of the month to what runs and is not over.
    promised: Line,
    /// The same, of what ends when.
    ends: BTreeMap<DateTime<Utc>, Line>,
    /// What is promised of the months after it.
    later: BTreeMap<Month, i128>,
}

impl Totals {
    /// Nothing is taken yet.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            month: Month::of(now),
            as_of: now,
            environments: 0,
            cpu: 0,
            users: HashMap::new(),
            spent: Line::default(),
            promised: Line::default(),
            ends: BTreeMap::new(),
            later: BTreeMap::new(),
        }
    }

    /// Whether these sums can tell how it is at `now`. If not, they have to be made again.
    pub fn serves(&self, now: DateTime<Utc>) -> bool {
        Month::of(now) == self.month && now >= self.as_of
    }

    /// Goes on to `now`, which they [serve](Self::serves).
    pub fn advance(&mut self, now: DateTime<Utc>) {
        self.as_of = now;
        while let Some(entry) = self.ends.first_entry().filter(|entry| *entry.key() <= now) {
            self.promised.add(entry.remove(), -1);
        }
    }

    /// Counts a part.
    pub fn add(&mut self, part: &Part) {
        self.change(part, 1);
        if let Some((place, _)) = part.holds {
            self.environments += 1;
            self.cpu += u64::from(place.cpu);
            if let Some(user) = &part.user {
                *self.users.entry(user.clone()).or_default() += 1;
            }
        }
    }

    /// Counts a part no more that was counted.
    pub fn remove(&mut self, part: &Part) {
        self.change(part, -1);
        if let Some((place, _)) = part.holds {
            self.environments = self.environments.saturating_sub(1);
            self.cpu = self.cpu.saturating_sub(u64::from(place.cpu));
            if let Some(user) = &part.user
                && let Some(had) = self.users.get_mut(user)
            {
                *had -= 1;
                if *had == 0 {
                    self.users.remove(user);
                }
            }
        }
    }

    fn change(&mut self, part: &Part, times: i128) {
        if let Some(spending) = &part.spending {
            let line = self.spent_by(spending);
            self.spent.add(line, times);
        }
        let Some((place, until)) = part.holds else { return };
        if until > self.as_of {
            let line =
                Line { amount: price(place.hourly) * moment(until.min(self.month.ends())), rate: -price(place.hourly) };
            self.promised.add(line, times);
            let end = self.ends.entry(until.min(self.month.ends())).or_default();
            end.add(line, times);
            if *end == Line::default() {
                self.ends.remove(&until.min(self.month.ends()));
            }
        }
        let mut month = self.month.next();
        while month.begins() < until {
            let cost = price(place.hourly) * (moment(until.min(month.ends())) - moment(month.begins()));
            let sum = self.later.entry(month).or_default();
            *sum += cost * times;
            if *sum == 0 {
                self.later.remove(&month);
            }
            month = month.next();
        }
    }

    /// What of a spending falls into the month. Its price counts from when it was written.
    fn spent_by(&self, spending: &Spending) -> Line {
        // As `Spending::in_month`: the time cannot be read.
        if spending.updated_at == DateTime::UNIX_EPOCH {
            return Line::default();
        }
        let of_month = Month::of(spending.updated_at) == self.month;
        let written = if of_month { price(spending.cost - spending.before_month) * HOUR } else { 0 };
        let from = spending.updated_at.max(self.month.begins());
        Line { amount: written - price(spending.hourly) * moment(from), rate: price(spending.hourly) }
    }

    /// What a month costs, spent and promised. Of a month before this one nothing is known.
    pub fn paid(&self, month: Month) -> Usd {
        match month == self.month {
            true => usd(self.spent.at(self.as_of) + self.promised.at(self.as_of)),
            false => usd(self.later.get(&month).copied().unwrap_or_default()),
        }
    }

    /// How many hold a place.
    pub fn environments(&self) -> usize {
        self.environments
    }

    /// The CPU units that are taken.
    pub fn cpu(&self) -> u64 {
        self.cpu
    }

    /// How many places a person holds.
    pub fn of_user(&self, user: &str) -> usize {
        self.users.get(user).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::admission::tally::{Claim, months};

    fn start() -> DateTime<Utc> {
        // 15 January 2027.
        DateTime::from_timestamp(1_800_000_000, 0).expect("a moment")
    }

    fn part() -> impl Strategy<Value = Part> {
        let hours = |range: std::ops::Range<i64>| range.prop_map(|hours| start() + TimeDelta::hours(hours));
        let place = (prop_oneof![Just(256u32), Just(512)], 0..90_000i64)
            .prop_map(|(cpu, hourly)| Place { cpu, hourly: Usd::from_micros(hourly) });
        let spending = (0..9_000_000i64, 0..4_000_000i64, 0..90_000i64, hours(-900..1)).prop_map(
            |(cost, before, hourly, updated_at)| Spending {
                cost: Usd::from_micros(cost),
                before_month: Usd::from_micros(before.min(cost)),
                hourly: Usd::from_micros(hourly),
                updated_at,
            },
        );
        let user = prop_oneof![Just(None), Just(Some("ada".to_owned())), Just(Some("bob".to_owned()))];
        (user, proptest::option::of((place, hours(-10..900))), proptest::option::of(spending))
            .prop_map(|(user, holds, spending)| Part { user, holds, spending })
    }

    /// The same, by going through every part.
    fn counted(parts: &[Part], month: Month, now: DateTime<Utc>) -> Usd {
        let mut sum = Usd::ZERO;
        for part in parts {
            if month == Month::of(now)
                && let Some(spending) = &part.spending
            {
                sum = sum + spending.in_month(month, now);
            }
            if let Some((place, until)) = part.holds {
                let claim = Claim { user: None, place, until };
                sum = months(now, &claim).filter(|(of, _)| *of == month).fold(sum, |sum, (_, cost)| sum + cost);
            }
        }
        sum
    }

    proptest! {
        #[test]
        fn the_sums_are_what_counting_every_part_answers(
            parts in proptest::collection::vec(part(), 0..40),
            gone in proptest::collection::vec(any::<bool>(), 40),
            hours in proptest::collection::vec(0..60i64, 0..6),
        ) {
            let mut now = start();
            let mut totals = Totals::new(now);
            parts.iter().for_each(|part| totals.add(part));
            let mut left = Vec::new();
            for (part, gone) in parts.iter().zip(&gone) {
                match gone {
                    true => totals.remove(part),
                    false => left.push(part.clone()),
                }
            }
            for wait in std::iter::once(0).chain(hours) {
                now += TimeDelta::hours(wait);
                if !totals.serves(now) {
                    break;
                }
                totals.advance(now);
                let mut month = Month::of(now);
                for _ in 0..3 {
                    let apart = totals.paid(month).micros().abs_diff(counted(&left, month, now).micros());
                    // Each of the others is rounded to a micro-dollar by itself, twice.
                    prop_assert!(apart <= 2 * left.len() as u64 + 1, "{apart} in {month}");
                    month = month.next();
                }
            }
            let holders = || left.iter().filter(|part| part.holds.is_some());
            prop_assert_eq!(totals.environments(), holders().count());
            prop_assert_eq!(totals.of_user("ada"), holders().filter(|part| part.user.as_deref() == Some("ada")).count());
        }
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing() {
        let mut totals = Totals::new(start());
        let place = Place { cpu: 512, hourly: Usd::from_micros(29_685) };
        let spending =
            Spending { cost: Usd::from_micros(7), before_month: Usd::ZERO, hourly: place.hourly, updated_at: start() };
        let part = |until| Part { user: Some("ada".into()), holds: Some((place, until)), spending: Some(spending) };
        let (soon, late) = (start() + TimeDelta::hours(1), start() + TimeDelta::days(40));
        totals.add(&part(soon));
        totals.add(&part(late));
        totals.advance(start() + TimeDelta::hours(2));
        totals.remove(&part(soon));
        totals.remove(&part(late));
        assert_eq!(totals.paid(Month::of(start())), Usd::ZERO);
        assert_eq!((totals.environments(), totals.cpu(), totals.of_user("ada")), (0, 0, 0));
        assert!(totals.ends.is_empty() && totals.later.is_empty() && totals.users.is_empty());
    }
}

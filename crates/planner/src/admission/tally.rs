//! A running sum of what is taken of the caps.

use std::collections::HashMap;

use bivouac_model::{FargateQuotas, Month, Place, Usd, cost_between};
use chrono::{DateTime, Utc};

use super::totals::Totals;
use crate::policy::Policy;

/// Who would take what, until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub user: Option<&'a str>,
    pub place: Place,
    pub until: DateTime<Utc>,
}

/// A cap that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cap {
    Environments,
    Vcpus,
    Budget,
}

/// What is taken, and what of it may be.
pub(super) struct Tally<'a> {
    policy: &'a Policy,
    cpu_units: u64,
    now: DateTime<Utc>,
    /// What was counted before, and is not counted here again.
    base: Option<&'a Totals>,
    environments: usize,
    cpu: u64,
    users: HashMap<String, usize>,
    /// What each month costs that anybody's time reaches into, as far as is known now.
    months: Vec<(Month, Usd)>,
}

impl<'a> Tally<'a> {
    pub fn new(policy: &'a Policy, quota: Option<FargateQuotas>, now: DateTime<Utc>) -> Self {
        let cpu_units = policy.cpu_units(quota);
        let (users, months) = (HashMap::new(), Vec::new());
        Self { policy, cpu_units, now, base: None, environments: 0, cpu: 0, users, months }
    }

    /// Begins with what is counted already.
    pub fn over(policy: &'a Policy, quota: Option<FargateQuotas>, now: DateTime<Utc>, base: &'a Totals) -> Self {
        Self { base: Some(base), ..Self::new(policy, quota, now) }
    }

    /// The month that this is reckoned in.
    pub fn month(&self) -> Month {
        Month::of(self.now)
    }

    /// Counts what was spent this month already.
    pub fn spend(&mut self, cost: Usd) {
        self.pay(self.month(), cost);
    }

    /// Counts who runs, or will before anybody else.
    pub fn take(&mut self, claim: &Claim<'_>) {
        self.environments += 1;
        self.cpu += u64::from(claim.place.cpu);
        if let Some(user) = claim.user {
            *self.users.entry(user.to_owned()).or_default() += 1;
        }
        for (month, cost) in months(self.now, claim) {
            self.pay(month, cost);
        }
    }

    fn pay(&mut self, month: Month, cost: Usd) {
        match self.months.iter_mut().find(|(known, _)| *known == month) {
            Some((_, sum)) => *sum = *sum + cost,
            None => self.months.push((month, cost)),
        }
    }

    fn paid(&self, month: Month) -> Usd {
        let before = self.base.map_or(Usd::ZERO, |base| base.paid(month));
        before + self.months.iter().find(|(known, _)| *known == month).map_or(Usd::ZERO, |(_, sum)| *sum)
    }

    /// What this month costs, with what is promised until its end.
    pub fn promised(&self) -> Usd {
        self.paid(self.month())
    }

    /// How many run.
    pub fn environments(&self) -> usize {
        self.environments + self.base.map_or(0, Totals::environments)
    }

    fn cpu(&self) -> u64 {
        self.cpu + self.base.map_or(0, Totals::cpu)
    }

    /// The CPU units that may be taken.
    pub fn cpu_units(&self) -> u64 {
        self.cpu_units
    }

    /// Whether somebody has as many as one person may. Who is not known is nobody in particular.
    pub fn is_full_of(&self, user: Option<&str>) -> bool {
        user.is_some_and(|user| {
            let before = self.base.map_or(0, |base| base.of_user(user));
            let had = before + self.users.get(user).copied().unwrap_or_default();
            had > 0 && had >= self.policy.caps.max_per_user
        })
    }

    /// The first cap that has no room.
    pub fn lacks(&self, claim: &Claim<'_>) -> Option<Cap> {
        let caps = &self.policy.caps;
        let over = |(month, cost): (Month, Usd)| self.paid(month) + cost > caps.monthly_budget;
        // A budget of nothing pays for nothing, whatever the prices say.
        let broke = caps.monthly_budget <= Usd::ZERO;
        if self.environments() >= caps.max_environments {
            Some(Cap::Environments)
        } else if self.cpu() + u64::from(claim.place.cpu) > self.cpu_units {
            Some(Cap::Vcpus)
        } else if broke || months(self.now, claim).any(over) {
            Some(Cap::Budget)
        } else {
            None
        }
    }

    /// The cap that would have no room even if nothing ran and nothing were spent.
    pub fn never_fits(&self, claim: &Claim<'_>) -> Option<Cap> {
        Tally { base: None, environments: 0, cpu: 0, months: Vec::new(), users: HashMap::new(), ..*self }.lacks(claim)
    }
}

/// What a claim costs in each month that it reaches into.
pub(super) fn months(now: DateTime<Utc>, claim: &Claim<'_>) -> impl Iterator<Item = (Month, Usd)> {
    let (until, hourly) = (claim.until, claim.place.hourly);
    let all = std::iter::successors(Some(Month::of(now)), |month| Some(month.next()));
    all.take_while(move |month| month.begins() < until)
        .map(move |month| (month, cost_between(hourly, now.max(month.begins()), until.min(month.ends()))))
}

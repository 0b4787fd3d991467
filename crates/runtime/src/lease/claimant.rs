//! The waiting side, as a pure state machine: what it saw, and what follows from it.

use std::time::Duration;

use super::{LeaseRecord, LeaseTiming, Reading};

/// Does not hold the lease, and watches its record.
#[derive(Debug)]
pub(super) struct Claimant {
    owner: String,
    timing: LeaseTiming,
    /// The newest look at the record that differed from the one before, and when its answer had arrived.
    seen: Option<(Option<LeaseRecord>, Reading)>,
}

/// What follows from a look at the record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody holds it any more: put this, if the version is still `seen`.
    Claim { seen: Option<u64>, claim: LeaseRecord },
    /// An earlier claim or renewal of ours was done although its answer got lost: renew it.
    Renew(LeaseRecord),
    /// Somebody holds it; not before this time can it be claimed.
    Wait(Duration),
}

impl Claimant {
    /// `owner` must be of this claimant alone, in all the world and for ever.
    pub(super) fn new(owner: String, timing: LeaseTiming) -> Self {
        Self { owner, timing, seen: None }
    }

    /// Takes a look into account whose answer has arrived by `now`.
    pub(super) fn look(&mut self, record: Option<LeaseRecord>, now: Reading) -> Verdict {
        let first_look = self.seen.is_none();
        let since = match &self.seen {
            // The version alone tells whether anybody wrote meanwhile.
            Some((seen, since)) if version(seen.as_ref()) == version(record.as_ref()) => *since,
            _ => now,
        };
        self.seen = Some((record.clone(), since));
        let period = record.as_ref().map_or(self.timing.period, |record| record.period.max(self.timing.period));
        let left = period.saturating_sub(now.surely_since(since));
        match &record {
            Some(record) if record.owner.as_ref() == Some(&self.owner) => Verdict::Renew(record.clone()),
            Some(LeaseRecord { owner: Some(_), .. }) if !left.is_zero() => Verdict::Wait(left),
            // A record that vanished before our eyes may still be believed in by its holder. One that was not there when
            // we came most likely has never been: a fresh table must not cost a whole period.
            None if !left.is_zero() && !first_look => Verdict::Wait(left),
            _ => {
                let seen = version(record.as_ref());
                Verdict::Claim {
                    seen,
                    claim: LeaseRecord {
                        owner: Some(self.owner.clone()),
                        version: seen.map_or(1, |version| version + 1),
                        period: self.timing.period,
                    },
                }
            }
        }
    }
}

fn version(record: Option<&LeaseRecord>) -> Option<u64> {
    record.map(|record| record.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Reading {
        Reading {
            steady: Duration::from_secs(seconds),
            // Clocks that run wild must not matter to a claimant.
            boot: Duration::from_secs(seconds * 1_000),
            wall: Duration::from_secs(seconds * 1_000),
        }
    }

    fn record(owner: Option<&str>, version: u64) -> Option<LeaseRecord> {
        Some(LeaseRecord { owner: owner.map(str::to_owned), version, period: PERIOD })
    }

    fn me() -> Claimant {
        Claimant::new("me".to_owned(), LeaseTiming::of(PERIOD))
    }

    fn claim(seen: Option<u64>, version: u64) -> Verdict {
        Verdict::Claim { seen, claim: record(Some("me"), version).unwrap() }
    }

    #[test]
    fn waits_a_whole_period_with_the_version_unchanged() {
        let mut me = me();
        assert_eq!(me.look(record(Some("she"), 4), at(100)), Verdict::Wait(PERIOD));
        assert_eq!(me.look(record(Some("she"), 4), at(110)), Verdict::Wait(Duration::from_secs(5)));
        assert_eq!(me.look(record(Some("she"), 5), at(114)), Verdict::Wait(PERIOD), "she renewed");
        assert_eq!(me.look(record(Some("she"), 5), at(129)), claim(Some(5), 6));
    }

    #[test]
    fn a_released_lease_or_a_fresh_store_is_claimed_at_once() {
        assert_eq!(me().look(record(None, 7), at(0)), claim(Some(7), 8));
        assert_eq!(me().look(None, at(0)), claim(None, 1));
    }

    #[test]
    fn a_record_that_vanished_is_waited_for() {
        let mut me = me();
        assert_eq!(me.look(record(Some("she"), 4), at(0)), Verdict::Wait(PERIOD));
        assert_eq!(me.look(None, at(14)), Verdict::Wait(PERIOD));
        assert_eq!(me.look(None, at(29)), claim(None, 1));
    }

    #[test]
    fn a_holder_with_a_longer_period_is_given_it() {
        let long = Some(LeaseRecord { period: 4 * PERIOD, ..record(Some("she"), 4).unwrap() });
        let mut me = me();
        assert_eq!(me.look(long.clone(), at(0)), Verdict::Wait(4 * PERIOD));
        assert_eq!(me.look(long, at(60)), claim(Some(4), 5));
    }

    #[test]
    fn a_claim_of_its_own_whose_answer_was_lost_is_renewed() {
        let mine = record(Some("me"), 3);
        assert_eq!(me().look(mine.clone(), at(0)), Verdict::Renew(mine.unwrap()));
    }
}

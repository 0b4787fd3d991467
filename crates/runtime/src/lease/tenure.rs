//! The holding side, as a pure state machine: until when the holder may believe.

use std::time::Duration;

use super::{LeaseRecord, LeaseTiming, Reading};

/// One uninterrupted time of holding the lease. Once over, it is over.
#[derive(Debug)]
pub(super) struct Tenure {
    timing: LeaseTiming,
    /// As it was last known to be in the store.
    record: LeaseRecord,
    /// Just before the last write was sent that is known to have been done.
    confirmed: Reading,
    over: bool,
}

impl Tenure {
    /// Begins with `record` put by a write that was sent after `sent` and is known to have been done.
    pub(super) fn new(timing: LeaseTiming, record: LeaseRecord, sent: Reading) -> Self {
        Self { timing, record, confirmed: sent, over: false }
    }

    /// For how long the holder may still believe; zero once it is over.
    pub(super) fn left(&self, now: Reading) -> Duration {
        if self.over {
            return Duration::ZERO;
        }
        (self.timing.period - self.timing.margin).saturating_sub(now.perhaps_since(self.confirmed))
    }

    /// When to renew, from now.
    pub(super) fn renew_in(&self, now: Reading) -> Duration {
        self.timing.renew_every.saturating_sub(now.perhaps_since(self.confirmed))
    }

    /// What the condition of the next write has to name.
    pub(super) fn record(&self) -> &LeaseRecord {
        &self.record
    }

    /// A renewal that was sent after `sent` is known to have been done. Too late if the time was over before: somebody
    /// may have been told so.
    pub(super) fn renewed(&mut self, sent: Reading, now: Reading) {
        self.record.version += 1;
        if self.left(now).is_zero() {
            self.over = true;
        } else {
            self.confirmed = sent;
        }
    }

    /// After a conflict the record was read again. If it is still ours, a renewal was done whose answer got lost, and
    /// the next one names its version; the time does not count from it, for when it was sent is not known any more.
    /// Otherwise somebody else has it.
    pub(super) fn corrected(&mut self, record: Option<LeaseRecord>) {
        match record {
            Some(record) if record.owner == self.record.owner => self.record = record,
            _ => self.over = true,
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.over = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steady: u64, wall: u64) -> Reading {
        Reading { boot: Duration::from_secs(steady), ..suspended(steady, steady, wall) }
    }

    /// `boot` counts the time of a suspension, and `steady` does not.
    fn suspended(steady: u64, boot: u64, wall: u64) -> Reading {
        let seconds = Duration::from_secs;
        Reading { steady: seconds(steady), boot: seconds(boot), wall: seconds(wall) }
    }

    fn tenure() -> Tenure {
        let period = Duration::from_secs(15);
        let record = LeaseRecord { owner: Some("me".to_owned()), version: 4, period };
        Tenure::new(LeaseTiming::of(period), record, at(100, 5_000))
    }

    #[test]
    fn believes_for_two_thirds_of_a_period_from_before_the_write() {
        let mut tenure = tenure();
        assert_eq!(tenure.left(at(100, 5_000)).as_secs(), 10);
        assert_eq!(tenure.left(at(109, 5_009)).as_secs(), 1);
        tenure.renewed(at(103, 5_003), at(109, 5_009));
        assert_eq!(tenure.left(at(109, 5_009)).as_secs(), 4, "from when it was sent, not from the answer");
        assert!(tenure.left(at(113, 5_013)).is_zero());
    }

    #[test]
    fn a_suspended_machine_gives_up_by_its_wall_clock() {
        assert!(tenure().left(at(101, 5_060)).is_zero());
        assert_eq!(tenure().left(at(101, 1)).as_secs(), 9, "set back, the wall clock says nothing");
    }

    #[test]
    fn a_suspended_machine_gives_up_also_when_its_wall_clock_is_set_back() {
        assert!(tenure().left(suspended(101, 160, 1)).is_zero());
        assert_eq!(tenure().left(suspended(101, 102, 1)).as_secs(), 8);
    }

    #[test]
    fn a_renewal_that_is_answered_too_late_does_not_bring_it_back() {
        let mut tenure = tenure();
        tenure.renewed(at(109, 5_009), at(110, 5_010));
        assert!(tenure.left(at(110, 5_010)).is_zero());
    }

    #[test]
    fn after_a_conflict_it_goes_on_only_with_a_record_of_its_own() {
        let mut mine = tenure();
        let newer = LeaseRecord { version: 5, ..mine.record().clone() };
        mine.corrected(Some(newer.clone()));
        assert_eq!((mine.record().version, mine.left(at(104, 5_004)).as_secs()), (5, 6));
        for other in [None, Some("she")] {
            let mut lost = tenure();
            lost.corrected(Some(LeaseRecord { owner: other.map(str::to_owned), ..newer.clone() }));
            assert!(lost.left(at(100, 5_000)).is_zero());
        }
    }
}

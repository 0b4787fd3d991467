//! How long everything about a lease takes, derived from its period.

use std::time::Duration;

/// The times of a lease. All are shares of the period, so that the safety of the whole does not depend on a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTiming {
    pub(super) period: Duration,
    pub(super) margin: Duration,
    pub(super) renew_every: Duration,
    pub(super) retry_after: Duration,
    pub(super) call_timeout: Duration,
}

/// The shortest period: below it a single slow answer of a healthy DynamoDB would cost the lease.
const SHORTEST: Duration = Duration::from_secs(1);

impl LeaseTiming {
    /// The times for a lease of this `period`; less than one second counts as one second. For 15 s, which client-go's
    /// leader election has as its default too:
    ///
    /// | time | share | for 15 s | why |
    /// |---|---|---|---|
    /// | the holder gives up | 2/3 | 10 s | client-go's renew deadline; the third that is left is the margin |
    /// | renewal, and a claimant's look | 1/5 | 3 s | three renewals may fail before the holder gives up |
    /// | timeout of a call | 1/5 | 3 s | a hanging call must not cost more than one renewal |
    /// | another try after a failed call | 1/15 | 1 s | |
    ///
    /// The margin of a third tolerates clocks of which one runs a fifth slower and the other a fifth faster than true
    /// time: (1 − ⅓) / (1 − ⅕) = 1 / (1 + ⅕). Real clocks differ by less than a thousandth; the rest of it is for
    /// the writes that are on their way when the holder gives up.
    #[must_use]
    pub fn of(period: Duration) -> Self {
        let period = period.max(SHORTEST);
        Self { period, margin: period / 3, renew_every: period / 5, retry_after: period / 15, call_timeout: period / 5 }
    }

    /// How long a lease lasts without renewal.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// How long before the end of the period the holder gives up. A write that was sent while the fence held, and that
    /// takes no longer than this, is over before anybody else can lead: give every write a timeout below it.
    #[must_use]
    pub fn margin(&self) -> Duration {
        self.margin
    }
}

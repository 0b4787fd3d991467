//! When we may ask: writes at least a gap apart, and silence for as long as GitHub asked for it.
//!
//! GitHub's secondary limits are hit with the primary quota untouched, and an integration that goes on while it is limited
//! may be banned (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api). All writes of the process take a turn here,
//! and each audience has its share of them (`budget.rs`).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_ports::{Audience, Error, Meaning};
use tokio::time::Instant;

use crate::budget::Budget;
use crate::operation::Operation;

/// Hands out turns.
#[derive(Debug)]
pub(crate) struct Pace {
    gap: Duration,
    patience: Duration,
    times: Mutex<Times>,
    /// Held while a write is under way: "make requests serially instead of concurrently" (best practices, as above). When
    /// the last one was sent: one that was slow has made the turns after it late, and they keep their distance all the same.
    writing: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Times {
    /// The writes of the last hour.
    budget: Budget,
    /// The next free turn to write.
    turn: Instant,
    /// No writes before this.
    write_from: Instant,
    /// No requests at all before this.
    ask_from: Instant,
}

/// Whether a request changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It does not.
    Read,
    /// It makes or changes content, for an audience.
    Write(Audience),
}

/// The permission to send. Drop it when the answer is there.
pub(crate) struct Turn<'a> {
    _write: Option<tokio::sync::MutexGuard<'a, Option<Instant>>>,
}

impl Pace {
    pub fn new(gap: Duration, patience: Duration, budget: Budget) -> Self {
        let now = Instant::now();
        let times = Times { budget, turn: now, write_from: now, ask_from: now };
        Self { gap, patience, times: Mutex::new(times), writing: tokio::sync::Mutex::new(None) }
    }

    /// Waits for a turn. Dropped while it waits, its turn is lost and nobody else's comes later.
    ///
    /// # Errors
    /// `Throttled` with the wait, at once, while GitHub wants silence, if the audience has used its share, or if the turn is
    /// further away than patience goes.
    pub async fn turn(&self, operation: &'static Operation, kind: Kind) -> Result<Turn<'_>, Error> {
        let Kind::Write(audience) = kind else {
            let silence = self.times().silence(Instant::now(), kind);
            return silence.map_or(Ok(Turn { _write: None }), |wait| Err(held(operation, wait)));
        };
        {
            let at = self.reserve(Instant::now(), audience).map_err(|wait| held(operation, wait))?;
            tokio::time::sleep_until(at).await;
            let mut last = self.writing.lock().await;
            if let Some(last) = *last {
                tokio::time::sleep_until(last + self.gap).await;
            }
            let mut times = self.times();
            let now = Instant::now();
            // An earlier write may have been told to wait meanwhile.
            if let Some(wait) = times.silence(now, kind) {
                return Err(held(operation, wait));
            }
            // Others of this audience stood in line before this one and have used the share since.
            if let Some(wait) = times.budget.wait(audience, now) {
                return Err(held(operation, wait));
            }
            times.budget.spend(audience, now);
            *last = Some(now);
            // Who asks next is told of the delay, and need not stand in line for longer than patience goes.
            times.turn = times.turn.max(now + self.gap);
            drop(times);
            Ok(Turn { _write: Some(last) })
        }
    }

    /// Takes the next turn to write, or says how long to wait.
    fn reserve(&self, now: Instant, audience: Audience) -> Result<Instant, Duration> {
        let mut times = self.times();
        if let Some(wait) = times.silence(now, Kind::Write(audience)) {
            return Err(wait);
        }
        // Refused before it takes a turn, so that no refused write delays another audience.
        if let Some(wait) = times.budget.wait(audience, now) {
            return Err(wait);
        }
        let at = times.turn.max(now);
        if at - now > self.patience {
            return Err(at - now);
        }
        times.turn = at + self.gap;
        Ok(at)
    }

    /// How much this audience was given within the last hour, and how much it may be given.
    pub fn used(&self, audience: Audience) -> (usize, usize) {
        self.times().budget.used(audience, Instant::now())
    }

    /// GitHub answered a request of this kind with a limit. Asked by a write, only writes fall silent: its secondary
    /// limits for content leave reads alone. `all` when the quota itself is spent.
    pub fn hold(&self, kind: Kind, all: bool, wait: Duration) {
        self.hold_from(Instant::now(), kind, all, wait);
    }

    fn hold_from(&self, now: Instant, kind: Kind, all: bool, wait: Duration) {
        let mut times = self.times();
        let until = now + wait;
        if kind == Kind::Read || all {
            times.ask_from = times.ask_from.max(until);
        }
        times.write_from = times.write_from.max(until);
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        // Every change is one assignment, so the times are whole even after a panic.
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn silence(&self, now: Instant, kind: Kind) -> Option<Duration> {
        let from = if kind == Kind::Read { self.ask_from } else { self.ask_from.max(self.write_from) };
        Some(from.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }
}

fn held(operation: &'static Operation, wait: Duration) -> Error {
    Error::new(Meaning::Throttled, operation.call, "we are waiting, as GitHub asks of us").retry_after(wait).unsent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::ContentLimits;
    use crate::operation::CREATE_COMMENT;

    const SECOND: Duration = Duration::from_secs(1);
    const WRITE: Kind = Kind::Write(Audience::Environment);

    fn pace(gap: Duration, patience: Duration) -> Pace {
        Pace::new(gap, patience, Budget::new(ContentLimits::none()))
    }

    #[test]
    fn writes_are_a_gap_apart_and_nobody_waits_longer_than_patience() {
        let (pace, now) = (pace(SECOND, 2 * SECOND), Instant::now());
        let taken: Vec<_> = (0..3).map(|_| pace.reserve(now, Audience::Environment).unwrap() - now).collect();
        assert!(taken.windows(2).all(|two| two[1] - two[0] == SECOND), "{taken:?}");
        assert!(pace.reserve(now, Audience::Environment).unwrap_err() > 2 * SECOND);
        // Who was sent away took no turn.
        assert!(pace.reserve(now + 2 * SECOND, Audience::Environment).unwrap() <= now + 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn writes_keep_their_distance_behind_a_slow_one() {
        let (pace, began) = (pace(SECOND, 10 * SECOND), Instant::now());
        let write = async |takes: Duration| {
            let turn = pace.turn(&CREATE_COMMENT, WRITE).await.map(|turn| (turn, began.elapsed()));
            let (turn, at) = turn.unwrap();
            tokio::time::sleep(takes).await;
            drop(turn);
            at
        };
        let quick = SECOND / 10;
        let (one, two, three) = tokio::join!(write(5 * SECOND), write(quick), write(quick));
        assert_eq!((one, two, three), (Duration::ZERO, 5 * SECOND, 6 * SECOND));
        // Nothing is waited for that is over.
        tokio::time::sleep(60 * SECOND).await;
        let before = began.elapsed();
        assert_eq!(write(quick).await, before);
    }

    #[test]
    fn a_limit_on_writes_lets_reads_pass_and_ends() {
        let (pace, now) = (pace(SECOND, SECOND), Instant::now());
        pace.hold_from(now, WRITE, false, 60 * SECOND);
        assert_eq!(pace.reserve(now + 20 * SECOND, Audience::Environment), Err(40 * SECOND));
        assert_eq!(pace.times().silence(now, Kind::Read), None);
        assert!(pace.reserve(now + 60 * SECOND, Audience::Environment).is_ok());
    }

    #[test]
    fn a_spent_quota_stops_everything_and_a_shorter_wait_does_not_shorten_it() {
        let (pace, now) = (pace(SECOND, SECOND), Instant::now());
        pace.hold_from(now, WRITE, true, 60 * SECOND);
        pace.hold_from(now, Kind::Read, false, SECOND);
        assert_eq!(pace.times().silence(now + SECOND, Kind::Read), Some(59 * SECOND));
        assert_eq!(pace.reserve(now + SECOND, Audience::Environment), Err(59 * SECOND));
        assert_eq!(pace.times().silence(now + 60 * SECOND, Kind::Read), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_that_is_used_up_delays_no_other_audience() {
        let limits = ContentLimits { hour: 4, answers_an_hour: 2, strangers_an_hour: 1, ..ContentLimits::none() };
        let pace = Pace::new(SECOND, 10 * SECOND, Budget::new(limits));
        let write = async |audience| pace.turn(&CREATE_COMMENT, Kind::Write(audience)).await.map(drop);
        write(Audience::Stranger).await.unwrap();
        let refused = write(Audience::Stranger).await.unwrap_err();
        assert!(refused.meaning() == Meaning::Throttled && !refused.is_sent());
        assert_eq!(refused.wait(), Some(3600 * SECOND));
        let before = Instant::now();
        write(Audience::Member).await.unwrap();
        assert_eq!(before.elapsed(), SECOND, "the refused one took no turn");
        assert!(write(Audience::Member).await.is_err(), "strangers use the share of answers too");
        write(Audience::Environment).await.unwrap();
        write(Audience::Environment).await.unwrap();
        assert!(write(Audience::Environment).await.is_err(), "GitHub's own limit holds for everybody");
        tokio::time::advance(3600 * SECOND).await;
        write(Audience::Stranger).await.unwrap();
    }
}

//! The last answers of the table, as `/readyz` follows them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Readiness;

/// For how long nothing but failures comes before the table counts as lost. Longer than one call with its retries (8 s), so
/// that a call that succeeds in the end never makes the process unready.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// And how many of them at least. A standby reads the lease every 3 s by default.
const LOST_AFTER_FAILURES: u32 = 3;

/// A call that its caller gave up sooner than this says nothing of the table.
const PATIENCE: Duration = Duration::from_secs(1);
/// The code of a call that its caller gave up ([`bivouac_ports::Meter::api_call`]).
const GIVEN_UP: &str = "given up";

/// The codes with which a table answers that works. The others are refusals of a condition that the caller set.
const ANSWERED: [&str; 5] = [
    "ok",
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "ValidationException",
];

/// Follows the answers to all calls of one service, and has one condition of the readiness follow them.
#[derive(Debug)]
pub(crate) struct Answers {
    pub service: &'static str,
    readiness: Readiness,
    condition: &'static str,
    failing: Mutex<Option<Failing>>,
}

/// Since when and how often in a row calls have failed.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    times: u32,
}

impl Answers {
    /// Follows `service` from now on.
    pub fn new(service: &'static str, readiness: Readiness, condition: &'static str) -> Self {
        Self { service, readiness, condition, failing: Mutex::default() }
    }

    /// An attempt of a call ended with this code, after this time.
    pub fn heard(&self, code: &str, took: Duration) {
        if code == GIVEN_UP && took < PATIENCE {
            return;
        }
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if ANSWERED.contains(&code) {
            *failing = None;
            self.readiness.regain(self.condition);
            return;
        }
        // The call itself may have begun earlier.
        let now = Instant::now();
        let streak = failing.get_or_insert(Failing { since: now.checked_sub(took).unwrap_or(now), times: 0 });
        streak.times = streak.times.saturating_add(1);
        if streak.times >= LOST_AFTER_FAILURES && streak.since.elapsed() >= LOST_AFTER {
            self.readiness.lose(self.condition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(10);

    async fn seconds(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    fn follow() -> (Answers, Readiness) {
        let readiness = Readiness::new(&["tables", "first-observation"]);
        (Answers::new("DynamoDB", readiness.clone(), "tables"), readiness)
    }

    #[tokio::test(start_paused = true)]
    async fn failures_alone_for_ten_seconds_lose_the_table_and_one_answer_brings_it_back() {
        let (answers, readiness) = follow();
        readiness.set("tables", true);
        readiness.set("first-observation", true);
        for code in ["no answer", "timeout", "500", "AccessDeniedException"] {
            answers.heard(code, FAST);
            seconds(3).await;
            assert!(readiness.is_ready(), "{code}");
        }
        answers.heard("no answer", FAST);
        assert_eq!(
            readiness.report(),
            (false, "[-]tables lost: the last calls failed\n[+]first-observation ok\n".into())
        );
        answers.heard("ConditionalCheckFailedException", FAST);
        assert!(readiness.is_ready(), "a refused condition is an answer");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_begins_the_time_again() {
        let (answers, readiness) = follow();
        readiness.set("tables", true);
        readiness.set("first-observation", true);
        for _ in 0..10 {
            answers.heard("no answer", FAST);
            seconds(4).await;
            answers.heard("no answer", FAST);
            seconds(4).await;
            answers.heard("ok", FAST);
        }
        assert!(readiness.is_ready());
        // Two long ones are too few.
        answers.heard("timeout", Duration::from_secs(5));
        seconds(60).await;
        answers.heard("timeout", Duration::from_secs(5));
        assert!(readiness.is_ready());
        answers.heard(GIVEN_UP, FAST);
        assert!(readiness.is_ready(), "a call that was dropped at once says nothing");
        answers.heard(GIVEN_UP, Duration::from_secs(3));
        assert!(!readiness.is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_makes_nothing_ready_that_was_never_checked() {
        let (answers, readiness) = follow();
        answers.heard("ok", FAST);
        assert_eq!(readiness.report(), (false, "[-]tables not yet\n[-]first-observation not yet\n".into()));
        for _ in 0..10 {
            answers.heard("no answer", FAST);
            seconds(10).await;
        }
        answers.heard("ok", FAST);
        assert_eq!(readiness.report(), (false, "[-]tables not yet\n[-]first-observation not yet\n".into()));
    }
}

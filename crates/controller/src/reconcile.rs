//! One reconcile: observe → plan → apply → record, for one key.

use std::error::Error as StdError;
use std::time::Duration;

use bivouac_model::{ItemKey, Observed, Record, Status};
use bivouac_planner::{Action, Next, Plan, Setback, plan, set_back};
use bivouac_ports::{Error, Meaning};
use bivouac_runtime::Outcome;
use tracing::Instrument as _;

use crate::announce::Announcement;
use crate::apply::apply;
use crate::audit::Effect;
use crate::controller::Controller;
use crate::world::is_wanted_down;

/// The most looks and steps of one reconcile. A take-down, the longest way, has four of each; more means that the world
/// does not become what a step makes it, and then the queue's backoff is the better place to go on from.
const MOST_STEPS: usize = 24;

/// How a reconcile ends whose record has no room for what there is to say.
const UNRECORDED: &str = "Unrecorded";

impl Controller {
    /// Brings one environment one or more steps nearer to what is desired.
    ///
    /// Reads everything anew, so calling it twice is calling it once. Dropped half-way, what was done is found by the next
    /// call.
    pub async fn reconcile(&self, key: ItemKey) -> Outcome {
        let woken_by = self.woken_by(&key);
        let span = tracing::info_span!(
            "reconcile", env = %key, woken_by, phase = tracing::field::Empty, was = tracing::field::Empty
        );
        self.reconcile_in_span(&key).instrument(span).await
    }

    async fn reconcile_in_span(&self, key: &ItemKey) -> Outcome {
        let mut record = match self.doors.records.get(key).await {
            Ok(Some(record)) => record,
            // Deleted by a person: what it left behind is an orphan, which is the reaper's.
            Ok(None) => return Outcome::Done,
            Err(error) => return back_off(&error),
        };
        self.audit.saw(&record);
        self.saw_place(&record);
        let span = tracing::Span::current();
        let was = record.status.as_ref().map_or("None", |status| status.phase.as_str());
        span.record("was", was);

        let (planned, stopped_by) = self.converge(&mut record).await;
        let phase = planned.status.phase.as_str();
        span.record("phase", phase);
        let unrecorded = match self.write(&mut record, &planned.status).await {
            Ok(()) => None,
            // Trying again cannot help before a person changes the record. The comment is told what the record cannot hold.
            Err(error) if error.meaning() == Meaning::Invalid => Some(error),
            Err(error) => return back_off(&error),
        };
        self.tell_unrecorded(key, unrecorded.as_ref());
        if phase != was && unrecorded.is_none() {
            tracing::info!(reason = %planned.status.reason, message = %planned.status.message, "{was} → {phase}");
        }
        self.announce_soon(key, Announcement { view: planned.comment, reaction: planned.reaction });
        if unrecorded.is_some() {
            // Each pass looks again, since the record does not say what it should.
            return Outcome::Terminal { reason: UNRECORDED };
        }
        match stopped_by {
            Some(error) => back_off(&error),
            None => planned.requeue_after.map_or(Outcome::Done, Outcome::RequeueAfter),
        }
    }

    /// Looks and acts until the plan is to wait, and answers the last plan and the error that ended it early. The record is
    /// as it was last written.
    async fn converge(&self, record: &mut Record) -> (Plan, Option<Error>) {
        let policy = &self.policy;
        let Some((key, project)) = policy.project_of(record) else {
            return (plan(record, &Observed::default(), policy, self.doors.clock.now()), None);
        };
        let mut observed = self.closer.begin(record, &key, project, self.listed_head(&key)).await;
        let is_wanted_down = is_wanted_down(record);
        observed.clock_jumped = self.clock.is_in_doubt(self.doors.clock.now());
        observed.allowance_spent = !is_wanted_down && self.allowance.left() == 0;
        let mut steps = 0;
        loop {
            let now = self.doors.clock.now();
            let planned = plan(record, &observed, policy, now);
            steps += 1;
            let done = match &planned.next {
                Next::Wait(_) | Next::Settled => return (planned, None),
                _ if steps > MOST_STEPS => {
                    let message = format!("still wants to {} after {MOST_STEPS} steps", planned.next);
                    return (planned, Some(Error::new(Meaning::Conflict, "reconcile", message)));
                }
                // Nothing is deleted without a place among the deletions of a pass.
                Next::Do(Action::Delete { .. }) if !self.takes_a_place(&record.key, is_wanted_down) => {
                    observed.allowance_spent = true;
                    continue;
                }
                Next::Look(look) => self.look(look, record, &planned.status, &mut observed).await,
                Next::Record => self.write(record, &planned.status).await,
                Next::Do(action) => {
                    tracing::info!("{action}");
                    apply(&self.doors, &self.fenced, action, &mut observed).await
                }
            };
            let Err(error) = done else { continue };
            if matches!(planned.next, Next::Do(Action::Delete { .. })) && is_surely_undone(&error) {
                self.allowance.give_back();
            }
            let setback = match (&planned.next, error.meaning()) {
                (Next::Do(_), Meaning::Denied) => Setback::Denied(error.message().to_owned()),
                (Next::Do(_), Meaning::Invalid) => Setback::Refused(error.message().to_owned()),
                _ => return (planned, Some(error)),
            };
            tracing::warn!(error = &error as &dyn StdError, "refused: {}", planned.next);
            return (set_back(record, &observed, policy, now, planned, &setback), None);
        }
    }

    fn takes_a_place(&self, key: &ItemKey, is_wanted_down: bool) -> bool {
        if is_wanted_down { self.allowance.take_for_person(key) } else { self.allowance.take() }
    }

    /// Logs a status that cannot be written, once for as long as it lasts.
    fn tell_unrecorded(&self, key: &ItemKey, refused: Option<&Error>) {
        let mut unrecorded = self.unrecorded.lock().unwrap_or_else(|e| e.into_inner());
        match refused {
            None => drop(unrecorded.remove(key)),
            Some(error) if unrecorded.insert(key.clone()) => {
                tracing::warn!(error = error as &dyn StdError, "the status cannot be recorded; the comment says why");
            }
            Some(error) => tracing::debug!(error = error as &dyn StdError, "the status cannot be recorded still"),
        }
    }

    /// Records what there is to say, unless the record says it already; and has the audit tell of it.
    /// The record has it then.
    async fn write(&self, record: &mut Record, status: &Status) -> Result<(), Error> {
        if record.status.as_ref().is_some_and(|written| status.says_the_same(written)) {
            return Ok(());
        }
        let effect = Effect::of(record, status, self.doors.clock.now());
        let answer = self.fenced.write(self.doors.records.write_status(record, status)).await;
        if let Some(effect) = effect {
            self.audit.wrote(effect, &answer);
        }
        answer?;
        // As the record store counts it.
        let revision = record.status.as_ref().map_or(0, |status| status.machinery.revision).saturating_add(1);
        let status = record.status.insert(status.clone());
        status.machinery.revision = revision;
        self.wrote_place(record);
        Ok(())
    }
}

/// Whether what failed was certainly not done: it was never sent, or it was refused.
pub(crate) fn is_surely_undone(error: &Error) -> bool {
    !error.is_sent() || error.meaning() != Meaning::Unavailable
}

/// Logs the chain once and says how to go on: the queue backs off, at least as long as the other side asked for.
pub(crate) fn back_off(error: &Error) -> Outcome {
    let reason = match error.meaning() {
        Meaning::NotFound => "NotFound",
        Meaning::Conflict => "Conflict",
        Meaning::Throttled => "Throttled",
        Meaning::Denied => "Denied",
        Meaning::Invalid => "Invalid",
        Meaning::Unavailable => "Unavailable",
    };
    match error.meaning() {
        // Somebody else was quicker: look again, it is no trouble.
        Meaning::Conflict => tracing::debug!(error = error as &dyn StdError, "to be looked at again"),
        // Our own pace, which is as it should be.
        _ if !error.is_sent() => tracing::debug!(error = error as &dyn StdError, "waiting for a turn"),
        _ => tracing::warn!(error = error as &dyn StdError, "backing off"),
    }
    Outcome::backoff_at_least(reason, error.wait().unwrap_or(Duration::ZERO))
}

//! One reconcile: observe → plan → apply → record, for one key.

use std::error::Error as StdError;
use std::time::Duration;

use bivouac_model::{ItemKey, Observed, Phase, Record, Status, Unanswered};
use bivouac_planner::{Action, Look, Next, Plan, Setback, plan, set_back};
use bivouac_ports::{Error, Meaning};
use bivouac_runtime::{Outcome, Turn};
use tracing::Instrument as _;

use crate::apply::apply;
use crate::audit::Effect;
use crate::closer::Ahead;
use crate::controller::Controller;
use crate::owed::Announcement;
use crate::world::is_wanted_down;

/// The most looks and steps of one reconcile. A take-down, the longest way, has four of each; more means that the world
/// does not become what a step makes it, and then the queue's backoff is the better place to go on from.
const MOST_STEPS: usize = 24;

/// How long a record waits for what is looked at ahead of its plan. Usual answers take a tenth of it. A source that takes longer
/// hangs or is throttled, and what the record says may need none of it.
const AHEAD: Duration = Duration::from_secs(1);

/// How a reconcile ends whose record has no room for what there is to say.
const UNRECORDED: &str = "Unrecorded";

impl Controller {
    /// Brings one environment one or more steps nearer to what is desired.
    ///
    /// Reads everything anew, so calling it twice is calling it once. Dropped half-way, what was done is found by the next
    /// call.
    pub async fn reconcile(&self, key: ItemKey) -> Outcome {
        // It was not begun; the next process finds it.
        let Some(mut turn) = self.turns.take().await else { return Outcome::RequeueAfter(Duration::ZERO) };
        let woken_by = self.woken_by(&key);
        let span = tracing::info_span!(
            "reconcile", env = %key, woken_by, phase = tracing::field::Empty, was = tracing::field::Empty
        );
        self.reconcile_in_span(&key, &mut turn).instrument(span).await
    }

    async fn reconcile_in_span(&self, key: &ItemKey, turn: &mut Turn<'_>) -> Outcome {
        let (record, ahead) = self.begin(key, turn).await;
        let mut record = match record {
            Ok(Some(record)) => record,
            // Deleted by a person: what it left behind is an orphan, which is the reaper's.
            Ok(None) => return Outcome::Done,
            Err(error) => return back_off(&error),
        };
        self.audit.saw(&record);
        self.saw_place(&record);
        self.know_spending().await;
        let span = tracing::Span::current();
        let was = record.status.as_ref().map_or("None", |status| status.phase.as_str());
        span.record("was", was);

        let (planned, stopped_by) = self.converge(&mut record, ahead, turn).await;
        let phase = planned.status.phase.as_str();
        span.record("phase", phase);
        let unrecorded = match self.write(&mut record, &planned).await {
            Ok(()) => None,
            // Trying again cannot help before a person changes the record. The comment is told what the record cannot hold.
            Err(error) if error.meaning() == Meaning::Invalid => Some(error),
            Err(error) => return back_off(&error),
        };
        if planned.refusal.is_some() {
            // A place that was granted and never recorded is free at once.
            self.wrote_place(&record);
        }
        self.tell_unrecorded(key, unrecorded.as_ref());
        if phase != was && unrecorded.is_none() {
            tracing::info!(reason = %planned.status.reason, message = %planned.status.message, "{was} → {phase}");
        }
        let requeue_after = planned.requeue_after;
        self.announce_soon(key, Announcement::of(planned));
        if unrecorded.is_some() {
            // Each pass looks again, since the record does not say what it should.
            return Outcome::Terminal { reason: UNRECORDED };
        }
        match stopped_by {
            Some(error) => back_off(&error),
            None => requeue_after.map_or(Outcome::Done, Outcome::RequeueAfter),
        }
    }

    /// Reads the record. Of one that a client has just made, what its plan asks for is looked at meanwhile.
    async fn begin(&self, key: &ItemKey, turn: &mut Turn<'_>) -> (Result<Option<Record>, Error>, Option<Ahead>) {
        let env = key.env().ok().filter(|_| self.is_new(key));
        let known = env.and_then(|env| Some((self.policy.projects.get(&env.repo)?, env)));
        match known {
            None => (self.doors.records.get(key).await, None),
            Some((project, env)) => {
                // The registry and the forge may be slow, and no other environment waits for them.
                turn.aside(self.closer.read_and_look_ahead(&env, key, project, AHEAD)).await
            }
        }
    }

    /// Looks and acts until the plan is to wait, and answers the last plan and the error that ended it early. The record is
    /// as it was last written.
    async fn converge(&self, record: &mut Record, ahead: Option<Ahead>, turn: &mut Turn<'_>) -> (Plan, Option<Error>) {
        let policy = &self.policy;
        let Some((key, project)) = policy.project_of(record) else {
            let observed = Observed { spending: self.spending_of(&record.key), ..Observed::default() };
            return (plan(record, &observed, policy, self.doors.clock.now()), None);
        };
        let mut observed = self.closer.begin(record, &key, self.listed_head(&key));
        if let Some(ahead) = ahead {
            ahead.add_to(&mut observed, project, &key, record);
        }
        observed.refusal = self.refusals.claim(record, policy, self.doors.clock.now());
        let is_wanted_down = is_wanted_down(record);
        observed.clock_jumped = self.clock.is_in_doubt(self.doors.clock.now());
        observed.allowance_spent = !is_wanted_down && self.allowance.left() == 0;
        let mut steps = 0;
        loop {
            let now = self.doors.clock.now();
            observed.spending = self.spending_of(&record.key);
            let mut planned = plan(record, &observed, policy, now);
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
                Next::Look(look) => self.look(look, record, &planned.status, &mut observed, turn).await,
                Next::Record => match self.reserve(record, &planned, &mut observed).await {
                    Ok(taken) => {
                        // From here on it is as if the step had been planned alone.
                        if let Some(action) = planned.meanwhile.take() {
                            planned.next = Next::Do(action);
                        }
                        taken
                    }
                    Err(error) => Err(error),
                },
                Next::Do(action) => {
                    // A registration starts nothing, so it costs nothing.
                    let is_start = !matches!(action, Action::Register(_));
                    if is_start && let Err(error) = self.book_before(&planned, &observed).await {
                        return (planned, Some(error));
                    }
                    tracing::info!("{action}");
                    let applying = apply(&self.doors, &self.closer, &self.fenced, action, record, &mut observed);
                    match action {
                        // The registry's, and no other environment's concern.
                        Action::RemoveTags { .. } => turn.aside(applying).await,
                        _ => applying.await,
                    }
                }
            };
            let Err(error) = done else {
                if let Next::Do(action) = &planned.next {
                    let others = self.refusals.succeeded(&record.key, action.kind());
                    others.iter().for_each(|key| self.wake(key, "allowed"));
                }
                continue;
            };
            if matches!(planned.next, Next::Do(Action::Delete { .. })) && is_surely_undone(&error) {
                self.allowance.give_back();
            }
            if is_leftover(&planned, &error, &mut observed.unanswered) {
                tracing::warn!(error = &error as &dyn StdError, "a take-down leaves this to the collector if it lasts");
                continue;
            }
            let setback = match (&planned.next, error.meaning()) {
                (Next::Do(_), Meaning::Denied) => Setback::Denied(error.message().to_owned()),
                (Next::Do(_), Meaning::Invalid) => Setback::Refused(error.message().to_owned()),
                _ => return (planned, Some(error)),
            };
            tracing::warn!(error = &error as &dyn StdError, "refused: {}", planned.next);
            // The price may have been written to the ledger for the step that was refused.
            observed.spending = self.spending_of(&record.key);
            let planned = set_back(record, &observed, policy, now, planned, &setback);
            if let Some(refusal) = &planned.refusal {
                self.refusals.keep(record, refusal.clone());
            }
            return (planned, None);
        }
    }

    fn takes_a_place(&self, key: &ItemKey, is_wanted_down: bool) -> bool {
        if is_wanted_down { self.allowance.take_for_person(key) } else { self.allowance.take() }
    }

    /// Whether the status of a record could not be written when it was last tried, since the record has no room for it.
    pub(crate) fn is_unrecorded(&self, key: &ItemKey) -> bool {
        self.unrecorded.lock().unwrap_or_else(|e| e.into_inner()).contains(key)
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

    /// Records a place before anything is started, writes the ledger of spending, and registers what is to run, all at the same
    /// time. None of them starts anything, and nothing is started before all of them are done. Returns how the registration went.
    ///
    /// Until the ledger has the entry too, the record says that it keeps the cost itself. A process that is killed in between
    /// therefore loses nothing of it.
    ///
    /// # Errors
    /// That of the record or of the ledger.
    async fn reserve(
        &self,
        record: &mut Record,
        planned: &Plan,
        observed: &mut Observed,
    ) -> Result<Result<(), Error>, Error> {
        let seen = record.clone();
        let booking = async {
            match &planned.ledger {
                Some(entry) => self.book(entry).await.map(drop),
                None => Ok(()),
            }
        };
        let registering = async {
            match &planned.meanwhile {
                Some(action) => {
                    tracing::info!("{action}");
                    apply(&self.doors, &self.closer, &self.fenced, action, &seen, observed).await
                }
                None => Ok(()),
            }
        };
        let mut status = planned.status.clone();
        status.machinery.booked &= planned.ledger.is_none();
        let (written, booked, registered) = tokio::join!(self.put(record, status), booking, registering);
        written?;
        booked?;
        Ok(registered)
    }

    /// Records what there is to say, unless the record says it already; and has the audit tell of it.
    /// The record has it then.
    ///
    /// What was spent is in the ledger before it is in the record. So a record that is overwritten, or a process that is
    /// killed in between, takes nothing of it.
    async fn write(&self, record: &mut Record, planned: &Plan) -> Result<(), Error> {
        let mut status = planned.status.clone();
        if let Some(entry) = &planned.ledger {
            status.machinery.booked = self.book(entry).await?;
        }
        self.put(record, status).await
    }

    async fn put(&self, record: &mut Record, status: Status) -> Result<(), Error> {
        let status = &status;
        if record.status.as_ref().is_some_and(|written| !status.differs_from(written)) {
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

/// Whether what failed is something that a take-down can end without: tags and task definitions, which the collector removes
/// too. The planner decides how long it is tried.
fn is_leftover(planned: &Plan, error: &Error, unanswered: &mut Unanswered) -> bool {
    let is_take_down = matches!(planned.status.phase, Phase::Terminating | Phase::Terminated);
    let unavailable = matches!(error.meaning(), Meaning::Unavailable | Meaning::Throttled);
    match &planned.next {
        _ if !is_take_down || !(unavailable || error.meaning() == Meaning::Denied) => return false,
        Next::Look(Look::Tags) => unanswered.tags = true,
        Next::Look(Look::TaskDefinitions) => unanswered.task_definitions = true,
        // A refusal of these is for a person, and the record says so.
        Next::Do(Action::RemoveTags { .. }) if unavailable => unanswered.tags = true,
        Next::Do(Action::Deregister(_)) if unavailable => unanswered.task_definitions = true,
        _ => return false,
    }
    true
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

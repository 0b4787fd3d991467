//! The decision: what kind of record is this, and which way does it go?

use bivouac_model::{Desired, DesiredState, Observed, Phase, PullRequestState, Record, ServiceView, Status};
use chrono::{DateTime, Utc};

use crate::bring_up::{bring_up, is_ours};
use crate::context::{Context, Draft, refused};
use crate::expiry::{SKEW, after, created_at, lifetime, whole_seconds};
use crate::plan::{Action, Look, Next, Plan, WaitingOn};
use crate::policy::Policy;
use crate::take_down::{Why, keep_tags, take_down};
use crate::{hold, reason, refusal};

/// Decides the next step for one environment.
///
/// Pure: the same arguments give the same plan. Planning again with what a step has changed leads, in a bounded number of
/// steps, to [`crate::Next::Settled`] or a wait.
///
/// The observation may be a glance (the service only [`ServiceView::Listed`] or `Unlisted`): then the plan is either
/// proof that all is as recorded, or asks for a closer look.
pub fn plan(record: &Record, observed: &Observed, policy: &Policy, now: DateTime<Utc>) -> Plan {
    let now = whole_seconds(now);
    let key = match record.key.env() {
        Ok(key) => key,
        Err(error) => return refused(record, observed, policy, now, reason::INVALID_RECORD, format!("{error}.")),
    };
    let Some(project) = policy.projects.get(&key.repo) else {
        let configured: Vec<_> = policy.projects.keys().map(ToString::to_string).collect();
        let message = format!("The repository {} is not configured; configured: {}.", key.repo, configured.join(", "));
        return refused(record, observed, policy, now, reason::UNKNOWN_REPOSITORY, message);
    };
    decide(Context { record, key: &key, project, observed, policy, now })
}

/// Why a step could not be taken for good: a person has to mend something. What may work the next time is no setback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setback {
    /// We may not.
    Denied(String),
    /// It is refused as it is.
    Refused(String),
}

/// The plan after its step met a setback: the same record, which now says so, and a wait for a person.
///
/// It is tried again with growing intervals, since a change outside of this program gives no notice.
pub fn set_back(
    record: &Record,
    observed: &Observed,
    policy: &Policy,
    now: DateTime<Utc>,
    plan: Plan,
    setback: &Setback,
) -> Plan {
    let Ok(key) = record.key.env() else { return plan };
    let Some(project) = policy.projects.get(&key.repo) else { return plan };
    let context = Context { record, key: &key, project, observed, policy, now: whole_seconds(now) };
    if let (Next::Do(Action::RemoveTags { .. }), Setback::Refused(refusal)) = (&plan.next, setback) {
        return keep_tags(context, Draft::resume(context, plan.status), refusal);
    }
    let Next::Do(action) = &plan.next else { return plan };
    let refusal = refusal::of(&context, action, setback, plan.attempt.clone());
    let phase = match plan.status.phase {
        phase @ (Phase::Terminating | Phase::Terminated | Phase::Asleep | Phase::Ready) => phase,
        // No fault of this environment: it waits until a person changes what all of them need.
        _ if refusal.account_wide && refusal::is_at_rest(observed) => Phase::Pending,
        _ => Phase::Failed,
    };
    let mut draft = Draft::resume(context, plan.status);
    // What AWS refuses takes no place from what would run.
    if refusal::is_at_rest(observed) {
        draft = draft.vacated();
    }
    let again = match phase {
        // What is to go is not kept for longer than it has to be.
        Phase::Terminating | Phase::Terminated => policy.deadlines.later,
        _ => (refusal.again_at - context.now).to_std().unwrap_or(policy.deadlines.later),
    };
    let plan = draft.say(phase, refusal.reason, refusal.message.clone()).wait(WaitingOn::Person, again);
    Plan { refusal: Some(refusal), ..plan }
}

fn decide(context: Context<'_>) -> Plan {
    let record = context.record;
    let desired = match &record.desired {
        Ok(desired) => desired,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return held(context, |context, draft| hold::hold(context, draft, reason::INVALID_RECORD, &problems));
        }
    };
    if let Some(newest) = context.written().and_then(|written| written.machinery.observed_generation)
        && let Some(generation) = record.generation.filter(|generation| *generation < newest)
    {
        return held(context, |context, draft| stale(context, draft, generation, newest));
    }
    let observed = context.observed;
    let life = lifetime(&context, desired);
    let draft = Draft::new(context, life.first_seen_at, life.expires_at);
    // A status that was lost is found again from the service, its lifetime included.
    if hold::needs_a_look(&context) {
        return hold::look(draft);
    }
    match (withdrawn(&context, desired, life.expires_at), &observed.moved_to) {
        (Some(why), _) => take_down(context, draft, why),
        (None, _) if seems_over(&context, life.expires_at) => wait_for_clock(draft),
        (None, Some(to)) => hold::moved(context, draft, to),
        (None, None) => bring_up(context, draft, desired, life.note),
    }
}

/// Why the environment shall not be, if it shall not.
fn withdrawn(context: &Context<'_>, wish: &DesiredState, expires_at: DateTime<Utc>) -> Option<Why> {
    if wish.desired == Desired::Down {
        Some(if wish.closed_at.is_some() { Why::Closed } else { Why::Requested })
    } else if is_closed(context) {
        Some(Why::Closed)
    } else if is_over(context, expires_at) {
        Some(Why::Expired)
    } else {
        None
    }
}

/// Whether its time is over. While the clock is in doubt, that is what was found before.
fn is_over(context: &Context<'_>, expires_at: DateTime<Utc>) -> bool {
    match context.observed.clock_jumped {
        true => context.withdrawn_for() == Some(reason::EXPIRED),
        false => context.now >= expires_at,
    }
}

/// Whether its time would be over, were the clock to be believed.
fn seems_over(context: &Context<'_>, expires_at: DateTime<Utc>) -> bool {
    context.observed.clock_jumped && context.now >= expires_at
}

/// What runs stays as it is until a second observation finds the clock going on as it should: neither taken down nor brought
/// up.
fn wait_for_clock(draft: Draft<'_>) -> Plan {
    let phase = draft.status.phase;
    let message = "Its time would be over by a clock that jumped; nothing is done before the clock is seen going on as it should.";
    draft.say(phase, reason::CLOCK_JUMPED, message).wait_for_pass(WaitingOn::Clock)
}

fn is_closed(context: &Context<'_>) -> bool {
    match context.observed.pull_request {
        Some(PullRequestState::Closed) => true,
        Some(PullRequestState::Open) => false,
        // Closed stays closed until the forge is seen to say otherwise.
        _ => context.withdrawn_for() == Some(reason::PULL_REQUEST_CLOSED),
    }
}

/// A record that cannot be followed keeps its last known time; without one, that of its service. A take-down that has
/// begun goes on, and nothing runs for a closed pull request.
fn held(context: Context<'_>, then: impl FnOnce(Context<'_>, Draft<'_>) -> Plan) -> Plan {
    // Later than any wish allows is what somebody spoiled.
    let latest = after(context.now, context.policy.max_ttl + SKEW);
    let known = context.written().and_then(Status::known_expiry).filter(|at| *at <= latest);
    let created = created_at(&context);
    let expires_at = known.unwrap_or(after(created.unwrap_or(context.now), context.policy.ttl));
    let first_seen_at = context.written().and_then(|written| written.machinery.first_seen_at).or(created);
    let draft = Draft::new(context, first_seen_at.unwrap_or(context.now), expires_at);
    if context.observed.service == ServiceView::Unknown || hold::needs_a_look(&context) {
        return hold::look(draft);
    }
    if context.written().is_some_and(|written| written.phase == Phase::Terminating) {
        return take_down(context, draft, Why::remembered(&context));
    }
    let runs = match &context.observed.service {
        ServiceView::Active(service) => is_ours(&context, service),
        service => *service == ServiceView::Listed,
    };
    if runs && context.observed.pull_request.is_none() {
        return draft.look(Look::PullRequest);
    }
    match is_closed(&context) {
        true if runs => take_down(context, draft, Why::Closed),
        false if runs && is_over(&context, expires_at) => take_down(context, draft, Why::Expired),
        _ => then(context, draft),
    }
}

/// A write with an older generation than the observed one loses: nothing changes but the message.
fn stale(context: Context<'_>, draft: Draft<'_>, generation: u64, newest: u64) -> Plan {
    /// What the sentence begins with, so that the one of the stale write before is replaced.
    const BEGINS: &str = "The newest write has generation ";
    if context.observed.tasks_pending {
        return draft.look(Look::Tasks);
    }
    let mut draft = draft.only_where_it_runs();
    if draft.status.phase == Phase::Ready && draft.status.url.is_none() {
        draft = draft.say(Phase::Degraded, reason::TASK_REPLACED, "The task that ran is gone.");
    }
    if let Some(at) = draft.status.message.find(BEGINS) {
        draft.status.message.truncate(at);
        draft.status.message.truncate(draft.status.message.trim_end().len());
    }
    let sentence = format!("{BEGINS}{generation}, older than the observed {newest}, and is ignored.");
    draft.also(Some(sentence)).wait(WaitingOn::Person, context.policy.deadlines.later)
}

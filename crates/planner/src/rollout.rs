//! How a deployment does: from the service to an address that answers, or to a cause.

use std::net::IpAddr;

use bivouac_model::{Capacity, ConditionStatus, Deployment, Health, Phase, Service, ServiceChange, Task};

use crate::address::{self, ADDRESS_KNOWN, Address};
use crate::bring_up::{Wanted, may_fall_back};
use crate::cause::{self, Cause};
use crate::context::{Context, Draft};
use crate::plan::{Action, Look, Plan, WaitingOn};
use crate::{attempt, glance, reason};

/// The condition that says whether Spot capacity is to be had.
const SPOT_CAPACITY: &str = "SpotCapacity";

/// Follows the PRIMARY deployment, which deploys what is wanted.
pub(crate) fn follow(context: &Context<'_>, draft: Draft<'_>, wanted: &Wanted<'_>, service: &Service) -> Plan {
    let capacity = service.capacity.unwrap_or(Capacity::OnDemand);
    let draft = draft.running_on(capacity).without_condition(ADDRESS_KNOWN);
    let Some(primary) = service.primary() else {
        return draft
            .say(Phase::Provisioning, reason::DEPLOYING, "ECS has not begun the deployment yet.")
            .wait(WaitingOn::TaskStart, context.policy.deadlines.soon);
    };
    // What was said of Spot holds for the deployment that it was said of.
    let said_of_it = context.condition_since(SPOT_CAPACITY).is_none_or(|since| Some(since) >= primary.created_at);
    let of_its_time = said_of_it || capacity == Capacity::OnDemand;
    let draft = if of_its_time { draft } else { draft.without_condition(SPOT_CAPACITY) };
    let of_primary = |task: &&Task| task.started_by.as_deref() == Some(primary.id.as_str());
    let tasks: Vec<&Task> = context.observed.tasks.iter().filter(of_primary).collect();
    let mut draft = draft;
    if let Some(task) = newest(&tasks) {
        draft.status.machinery.remember_task(&task.id);
    }
    let draft = attempt::count(draft, &tasks, was_ready(context, Some(&primary.id)));
    if let Some(cause) = cause::of_rollout(service, &tasks) {
        // The circuit breaker counts placements that failed for want of capacity as failed tasks too.
        return match cause.reason {
            reason::CAPACITY_UNAVAILABLE if may_fall_back(context, service) => fall_back(context, draft, service),
            reason::CAPACITY_UNAVAILABLE | reason::QUOTA_EXCEEDED => try_later(context, draft, service, cause),
            _ => fail(draft, wanted, context, cause),
        };
    }
    if let Some(cause) = attempt::crashed_too_often(context, &draft, &tasks) {
        return fail(draft, wanted, context, cause);
    }
    let newest = tasks.iter().copied().filter(|task| task.is_running()).max_by_key(|task| task.started_at);
    match newest {
        None => starting(context, draft, wanted, service, &tasks, primary),
        Some(task) => running(context, draft, wanted, service, &tasks, task),
    }
}

/// The newest task that may have written something. The others are not looked at, so that a task which ECS lists for an hour
/// after its end is not taken for a newer one.
fn newest<'a>(tasks: &[&'a Task]) -> Option<&'a Task> {
    tasks.iter().copied().filter(|task| task.started_at.is_some()).max_by_key(|task| task.started_at)
}

/// Whether this deployment was ready before, so that what happens to it is a loss and no start.
fn was_ready(context: &Context<'_>, deployment: Option<&String>) -> bool {
    context.written().is_some_and(|status| {
        matches!(status.phase, Phase::Ready | Phase::Degraded) && status.machinery.deployment.as_ref() == deployment
    })
}

/// No task of this deployment runs yet, or not any more.
fn starting(
    context: &Context<'_>,
    draft: Draft<'_>,
    wanted: &Wanted<'_>,
    service: &Service,
    tasks: &[&Task],
    primary: &Deployment,
) -> Plan {
    let deadlines = &context.policy.deadlines;
    let stopped = cause::of_tasks(tasks);
    let events = cause::of_events(service);
    let was_ready = was_ready(context, Some(&primary.id));
    // A deployment that wakes is old, and a phase may be older than the newest deployment: the later one counts.
    let in_phase = context.in_phase_for(&[Phase::Provisioning, Phase::Starting, Phase::Degraded]);
    let since_began = primary.created_at.map(|began| (context.now - began).to_std().unwrap_or_default());
    let waited = since_began.map_or(in_phase, |since| since.min(in_phase));

    let no_capacity = events.as_ref().is_some_and(|cause| cause.reason == reason::CAPACITY_UNAVAILABLE);
    let without_spot = waited >= deadlines.spot || no_capacity && waited >= deadlines.spot / 3;
    let decided = context.condition_since(SPOT_CAPACITY).is_some_and(|since| Some(since) >= primary.created_at);
    if may_fall_back(context, service) && (without_spot || decided) {
        return fall_back(context, draft, service);
    }
    if waited >= deadlines.start {
        let cause = stopped
            .or(events)
            .unwrap_or_else(|| Cause { reason: reason::START_TIMEOUT, message: "ECS started no task in time.".into() });
        return fail(draft, wanted, context, cause);
    }
    let seen = Cause { reason: reason::START_TIMEOUT, message: "ECS started no task that stayed.".into() };
    if let Some(cause) = attempt::overdue(context, &draft, tasks, service, seen) {
        return fail(draft, wanted, context, cause);
    }
    let draft = if was_ready {
        let cause = stopped.or(events);
        let message = cause.as_ref().map_or("The task is gone and is being replaced.", |cause| cause.message.as_str());
        let reason = cause.as_ref().map_or(reason::TASK_REPLACED, |cause| cause.reason);
        draft.nowhere().say(Phase::Degraded, reason, message)
    } else {
        match events.or(stopped) {
            Some(cause) => draft.say(Phase::Provisioning, cause.reason, cause.message),
            None if draft.status.url.is_some() => {
                let message = "A new version is being deployed; the one before answers until it is there.";
                draft.say(Phase::Provisioning, reason::TASK_STARTING, message)
            }
            None => draft.say(Phase::Provisioning, reason::TASK_STARTING, "ECS is starting the task."),
        }
    };
    draft.only_where_it_runs().also(wanted.note.clone()).wait(WaitingOn::TaskStart, deadlines.soon)
}

/// Moves to on-demand capacity. It is recorded before it is done, since afterwards nothing of it is to be seen.
fn fall_back(context: &Context<'_>, draft: Draft<'_>, service: &Service) -> Plan {
    let message = "Spot has no capacity, so the environment moves to on-demand capacity, which costs more.";
    let draft = draft.say(Phase::Provisioning, reason::CAPACITY_UNAVAILABLE, message);
    if context.condition_since(SPOT_CAPACITY).is_none() {
        let unavailable = reason::CONDITION_SPOT_UNAVAILABLE;
        let draft = draft.condition(SPOT_CAPACITY, ConditionStatus::False, unavailable, message.into());
        return draft.wait(WaitingOn::TaskStart, context.policy.deadlines.soon);
    }
    let change = ServiceChange { capacity: Some(Capacity::OnDemand), force_new_deployment: true, ..Default::default() };
    draft.running_on(Capacity::OnDemand).act(Action::Update { service: service.name.clone(), change })
}

/// ECS gave up for want of room, which is not the wish's fault: another try after a while, since ECS makes none.
fn try_later(context: &Context<'_>, draft: Draft<'_>, service: &Service, cause: Cause) -> Plan {
    let deadlines = &context.policy.deadlines;
    if context.in_phase_for(&[Phase::Failed]) >= deadlines.start {
        let change = ServiceChange { force_new_deployment: true, ..Default::default() };
        let draft = attempt::begin_anew(draft);
        let draft = draft.say(Phase::Provisioning, reason::DEPLOYING, "The service is being deployed again.");
        return draft.act(Action::Update { service: service.name.clone(), change });
    }
    let message = format!("{} It is tried again after a while.", cause.message);
    let draft = draft.nowhere().costing(bivouac_model::Usd::ZERO).say(Phase::Failed, cause.reason, message);
    draft.wait(WaitingOn::Capacity, deadlines.later)
}

/// A task runs: where does it answer, and does it?
fn running(
    context: &Context<'_>,
    draft: Draft<'_>,
    wanted: &Wanted<'_>,
    service: &Service,
    tasks: &[&Task],
    task: &Task,
) -> Plan {
    let deadlines = &context.policy.deadlines;
    let was_ready = was_ready(context, task.started_by.as_ref());
    let phase = if was_ready { Phase::Degraded } else { Phase::Starting };
    // A deadline that passed while EC2 did not answer is no verdict before the application was asked once more.
    let may_fail = !address::was_unknown(context);
    let ip = match address::of(context, task) {
        Address::At(ip) => Some(ip),
        // What ECS calls unhealthy is so wherever it answers.
        Address::Unknown if task.unhealthy => None,
        Address::Unknown => return without_answer(context, draft, wanted, was_ready),
        Address::Missing => return without_address(context, draft, wanted, service, tasks, was_ready, may_fail),
    };
    let health = match (&context.project.health_path, &context.observed.health, ip) {
        _ if task.unhealthy => Health::Silent("ECS calls the container unhealthy".into()),
        (Some(_), Some(health), _) => health.clone(),
        (Some(_), None, Some(ip)) => {
            let message = "The task runs; the application is starting.";
            return draft.say(phase, reason::WAITING_FOR_HEALTH, message).look(Look::Health { ip });
        }
        _ => Health::Passing,
    };
    let answer = match health {
        Health::Passing => {
            let draft = match ip {
                Some(ip) => draft.at(ip, task.network_interface.as_deref()),
                None => draft,
            };
            let mut draft = attempt::succeed(draft).say(Phase::Ready, reason::ANSWERING, glance::ready_message(wanted));
            draft.status.machinery.deployment = task.started_by.clone();
            return wanted.rest(draft, context);
        }
        Health::Status(status) => format!("`{}` answers with status {status}", path(context)),
        Health::Silent(why) => why,
        Health::Unasked(why) => return unasked(context, draft, phase, ip, &why),
    };
    // The time in which it could not be asked does not count.
    let started =
        task.started_at.map(|started| attempt::asked_since(&draft).map_or(started, |since| since.max(started)));
    let started = started.and_then(|started| (context.now - started).to_std().ok()).unwrap_or_default();
    if may_fail && started >= deadlines.health && !was_ready {
        let message = format!("The application does not answer well: {answer}. It is stopped now.");
        return fail(draft, wanted, context, Cause { reason: reason::HEALTH_TIMEOUT, message });
    }
    let seen = format!("The application does not answer well: {answer}.");
    let seen = Cause { reason: reason::HEALTH_TIMEOUT, message: seen };
    if may_fail && let Some(cause) = attempt::overdue(context, &draft, tasks, service, seen) {
        return fail(draft, wanted, context, cause);
    }
    let (reason, message) = match was_ready {
        true => (reason::NOT_ANSWERING, format!("The application does not answer well: {answer}.")),
        false => (reason::WAITING_FOR_HEALTH, format!("The task runs and does not answer well yet: {answer}.")),
    };
    let draft = draft.only_where_it_runs().say(phase, reason, message).also(wanted.note.clone());
    draft.wait(WaitingOn::Health, deadlines.soon)
}

/// It could not be asked, which proves nothing: what is known of it stays, and no deadline passes meanwhile.
fn unasked(context: &Context<'_>, draft: Draft<'_>, phase: Phase, ip: Option<IpAddr>, why: &str) -> Plan {
    let deadlines = &context.policy.deadlines;
    let written = context.written().filter(|written| written.public_ip == ip);
    match written.filter(|_| phase == Phase::Degraded).map(|written| written.phase) {
        Some(Phase::Ready) => draft.wait(WaitingOn::Health, deadlines.later),
        Some(Phase::Degraded) => attempt::stand_still(draft).wait(WaitingOn::Health, deadlines.later),
        _ => {
            let message = format!("The task runs. It is not known yet whether the application answers: {why}.");
            let draft = attempt::stand_still(draft).only_where_it_runs();
            draft.say(phase, reason::WAITING_FOR_HEALTH, message).wait(WaitingOn::Health, deadlines.soon)
        }
    }
}

/// A task runs, and EC2 knows of no address yet.
fn without_address(
    context: &Context<'_>,
    draft: Draft<'_>,
    wanted: &Wanted<'_>,
    service: &Service,
    tasks: &[&Task],
    was_ready: bool,
    may_fail: bool,
) -> Plan {
    let seen = Cause { reason: reason::START_TIMEOUT, message: "The task runs without a public address.".into() };
    if may_fail && let Some(cause) = attempt::overdue(context, &draft, tasks, service, seen) {
        return fail(draft, wanted, context, cause);
    }
    let phase = if was_ready { Phase::Degraded } else { Phase::Starting };
    let message = "The task runs and gets its public address.";
    let draft = draft.only_where_it_runs().say(phase, reason::WAITING_FOR_ADDRESS, message);
    draft.wait(WaitingOn::Address, context.policy.deadlines.soon)
}

/// A task runs, and EC2 does not answer. The environment did nothing wrong: what answers at its recorded address stays as it
/// is recorded, and what is starting waits for EC2.
///
/// No deadline but the end of its time ends this wait. Until then it costs what it was admitted for, as one that is ready does.
fn without_answer(context: &Context<'_>, draft: Draft<'_>, wanted: &Wanted<'_>, was_ready: bool) -> Plan {
    let draft = draft.only_where_it_runs();
    let as_written = context.written().map(|written| written.phase).filter(|_| draft.status.url.is_some() && was_ready);
    if as_written == Some(Phase::Ready) {
        let draft = draft.say(Phase::Ready, reason::ANSWERING, glance::ready_message(wanted));
        return wanted.rest(draft, context);
    }
    let message = "The task runs. EC2 does not answer, so its public address is unknown until it does.";
    let draft = draft.condition(
        ADDRESS_KNOWN,
        ConditionStatus::Unknown,
        reason::ADDRESS_UNKNOWN,
        "EC2 does not answer.".into(),
    );
    let draft = match as_written {
        // It stays degraded for the reason that is written.
        Some(_) => draft,
        None => {
            let phase = if was_ready { Phase::Degraded } else { Phase::Starting };
            draft.say(phase, reason::ADDRESS_UNKNOWN, message).also(wanted.note.clone())
        }
    };
    draft.wait(WaitingOn::Address, context.policy.deadlines.later)
}

fn path<'a>(context: &Context<'a>) -> &'a str {
    context.project.health_path.as_deref().unwrap_or("/")
}

/// For good, until something about the wish changes. It is recorded before anything is stopped: a service that runs nothing
/// and whose failure nobody remembers would be started again.
fn fail(draft: Draft<'_>, wanted: &Wanted<'_>, context: &Context<'_>, cause: Cause) -> Plan {
    let mut draft = draft.nowhere().say(Phase::Failed, cause.reason, cause.message);
    draft.status.machinery.failed_spec = Some(wanted.spec.clone());
    draft.wait(WaitingOn::TaskStop, context.policy.deadlines.soon)
}

/// Scales a service whose failure is recorded to nothing, since it burns money still.
pub(crate) fn stop(draft: Draft<'_>, service: &Service) -> Plan {
    let change = ServiceChange { desired_count: Some(0), ..Default::default() };
    draft.nowhere().act(Action::Update { service: service.name.clone(), change })
}

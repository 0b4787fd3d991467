//! How a deployment does: from the service to an address that answers, or to a cause.

use bivouac_model::{Capacity, ConditionStatus, Deployment, Health, Phase, Service, ServiceChange, StopCode, Task};

use crate::bring_up::{Wanted, may_fall_back};
use crate::cause::{self, Cause};
use crate::context::{Context, Draft};
use crate::plan::{Action, Look, Plan, WaitingOn};
use crate::{glance, reason};

/// The condition that says whether Spot capacity is to be had.
pub(crate) const SPOT_CAPACITY: &str = "SpotCapacity";

/// Follows the PRIMARY deployment, which deploys what is wanted.
pub(crate) fn follow(context: &Context<'_>, draft: Draft<'_>, wanted: &Wanted<'_>, service: &Service) -> Plan {
    let capacity = service.capacity.unwrap_or(Capacity::OnDemand);
    let draft = draft.running_on(capacity);
    let Some(primary) = service.primary() else {
        return draft
            .say(Phase::Provisioning, reason::DEPLOYING, "ECS has not begun the deployment yet.")
            .wait(WaitingOn::TaskStart, context.policy.deadlines.soon);
    };
    let of_primary = |task: &&Task| task.started_by.as_deref() == Some(primary.id.as_str());
    let tasks: Vec<&Task> = context.observed.tasks.iter().filter(of_primary).collect();
    if let Some(cause) = cause::of_rollout(service, &tasks) {
        return fail(draft, wanted, context, cause);
    }
    if let Some(cause) = crash_loop(context, &tasks) {
        return fail(draft, wanted, context, cause);
    }
    let newest = tasks.iter().copied().filter(|task| task.is_running()).max_by_key(|task| task.started_at);
    match newest {
        None => starting(context, draft, wanted, service, &tasks, primary),
        Some(task) => running(context, draft, wanted, task),
    }
}

/// Whether this deployment was ready before, so that what happens to it is a loss and no start.
fn was_ready(context: &Context<'_>, deployment: Option<&String>) -> bool {
    context.written().is_some_and(|status| {
        matches!(status.phase, Phase::Ready | Phase::Degraded) && status.machinery.deployment.as_ref() == deployment
    })
}

/// Applications that end by themselves after they ran are never throttled by ECS: we count them.
fn crash_loop(context: &Context<'_>, tasks: &[&Task]) -> Option<Cause> {
    let crashed: Vec<&Task> = tasks
        .iter()
        .copied()
        .filter(|task| task.started_at.is_some())
        .filter(|task| task.stop_code == Some(StopCode::EssentialContainerExited) || cause::is_health_check(task))
        .collect();
    if crashed.len() < context.policy.deadlines.crashes {
        return None;
    }
    let mut cause = cause::of_tasks(&crashed)?;
    cause.message.push_str(&format!(" It was started {} times and is stopped now.", crashed.len()));
    Some(cause)
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
    if may_fall_back(context, service) && (waited >= deadlines.spot || no_capacity && waited >= deadlines.spot / 3) {
        return fall_back(draft, service);
    }
    if waited >= deadlines.start {
        let cause = stopped
            .or(events)
            .unwrap_or_else(|| Cause { reason: reason::START_TIMEOUT, message: "ECS started no task in time.".into() });
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
    only_where_it_runs(context, draft).also(wanted.note.clone()).wait(WaitingOn::TaskStart, deadlines.soon)
}

/// The address of the version before is only true while its task runs.
fn only_where_it_runs<'a>(context: &Context<'_>, draft: Draft<'a>) -> Draft<'a> {
    let ip = draft.status.public_ip;
    match context.observed.tasks.iter().any(|task| task.is_running() && ip.is_some() && task.public_ip == ip) {
        true => draft,
        false => draft.nowhere(),
    }
}

fn fall_back(draft: Draft<'_>, service: &Service) -> Plan {
    let message = "Spot has no capacity, so the environment moves to on-demand capacity, which costs more.";
    let change = ServiceChange { capacity: Some(Capacity::OnDemand), force_new_deployment: true, ..Default::default() };
    draft
        .say(Phase::Provisioning, reason::CAPACITY_UNAVAILABLE, message)
        .condition(SPOT_CAPACITY, ConditionStatus::False, reason::CONDITION_SPOT_UNAVAILABLE, message.into())
        .running_on(Capacity::OnDemand)
        .act(Action::Update { service: service.name.clone(), change })
}

/// A task runs: where does it answer, and does it?
fn running(context: &Context<'_>, draft: Draft<'_>, wanted: &Wanted<'_>, task: &Task) -> Plan {
    let deadlines = &context.policy.deadlines;
    let was_ready = was_ready(context, task.started_by.as_ref());
    let phase = if was_ready { Phase::Degraded } else { Phase::Starting };
    let Some(ip) = task.public_ip else {
        let message = "The task runs and gets its public address.";
        let draft = only_where_it_runs(context, draft).say(phase, reason::WAITING_FOR_ADDRESS, message);
        return draft.wait(WaitingOn::Address, deadlines.soon);
    };
    let health = match (&context.project.health_path, &context.observed.health) {
        _ if task.unhealthy => Health::Silent("ECS calls the container unhealthy".into()),
        (None, _) => Health::Passing,
        (Some(_), Some(health)) => health.clone(),
        (Some(_), None) => {
            let message = "The task runs; the application is starting.";
            return draft.say(phase, reason::WAITING_FOR_HEALTH, message).look(Look::Health { ip });
        }
    };
    let answer = match health {
        Health::Passing => {
            let mut draft = draft.at(ip).say(Phase::Ready, reason::ANSWERING, glance::ready_message(wanted));
            draft.status.machinery.deployment = task.started_by.clone();
            return wanted.rest(draft, context);
        }
        Health::Status(status) => format!("`{}` answers with status {status}", path(context)),
        Health::Silent(why) => why,
    };
    let started = task.started_at.and_then(|started| (context.now - started).to_std().ok()).unwrap_or_default();
    if started >= deadlines.health && !was_ready {
        let message = format!("The application does not answer well: {answer}. It is stopped now.");
        return fail(draft, wanted, context, Cause { reason: reason::HEALTH_TIMEOUT, message });
    }
    let (reason, message) = match was_ready {
        true => (reason::NOT_ANSWERING, format!("The application does not answer well: {answer}.")),
        false => (reason::WAITING_FOR_HEALTH, format!("The task runs and does not answer well yet: {answer}.")),
    };
    let draft = only_where_it_runs(context, draft).say(phase, reason, message).also(wanted.note.clone());
    draft.wait(WaitingOn::Health, deadlines.soon)
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

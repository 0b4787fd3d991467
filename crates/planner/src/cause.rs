//! Why something does not run, in a word and a sentence that a person can act on.
//!
//! ECS tells causes in prose (`stoppedReason`, a container's `reason`, service events); the phrases below are those of
//! the ECS developer guide, "Stopped tasks error messages" and "Service event messages".

use std::net::{IpAddr, SocketAddr};

use bivouac_model::{Container, Rollout, Service, StopCode, Task};

use crate::reason;

/// A cause: its word and its sentence, without ids or times, so that it reads the same at every look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub reason: &'static str,
    pub message: String,
}

fn cause(reason: &'static str, message: impl Into<String>) -> Cause {
    Cause { reason, message: message.into() }
}

/// "137: the container received SIGKILL" — with this reason it was the kernel, for want of memory.
const OUT_OF_MEMORY: &str = "OutOfMemoryError";

/// Why the newest of these tasks stopped; `None` when none did, or when it was our own or the scheduler's doing.
pub(crate) fn of_tasks(tasks: &[&Task]) -> Option<Cause> {
    let stopped = tasks.iter().filter(|task| task.stop_code.is_some() || task.stopped_reason.is_some());
    let newest = stopped.max_by_key(|task| (task.stopped_at, task.created_at))?;
    of_task(newest)
}

fn of_task(task: &Task) -> Option<Cause> {
    let why = task.stopped_reason.as_deref().unwrap_or_default();
    let memory =
        |container: &&Container| container.reason.as_deref().is_some_and(|reason| reason.starts_with(OUT_OF_MEMORY));
    if let Some(container) = task.containers.iter().find(memory) {
        let message = format!(
            "The container `{}` ran out of memory and was killed (exit code 137). A larger size may help.",
            container.name
        );
        return Some(cause(reason::OUT_OF_MEMORY, message));
    }
    let container_reasons = task.containers.iter().filter_map(|container| container.reason.as_deref());
    for text in std::iter::once(why).chain(container_reasons) {
        if text.contains("CannotPull") {
            return Some(cause(reason::IMAGE_PULL_FAILED, format!("The image could not be pulled: {}", plain(text))));
        }
        // One sentence begins both; only its end tells which of the two it was.
        let of_registry = ["ecr registry auth", "pull registry auth", "registry authentication"];
        if text.contains("ResourceInitializationError") && of_registry.iter().any(|phrase| text.contains(phrase)) {
            return Some(cause(reason::IMAGE_PULL_FAILED, format!("The image could not be pulled: {}", plain(text))));
        }
        if ["unable to pull secrets", "unable to retrieve secret", "cannot pull secrets"]
            .iter()
            .any(|p| text.contains(p))
        {
            let message = format!("A secret of the task definition could not be read: {}", plain(text));
            return Some(cause(reason::SECRET_UNAVAILABLE, message));
        }
    }
    if is_health_check(task) {
        return Some(cause(
            reason::HEALTH_CHECK_FAILED,
            "The container's health check failed, so ECS stopped the task.",
        ));
    }
    match task.stop_code {
        Some(StopCode::SpotInterruption) => {
            return Some(cause(reason::SPOT_INTERRUPTED, "Spot took the capacity back; the task is being replaced."));
        }
        Some(StopCode::UserInitiated | StopCode::ServiceSchedulerInitiated) => return None,
        _ => {}
    }
    let exited = task.containers.iter().find(|container| container.exit_code.is_some_and(|code| code != 0));
    let exited = exited.or_else(|| task.containers.iter().find(|container| container.exit_code.is_some()));
    if let Some(Container { name, exit_code: Some(code), .. }) = exited {
        return Some(cause(reason::APPLICATION_EXITED, format!("The container `{name}` ended with exit code {code}.")));
    }
    let reason = match task.stop_code {
        Some(StopCode::TaskFailedToStart) => reason::DEPLOYMENT_FAILED,
        _ => reason::TASK_STOPPED,
    };
    Some(cause(
        reason,
        format!("The task stopped: {}", plain(if why.is_empty() { "no reason was given" } else { why })),
    ))
}

/// Whether ECS stopped the task because its health check failed.
pub(crate) fn is_health_check(task: &Task) -> bool {
    task.stopped_reason.as_deref().is_some_and(|why| why.contains("health check"))
}

/// Why the service starts no task, as its newest events of this deployment tell.
pub(crate) fn of_events(service: &Service) -> Option<Cause> {
    let began = service.primary().and_then(|deployment| deployment.created_at);
    let recent = service.events.iter().filter(|event| began.is_none() || event.at.is_none() || event.at >= began);
    for event in recent {
        let text = &event.message;
        if text.contains("limit on the number of vCPUs") || text.contains("limit on the number of tasks") {
            let message = "AWS starts no more tasks: the account's Fargate quota is used up. Ask for a higher quota, or take another environment down.";
            return Some(cause(reason::QUOTA_EXCEEDED, message));
        }
        if text.contains("Capacity is unavailable") {
            return Some(cause(reason::CAPACITY_UNAVAILABLE, "AWS has no capacity of this kind at the moment."));
        }
        if text.contains("has reached a steady state") || text.contains("has started") {
            return None;
        }
        if text.contains("unable to assume") || text.contains("unable to place a task") {
            return Some(cause(reason::DEPLOYMENT_FAILED, format!("ECS cannot place the task: {}", plain(text))));
        }
    }
    None
}

/// Why the circuit breaker stopped the deployment.
pub(crate) fn of_rollout(service: &Service, tasks: &[&Task]) -> Option<Cause> {
    let primary = service.primary().filter(|deployment| deployment.rollout == Rollout::Failed)?;
    Some(of_tasks(tasks).or_else(|| of_events(service)).unwrap_or_else(|| {
        let why = primary.rollout_reason.as_deref().unwrap_or("the tasks did not start");
        cause(reason::DEPLOYMENT_FAILED, format!("ECS gave the deployment up: {}", plain(why)))
    }))
}

/// ECS's words without what changes from one time to the next (ids, addresses, request ids, retry counts), as one short
/// sentence. Of an ARN only the resource is left: the account is nobody's business on a pull request.
pub(crate) fn plain(text: &str) -> String {
    /// Enough for what matters; ECS puts it first.
    const MOST: usize = 240;
    /// From here on there is nothing that a person can act on.
    const ENDS: [&str; 5] = ["request id:", "request-id", "requestid:", "status code: 4", "status code: 5"];
    let mut out = String::with_capacity(text.len());
    let mut words = text.split_whitespace().filter(|word| !is_volatile(word)).peekable();
    while let Some(word) = words.next() {
        // "service call has been retried 3 time(s)"
        if words.peek().is_some_and(|next| next.starts_with("time(s)")) && word.parse::<u32>().is_ok() {
            words.next();
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        match word.find("arn:").and_then(|at| word[at..].splitn(6, ':').nth(5)) {
            Some(resource) => out.push_str(resource),
            None => out.push_str(word),
        }
    }
    let lower = out.to_ascii_lowercase();
    if let Some(end) = ENDS.iter().filter_map(|end| lower.find(end)).min() {
        out.truncate(end);
    }
    if let Some((end, _)) = out.char_indices().nth(MOST) {
        out.truncate(end);
        out.push('…');
    }
    let out = out.trim_end_matches([' ', ',', ':', '(', '.']);
    format!("{out}.")
}

/// Task ids, request ids, deployment ids and addresses.
fn is_volatile(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let id = word.len() >= 16 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let deployment = word.starts_with("ecs-svc/");
    let address = word.parse::<SocketAddr>().is_ok() || word.parse::<IpAddr>().is_ok();
    let source = word.split_once("->").is_some_and(|(from, _)| from.parse::<SocketAddr>().is_ok());
    id || deployment || address || source
}

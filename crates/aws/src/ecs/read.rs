//! From ECS's types to ours. Whatever an answer lacks or holds beyond this program's knowledge is tolerated.

use std::collections::HashMap;

use aws_sdk_ecs::types::{self as sdk, DeploymentRolloutState, HealthStatus, LaunchType, TaskStopCode};
use bivouac_model::{
    Capacity, Container, ContentHash, Deployment, ImageDigest, Rollout, Service, ServiceEvent, ServiceView, StopCode,
    TAG_HASH_VERSION, TAG_MANAGED, TAG_PR, TAG_PROTECT, TAG_REPO, TAG_SPEC, Task, TaskDefinitionName, TaskState,
};

use crate::time::timestamp;

/// How many events of a service are kept, of the hundred that ECS tells: enough to say why a task was not placed,
/// which ECS repeats every few minutes.
const EVENTS: usize = 10;

/// The last part of an ARN (`arn:aws:ecs:…:service/cluster/name`, in the old form without the cluster), or of a name
/// itself.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A capacity provider by name; one that is not Fargate's is none of ours.
pub(crate) fn capacity(provider: &str) -> Option<Capacity> {
    match provider {
        "FARGATE" => Some(Capacity::OnDemand),
        "FARGATE_SPOT" => Some(Capacity::Spot),
        _ => None,
    }
}

/// The name of a capacity provider.
pub(super) fn provider(capacity: Capacity) -> &'static str {
    match capacity {
        Capacity::OnDemand => "FARGATE",
        Capacity::Spot => "FARGATE_SPOT",
    }
}

/// What DescribeServices says of each of `names`; a sentence when it left one out or failed to describe it.
pub(super) fn services_answered(
    names: Vec<String>,
    services: &[sdk::Service],
    failures: &[sdk::Failure],
) -> Result<HashMap<String, ServiceView>, String> {
    let mut answered: HashMap<String, ServiceView> = HashMap::with_capacity(names.len());
    for failure in failures {
        let reason = failure.reason().unwrap_or("unknown");
        let name = failure.arn().map(last_part).unwrap_or_default();
        if reason != "MISSING" {
            return Err(format!("the service {name} could not be described: {reason}"));
        }
        answered.insert(name.to_owned(), ServiceView::Absent);
    }
    for service in services {
        let (Some(name), Some(view)) = (service.service_name(), service_view(service)) else { continue };
        // A name may have been used before: the life that goes on is the one that counts.
        let known = answered.entry(name.to_owned()).or_insert(ServiceView::Absent);
        if !matches!(known, ServiceView::Active(_)) && view != ServiceView::Absent {
            *known = view;
        }
    }
    names
        .into_iter()
        .map(|name| match answered.remove(&name) {
            Some(view) => Ok((name, view)),
            None => Err(format!("the answer says nothing of the service {name}")),
        })
        .collect()
}

/// A described service; `None` when the answer has no name or status, or one that is newer than this program.
pub(super) fn service_view(service: &sdk::Service) -> Option<ServiceView> {
    match service.status()? {
        "ACTIVE" => Some(ServiceView::Active(Box::new(active(service)?))),
        "DRAINING" => Some(ServiceView::Draining),
        "INACTIVE" => Some(ServiceView::Absent),
        _ => None,
    }
}

fn active(service: &sdk::Service) -> Option<Service> {
    let tag = |key: &str| {
        service.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value()).map(str::to_owned)
    };
    let mut deployments: Vec<_> = service.deployments().iter().filter_map(deployment).collect();
    // PRIMARY first; the order of the others stays.
    deployments.sort_by_key(|(primary, _)| !primary);
    let mut events: Vec<_> = service.events().iter().map(event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(EVENTS);
    Some(Service {
        name: service.service_name()?.to_owned(),
        managed_by: tag(TAG_MANAGED),
        owner: tag(TAG_REPO).zip(tag(TAG_PR)).map(|(repo, pr)| format!("{repo}#{pr}")),
        spec: tag(TAG_SPEC).map(|spec| ContentHash::from_stored(&spec)),
        hash_version: tag(TAG_HASH_VERSION),
        protected: tag(TAG_PROTECT).as_deref() == Some("true"),
        desired_count: count(service.desired_count()),
        running_count: count(service.running_count()),
        task_definition: TaskDefinitionName::from_arn(service.task_definition().unwrap_or_default()),
        exec: service.enable_execute_command(),
        capacity: service_capacity(service),
        created_at: timestamp(service.created_at()),
        deployments: deployments.into_iter().map(|(_, deployment)| deployment).collect(),
        events,
    })
}

fn service_capacity(service: &sdk::Service) -> Option<Capacity> {
    let weighed = service.capacity_provider_strategy().iter().find(|item| item.weight() > 0);
    match weighed {
        Some(item) => capacity(item.capacity_provider()),
        None => service.launch_type().filter(|kind| **kind == LaunchType::Fargate).map(|_| Capacity::OnDemand),
    }
}

/// Whether it is PRIMARY, and what it is.
fn deployment(deployment: &sdk::Deployment) -> Option<(bool, Deployment)> {
    let rollout = match deployment.rollout_state() {
        Some(DeploymentRolloutState::Completed) => Rollout::Completed,
        Some(DeploymentRolloutState::Failed) => Rollout::Failed,
        // Absent, or newer than this program: not known to have ended.
        _ => Rollout::InProgress,
    };
    let told = Deployment {
        id: deployment.id()?.to_owned(),
        task_definition: TaskDefinitionName::from_arn(deployment.task_definition().unwrap_or_default()),
        rollout,
        rollout_reason: deployment.rollout_state_reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        failed_tasks: count(deployment.failed_tasks()),
        created_at: timestamp(deployment.created_at()),
    };
    Some((deployment.status() == Some("PRIMARY"), told))
}

fn event(event: &sdk::ServiceEvent) -> ServiceEvent {
    ServiceEvent { at: timestamp(event.created_at()), message: event.message().unwrap_or_default().to_owned() }
}

fn count(tasks: i32) -> u32 {
    u32::try_from(tasks).unwrap_or_default()
}

/// A described task; `None` when it has no ARN.
pub(super) fn task(task: &sdk::Task) -> Option<Task> {
    Some(Task {
        id: last_part(task.task_arn()?).to_owned(),
        service: task.group().and_then(|group| group.strip_prefix("service:")).map(str::to_owned),
        started_by: task.started_by().filter(|by| !by.is_empty()).map(str::to_owned),
        task_definition: TaskDefinitionName::from_arn(task.task_definition_arn().unwrap_or_default()),
        state: state(task.last_status().unwrap_or_default()),
        wanted: task.desired_status() != Some("STOPPED"),
        unhealthy: task.health_status() == Some(&HealthStatus::Unhealthy),
        created_at: timestamp(task.created_at()),
        started_at: timestamp(task.started_at()),
        stopped_at: timestamp(task.stopped_at()),
        stop_code: task.stop_code().map(stop_code),
        stopped_reason: task.stopped_reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        containers: task.containers().iter().map(container).collect(),
        network_interface: network_interface(task),
        public_ip: None,
        capacity: task_capacity(task),
    })
}

/// "Amazon ECS task lifecycle" in the developer guide.
fn state(last_status: &str) -> TaskState {
    match last_status {
        "RUNNING" => TaskState::Running,
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" => TaskState::Stopping,
        "STOPPED" | "DELETED" => TaskState::Stopped,
        _ => TaskState::Starting,
    }
}

fn stop_code(code: &TaskStopCode) -> StopCode {
    match code {
        TaskStopCode::TaskFailedToStart => StopCode::TaskFailedToStart,
        TaskStopCode::EssentialContainerExited => StopCode::EssentialContainerExited,
        TaskStopCode::UserInitiated => StopCode::UserInitiated,
        TaskStopCode::ServiceSchedulerInitiated => StopCode::ServiceSchedulerInitiated,
        TaskStopCode::SpotInterruption => StopCode::SpotInterruption,
        TaskStopCode::TerminationNotice => StopCode::TerminationNotice,
        TaskStopCode::InfrastructureHealth => StopCode::InfrastructureHealth,
        other => StopCode::Other(other.as_str().to_owned()),
    }
}

fn container(container: &sdk::Container) -> Container {
    Container {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        image_digest: container.image_digest().filter(|digest| !digest.is_empty()).map(ImageDigest::new),
    }
}

/// The detail `networkInterfaceId` of the attachment `ElasticNetworkInterface` ("DescribeTasks" in the API reference
/// spells it `eni` in the list of types and `ElasticNetworkInterface` in its answers, so the detail decides).
fn network_interface(task: &sdk::Task) -> Option<String> {
    let details = task.attachments().iter().flat_map(|attachment| attachment.details());
    let named = details.filter(|detail| detail.name() == Some("networkInterfaceId"));
    named.filter_map(|detail| detail.value()).find(|id| !id.is_empty()).map(str::to_owned)
}

fn task_capacity(task: &sdk::Task) -> Option<Capacity> {
    match task.capacity_provider_name().filter(|name| !name.is_empty()) {
        Some(name) => capacity(name),
        None => task.launch_type().filter(|kind| **kind == LaunchType::Fargate).map(|_| Capacity::OnDemand),
    }
}

#[cfg(test)]
mod tests;

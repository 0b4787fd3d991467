//! From the SDK's types to ours. What an answer lacks or what is newer than this program is tolerated, never a panic.

use aws_sdk_ecs::primitives::DateTime as SdkTime;
use aws_sdk_ecs::types::{self as sdk, DeploymentRolloutState, HealthStatus, TaskStopCode};
use bivouac_model::{
    Capacity, Container, ContentHash, Deployment, ImageDigest, Rollout, Service, ServiceEvent, ServiceView, StopCode,
    TAG_HASH_VERSION, TAG_MANAGED, TAG_PR, TAG_PROTECT, TAG_REPO, TAG_SPEC, Task, TaskDefinitionName, TaskState,
};
use chrono::{DateTime, Utc};

/// The newest events that are kept of a service: a failing deployment writes three or four, and older ones tell of
/// deployments that are over. ECS itself answers up to a hundred.
const EVENTS: usize = 10;

/// The name of the capacity provider on demand.
pub(super) const FARGATE: &str = "FARGATE";
/// The name of the interruptible one.
pub(super) const FARGATE_SPOT: &str = "FARGATE_SPOT";

pub(super) fn capacity(provider: &str) -> Option<Capacity> {
    match provider {
        FARGATE => Some(Capacity::OnDemand),
        FARGATE_SPOT => Some(Capacity::Spot),
        _ => None,
    }
}

/// A tag's value, as the tests of ECS's types have it: a tag without value is an empty one.
fn tag<'a>(tags: &'a [sdk::Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key)).map(|tag| tag.value().unwrap_or_default())
}

pub(super) fn time(time: Option<&SdkTime>) -> Option<DateTime<Utc>> {
    time.and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// ACTIVE and DRAINING are what they are; INACTIVE, and anything else, is as good as gone.
pub(super) fn service(service: &sdk::Service) -> ServiceView {
    match service.status() {
        Some("ACTIVE") => ServiceView::Active(Box::new(active(service))),
        Some("DRAINING") => ServiceView::Draining,
        _ => ServiceView::Absent,
    }
}

fn active(service: &sdk::Service) -> Service {
    let tags = service.tags();
    let owner = tag(tags, TAG_REPO).zip(tag(tags, TAG_PR)).map(|(repo, pr)| format!("{repo}#{pr}"));
    let strategy = service.capacity_provider_strategy().iter();
    let provider = strategy.max_by_key(|item| item.weight()).map(|item| item.capacity_provider());
    let launched = match service.launch_type() {
        Some(sdk::LaunchType::Fargate) => Some(Capacity::OnDemand),
        _ => None,
    };
    let mut deployments: Vec<&sdk::Deployment> = service.deployments().iter().collect();
    deployments.sort_by_key(|deployment| deployment.status() != Some("PRIMARY"));
    Service {
        name: service.service_name().unwrap_or_default().to_owned(),
        managed_by: tag(tags, TAG_MANAGED).map(str::to_owned),
        owner,
        spec: tag(tags, TAG_SPEC).map(ContentHash::from_stored),
        hash_version: tag(tags, TAG_HASH_VERSION).map(str::to_owned),
        protected: tag(tags, TAG_PROTECT) == Some("true"),
        desired_count: count(service.desired_count()),
        running_count: count(service.running_count()),
        task_definition: TaskDefinitionName::from_arn(service.task_definition().unwrap_or_default()),
        capacity: provider.and_then(capacity).or(launched),
        created_at: time(service.created_at()),
        deployments: deployments.into_iter().map(deployment).collect(),
        events: service.events().iter().take(EVENTS).map(event).collect(),
    }
}

fn deployment(deployment: &sdk::Deployment) -> Deployment {
    Deployment {
        id: deployment.id().unwrap_or_default().to_owned(),
        task_definition: TaskDefinitionName::from_arn(deployment.task_definition().unwrap_or_default()),
        rollout: match deployment.rollout_state() {
            Some(DeploymentRolloutState::Completed) => Rollout::Completed,
            Some(DeploymentRolloutState::Failed) => Rollout::Failed,
            _ => Rollout::InProgress,
        },
        rollout_reason: deployment.rollout_state_reason().map(str::to_owned),
        failed_tasks: count(deployment.failed_tasks()),
        created_at: time(deployment.created_at()),
    }
}

fn event(event: &sdk::ServiceEvent) -> ServiceEvent {
    ServiceEvent { at: time(event.created_at()), message: event.message().unwrap_or_default().to_owned() }
}

pub(super) fn task(task: &sdk::Task) -> Task {
    Task {
        id: task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned(),
        service: task.group().and_then(|group| group.strip_prefix("service:")).map(str::to_owned),
        started_by: task.started_by().map(str::to_owned),
        task_definition: TaskDefinitionName::from_arn(task.task_definition_arn().unwrap_or_default()),
        state: state(task.last_status().unwrap_or_default()),
        wanted: task.desired_status() != Some("STOPPED"),
        unhealthy: task.health_status() == Some(&HealthStatus::Unhealthy),
        created_at: time(task.created_at()),
        started_at: time(task.started_at()),
        stopped_at: time(task.stopped_at()),
        stop_code: task.stop_code().map(stop_code),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task.containers().iter().map(container).collect(),
        network_interface: network_interface(task),
        public_ip: None,
        capacity: task.capacity_provider_name().and_then(capacity),
    }
}

/// "Task lifecycle" of the ECS developer guide.
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
        TaskStopCode::EssentialContainerExited => StopCode::EssentialContainerExited,
        TaskStopCode::InfrastructureHealth => StopCode::InfrastructureHealth,
        TaskStopCode::ServiceSchedulerInitiated => StopCode::ServiceSchedulerInitiated,
        TaskStopCode::SpotInterruption => StopCode::SpotInterruption,
        TaskStopCode::TaskFailedToStart => StopCode::TaskFailedToStart,
        TaskStopCode::TerminationNotice => StopCode::TerminationNotice,
        TaskStopCode::UserInitiated => StopCode::UserInitiated,
        other => StopCode::Other(other.as_str().to_owned()),
    }
}

fn container(container: &sdk::Container) -> Container {
    Container {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().map(str::to_owned),
        image_digest: container.image_digest().map(ImageDigest::new),
    }
}

/// The interface that ECS attached (ECS developer guide, "Fargate task networking": `networkInterfaceId` among the details
/// of the attachment of type `ElasticNetworkInterface`).
fn network_interface(task: &sdk::Task) -> Option<String> {
    let mut attachments = task.attachments().iter();
    let attachment = attachments.find(|attachment| attachment.r#type() == Some("ElasticNetworkInterface"))?;
    let mut details = attachment.details().iter();
    details.find(|detail| detail.name() == Some("networkInterfaceId"))?.value().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tagged(key: &str, value: &str) -> sdk::Tag {
        sdk::Tag::builder().key(key).value(value).build()
    }

    #[test]
    fn an_active_service_is_read_whole() {
        let old = sdk::Deployment::builder().id("ecs-svc/1").status("ACTIVE").build();
        let new = sdk::Deployment::builder()
            .id("ecs-svc/2")
            .status("PRIMARY")
            .rollout_state(DeploymentRolloutState::Failed)
            .build();
        let read = service(
            &sdk::Service::builder()
                .service_name("pr-1-service")
                .status("ACTIVE")
                .desired_count(1)
                .task_definition("arn:aws:ecs:us-west-2:123456789012:task-definition/shop-pr-1-service:7")
                .tags(tagged(TAG_MANAGED, "default"))
                .tags(tagged(TAG_REPO, "acme/shop"))
                .tags(tagged(TAG_PR, "1"))
                .tags(tagged(TAG_PROTECT, "true"))
                .deployments(old)
                .deployments(new)
                .build(),
        );
        let ServiceView::Active(read) = read else { panic!("{read:?}") };
        assert_eq!(read.owner.as_deref(), Some("acme/shop#1"));
        assert_eq!(read.task_definition.as_str(), "shop-pr-1-service:7");
        assert_eq!(
            read.primary().map(|primary| (primary.id.as_str(), primary.rollout)),
            Some(("ecs-svc/2", Rollout::Failed))
        );
        assert!(read.protected);
    }

    #[test]
    fn whatever_is_not_there_is_absent() {
        assert_eq!(service(&sdk::Service::builder().status("INACTIVE").build()), ServiceView::Absent);
        assert_eq!(service(&sdk::Service::builder().status("DRAINING").build()), ServiceView::Draining);
        assert_eq!(service(&sdk::Service::builder().build()), ServiceView::Absent);
    }

    #[test]
    fn the_interface_of_a_task_is_found_among_its_attachments() {
        let detail = |name: &str, value: &str| sdk::KeyValuePair::builder().name(name).value(value).build();
        let other = sdk::Attachment::builder().r#type("AmazonElasticBlockStorage").build();
        let eni = sdk::Attachment::builder()
            .r#type("ElasticNetworkInterface")
            .details(detail("subnetId", "subnet-1"))
            .details(detail("networkInterfaceId", "eni-1"))
            .build();
        let read =
            task(&sdk::Task::builder().group("service:pr-1-service").attachments(other).attachments(eni).build());
        assert_eq!((read.service.as_deref(), read.network_interface.as_deref()), (Some("pr-1-service"), Some("eni-1")));
    }

    proptest! {
        #[test]
        fn any_words_are_survived(status in ".{0,20}", arn in ".{0,40}", group in ".{0,20}", code in ".{0,20}", count in any::<i32>(), secs in any::<i64>()) {
            let at = SdkTime::from_secs(secs);
            let _ = task(&sdk::Task::builder().last_status(&status).task_arn(&arn).group(group).created_at(at)
                .stop_code(code.as_str().into()).task_definition_arn(&arn).build());
            for status in [status.as_str(), "ACTIVE"] {
                let _ = service(&sdk::Service::builder().status(status).desired_count(count).task_definition(&arn).build());
            }
        }
    }
}

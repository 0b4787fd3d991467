//! Services: calls and how they are shown.

use std::ops::Bound;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{epoch, failure, listed, page_size, start, wants_tags};
use crate::clock::delta;
use crate::model::ecs::create::CreateService;
use crate::model::ecs::deployment::Deployment;
use crate::model::ecs::members::one_of;
use crate::model::ecs::network::{LAUNCH_TYPES, Launch};
use crate::model::ecs::service::{Service, Status};
use crate::model::ecs::task::{Phase, Task};
use crate::model::ecs::update::{DeleteService, UpdateService, service_not_found};
use crate::model::ecs::{ServiceKey, short_name};
use crate::model::page::take;
use crate::model::{Refusal, World};

#[derive(Deserialize)]
pub(super) struct DescribeServices {
    cluster: Option<String>,
    #[serde(default)]
    services: Vec<String>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListServices {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<i32>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
}

pub(super) fn create(world: &mut World, input: CreateService) -> Result<Value, Refusal> {
    let key = world.create_service(input)?;
    shown(world, &key)
}

pub(super) fn update(world: &mut World, input: UpdateService) -> Result<Value, Refusal> {
    let key = world.update_service(input)?;
    shown(world, &key)
}

pub(super) fn delete(world: &mut World, input: &DeleteService) -> Result<Value, Refusal> {
    let key = world.delete_service(input)?;
    shown(world, &key)
}

fn shown(world: &World, key: &ServiceKey) -> Result<Value, Refusal> {
    let service = world.ecs.service(key).ok_or_else(service_not_found)?;
    Ok(json!({ "service": show(world, service, true) }))
}

pub(super) fn describe(world: &World, input: &DescribeServices, lag: Duration) -> Result<Value, Refusal> {
    let cluster = world.ecs.cluster(input.cluster.as_deref())?;
    if input.services.is_empty() {
        return Err(Refusal::invalid("Services cannot be empty."));
    }
    if input.services.len() > 10 {
        return Err(Refusal::invalid("service names can have at most 10 items."));
    }
    let tags = wants_tags(input.include.as_deref(), &["TAGS"])?;
    let visible_until = world.now - delta(lag);
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in &input.services {
        let found = cluster.services.get(short_name(name));
        match found.filter(|service| lag.is_zero() || service.created_at <= visible_until) {
            Some(service) => services.push(show(world, service, tags)),
            None => {
                let short = short_name(name);
                let arn = world.scope.arn("ecs", &format!("service/{}/{short}", cluster.name));
                failures.push(failure(&arn, "MISSING"));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

/// Lists the ACTIVE services: one that drains is missing here, though its name is not free.
pub(super) fn list(world: &World, input: &ListServices, lag: Duration) -> Result<Value, Refusal> {
    let cluster = world.ecs.cluster(input.cluster.as_deref())?;
    if let Some(wanted) = &input.launch_type {
        one_of("launchType", wanted, &LAUNCH_TYPES)?;
    }
    if let Some(wanted) = &input.scheduling_strategy {
        one_of("schedulingStrategy", wanted, &["REPLICA", "DAEMON"])?;
    }
    // "ListServices returns up to 10 results" by default.
    let size = page_size(input.max_results, 10)?;
    let listing = format!("ListServices/{}", cluster.name);
    let from = start(&listing, input.next_token.as_deref())?;
    let visible_until = world.now - delta(lag);
    let bounds = (from.as_deref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let matching = cluster.services.range::<str, _>(bounds).filter(|(_, service)| {
        service.status == Status::Active
            && (lag.is_zero() || service.created_at <= visible_until)
            && input.scheduling_strategy.as_deref().is_none_or(|wanted| wanted == "REPLICA")
            && input.launch_type.as_deref().is_none_or(|wanted| launch_type(&service.launch) == wanted)
    });
    let page = take(&listing, size, matching, |(name, _)| name.to_string());
    let items = page.items.into_iter().map(|(_, service)| service.arn.clone()).collect();
    Ok(listed("serviceArns", crate::model::page::Page { items, next: page.next }))
}

/// What a launch is listed under: both Fargate providers count as FARGATE.
fn launch_type(launch: &Launch) -> &str {
    match launch {
        Launch::Type(name) => name,
        Launch::Strategy(_) => "FARGATE",
    }
}

fn show(world: &World, service: &Service, tags: bool) -> Value {
    let tasks: Vec<&Task> = service.tasks.iter().filter_map(|id| world.ecs.tasks.get(id)).collect();
    let count = |counted: fn(&Task) -> bool| tasks.iter().filter(|task| counted(task)).count();
    let mut shown = json!({
        "serviceArn": service.arn,
        "serviceName": *service.name,
        "clusterArn": service.cluster_arn,
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": service.status.as_str(),
        "desiredCount": service.desired,
        "runningCount": count(is_running),
        "pendingCount": count(is_pending),
        "deploymentConfiguration": service.configuration,
        "deployments": service.deployments.iter().enumerate()
            .map(|(index, deployment)| show_deployment(service, deployment, index == 0, &tasks))
            .collect::<Vec<_>>(),
        "events": service.events.iter().map(|event| json!({
            "id": event.id, "createdAt": epoch(event.at), "message": event.message,
        })).collect::<Vec<_>>(),
        "createdAt": epoch(service.created_at),
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": { "type": "ECS" },
        "enableECSManagedTags": service.managed_tags,
        "propagateTags": service.propagate_tags.as_deref().unwrap_or("NONE"),
        "enableExecuteCommand": service.enable_execute_command,
        "availabilityZoneRebalancing": service.rebalancing,
        "resourceManagementType": "CUSTOMER",
        "createdBy": world.scope.account_arn("iam", "role/simcloud"),
        "roleArn": world.scope.account_arn(
            "iam", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
    });
    show_launch(&mut shown, &service.launch);
    if let Some(primary) = service.primary() {
        shown["taskDefinition"] = primary.definition.arn.clone().into();
        shown["platformVersion"] = primary.platform_version.clone().into();
        shown["platformFamily"] = "Linux".into();
        shown["networkConfiguration"] = json!(primary.network);
    }
    for (key, value) in &service.kept {
        shown[key] = value.clone();
    }
    if tags {
        shown["tags"] = json!(service.tags);
    }
    shown
}

fn show_launch(shown: &mut Value, launch: &Launch) {
    match launch {
        Launch::Type(name) => shown["launchType"] = name.clone().into(),
        Launch::Strategy(items) => shown["capacityProviderStrategy"] = json!(items),
    }
}

fn show_deployment(service: &Service, deployment: &Deployment, primary: bool, tasks: &[&Task]) -> Value {
    let mine = || tasks.iter().filter(|task| task.started_by.as_ref() == Some(&deployment.id));
    let desired = if primary { service.desired as usize } else { mine().filter(|task| task.is_wanted()).count() };
    let mut shown = json!({
        "id": *deployment.id,
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.definition.arn,
        "desiredCount": desired,
        "pendingCount": mine().filter(|task| is_pending(task)).count(),
        "runningCount": mine().filter(|task| is_running(task)).count(),
        "failedTasks": deployment.failed,
        "createdAt": epoch(deployment.created_at),
        "updatedAt": epoch(deployment.updated_at),
        "platformVersion": deployment.platform_version,
        "platformFamily": "Linux",
        "networkConfiguration": deployment.network,
        "rolloutState": deployment.rollout.as_str(),
        "rolloutStateReason": deployment.reason,
    });
    show_launch(&mut shown, &deployment.launch);
    shown
}

pub(super) fn is_running(task: &Task) -> bool {
    task.phase == Phase::Running
}

pub(super) fn is_pending(task: &Task) -> bool {
    task.phase < Phase::Running
}

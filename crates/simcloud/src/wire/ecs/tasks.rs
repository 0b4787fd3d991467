//! Tasks: calls and how they are shown.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{epoch, failure, listed, page_size, start, wants_tags};
use crate::clock::delta;
use crate::model::ecs::definition::Container;
use crate::model::ecs::launch::RunTask;
use crate::model::ecs::members::one_of;
use crate::model::ecs::network::LAUNCH_TYPES;
use crate::model::ecs::task::{ContainerState, Phase, StopCode, Task};
use crate::model::ecs::update::service_not_found;
use crate::model::ecs::{TaskId, TaskIndex, short_name};
use crate::model::page::{Page, take};
use crate::model::{Refusal, World};

#[derive(Deserialize)]
pub(super) struct DescribeTasks {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTasks {
    cluster: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    service_name: Option<String>,
    desired_status: Option<String>,
    launch_type: Option<String>,
    container_instance: Option<String>,
    next_token: Option<String>,
    max_results: Option<i32>,
}

#[derive(Deserialize)]
pub(super) struct StopTask {
    cluster: Option<String>,
    task: Option<String>,
    reason: Option<String>,
}

pub(super) fn run(world: &mut World, input: RunTask) -> Result<Value, Refusal> {
    let (started, failures) = world.run_task(input)?;
    let tasks: Vec<Value> =
        started.iter().filter_map(|id| world.ecs.tasks.get(id)).map(|task| show(world, task, true)).collect();
    let failures: Vec<Value> = failures.iter().map(|reason| json!({ "reason": reason })).collect();
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

pub(super) fn stop(world: &mut World, input: &StopTask) -> Result<Value, Refusal> {
    /// "Up to 255 characters are allowed in this message" (StopTask, reason).
    const MAX_REASON: usize = 255;
    let cluster = Arc::clone(&world.ecs.cluster(input.cluster.as_deref())?.name);
    let name = short_name(input.task.as_deref().unwrap_or_default());
    let not_found = || Refusal::invalid("The referenced task was not found.");
    let task = world.ecs.tasks.get(name).filter(|task| task.cluster == cluster);
    let id: TaskId = Arc::clone(&task.ok_or_else(not_found)?.id);
    let reason = input.reason.as_deref().unwrap_or("Task stopped by user");
    if reason.chars().count() > MAX_REASON {
        return Err(Refusal::invalid("reason can have at most 255 characters."));
    }
    world.stop_task(&id, StopCode::UserInitiated, reason);
    let task = world.ecs.tasks.get(&id).ok_or_else(not_found)?;
    Ok(json!({ "task": show(world, task, false) }))
}

pub(super) fn describe(world: &World, input: &DescribeTasks, lag: Duration) -> Result<Value, Refusal> {
    let cluster = world.ecs.cluster(input.cluster.as_deref())?;
    if input.tasks.is_empty() {
        return Err(Refusal::invalid("Tasks cannot be empty."));
    }
    if input.tasks.len() > 100 {
        return Err(Refusal::invalid("taskIds can have at most 100 items."));
    }
    let tags = wants_tags(input.include.as_deref(), &["TAGS"])?;
    let visible_until = world.now - delta(lag);
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for name in &input.tasks {
        let found = world.ecs.tasks.get(short_name(name));
        let found = found.filter(|task| task.cluster == cluster.name);
        match found.filter(|task| lag.is_zero() || task.created_at <= visible_until) {
            Some(task) => tasks.push(show(world, task, tags)),
            None => {
                let short = short_name(name);
                let arn = world.scope.arn("ecs", &format!("task/{}/{short}", cluster.name));
                failures.push(failure(&arn, "MISSING"));
            }
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

/// Lists by the narrowest index that was asked for; the other filters are applied to it.
pub(super) fn list(world: &World, input: &ListTasks, lag: Duration) -> Result<Value, Refusal> {
    let cluster = world.ecs.cluster(input.cluster.as_deref())?;
    let size = page_size(input.max_results, 100)?;
    if let Some(wanted) = &input.launch_type {
        one_of("launchType", wanted, &LAUNCH_TYPES)?;
    }
    let stopped = match input.desired_status.as_deref() {
        None | Some("RUNNING") => false,
        Some("STOPPED") => true,
        // "Amazon ECS never sets the desired status of a task to that value" (ListTasks).
        Some("PENDING") => return Ok(json!({ "taskArns": [] })),
        Some(_) => return Err(Refusal::invalid("desiredStatus is invalid.")),
    };
    if input.service_name.is_some() && input.started_by.is_some() {
        return Err(Refusal::invalid("Cannot specify both serviceName and startedBy as filters."));
    }
    let service = input.service_name.as_deref().map(short_name);
    if let Some(service) = service
        && !cluster.services.contains_key(service)
    {
        return Err(service_not_found());
    }
    let name = || Arc::clone(&cluster.name);
    let index = match (service, &input.started_by, &input.family) {
        (Some(service), _, _) => TaskIndex::Service(name(), service.into()),
        (_, Some(by), _) => TaskIndex::StartedBy(name(), by.as_str().into()),
        (_, _, Some(family)) => TaskIndex::Family(name(), family.as_str().into()),
        _ => TaskIndex::Cluster(name()),
    };
    let listing = format!("ListTasks/{index:?}/{stopped}");
    let from = start(&listing, input.next_token.as_deref())?;
    let visible_until = world.now - delta(lag);
    let none = BTreeSet::new();
    let ids = world.ecs.indexed(&index).unwrap_or(&none);
    let bounds = (from.as_deref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let tasks = ids.range::<str, _>(bounds).filter_map(|id| world.ecs.tasks.get(id));
    let matching = tasks.filter(|task| {
        task.is_wanted() != stopped
            && (lag.is_zero() || task.created_at <= visible_until)
            && input.family.as_deref().is_none_or(|family| *task.definition.family == *family)
            && input.launch_type.as_deref().is_none_or(|wanted| wanted == "FARGATE")
            && input.container_instance.is_none()
    });
    let page = take(&listing, size, matching, |task| task.id.to_string());
    let items = page.items.into_iter().map(|task| task.arn.clone()).collect();
    Ok(listed("taskArns", Page { items, next: page.next }))
}

fn show(world: &World, task: &Task, tags: bool) -> Value {
    let definition = &task.definition;
    let states = definition.containers.iter().zip(&task.containers);
    let mut shown = json!({
        "taskArn": task.arn,
        "clusterArn": world.scope.arn("ecs", &format!("cluster/{}", task.cluster)),
        "taskDefinitionArn": definition.arn,
        "group": task.group,
        "lastStatus": task.phase.as_str(),
        "desiredStatus": if task.is_wanted() { "RUNNING" } else { "STOPPED" },
        "healthStatus": if definition.has_health_check() { task.health.as_str() } else { "UNKNOWN" },
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "availabilityZone": task.zone,
        "cpu": definition.text("cpu").unwrap_or("0"),
        "memory": definition.text("memory").unwrap_or("0"),
        "createdAt": epoch(task.created_at),
        "enableExecuteCommand": task.enable_execute_command,
        "ephemeralStorage": { "sizeInGiB": 20 },
        "fargateEphemeralStorage": { "sizeInGiB": 20 },
        "inferenceAccelerators": [],
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "overrides": show_overrides(task),
        "version": task.version,
        "containers": states
            .map(|(container, state)| show_container(world, task, container, state))
            .collect::<Vec<_>>(),
        "attachments": show_attachments(task),
    });
    let times = [
        ("pullStartedAt", task.pull_started_at),
        ("pullStoppedAt", task.pull_stopped_at),
        ("startedAt", task.started_at),
        ("connectivityAt", task.pull_started_at),
        ("stoppingAt", task.stopping_at),
        ("executionStoppedAt", task.execution_stopped_at),
        ("stoppedAt", task.stopped_at),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            shown[name] = epoch(at);
        }
    }
    if task.pull_started_at.is_some() {
        shown["connectivity"] = "CONNECTED".into();
    }
    if let Some(by) = &task.started_by {
        shown["startedBy"] = (**by).into();
    }
    if let Some(name) = task.provider.capacity_provider() {
        shown["capacityProviderName"] = name.into();
    }
    if let Some((code, reason)) = &task.stop {
        shown["stopCode"] = code.as_str().into();
        shown["stoppedReason"] = reason.clone().into();
    }
    if tags {
        shown["tags"] = json!(task.tags);
    }
    shown
}

fn show_overrides(task: &Task) -> Value {
    task.overrides.clone().unwrap_or_else(|| {
        let names = task.definition.containers.iter().map(|c| json!({ "name": c.name }));
        json!({ "containerOverrides": names.collect::<Vec<_>>(), "inferenceAcceleratorOverrides": [] })
    })
}

fn show_container(world: &World, task: &Task, container: &Container, state: &ContainerState) -> Value {
    let status = match task.phase {
        Phase::Provisioning | Phase::Pending => "PENDING",
        Phase::Running | Phase::Deactivating | Phase::Stopping => "RUNNING",
        Phase::Deprovisioning | Phase::Stopped => "STOPPED",
    };
    let interfaces: Vec<Value> = task
        .interface
        .iter()
        .map(|interface| {
            json!({
                "attachmentId": task.attachment,
                "privateIpv4Address": interface.private_address.to_string(),
            })
        })
        .collect();
    let arn = format!("container/{}/{}/{}", task.cluster, task.id, state.id);
    let mut shown = json!({
        "containerArn": world.scope.arn("ecs", &arn),
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": status,
        "networkBindings": [],
        "networkInterfaces": interfaces,
        "healthStatus": if container.health_check.is_some() { task.health.as_str() } else { "UNKNOWN" },
        "managedAgents": [],
        "cpu": container.cpu.to_string(),
    });
    if let Some(memory) = container.memory {
        shown["memory"] = memory.to_string().into();
    }
    if let Some(digest) = &state.digest {
        shown["imageDigest"] = digest.clone().into();
    }
    if let Some(id) = &state.runtime_id {
        shown["runtimeId"] = id.clone().into();
    }
    if let Some(code) = state.exit_code {
        shown["exitCode"] = code.into();
    }
    if let Some(reason) = &state.reason {
        shown["reason"] = reason.clone().into();
    }
    shown
}

fn show_attachments(task: &Task) -> Vec<Value> {
    let Some(network) = &task.network else {
        return Vec::new();
    };
    let status = match (task.phase, &task.interface) {
        (Phase::Provisioning, _) | (_, None) => "PRECREATED",
        (Phase::Stopped, _) => "DELETED",
        _ => "ATTACHED",
    };
    let detail = |name: &str, value: String| json!({ "name": name, "value": value });
    let mut details = Vec::new();
    match &task.interface {
        None => {
            let subnet = network.subnets.first().cloned().unwrap_or_default();
            details.push(detail("subnetId", subnet));
        }
        Some(interface) => {
            let address = interface.private_address;
            let [a, b, c, d] = address.octets();
            details.push(detail("subnetId", interface.subnet.clone()));
            details.push(detail("networkInterfaceId", interface.id.clone()));
            details.push(detail("macAddress", interface.mac.clone()));
            details.push(detail("privateDnsName", format!("ip-{a}-{b}-{c}-{d}.ec2.internal")));
            details.push(detail("privateIPv4Address", address.to_string()));
        }
    }
    vec![json!({
        "id": task.attachment,
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": details,
    })]
}

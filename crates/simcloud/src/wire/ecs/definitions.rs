//! Task definitions: calls and how they are shown.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{epoch, failure, listed, page_size, start, wants_tags};
use crate::model::agenda::Event;
use crate::model::ecs::definition::{Revision, Status};
use crate::model::page::{Page, take};
use crate::model::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    task_definition: Option<String>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteTaskDefinitions {
    #[serde(default)]
    task_definitions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTaskDefinitions {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    next_token: Option<String>,
    max_results: Option<i32>,
}

pub(super) fn register(world: &mut World, input: Value) -> Result<Value, Refusal> {
    let Value::Object(body) = input else {
        return Err(Refusal::new("SerializationException", "Unexpected field type"));
    };
    let now = world.now;
    let revision = world.ecs.definitions.register(&world.scope, body, now)?;
    let mut answer = json!({ "taskDefinition": show(world, &revision) });
    if !revision.tags.is_empty() {
        answer["tags"] = json!(revision.tags);
    }
    Ok(answer)
}

pub(super) fn describe(world: &World, input: &Named) -> Result<Value, Refusal> {
    let found = world.ecs.definitions.find(input.task_definition.as_deref().unwrap_or_default());
    let revision = found.ok_or_else(|| Refusal::client("Unable to describe task definition."))?;
    let mut answer = json!({ "taskDefinition": show(world, revision) });
    if wants_tags(input.include.as_deref(), &["TAGS"])? {
        answer["tags"] = json!(revision.tags);
    }
    Ok(answer)
}

/// Takes a revision out of use. What runs on it goes on.
pub(super) fn deregister(world: &mut World, input: &Named) -> Result<Value, Refusal> {
    let now = world.now;
    let name = input.task_definition.as_deref().unwrap_or_default();
    let found = world.ecs.definitions.find_revision_mut(name);
    let revision = found.ok_or_else(|| {
        Refusal::client(
            "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
        )
    })?;
    if revision.status == Status::Active {
        revision.status = Status::Inactive;
        revision.deregistered_at = Some(now);
    }
    let revision = revision.clone();
    Ok(json!({ "taskDefinition": show(world, &revision) }))
}

/// Deletes deregistered revisions; each that is not fails by itself.
pub(super) fn delete(world: &mut World, input: &DeleteTaskDefinitions) -> Result<Value, Refusal> {
    let now = world.now;
    if input.task_definitions.is_empty() {
        return Err(Refusal::invalid("Task definitions cannot be empty."));
    }
    if input.task_definitions.len() > 10 {
        return Err(Refusal::invalid("taskDefinitions can have at most 10 items."));
    }
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for name in &input.task_definitions {
        match world.ecs.definitions.find_revision_mut(name) {
            None => failures.push(failure(name, "The specified task definition does not exist. Specify a valid account, family, revision and try again.")),
            Some(revision) if revision.status == Status::Active => {
                failures.push(failure(&revision.definition.arn, "The specified task definition is still in ACTIVE status. Please deregister the target and try again."));
            }
            Some(revision) => {
                revision.status = Status::DeleteInProgress;
                revision.delete_requested_at = Some(now);
                gone.push(revision.clone());
            }
        }
    }
    for revision in &gone {
        let family = Arc::clone(&revision.definition.family);
        let revision = revision.definition.revision;
        world.plan(world.timings.inactive_visible, Event::TaskDefinitionPurge { family, revision });
    }
    let shown: Vec<Value> = gone.iter().map(|revision| show(world, revision)).collect();
    Ok(json!({ "taskDefinitions": shown, "failures": failures }))
}

/// Lists revisions by family and number. `familyPrefix` is, in spite of its name, "the full
/// family name" (ListTaskDefinitions).
pub(super) fn list(world: &World, input: &ListTaskDefinitions) -> Result<Value, Refusal> {
    let size = page_size(input.max_results, 100)?;
    let status = match input.status.as_deref() {
        None | Some("ACTIVE") => Status::Active,
        Some("INACTIVE") => Status::Inactive,
        Some("DELETE_IN_PROGRESS") => Status::DeleteInProgress,
        Some(_) => return Err(Refusal::invalid("status is invalid.")),
    };
    let descending = match input.sort.as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err(Refusal::invalid("sort is invalid.")),
    };
    let family = input.family_prefix.as_deref();
    let listing = format!("ListTaskDefinitions/{}/{status:?}/{descending}", family.unwrap_or(""));
    let from = start(&listing, input.next_token.as_deref())?;
    let from = from.as_deref().and_then(|key| {
        let (family, revision) = key.split_once(':')?;
        Some((family.to_owned(), revision.parse::<u32>().ok()?))
    });
    let definitions = &world.ecs.definitions;
    let all: Box<dyn DoubleEndedIterator<Item = &Revision>> = match family {
        Some(family) => Box::new(definitions.of_family(family)),
        None => Box::new(definitions.revisions()),
    };
    let ordered: Box<dyn Iterator<Item = &Revision>> = if descending { Box::new(all.rev()) } else { all };
    let matching = ordered.filter(|revision| revision.status == status).filter(|revision| {
        let definition = &revision.definition;
        from.as_ref().is_none_or(|(family, number)| {
            let here = (&*definition.family, definition.revision);
            let last = (family.as_str(), *number);
            if descending { here < last } else { here > last }
        })
    });
    let page = take(&listing, size, matching, |revision| {
        format!("{}:{}", revision.definition.family, revision.definition.revision)
    });
    let items = page.items.into_iter().map(|revision| revision.definition.arn.clone()).collect();
    Ok(listed("taskDefinitionArns", Page { items, next: page.next }))
}

/// Lists families by name. Here `familyPrefix` is a prefix.
pub(super) fn families(world: &World, input: &ListTaskDefinitions) -> Result<Value, Refusal> {
    let size = page_size(input.max_results, 100)?;
    let prefix = input.family_prefix.as_deref().unwrap_or_default();
    let wanted = match input.status.as_deref() {
        None | Some("ALL") => None,
        Some("ACTIVE") => Some(true),
        Some("INACTIVE") => Some(false),
        Some(_) => return Err(Refusal::invalid("status is invalid.")),
    };
    let listing = format!("ListTaskDefinitionFamilies/{prefix}/{wanted:?}");
    let from = start(&listing, input.next_token.as_deref())?;
    let matching = world.ecs.definitions.families().filter(|(name, active)| {
        name.starts_with(prefix)
            && wanted.is_none_or(|wanted| wanted == *active)
            && from.as_deref().is_none_or(|last| ***name > *last)
    });
    let names = matching.map(|(name, _)| name.to_string());
    Ok(listed("families", take(&listing, size, names, Clone::clone)))
}

/// All that was registered, with what ECS adds.
fn show(world: &World, revision: &Revision) -> Value {
    let definition = &revision.definition;
    let mut shown = Value::Object(definition.body.clone());
    let compatibilities: &[&str] = if definition.fargate { &["EC2", "FARGATE"] } else { &["EC2"] };
    let added = json!({
        "taskDefinitionArn": definition.arn,
        "revision": definition.revision,
        "status": revision.status.as_str(),
        "compatibilities": compatibilities,
        "registeredAt": epoch(definition.registered_at),
        "registeredBy": world.scope.account_arn("iam", "role/simcloud"),
    });
    if let Value::Object(added) = added {
        for (key, value) in added {
            shown[key] = value;
        }
    }
    for key in ["volumes", "placementConstraints"] {
        if shown.get(key).is_none() {
            shown[key] = json!([]);
        }
    }
    if let Some(at) = revision.deregistered_at {
        shown["deregisteredAt"] = epoch(at);
    }
    if let Some(at) = revision.delete_requested_at {
        shown["deleteRequestedAt"] = epoch(at);
    }
    fill_containers(&mut shown);
    shown
}

/// ECS gives back each container with these fields, also where they were not registered.
fn fill_containers(shown: &mut Value) {
    let containers = shown.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let Some(container) = container.as_object_mut() else {
            continue;
        };
        container.entry("cpu").or_insert_with(|| json!(0));
        container.entry("essential").or_insert_with(|| json!(true));
        for list in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
            container.entry(list).or_insert_with(|| json!([]));
        }
    }
}

//! Tags of services, tasks, task definitions and clusters, by ARN.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::ecs::service::Status;
use crate::model::ecs::tags::{Tag, Tags};
use crate::model::ecs::task::Phase;
use crate::model::ecs::{ServiceKey, short_name};
use crate::model::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagResource {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagResource {
    resource_arn: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTags {
    resource_arn: Option<String>,
}

pub(super) fn tag(world: &mut World, input: TagResource) -> Result<Value, Refusal> {
    // The words are from memory.
    let tags = input.tags.ok_or_else(|| Refusal::invalid("Tags can not be null."))?;
    tags_of(world, input.resource_arn.as_deref())?.set(tags)?;
    Ok(json!({}))
}

pub(super) fn untag(world: &mut World, input: &UntagResource) -> Result<Value, Refusal> {
    tags_of(world, input.resource_arn.as_deref())?.remove(&input.tag_keys);
    Ok(json!({}))
}

pub(super) fn list(world: &mut World, input: &ListTags) -> Result<Value, Refusal> {
    // ListTagsForResource models no ResourceNotFoundException.
    let tags = tags_of(world, input.resource_arn.as_deref()).map_err(|refused| Refusal::invalid(refused.message))?;
    Ok(json!({ "tags": tags }))
}

fn tags_of<'a>(world: &'a mut World, arn: Option<&str>) -> Result<&'a mut Tags, Refusal> {
    let arn = arn.unwrap_or_default();
    let bad = || Refusal::invalid(format!("Invalid parameter: ARN '{arn}' is not valid."));
    let gone = || Refusal::new("ResourceNotFoundException", "The specified resource wasn't found.");
    let mut parts = arn.splitn(6, ':');
    let resource = match (parts.next(), parts.nth(1), parts.nth(2)) {
        (Some("arn"), Some("ecs"), Some(resource)) => resource,
        _ => return Err(bad()),
    };
    let (kind, path) = resource.split_once('/').ok_or_else(bad)?;
    match kind {
        "service" => {
            let (cluster, name) = path.rsplit_once('/').ok_or_else(bad)?;
            let key = ServiceKey { cluster: cluster.into(), name: name.into() };
            let service = world.ecs.service_mut(&key).ok_or_else(gone)?;
            if service.status == Status::Inactive {
                return Err(gone());
            }
            Ok(&mut service.tags)
        }
        "task" => {
            let task = world.ecs.tasks.get_mut(short_name(path));
            let task = task.filter(|task| task.phase != Phase::Stopped);
            Ok(&mut task.ok_or_else(gone)?.tags)
        }
        "task-definition" => Ok(&mut world.ecs.definitions.find_revision_mut(path).ok_or_else(gone)?.tags),
        "cluster" => Ok(&mut world.ecs.cluster_mut(Some(path))?.tags),
        _ => Err(bad()),
    }
}

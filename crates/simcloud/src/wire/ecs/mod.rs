//! ECS on awsJson 1.1: one function for each operation.

mod clusters;
mod definitions;
mod services;
mod tagging;
mod tasks;

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::ecs::members::one_of;
use crate::model::page::{Page, last_key};
use crate::model::{Refusal, World};

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

/// Answers one call. `lag` hides what is younger, as eventual consistency does.
pub(crate) fn answer(world: &mut World, operation: &str, input: Value, lag: Duration) -> Result<Value, Refusal> {
    match operation {
        "CreateCluster" => clusters::create(world, read(input)?),
        "DescribeClusters" => clusters::describe(world, &read(input)?),
        "ListClusters" => clusters::list(world, &read(input)?),
        "PutClusterCapacityProviders" => clusters::put_providers(world, read(input)?),
        "DescribeCapacityProviders" => clusters::describe_providers(world, &read(input)?),
        "CreateService" => services::create(world, read(input)?),
        "UpdateService" => services::update(world, read(input)?),
        "DeleteService" => services::delete(world, &read(input)?),
        "DescribeServices" => services::describe(world, &read(input)?, lag),
        "ListServices" => services::list(world, &read(input)?, lag),
        "RunTask" => tasks::run(world, read(input)?),
        "StopTask" => tasks::stop(world, &read(input)?),
        "DescribeTasks" => tasks::describe(world, &read(input)?, lag),
        "ListTasks" => tasks::list(world, &read(input)?, lag),
        "RegisterTaskDefinition" => definitions::register(world, input),
        "DescribeTaskDefinition" => definitions::describe(world, &read(input)?),
        "ListTaskDefinitions" => definitions::list(world, &read(input)?),
        "ListTaskDefinitionFamilies" => definitions::families(world, &read(input)?),
        "DeregisterTaskDefinition" => definitions::deregister(world, &read(input)?),
        "DeleteTaskDefinitions" => definitions::delete(world, &read(input)?),
        "TagResource" => tagging::tag(world, read(input)?),
        "UntagResource" => tagging::untag(world, &read(input)?),
        "ListTagsForResource" => tagging::list(world, &read(input)?),
        _ => Err(super::unknown_operation()),
    }
}

/// Decodes an input. A field of the wrong type is a `SerializationException`, as at AWS.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| Refusal::new("SerializationException", error.to_string()))
}

/// ECS says times in seconds, with milliseconds behind the point.
pub(crate) fn epoch(at: DateTime<Utc>) -> Value {
    // Exact: milliseconds of this era need far less than 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let seconds = at.timestamp_millis() as f64 / 1000.0;
    json!(seconds)
}

/// A failure of a call about several things.
fn failure(arn: &str, reason: &str) -> Value {
    json!({ "arn": arn, "reason": reason })
}

/// Reports whether `include` asks for tags. Anything that is none of its fields is refused.
fn wants_tags(include: Option<&[String]>, fields: &[&str]) -> Result<bool, Refusal> {
    let include = include.unwrap_or_default();
    include.iter().try_for_each(|field| one_of("include", field, fields))?;
    Ok(include.iter().any(|field| field == "TAGS"))
}

/// The page size of a list call.
fn page_size(wanted: Option<i32>, default: usize) -> Result<usize, Refusal> {
    /// The largest page of every list call of ECS.
    const MAX: i32 = 100;
    match wanted {
        None => Ok(default),
        Some(size @ 1..=MAX) => Ok(size.unsigned_abs() as usize),
        Some(_) => Err(Refusal::invalid(format!("maxResults must be between 1 and {MAX}."))),
    }
}

/// The key behind which a list goes on.
fn start(listing: &str, token: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    last_key(listing, token).map(Some).ok_or_else(|| Refusal::invalid("Invalid token."))
}

/// A page of ARNs, answered under `name`.
fn listed(name: &str, page: Page<String>) -> Value {
    let mut answer = json!({ name: page.items });
    if let Some(next) = page.next {
        answer["nextToken"] = next.into();
    }
    answer
}

//! Clusters and capacity providers.

use std::ops::Bound;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{failure, listed, page_size, start, wants_tags};
use crate::model::ecs::cluster::{Cluster, FARGATE_PROVIDERS};
use crate::model::ecs::network::StrategyItem;
use crate::model::ecs::service::Status;
use crate::model::ecs::tags::Tag;
use crate::model::ecs::{TaskIndex, short_name};
use crate::model::page::{Page, take};
use crate::model::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateCluster {
    cluster_name: Option<String>,
    capacity_providers: Option<Vec<String>>,
    default_capacity_provider_strategy: Option<Vec<StrategyItem>>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
pub(super) struct DescribeClusters {
    clusters: Option<Vec<String>>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListClusters {
    next_token: Option<String>,
    max_results: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutProviders {
    cluster: Option<String>,
    #[serde(default)]
    capacity_providers: Vec<String>,
    #[serde(default)]
    default_capacity_provider_strategy: Vec<StrategyItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeProviders {
    capacity_providers: Option<Vec<String>>,
}

pub(super) fn create(world: &mut World, input: CreateCluster) -> Result<Value, Refusal> {
    let cluster = world.create_cluster(
        input.cluster_name,
        input.capacity_providers.unwrap_or_default(),
        input.default_capacity_provider_strategy.unwrap_or_default(),
        input.tags.unwrap_or_default(),
    )?;
    let name = std::sync::Arc::clone(&cluster.name);
    let cluster = world.ecs.cluster(Some(&name))?;
    Ok(json!({ "cluster": show(world, cluster, true) }))
}

pub(super) fn describe(world: &World, input: &DescribeClusters) -> Result<Value, Refusal> {
    let default = ["default".to_owned()];
    let names = input.clusters.as_deref().filter(|names| !names.is_empty()).unwrap_or(&default);
    if names.len() > 100 {
        return Err(Refusal::invalid("clusters can have at most 100 items."));
    }
    let tags =
        wants_tags(input.include.as_deref(), &["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"])?;
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match world.ecs.cluster(Some(name)) {
            Ok(cluster) => clusters.push(show(world, cluster, tags)),
            Err(_) => {
                let arn = world.scope.arn("ecs", &format!("cluster/{}", short_name(name)));
                failures.push(failure(&arn, "MISSING"));
            }
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

pub(super) fn list(world: &World, input: &ListClusters) -> Result<Value, Refusal> {
    let size = page_size(input.max_results, 100)?;
    let from = start("ListClusters", input.next_token.as_deref())?;
    let bounds = (from.as_deref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let clusters = world.ecs.clusters.range::<str, _>(bounds);
    let page = take("ListClusters", size, clusters, |(name, _)| name.to_string());
    let items = page.items.into_iter().map(|(_, cluster)| cluster.arn.clone()).collect();
    Ok(listed("clusterArns", Page { items, next: page.next }))
}

pub(super) fn put_providers(world: &mut World, input: PutProviders) -> Result<Value, Refusal> {
    let cluster = world.ecs.cluster_mut(input.cluster.as_deref())?;
    cluster.associate(input.capacity_providers, input.default_capacity_provider_strategy)?;
    let cluster = world.ecs.cluster(input.cluster.as_deref())?;
    Ok(json!({ "cluster": show(world, cluster, true) }))
}

/// Only the two providers that AWS makes are known; a name that is neither is a failure.
pub(super) fn describe_providers(world: &World, input: &DescribeProviders) -> Result<Value, Refusal> {
    let all = FARGATE_PROVIDERS.map(str::to_owned);
    let names = input.capacity_providers.as_deref().unwrap_or(&all);
    if names.len() > 100 {
        return Err(Refusal::invalid("capacityProviders can have at most 100 items."));
    }
    let (mut providers, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let short = short_name(name);
        let arn = world.scope.arn("ecs", &format!("capacity-provider/{short}"));
        if FARGATE_PROVIDERS.contains(&short) {
            providers.push(json!({
                "capacityProviderArn": arn, "name": short, "status": "ACTIVE", "tags": [],
                "type": short,
            }));
        } else {
            failures.push(failure(&arn, "MISSING"));
        }
    }
    Ok(json!({ "capacityProviders": providers, "failures": failures }))
}

fn show(world: &World, cluster: &Cluster, tags: bool) -> Value {
    let index = TaskIndex::Cluster(std::sync::Arc::clone(&cluster.name));
    let tasks = || {
        let ids = world.ecs.indexed(&index).into_iter().flatten();
        ids.filter_map(|id| world.ecs.tasks.get(id))
    };
    let mut shown = json!({
        "clusterArn": cluster.arn,
        "clusterName": *cluster.name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks().filter(|task| super::services::is_running(task)).count(),
        "pendingTasksCount": tasks().filter(|task| super::services::is_pending(task)).count(),
        "activeServicesCount":
            cluster.services.values().filter(|s| s.status == Status::Active).count(),
        "statistics": [],
        "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
    });
    if tags {
        shown["tags"] = json!(cluster.tags);
    }
    shown
}

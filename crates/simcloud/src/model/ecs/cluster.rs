//! Clusters and their capacity providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Refusal, World};
use super::network::{StrategyItem, check_strategy};
use super::service::Service;
use super::short_name;
use super::tags::{Tag, Tags};

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: Arc<str>,
    pub(crate) arn: String,
    pub(crate) capacity_providers: Vec<String>,
    pub(crate) default_strategy: Vec<StrategyItem>,
    pub(crate) tags: Tags,
    /// Active, draining and, for a while, inactive ones.
    pub(crate) services: BTreeMap<Arc<str>, Service>,
}

/// The two providers that AWS makes; a cluster must still be associated with them.
pub(crate) const FARGATE_PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

impl World {
    /// Creates the cluster, or gives the one of that name as it is.
    pub(crate) fn create_cluster(
        &mut self,
        name: Option<String>,
        providers: Vec<String>,
        default_strategy: Vec<StrategyItem>,
        tags: Vec<Tag>,
    ) -> Result<&Cluster, Refusal> {
        let name: Arc<str> = name.as_deref().unwrap_or("default").into();
        let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if name.is_empty() || name.len() > 255 || !name.bytes().all(valid) {
            return Err(Refusal::invalid("Identifier is not valid."));
        }
        if !self.ecs.clusters.contains_key(&name) {
            let mut cluster = Cluster {
                arn: self.scope.arn("ecs", &format!("cluster/{name}")),
                name: Arc::clone(&name),
                capacity_providers: Vec::new(),
                default_strategy: Vec::new(),
                tags: Tags::new(tags)?,
                services: BTreeMap::new(),
            };
            cluster.associate(providers, default_strategy)?;
            self.ecs.clusters.insert(Arc::clone(&name), cluster);
        }
        self.ecs.cluster(Some(&name))
    }
}

impl Cluster {
    /// Replaces the associated providers and the default strategy.
    pub(crate) fn associate(
        &mut self,
        providers: Vec<String>,
        default_strategy: Vec<StrategyItem>,
    ) -> Result<(), Refusal> {
        let providers: Vec<String> = providers.iter().map(|p| short_name(p).to_owned()).collect();
        if providers.iter().any(|p| !FARGATE_PROVIDERS.contains(&p.as_str())) {
            return Err(Refusal::invalid("The specified capacity provider was not found."));
        }
        let before = std::mem::replace(&mut self.capacity_providers, providers);
        if !default_strategy.is_empty()
            && let Err(refused) = check_strategy(self, &default_strategy)
        {
            self.capacity_providers = before;
            return Err(refused);
        }
        self.default_strategy = default_strategy;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            name: "c".into(),
            arn: "arn:c".into(),
            capacity_providers: Vec::new(),
            default_strategy: Vec::new(),
            tags: Tags::default(),
            services: BTreeMap::new(),
        }
    }
}

//! Where and on what capacity a task is to run.

use serde::{Deserialize, Serialize};

use super::super::{Refusal, World};
use super::cluster::Cluster;
use super::members::one_of;

/// `networkConfiguration` of a service or task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) awsvpc_configuration: Option<Awsvpc>,
}

/// `awsvpcConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Awsvpc {
    #[serde(default)]
    pub(crate) subnets: Vec<String>,
    #[serde(default)]
    pub(crate) security_groups: Vec<String>,
    #[serde(default)]
    pub(crate) assign_public_ip: PublicIp,
}

/// `assignPublicIp`; DISABLED by default, as in every call but the console's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum PublicIp {
    Enabled,
    #[default]
    Disabled,
}

/// One item of a `capacityProviderStrategy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StrategyItem {
    #[serde(default)]
    pub(crate) capacity_provider: String,
    #[serde(default)]
    pub(crate) weight: i32,
    #[serde(default)]
    pub(crate) base: i32,
}

/// The shape `LaunchType`.
pub(crate) const LAUNCH_TYPES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];

/// What a task runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Launch type FARGATE, no capacity provider.
    Fargate,
    /// Capacity provider FARGATE.
    OnDemand,
    /// Capacity provider FARGATE_SPOT.
    Spot,
    /// Launch type EC2 or EXTERNAL: the cluster has no instances.
    Instances,
}

impl Provider {
    pub(crate) fn capacity_provider(self) -> Option<&'static str> {
        match self {
            Self::OnDemand => Some("FARGATE"),
            Self::Spot => Some("FARGATE_SPOT"),
            Self::Fargate | Self::Instances => None,
        }
    }
}

/// How tasks find their capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Launch {
    Type(String),
    Strategy(Vec<StrategyItem>),
}

impl Launch {
    /// The provider of one more task, beside those that run already: bases first, then by weight.
    pub(crate) fn pick(&self, running: impl Fn(Provider) -> usize) -> Provider {
        let items = match self {
            Self::Type(name) if name == "FARGATE" => return Provider::Fargate,
            Self::Type(_) => return Provider::Instances,
            Self::Strategy(items) => items,
        };
        let provider = |item: &StrategyItem| match item.capacity_provider.as_str() {
            "FARGATE" => Provider::OnDemand,
            "FARGATE_SPOT" => Provider::Spot,
            _ => Provider::Instances,
        };
        let under_base =
            |item: &&StrategyItem| usize::try_from(item.base).is_ok_and(|base| running(provider(item)) < base);
        if let Some(item) = items.iter().find(under_base) {
            return provider(item);
        }
        let weighted = items.iter().filter(|item| item.weight > 0);
        // Compare running/weight without fractions, so that ties go to the first item.
        let next = weighted.min_by(|a, b| {
            let load = |x: &StrategyItem, other: &StrategyItem| {
                (running(provider(x)) as u64 + 1) * u64::from(other.weight.unsigned_abs())
            };
            load(a, b).cmp(&load(b, a))
        });
        next.map_or(Provider::Instances, provider)
    }
}

/// Decides between launch type, strategy and the cluster's default, as CreateService and
/// RunTask do.
pub(crate) fn launch(
    cluster: &Cluster,
    launch_type: Option<String>,
    strategy: Option<Vec<StrategyItem>>,
) -> Result<Launch, Refusal> {
    let strategy = strategy.filter(|items| !items.is_empty());
    match (launch_type, strategy) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. \
             Remove one and try again.",
        )),
        (Some(launch_type), None) => {
            one_of("launchType", &launch_type, &LAUNCH_TYPES)?;
            Ok(Launch::Type(launch_type))
        }
        (None, Some(strategy)) => {
            check_strategy(cluster, &strategy)?;
            Ok(Launch::Strategy(strategy))
        }
        (None, None) if !cluster.default_strategy.is_empty() => Ok(Launch::Strategy(cluster.default_strategy.clone())),
        // "If a launchType is omitted … EC2 is used" (CreateService).
        (None, None) => Ok(Launch::Type("EC2".to_owned())),
    }
}

/// The rules for a strategy ("CapacityProviderStrategyItem" in the API reference).
pub(crate) fn check_strategy(cluster: &Cluster, items: &[StrategyItem]) -> Result<(), Refusal> {
    /// "A capacity provider strategy can contain a maximum of 20 capacity providers."
    const MAX_ITEMS: usize = 20;
    if items.len() > MAX_ITEMS {
        return Err(Refusal::invalid(
            "The specified capacity provider strategy can contain at most 20 capacity providers.",
        ));
    }
    for item in items {
        if !cluster.capacity_providers.contains(&item.capacity_provider) {
            return Err(Refusal::invalid(
                "The specified capacity provider strategy cannot contain a capacity provider \
                 that is not associated with the cluster. Associate the capacity provider with \
                 the cluster and try again.",
            ));
        }
        if !(0..=1000).contains(&item.weight) || !(0..=100_000).contains(&item.base) {
            return Err(Refusal::invalid(
                "The specified capacity provider strategy has a weight or base out of range.",
            ));
        }
    }
    if items.iter().all(|item| item.weight == 0) {
        return Err(Refusal::invalid(
            "The specified capacity provider strategy must have at least one capacity provider \
             with a weight greater than 0.",
        ));
    }
    if items.iter().filter(|item| item.base > 0).count() > 1 {
        return Err(Refusal::invalid(
            "The specified capacity provider strategy can have only one capacity provider with \
             a base defined.",
        ));
    }
    Ok(())
}

impl World {
    /// Checks that a task of `awsvpc` mode is told where to run, and that the place exists.
    pub(crate) fn check_network(&self, awsvpc: bool, network: Option<&NetworkConfiguration>) -> Result<(), Refusal> {
        let configured = network.and_then(|network| network.awsvpc_configuration.as_ref());
        let Some(configured) = configured else {
            return if awsvpc {
                Err(Refusal::invalid(
                    "Network Configuration must be provided when networkMode 'awsvpc' is \
                     specified.",
                ))
            } else {
                Ok(())
            };
        };
        // "There's a limit of 16 subnets" and "of five security groups" (AwsVpcConfiguration).
        if configured.subnets.is_empty() {
            return Err(Refusal::invalid("subnets can not be empty."));
        }
        if configured.subnets.len() > 16 {
            return Err(Refusal::invalid("subnets can have at most 16 items."));
        }
        if configured.security_groups.len() > 5 {
            return Err(Refusal::invalid("securityGroups can have at most 5 items."));
        }
        let unknown = |id: &&String| !self.ec2.subnets.contains_key(*id);
        if let Some(id) = configured.subnets.iter().find(unknown) {
            return Err(Refusal::invalid(format!(
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not \
                 exist (ErrorCode: InvalidSubnetID.NotFound)"
            )));
        }
        let unknown = |id: &&String| !self.ec2.groups.contains_key(*id);
        if let Some(id) = configured.security_groups.iter().find(unknown) {
            return Err(Refusal::invalid(format!(
                "Error retrieving security group information for [{id}]: The security group \
                 '{id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, weight: i32, base: i32) -> StrategyItem {
        StrategyItem { capacity_provider: name.to_owned(), weight, base }
    }

    #[test]
    fn bases_come_before_weights() {
        let launch = Launch::Strategy(vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 3, 0)]);
        let (mut on_demand, mut spot) = (0, 0);
        for _ in 0..9 {
            match launch.pick(|p| if p == Provider::Spot { spot } else { on_demand }) {
                Provider::Spot => spot += 1,
                _ => on_demand += 1,
            }
        }
        assert_eq!((on_demand, spot), (2, 7));
    }

    #[test]
    fn a_strategy_needs_associated_providers_and_a_weight() {
        let mut cluster = Cluster::for_tests();
        assert!(check_strategy(&cluster, &[item("FARGATE_SPOT", 1, 0)]).is_err());
        cluster.capacity_providers.push("FARGATE_SPOT".to_owned());
        assert!(check_strategy(&cluster, &[item("FARGATE_SPOT", 0, 0)]).is_err());
        assert!(check_strategy(&cluster, &[item("FARGATE_SPOT", 1, 0)]).is_ok());
        let both = launch(&cluster, Some("FARGATE".into()), Some(vec![item("FARGATE_SPOT", 1, 0)]));
        assert!(both.unwrap_err().message.starts_with("Specifying both"));
    }
}

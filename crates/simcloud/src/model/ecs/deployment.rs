//! One deployment of a service.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::Definition;
use super::network::{Launch, NetworkConfiguration};

/// `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// `deploymentConfiguration`, with what the simulation does not act on kept as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    /// AWS's default for a replica service: 200.
    #[serde(default = "two_hundred")]
    pub(crate) maximum_percent: u32,
    /// AWS's default for a replica service: 100.
    #[serde(default = "hundred")]
    pub(crate) minimum_healthy_percent: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deployment_circuit_breaker: Option<CircuitBreaker>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// `deploymentCircuitBreaker`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CircuitBreaker {
    /// Required, as `rollback` is.
    pub(crate) enable: bool,
    pub(crate) rollback: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

fn two_hundred() -> u32 {
    200
}

fn hundred() -> u32 {
    100
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            maximum_percent: two_hundred(),
            minimum_healthy_percent: hundred(),
            deployment_circuit_breaker: None,
            other: Map::new(),
        }
    }
}

impl Configuration {
    pub(crate) fn breaker(&self) -> Option<&CircuitBreaker> {
        self.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable)
    }

    /// Tasks that may be wanted at once: "rounded down to the nearest integer value".
    pub(crate) fn upper(&self, desired: u32) -> u32 {
        percent(desired, self.maximum_percent, false)
    }

    /// Tasks that have to stay healthy: "rounded up to the nearest integer value".
    pub(crate) fn lower(&self, desired: u32) -> u32 {
        percent(desired, self.minimum_healthy_percent, true)
    }
}

fn percent(count: u32, percent: u32, up: bool) -> u32 {
    let product = u64::from(count) * u64::from(percent);
    let result = if up { product.div_ceil(100) } else { product / 100 };
    u32::try_from(result).unwrap_or(u32::MAX)
}

/// How many tasks may fail before the circuit breaker trips: "minimum 3 <= 0.5 * desired task
/// count <= maximum 200".
pub(crate) fn failure_threshold(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

/// A deployment: a task definition in a place, on its way or settled.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: Arc<str>,
    pub(crate) definition: Arc<Definition>,
    pub(crate) network: Option<NetworkConfiguration>,
    pub(crate) launch: Launch,
    pub(crate) platform_version: String,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    /// Tasks that failed to start, one after the other.
    pub(crate) failed: u32,
    /// A task of it ran once: the circuit breaker watches no longer.
    pub(crate) proven: bool,
    /// It was COMPLETED once, so that a rollback can return to it.
    pub(crate) settled: bool,
    /// The digest each container's image was resolved to by the first task.
    pub(crate) digests: HashMap<String, String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Deployment {
    pub(crate) fn turn(&mut self, rollout: Rollout, reason: String, now: DateTime<Utc>) {
        self.rollout = rollout;
        self.reason = reason;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_documented() {
        let configuration = |minimum, maximum| Configuration {
            minimum_healthy_percent: minimum,
            maximum_percent: maximum,
            ..Configuration::default()
        };
        assert_eq!(configuration(50, 150).lower(3), 2);
        assert_eq!(configuration(50, 150).upper(3), 4);
        assert_eq!(configuration(100, 200).upper(1), 2);
        assert_eq!([1, 10, 5000].map(failure_threshold), [3, 5, 200]);
    }
}

//! The caps: what all environments together may take.

use bivouac_model::{EnvKey, FargateQuotas, Place, Record, Usd};

use crate::policy::{CapacityPolicy, Policy};
use crate::project::{Project, Resources};

/// CPU units of a vCPU (ECS API reference, TaskDefinition `cpu`).
const UNITS: f64 = 1024.0;
/// What AWS lets every new account run of Fargate at once, on demand and on Spot each (AWS Fargate service quotas): what is
/// reckoned with where neither the account's own quota can be read nor the configuration says one.
pub const DEFAULT_VCPUS: f64 = 6.0;

/// `guardrails`: the caps that the configuration sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caps {
    /// How many environments run at once.
    pub max_environments: usize,
    /// How many of them one person has.
    pub max_per_user: usize,
    /// What all cost in a calendar month.
    pub monthly_budget: Usd,
    /// How many vCPUs run at once; `None`: as many as the account's quota allows.
    pub max_vcpus: Option<f64>,
}

impl Default for Caps {
    /// As many as the default quota holds of a quarter vCPU each, for a hundred dollars.
    fn default() -> Self {
        Self { max_environments: 24, max_per_user: 3, monthly_budget: Usd::from_dollars(100.0), max_vcpus: None }
    }
}

impl Policy {
    /// How many CPU units environments may take: the smaller of what the account may run and what the configuration allows.
    ///
    /// What may fall back from Spot has to fit into both quotas.
    pub(crate) fn cpu_units(&self, quota: Option<FargateQuotas>) -> u64 {
        let quota = quota.map(|quota| match self.capacity {
            CapacityPolicy::OnDemand => quota.on_demand,
            CapacityPolicy::Spot => quota.spot,
            CapacityPolicy::SpotWithFallback => quota.on_demand.min(quota.spot),
        });
        let vcpus = match (quota, self.caps.max_vcpus) {
            (Some(quota), Some(configured)) => quota.min(configured),
            (Some(vcpus), None) | (None, Some(vcpus)) => vcpus,
            (None, None) => DEFAULT_VCPUS,
        };
        // Negative and not a number become none, and no account has 2^64 units.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let units = (vcpus * UNITS) as u64;
        units
    }

    /// What running something takes of the caps. What may fall back is reckoned at the price it falls back to, so that a cap
    /// holds when Spot runs out.
    pub(crate) fn place(&self, resources: &Resources) -> Place {
        let dearest = match self.capacity {
            CapacityPolicy::OnDemand | CapacityPolicy::SpotWithFallback => bivouac_model::Capacity::OnDemand,
            CapacityPolicy::Spot => bivouac_model::Capacity::Spot,
        };
        Place { cpu: resources.cpu, hourly: self.prices.hourly(resources, dearest) }
    }

    /// What a record's environment would take; `None`: nobody can tell, since the record or its repository is not understood.
    pub(crate) fn place_of(&self, record: &Record) -> Option<Place> {
        let project = self.project_of(record)?.1;
        let size = record.desired.as_ref().ok().and_then(|wish| wish.size.as_deref());
        Some(self.place(&project.resources(size).unwrap_or(project.template.resources())))
    }

    /// The environment of a record and its project, of a record that has both.
    pub fn project_of(&self, record: &Record) -> Option<(EnvKey, &Project)> {
        let key = record.key.env().ok()?;
        let project = self.projects.get(&key.repo)?;
        Some((key, project))
    }
}

/// vCPUs as people write them: `0.25`, `6`.
pub(crate) fn vcpus(units: u64) -> String {
    // Quotas are thousands at most.
    #[allow(clippy::cast_precision_loss)]
    let vcpus = units as f64 / UNITS;
    format!("{vcpus}")
}

//! What an environment costs an hour.

use bivouac_model::{Capacity, Usd};

use crate::project::Resources;

/// A price table, in dollars.
///
/// The defaults are AWS's list prices for Fargate in us-east-1 as of mid-2026 (aws.amazon.com/fargate/pricing,
/// aws.amazon.com/vpc/pricing); other regions are configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// A vCPU for an hour, x86.
    pub vcpu_hour: f64,
    /// A GB of memory for an hour, x86.
    pub gb_hour: f64,
    /// A vCPU for an hour, ARM.
    pub arm_vcpu_hour: f64,
    /// A GB of memory for an hour, ARM.
    pub arm_gb_hour: f64,
    /// A vCPU for an hour, Windows, with its licence.
    pub windows_vcpu_hour: f64,
    /// A GB of memory for an hour, Windows.
    pub windows_gb_hour: f64,
    /// What Spot costs of the price on demand, from 0 to 1.
    pub spot_factor: f64,
    /// A GB of ephemeral storage above the free 20, for an hour.
    pub storage_gb_hour: f64,
    /// A public IPv4 address for an hour.
    pub public_ipv4_hour: f64,
    /// A GB in the image registry for a month.
    pub ecr_gb_month: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            vcpu_hour: 0.04048,
            gb_hour: 0.004_445,
            arm_vcpu_hour: 0.03238,
            arm_gb_hour: 0.00356,
            // aws.amazon.com/fargate/pricing, Windows/x86: $0.09148 and the operating system's licence of $0.046 for each vCPU.
            windows_vcpu_hour: 0.137_48,
            windows_gb_hour: 0.01005,
            // Spot is 50 to 70 % less; reckoned with the smaller saving, so that a forecast errs to the dear side.
            spot_factor: 0.5,
            storage_gb_hour: 0.000_111,
            public_ipv4_hour: 0.005,
            // aws.amazon.com/ecr/pricing: "Storage is $0.10 per GB / month for data stored in private or public repositories."
            ecr_gb_month: 0.10,
        }
    }
}

impl Prices {
    /// What so many bytes in the image registry cost a month.
    pub fn registry_month(&self, bytes: u64) -> Usd {
        // A repository of petabytes is far below what a double counts exactly.
        #[allow(clippy::cast_precision_loss)]
        Usd::from_dollars(bytes as f64 / GB * self.ecr_gb_month)
    }

    /// What one running task costs an hour.
    pub fn hourly(&self, resources: &Resources, capacity: Capacity) -> Usd {
        let (vcpu_hour, gb_hour) = match resources {
            Resources { windows: true, .. } => (self.windows_vcpu_hour, self.windows_gb_hour),
            Resources { arm: true, .. } => (self.arm_vcpu_hour, self.arm_gb_hour),
            _ => (self.vcpu_hour, self.gb_hour),
        };
        let compute = f64::from(resources.cpu) / 1024.0 * vcpu_hour + f64::from(resources.memory) / 1024.0 * gb_hour;
        let factor = match capacity {
            Capacity::Spot if !resources.windows => self.spot_factor,
            // "Fargate Spot is not supported on Windows-based containers on Fargate" (AWS Batch API reference, `RuntimePlatform`).
            Capacity::OnDemand | Capacity::Spot => 1.0,
        };
        let storage = f64::from(resources.storage.saturating_sub(FREE_STORAGE_GB)) * self.storage_gb_hour;
        Usd::from_dollars(compute * factor + storage + self.public_ipv4_hour)
    }
}

/// A gigabyte as AWS's storage is billed: 2^30 bytes.
const GB: f64 = 1_073_741_824.0;

/// "20 GB of ephemeral storage is available for all Fargate tasks by default" (Fargate pricing).
pub(crate) const FREE_STORAGE_GB: u32 = 20;

//! The door to AWS Service Quotas: how much of Fargate the account may use.

use async_trait::async_trait;
use bivouac_model::FargateQuotas;

use crate::Result;

/// The quotas of one account and region.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// How many vCPUs of Fargate may run at once, as applied to this account, or AWS's default where nothing else was
    /// applied. Asked of AWS each time, by one call for each kind of capacity; they change when a person asks for more or
    /// AWS raises them, so an answer serves for minutes. Both or an error.
    ///
    /// # Errors
    /// `Denied` when the policy does not allow `servicequotas:GetServiceQuota`, or `servicequotas:GetAWSDefaultServiceQuota`
    /// where nothing was applied. `NotFound` when Service Quotas knows no such quota in this region.
    async fn fargate_vcpus(&self) -> Result<FargateQuotas>;
}

//! The quotas of Fargate, out of Service Quotas.

use async_trait::async_trait;
use aws_sdk_servicequotas::types::{ErrorCode, ErrorReason, ServiceQuota};
use bivouac_model::FargateQuotas;
use bivouac_ports::{Error, Meaning, Quotas, Result};

use crate::Sdk;
use crate::calls::{Call, GET_AWS_DEFAULT_SERVICE_QUOTA, GET_SERVICE_QUOTA};
use crate::error::from_sdk;

/// The service that the quotas are of: "AWS Fargate service quotas", in "Amazon ECS endpoints and quotas" of the AWS General
/// Reference, as are the codes below. The number of vCPUs was made the quota in 2022 ("Migrating Fargate service quotas to
/// vCPU-based quotas", AWS Containers blog).
const FARGATE: &str = "fargate";

/// "Fargate On-Demand vCPU resource count".
const ON_DEMAND_VCPUS: &str = "L-3032A538";

/// "Fargate Spot vCPU resource count".
const SPOT_VCPUS: &str = "L-36FBB829";

/// The quotas of the account whose credentials are in use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceQuotas {
    client: aws_sdk_servicequotas::Client,
}

impl ServiceQuotas {
    /// Nothing is called yet.
    pub fn new(sdk: &Sdk) -> Self {
        Self { client: sdk.service_quotas() }
    }

    /// What was applied to this account, else AWS's default. An account that never asked for more may have nothing applied:
    /// "If the applied quota value is not available for a quota, the quota is not retrieved" (API reference, GetServiceQuota).
    async fn vcpus(&self, code: &str) -> Result<f64> {
        let request = self.client.get_service_quota().service_code(FARGATE).quota_code(code);
        match request.send().await {
            Ok(answer) => vcpus(&GET_SERVICE_QUOTA, answer.quota()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_resource_exception()) => {
                self.default_vcpus(code).await
            }
            Err(error) => Err(from_sdk(&GET_SERVICE_QUOTA, error)),
        }
    }

    async fn default_vcpus(&self, code: &str) -> Result<f64> {
        let request = self.client.get_aws_default_service_quota().service_code(FARGATE).quota_code(code);
        let answer = request.send().await.map_err(|error| from_sdk(&GET_AWS_DEFAULT_SERVICE_QUOTA, error))?;
        vcpus(&GET_AWS_DEFAULT_SERVICE_QUOTA, answer.quota())
    }
}

#[async_trait]
impl Quotas for ServiceQuotas {
    async fn fargate_vcpus(&self) -> Result<FargateQuotas> {
        let (on_demand, spot) = futures::try_join!(self.vcpus(ON_DEMAND_VCPUS), self.vcpus(SPOT_VCPUS))?;
        Ok(FargateQuotas { on_demand, spot })
    }
}

/// The value of a quota. An answer without one says why in its `ErrorReason`, where Service Quotas could not learn it from
/// the service itself (API reference, ErrorReason). That is no zero.
fn vcpus(call: &Call, quota: Option<&ServiceQuota>) -> Result<f64> {
    let value = quota.and_then(ServiceQuota::value).filter(|value| value.is_finite() && *value >= 0.0);
    let reason = quota.and_then(ServiceQuota::error_reason).and_then(ErrorReason::error_code);
    match (value, reason) {
        (Some(value), None) => Ok(value),
        (_, Some(reason)) => Err(Error::new(meaning(reason), call.name, words(reason))),
        (None, None) => Err(Error::new(Meaning::Unavailable, call.name, "the answer has no value")),
    }
}

fn meaning(reason: &ErrorCode) -> Meaning {
    match reason {
        ErrorCode::DependencyAccessDeniedError => Meaning::Denied,
        ErrorCode::DependencyThrottlingError => Meaning::Throttled,
        ErrorCode::ServiceQuotaNotAvailableError => Meaning::NotFound,
        _ => Meaning::Unavailable,
    }
}

fn words(reason: &ErrorCode) -> String {
    match reason {
        ErrorCode::DependencyAccessDeniedError => format!("you are not authorized to read this quota: {reason}"),
        _ => format!("the value could not be read: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_and_what_is_none_is_no_zero() {
        let read = |quota: Option<ServiceQuota>| vcpus(&GET_SERVICE_QUOTA, quota.as_ref());
        let of = |value| Some(ServiceQuota::builder().set_value(value).build());
        assert_eq!(read(of(Some(6.0))).expect("a value"), 6.0);
        assert_eq!(read(of(Some(0.0))).expect("a value"), 0.0);
        for odd in [None, of(None), of(Some(-1.0)), of(Some(f64::NAN)), of(Some(f64::INFINITY))] {
            assert_eq!(read(odd.clone()).map_err(|error| error.meaning()), Err(Meaning::Unavailable), "{odd:?}");
        }
        for (code, meaning) in [
            ("DEPENDENCY_ACCESS_DENIED_ERROR", Meaning::Denied),
            ("DEPENDENCY_THROTTLING_ERROR", Meaning::Throttled),
            ("DEPENDENCY_SERVICE_ERROR", Meaning::Unavailable),
            ("SERVICE_QUOTA_NOT_AVAILABLE_ERROR", Meaning::NotFound),
            ("SOMETHING_NEW", Meaning::Unavailable),
        ] {
            let reason = ErrorReason::builder().error_code(code.into()).build();
            let failed = read(Some(ServiceQuota::builder().value(6.0).error_reason(reason).build()));
            let failed = failed.expect_err("it was not read");
            assert_eq!(failed.meaning(), meaning, "{code}");
            assert!(failed.message().contains(code), "{failed}");
        }
    }
}

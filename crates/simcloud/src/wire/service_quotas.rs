//! Service Quotas on awsJson 1.1: the quotas of AWS Fargate, and no others.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Quotas;
use crate::model::{Refusal, Scope, World};

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "ServiceQuotasV20190624.";

/// A quota of Fargate, as the table "AWS Fargate service quotas" of the AWS General Reference has it.
struct Known {
    code: &'static str,
    name: &'static str,
    /// What was applied to the account.
    applied: fn(&World) -> Option<f64>,
}

const FARGATE: &str = "fargate";

const KNOWN: [Known; 2] = [
    Known {
        code: "L-3032A538",
        name: "Fargate On-Demand vCPU resource count",
        applied: |world| world.ecs.capacity.on_demand_vcpus,
    },
    Known {
        code: "L-36FBB829",
        name: "Fargate Spot vCPU resource count",
        applied: |world| world.ecs.capacity.spot_vcpus,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    service_code: Option<String>,
    quota_code: Option<String>,
}

/// Answers one call.
pub(crate) fn answer(world: &World, operation: &str, input: Value) -> Result<Value, Refusal> {
    match operation {
        // An account without a limit here is told AWS's default, since AWS has none without.
        "GetServiceQuota" => {
            let known = known(input)?;
            let value = (known.applied)(world).unwrap_or(Quotas::DEFAULT_VCPUS);
            let mut shown = show(&world.scope, &world.scope.account, known, value);
            shown["QuotaAppliedAtLevel"] = "ACCOUNT".into();
            Ok(json!({ "Quota": shown }))
        }
        // A default is nobody's, so its ARN has no account.
        "GetAWSDefaultServiceQuota" => {
            Ok(json!({ "Quota": show(&world.scope, "", known(input)?, Quotas::DEFAULT_VCPUS) }))
        }
        _ => Err(super::unknown_operation()),
    }
}

/// The quota that is asked for.
fn known(input: Value) -> Result<&'static Known, Refusal> {
    let asked: Asked =
        serde_json::from_value(input).map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    let (Some(service), Some(code)) = (asked.service_code, asked.quota_code) else {
        return Err(Refusal::new("IllegalArgumentException", "Invalid input was provided."));
    };
    let missing = |what: &str| {
        let message = format!("The request failed because the specified {what} does not exist.");
        Refusal::new("NoSuchResourceException", message)
    };
    if service != FARGATE {
        return Err(missing("service"));
    }
    KNOWN.iter().find(|known| known.code == code).ok_or_else(|| missing("quota"))
}

fn show(scope: &Scope, account: &str, known: &Known, value: f64) -> Value {
    json!({
        "ServiceCode": FARGATE,
        "ServiceName": "AWS Fargate",
        "QuotaArn": format!("arn:aws:servicequotas:{}:{account}:{FARGATE}/{}", scope.region, known.code),
        "QuotaCode": known.code,
        "QuotaName": known.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::Timings;

    fn world(quotas: Quotas) -> World {
        let scope = Scope { region: "us-west-2".into(), account: "123456789012".into() };
        World::new(DateTime::UNIX_EPOCH, 1, scope, Timings::default(), quotas, 9)
    }

    fn asked(world: &World, operation: &str, code: &str) -> Value {
        let input = json!({ "ServiceCode": "fargate", "QuotaCode": code });
        answer(world, operation, input).unwrap_or_else(|refused| panic!("{operation}: {refused}"))["Quota"].take()
    }

    #[test]
    fn an_account_has_the_default_until_something_is_applied() {
        let raised = Quotas { on_demand_vcpus: Some(140.0), ..Quotas::default() };
        for (quotas, on_demand, spot) in [(Quotas::default(), 6.0, 6.0), (raised, 140.0, 6.0)] {
            let world = world(quotas);
            assert_eq!(asked(&world, "GetServiceQuota", "L-3032A538")["Value"], on_demand);
            assert_eq!(asked(&world, "GetServiceQuota", "L-36FBB829")["Value"], spot);
            assert_eq!(asked(&world, "GetAWSDefaultServiceQuota", "L-3032A538")["Value"], 6.0);
        }
    }

    #[test]
    fn a_default_is_of_no_account() {
        let arn = |operation| asked(&world(Quotas::default()), operation, "L-36FBB829")["QuotaArn"].clone();
        assert_eq!(arn("GetServiceQuota"), "arn:aws:servicequotas:us-west-2:123456789012:fargate/L-36FBB829");
        assert_eq!(arn("GetAWSDefaultServiceQuota"), "arn:aws:servicequotas:us-west-2::fargate/L-36FBB829");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let cases = [
            (json!({ "ServiceCode": "fargate", "QuotaCode": "L-00000000" }), "NoSuchResourceException"),
            (json!({ "ServiceCode": "Fargate", "QuotaCode": "L-3032A538" }), "NoSuchResourceException"),
            (json!({ "ServiceCode": "fargate" }), "IllegalArgumentException"),
            (json!({ "ServiceCode": 7 }), "SerializationException"),
        ];
        for (input, code) in cases {
            for operation in ["GetServiceQuota", "GetAWSDefaultServiceQuota"] {
                let refused = answer(&world(Quotas::default()), operation, input.clone()).expect_err("refused");
                assert_eq!(refused.code, code, "{operation} {input}");
            }
        }
        let unknown = answer(&world(Quotas::default()), "ListServices", json!({})).expect_err("refused");
        assert_eq!(unknown.code, "UnknownOperationException");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_answered(service in ".{0,40}", code in ".{0,40}", operation in ".{0,40}") {
            let input = json!({ "ServiceCode": service, "QuotaCode": code });
            prop_assert!(answer(&world(Quotas::default()), &operation, input.clone()).is_err());
            let known = service == FARGATE && KNOWN.iter().any(|known| known.code == code);
            prop_assert_eq!(answer(&world(Quotas::default()), "GetServiceQuota", input).is_ok(), known);
        }
    }
}

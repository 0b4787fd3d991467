//! The door to Service Quotas on the embedded cloud: raised quotas, and what it says when it may not or cannot tell.

use bivouac_model::FargateQuotas;
use bivouac_ports::{Meaning, Quotas as _};
use bivouac_simcloud::{Fault, Rule, Service, When};

use crate::doors::embedded;

const APPLIED: &str = "GetServiceQuota";
const DEFAULT: &str = "GetAWSDefaultServiceQuota";

#[tokio::test]
async fn what_was_applied_holds_and_not_the_default() {
    let (cloud, place) = embedded().await;
    let quotas = place.quotas().await;
    cloud.ecs().set_vcpu_quota(Some(140.0), Some(0.25));
    assert_eq!(quotas.fargate_vcpus().await.expect("an answer"), FargateQuotas { on_demand: 140.0, spot: 0.25 });
    cloud.ecs().set_vcpu_quota(Some(0.0), Some(4000.0));
    let told = quotas.fargate_vcpus().await.expect("an answer, which nothing remembers");
    assert_eq!(told, FargateQuotas { on_demand: 0.0, spot: 4000.0 });
    assert_eq!(cloud.calls().of(Service::ServiceQuotas, APPLIED), 4, "one for each capacity");
    assert_eq!(cloud.calls().to(Service::ServiceQuotas), 4, "and the default is not asked for");
    cloud.shutdown().await;
}

#[tokio::test]
async fn where_nothing_was_applied_the_default_holds() {
    let (cloud, place) = embedded().await;
    cloud.ecs().set_vcpu_quota(Some(140.0), Some(140.0));
    let nothing = Rule::operation(Service::ServiceQuotas, APPLIED, Fault::Refuse("NoSuchResourceException"));
    cloud.faults().add(nothing.clone().when(When::First(1)));
    let told = place.quotas().await.fargate_vcpus().await.expect("an answer");
    // They are asked at once, so either may be the first.
    let mut both = [told.on_demand, told.spot];
    both.sort_by(f64::total_cmp);
    assert_eq!(both, [6.0, 140.0]);
    cloud.faults().clear();
    cloud.faults().add(nothing);
    let told = place.quotas().await.fargate_vcpus().await.expect("an answer");
    assert_eq!(told, FargateQuotas { on_demand: 6.0, spot: 6.0 });
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_is_not_told_is_no_number() {
    for (fault, meaning) in [
        (Fault::Deny, Meaning::Denied),
        (Fault::Throttle, Meaning::Throttled),
        (Fault::FailBefore, Meaning::Unavailable),
        (Fault::DropBefore, Meaning::Unavailable),
        (Fault::Refuse("NoSuchResourceException"), Meaning::NotFound),
        (Fault::Refuse("IllegalArgumentException"), Meaning::Invalid),
    ] {
        let (cloud, place) = embedded().await;
        cloud.faults().add(Rule::service(Service::ServiceQuotas, fault.clone()));
        let refused = place.quotas().await.fargate_vcpus().await.expect_err("it lasts");
        assert_eq!(refused.meaning(), meaning, "{fault:?}: {refused}");
        cloud.shutdown().await;
    }
}

#[tokio::test]
async fn a_default_that_may_not_be_read_says_so() {
    let (cloud, place) = embedded().await;
    let nothing = Fault::Refuse("NoSuchResourceException");
    cloud.faults().add(Rule::operation(Service::ServiceQuotas, APPLIED, nothing));
    cloud.faults().add(Rule::operation(Service::ServiceQuotas, DEFAULT, Fault::Deny));
    let refused = place.quotas().await.fargate_vcpus().await.expect_err("neither is told");
    assert_eq!(refused.meaning(), Meaning::Denied);
    assert!(refused.message().contains("servicequotas:GetAWSDefaultServiceQuota"), "{refused}");
    cloud.shutdown().await;
}

#[tokio::test]
async fn half_an_answer_is_an_error() {
    let (cloud, place) = embedded().await;
    cloud.faults().add(Rule::operation(Service::ServiceQuotas, APPLIED, Fault::Deny).when(When::Nth(2)));
    let refused = place.quotas().await.fargate_vcpus().await.expect_err("one of the two is missing");
    assert_eq!(refused.meaning(), Meaning::Denied);
    assert_eq!(refused.call(), "Service Quotas GetServiceQuota");
    cloud.shutdown().await;
}

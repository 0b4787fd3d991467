//! The promises of the door to the quotas.

use bivouac_model::FargateQuotas;
use bivouac_ports::{Meaning, Quotas as _};

use super::differences::Gap;
use super::place::Place;

/// Hands the names of all promises to the macro `$with`.
#[macro_export]
macro_rules! quotas_promises {
    ($with:ident) => {
        $with! {
            quotas:
            an_account_that_asked_for_no_more_has_what_aws_gives_everybody,
        }
    };
}

pub async fn an_account_that_asked_for_no_more_has_what_aws_gives_everybody(place: &Place) {
    let told = place.quotas().await.fargate_vcpus().await;
    if place.emulator.has(Gap::NoFargateQuotas) {
        let refused = told.expect_err("it knows neither what was applied nor a default");
        assert_eq!(refused.meaning(), Meaning::Unavailable, "what is not known is no number: {refused}");
        assert_eq!(refused.call(), "Service Quotas GetAWSDefaultServiceQuota", "the default was asked for then");
        return;
    }
    assert_eq!(told.expect("an answer"), FargateQuotas { on_demand: 6.0, spot: 6.0 });
}

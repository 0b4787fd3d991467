//! The promises of the cluster, the registry, the quotas and the site on the embedded cloud, and what they do when it fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bivouac_ports::{Cluster as _, Meaning, Meter, Registry as _};
use bivouac_simcloud::{Fault, Options, Rule, Service, SimCloud, When};
use serde_json::json;

use crate::contract::differences::Emulator;
use crate::contract::place::Place;
use crate::judge::judged;

/// An embedded cloud of one test's own.
pub async fn embedded() -> (SimCloud, Place) {
    // No promise opens an address, so the tasks need not answer.
    let options = Options { serve_tasks: false, region: "us-east-1".into(), ..Options::default() };
    let cloud = SimCloud::start(judged(options)).await.expect("it starts");
    cloud.ec2().create_subnet("subnet-1");
    cloud.ec2().create_security_group("sg-1");
    let place = Place {
        emulator: Emulator::Simcloud,
        url: cloud.aws_url(),
        subnet: "subnet-1".into(),
        security_group: "sg-1".into(),
        recording: None,
    };
    (cloud, place)
}

macro_rules! embedded {
    ($door:ident: $($promise:ident),+ $(,)?) => {
        mod $door {
            $(#[tokio::test]
            async fn $promise() {
                let (cloud, place) = super::embedded().await;
                crate::contract::$door::$promise(&place).await;
                cloud.shutdown().await;
            })+
        }
    };
}

crate::cluster_promises!(embedded);
crate::registry_promises!(embedded);
crate::quotas_promises!(embedded);
crate::site_promises!(embedded);
crate::logs_promises!(embedded);

/// Writes down each call that is counted: service, operation, code.
#[derive(Debug, Default)]
struct Tally(Mutex<Vec<(&'static str, &'static str, String)>>);

impl Meter for Tally {
    fn api_call(&self, service: &'static str, operation: &'static str, code: &str, _: Duration) {
        self.0.lock().expect("not poisoned").push((service, operation, code.to_owned()));
    }

    fn reconciled(&self, _: &'static str, _: Duration) {}
    fn queue_depth(&self, _: &'static str, _: usize) {}
    fn passed(&self, _: &'static str, _: usize, _: Duration) {}
    fn phases(&self, _: &[(&'static str, usize)]) {}
    fn lease_held(&self, _: bool) {}
    fn forge_quota(&self, _: u64) {}
}

#[tokio::test]
async fn every_attempt_is_counted_by_its_code() {
    let (cloud, place) = embedded().await;
    let tally = Arc::new(Tally::default());
    let (_, name) = place.cluster().await;
    let ecs = place.cluster_metered(&name, tally.clone()).await;
    cloud.faults().add(Rule::operation(Service::Ecs, "ListServices", Fault::Throttle).when(When::Nth(1)));
    cloud.faults().add(Rule::operation(Service::Ecs, "ListServices", Fault::DropBefore).when(When::Nth(2)));
    cloud.faults().add(Rule::operation(Service::Ec2, "DescribeNetworkInterfaces", Fault::Throttle).when(When::Nth(1)));
    assert!(ecs.service_names().await.expect("the third attempt is answered").is_empty());
    assert!(ecs.public_addresses(&["eni-1".into()]).await.expect("the second is").is_empty());
    let counted = tally.0.lock().expect("not poisoned").clone();
    let expected = [
        ("ECS", "ListServices", "ThrottlingException"),
        ("ECS", "ListServices", "no answer"),
        ("ECS", "ListServices", "ok"),
        ("EC2", "DescribeNetworkInterfaces", "RequestLimitExceeded"),
        ("EC2", "DescribeNetworkInterfaces", "ok"),
    ];
    assert_eq!(counted, expected.map(|(service, operation, code)| (service, operation, code.to_owned())));
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_lasts_has_its_meaning_at_every_door() {
    for (fault, meaning) in [
        (Fault::Throttle, Meaning::Throttled),
        (Fault::Deny, Meaning::Denied),
        (Fault::FailBefore, Meaning::Unavailable),
        (Fault::DropBefore, Meaning::Unavailable),
    ] {
        let (cloud, place) = embedded().await;
        let (ecs, _) = place.cluster().await;
        let (registry, repository) = (place.registry().await, place.repository().await);
        cloud.faults().add(Rule::everywhere(fault.clone()));
        let interfaces = ["eni-1".to_owned()];
        let (listed, addressed, tagged) =
            tokio::join!(ecs.service_names(), ecs.public_addresses(&interfaces), registry.tagged_images(&repository));
        for refused in [listed.map(drop), addressed.map(drop), tagged.map(drop)] {
            let refused = refused.expect_err("it lasts");
            assert_eq!(refused.meaning(), meaning, "{fault:?}: {refused}");
        }
        cloud.shutdown().await;
    }
}

#[tokio::test]
async fn half_a_list_is_an_error() {
    let (cloud, place) = embedded().await;
    let (ecs, cluster) = place.cluster().await;
    let definition = ecs.register(&place.rendered("half", "half").await).await.expect("a revision");
    for n in 0..101 {
        let input = json!({
            "cluster": cluster,
            "serviceName": format!("pr-{n}-service"),
            "taskDefinition": definition.as_str(),
            "desiredCount": 0,
            "capacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1 }],
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": [place.subnet] } },
        });
        place.ecs("CreateService", input).await;
    }
    cloud.faults().add(Rule::operation(Service::Ecs, "ListServices", Fault::Deny).when(When::Nth(2)));
    let refused = ecs.service_names().await.expect_err("the second page was refused");
    assert_eq!(refused.meaning(), Meaning::Denied);
    assert_eq!(ecs.service_names().await.expect("both pages").len(), 101);
    cloud.shutdown().await;
}

//! Sources of the whole system that fail or hang: EC2, the registry, GitHub. What needs them waits, and nothing else does.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_simcloud::github::{Fault as ForgeFault, FaultRule};
use bivouac_simcloud::{Fault, Options, Rule, Service};

use crate::system::{System, n, policy, s};
use crate::wait::until;

/// Longer than any test lasts: the connection is accepted, and no answer comes.
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_goes_without_ec2_and_a_daemon_that_starts_meanwhile_leads() {
    for trouble in [Fault::FailBefore, Fault::Delay(NEVER)] {
        let mut system = System::start().await;
        let (by_time, by_wish) = (system.pull_request(), system.pull_request());
        system.put(by_time, &[]).await;
        system.put(by_wish, &[]).await;
        system.until_phase(by_time, Phase::Ready).await;
        system.until_phase(by_wish, Phase::Ready).await;
        system.cloud.faults().add(Rule::service(Service::Ec2, trouble));
        // By the daemon that runs.
        system.set(by_wish, "desired", s("down")).await;
        system.until_phase(by_wish, Phase::Terminated).await;
        // And by one that comes to lead meanwhile, of what is over by then.
        system.stop().await;
        system.set(by_time, "ttl", n(1)).await;
        system.launch();
        let record = system.until_phase(by_time, Phase::Terminated).await;
        assert_eq!(record.status.expect("a status").reason, "Expired");
        assert!(system.services().is_empty());
        system.cloud.faults().clear();
        system.until_settled().await;
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_ready_keeps_its_address_while_ec2_fails() {
    let mut system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let before = system.until_phase(pr, Phase::Ready).await.status.expect("a status");
    let comment = system.until_comment(pr, before.url.as_deref().expect("an address")).await;
    system.cloud.faults().add(Rule::service(Service::Ec2, Fault::FailBefore));
    // A command is obeyed, and after it a whole pass goes by, by a daemon that knows nothing but the records.
    system.set(pr, "pinned", aws_sdk_dynamodb::types::AttributeValue::Bool(true)).await;
    let extended = system.until(pr, "extended", |record| {
        record.status.as_ref().is_some_and(|status| status.expires_at > before.expires_at)
    });
    extended.await;
    system.stop().await;
    system.launch();
    until_more_scans(&system, 4).await;
    let after = system.record(pr).await.and_then(|record| record.status).expect("a status");
    assert_eq!((after.phase, &after.url, after.public_ip), (Phase::Ready, &before.url, before.public_ip));
    assert_eq!(after.machinery.phase_since, before.machinery.phase_since, "it was ready all the while");
    assert!(comment.contains(after.url.as_deref().expect("an address")));
    assert_eq!(system.comments(pr).len(), 1);
    system.cloud.faults().clear();
    system.until_settled().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_costs_no_pass() {
    for source in [Some(Service::Ec2), Some(Service::Ecr), Some(Service::ServiceQuotas), None] {
        let mut system = System::without_daemon(Options::default(), policy()).await;
        let pr = system.pull_request();
        system.put(pr, &[]).await;
        system.launch();
        system.until_phase(pr, Phase::Ready).await;
        match source {
            Some(source) => system.cloud.faults().add(Rule::service(source, Fault::Delay(NEVER))),
            None => system.hub.inject(FaultRule::new(ForgeFault::Latency(NEVER))),
        }
        // The client of AWS would wait eight seconds in each pass, and that of GitHub twelve.
        until_more_scans(&system, 20).await;
        assert_eq!(system.record(pr).await.and_then(|record| record.status).map(|it| it.phase), Some(Phase::Ready));
        system.cloud.faults().clear();
        system.hub.clear_faults();
        system.stop().await;
    }
}

/// Waits for so many more passes, each of which reads the table once.
async fn until_more_scans(system: &System, more: u64) {
    let scans = || system.cloud.calls().of(Service::DynamoDb, "Scan");
    let before = scans();
    until("passes go on", async || match scans() - before {
        enough if enough >= more => Ok(()),
        few => Err(format!("{few} passes")),
    })
    .await;
}

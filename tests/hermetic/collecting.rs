//! Images and task definitions that nothing needs, from push to gone.

use std::time::Duration;

use bivouac_controller::Collector;
use bivouac_model::Phase;
use bivouac_simcloud::Options;

use crate::system::{ECR, REPO, System, policy, s};

/// A system whose images are old after a second, and that collects every few of them.
async fn quick() -> System {
    let policy = bivouac_planner::Policy { untagged_image_grace: Duration::from_secs(1), ..policy() };
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.collect = Duration::from_secs(1);
    system.launch();
    system
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(tokio::time::Instant::now() < deadline, "never {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_needs_goes_and_what_runs_stays() {
    let system = quick().await;
    let ecr = system.cloud.ecr();
    // A build that was replaced by the next one, which runs, with its attestation, under an index, signed.
    let pr = system.bare_pull_request();
    let old = ecr.push_index(ECR, &format!("pr-{pr}-ci"));
    let old_signature = ecr.push_referrer(ECR, &old.index);
    let new = ecr.push_index(ECR, &format!("pr-{pr}-ci"));
    let signature = ecr.push_referrer(ECR, &new.index);
    let loose = ecr.push_untagged(ECR);
    let release = ecr.push_image(ECR, "v1");
    // A pull request that never had a record, and was closed.
    let closed = system.pull_request();
    system.hub.close(REPO, closed).unwrap();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    let mut kept = vec![new.index, new.image, new.attestation, signature, release];
    kept.sort();
    until("collected", || ecr.digests(ECR) == kept).await;
    assert!([old.index, old_signature, loose].iter().all(|gone| !ecr.digests(ECR).contains(gone)));
    assert_eq!(ecr.digest_of(ECR, &format!("pr-{closed}-ci")), None);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_revisions_of_earlier_deployments_go() {
    let system = quick().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let first = system.until_phase(pr, Phase::Ready).await.status.unwrap().machinery.task_definition;
    system.set(pr, "restarted_at", s("now")).await;
    let record = system
        .until(pr, "ready with another revision", |record| {
            record
                .status
                .as_ref()
                .is_some_and(|status| status.phase == Phase::Ready && status.machinery.task_definition != first)
        })
        .await;
    let second = record.status.unwrap().machinery.task_definition.expect("it runs one");
    let first = first.expect("it ran one");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let active = system.doors.cluster.all_task_definitions().await.expect("a list");
        let deregistered = system.doors.cluster.deregistered(first.family()).await.expect("a list");
        if active == [second.clone()] && deregistered.is_empty() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{active:?} and {deregistered:?} are left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(system.services().len(), 1);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_modifies_nothing() {
    let system = System::without_daemon(
        Options::default(),
        bivouac_planner::Policy { untagged_image_grace: Duration::ZERO, ..policy() },
    )
    .await;
    system.cloud.ecr().push_index(ECR, "v1");
    for _ in 0..3 {
        system.cloud.ecr().push_untagged(ECR);
    }
    let closed = system.pull_request();
    system.hub.close(REPO, closed).unwrap();
    system.cloud.calls().reset();
    let collector = Collector::new(system.doors.clone(), system.policy.clone(), Duration::ZERO);
    for _ in 0..2 {
        let collection = collector.look().await.expect("a look");
        let repository = &collection.repositories[0];
        assert_eq!((repository.name.as_str(), repository.freed.images), (ECR, 4));
        assert!(repository.freed.bytes > 4 * 50_000_000);
    }
    assert_eq!(system.cloud.calls().modifying(), 0, "{:?}", system.cloud.calls().counts());
    assert_eq!(system.cloud.ecr().digests(ECR).len(), 7);
}

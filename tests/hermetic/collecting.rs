//! Images and task definitions that nothing needs, from push to gone.

use std::time::Duration;

use bivouac_controller::{Collector, Controller, Settings};
use bivouac_model::Phase;
use bivouac_runtime::Fence;
use bivouac_simcloud::{Fault, Options, Rule, Service, When};

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

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_manifests_are_a_hundred_calls() {
    let policy = bivouac_planner::Policy { untagged_image_grace: Duration::ZERO, ..policy() };
    let system = System::without_daemon(Options::default(), policy).await;
    for _ in 0..500 {
        system.cloud.ecr().push_untagged_index(ECR, 19);
    }
    assert_eq!(system.cloud.ecr().digests(ECR).len(), 10_000);
    let settings = Settings { resync: Duration::from_millis(1), ..Settings::default() };
    let controller = Controller::new(system.doors.clone(), system.policy.clone(), settings, Fence::unfenced());
    let calls = || {
        let of = |operation| system.cloud.calls().of(Service::Ecr, operation);
        (of("BatchDeleteImage"), of("BatchGetImage"))
    };
    assert!(controller.collect_now().await.unfinished);
    assert_eq!(calls(), (0, 5), "one look deletes nothing");
    let mut deleted = 0;
    loop {
        let collected = controller.collect_now().await;
        assert_eq!(collected.refused, [""; 0]);
        deleted += collected.images.images;
        if !collected.unfinished {
            break;
        }
    }
    assert_eq!((deleted, system.cloud.ecr().digests(ECR).len()), (10_000, 0));
    assert_eq!(calls(), (100, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_list_deletes_nothing() {
    let policy = bivouac_planner::Policy { untagged_image_grace: Duration::ZERO, ..policy() };
    let system = System::without_daemon(Options::default(), policy).await;
    for _ in 0..60 {
        system.cloud.ecr().push_untagged_index(ECR, 19);
    }
    let settings = Settings { resync: Duration::from_millis(1), ..Settings::default() };
    let controller = Controller::new(system.doors.clone(), system.policy.clone(), settings, Fence::unfenced());
    controller.collect_now().await;
    // The second page is refused, then who runs what, then who wants what: each time the looks begin anew.
    for (service, operation, nth) in [
        (Service::Ecr, "DescribeImages", 2),
        (Service::Ecs, "ListTasks", 1),
        (Service::Ecs, "ListServices", 1),
        (Service::Ecs, "ListTaskDefinitions", 1),
    ] {
        let rule = Rule::operation(service, operation, Fault::Deny).when(When::Nth(nth));
        system.cloud.faults().add(rule);
        assert_eq!(controller.collect_now().await.images.images, 0, "{operation}");
        system.cloud.faults().clear();
        assert_eq!(system.cloud.ecr().digests(ECR).len(), 1200, "{operation}");
    }
    // What could be seen whole once, has to be seen so twice.
    while controller.collect_now().await.unfinished {}
    assert_eq!(system.cloud.ecr().digests(ECR), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_tag_of_what_another_environment_runs_stays() {
    let system = System::start().await;
    let (closed, other) = (system.pull_request(), system.bare_pull_request());
    let tag = format!("pr-{closed}-ci");
    system.put(other, &[("image_tag", s(&tag))]).await;
    system.until_phase(other, Phase::Ready).await;
    // It names an image of its own by now, which is not there yet, and runs on as it is.
    system.set(other, "image_tag", s(&format!("pr-{other}-ci"))).await;
    system.put(closed, &[]).await;
    system.until_phase(closed, Phase::Ready).await;
    system.hub.close(REPO, closed).unwrap();
    system.until_phase(closed, Phase::Terminated).await;
    system.until_settled().await;
    let ecr = system.cloud.ecr();
    assert!(ecr.digest_of(ECR, &tag).is_some(), "ECR deletes an image with its last tag");
    // Once nobody runs it any more, the tag goes.
    ecr.push_image(ECR, &format!("pr-{other}-ci"));
    until("untagged", || ecr.digest_of(ECR, &tag).is_none()).await;
    system.until_phase(other, Phase::Ready).await;
    system.until_settled().await;
}

//! Lives of environments, from the first write to the tombstone.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_simcloud::Options;

use crate::system::{ECR, REPO, System, map, message_of, n, phase_of, policy, reason_of, s};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_becomes_an_environment_and_goes_away_again() {
    let mut system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[("image_tag", s(&format!("pr-{pr}-ci"))), ("flags", map(&[("FEATURE_X", "true")]))]).await;

    let record = system.until_phase(pr, Phase::Ready).await;
    let url = record.status.unwrap().url.unwrap();
    let page = reqwest::get(&url).await.unwrap();
    assert!(page.status().is_success());
    let body = system.until_comment(pr, &url).await;
    assert!(body.contains("FEATURE_X"), "{body}");
    system.until_settled().await;

    system.cloud.ecr().push_image(ECR, "another");
    system.set(pr, "image_tag", s("another")).await;
    system.until_comment(pr, "another").await;
    let record = system.until(pr, "ready again elsewhere", |record| {
        record
            .status
            .as_ref()
            .is_some_and(|status| status.phase == Phase::Ready && status.url.as_ref().is_some_and(|new| *new != url))
    });
    let second = record.await.status.unwrap().url.unwrap();
    system.until_comment(pr, &second).await;
    system.until_settled().await;

    system.set(pr, "desired", s("down")).await;
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty(), "{:#?}", system.services());
    assert_eq!(system.comments(pr).len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_is_required() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_stream_a_resync_finds_everything() {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    let pr = system.pull_request();
    // Written before anybody listened, so no news of it will ever come.
    system.put(pr, &[]).await;
    system.launch();
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_stream_nobody_waits_for_the_resync() {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    let (first, second) = (system.pull_request(), system.pull_request());
    system.put(first, &[]).await;
    // One pass at the start, and none after it for as long as this test lasts.
    system.launch_with(Duration::from_secs(3600));
    system.until_phase(first, Phase::Ready).await;
    system.put(second, &[]).await;
    system.until_phase(second, Phase::Ready).await;
    system.set(second, "desired", s("down")).await;
    system.until_phase(second, Phase::Terminated).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_comes_late_is_waited_for() {
    let system = System::start().await;
    let pr = system.bare_pull_request();
    system.put(pr, &[]).await;
    let record = system.until_phase(pr, Phase::WaitingForImage).await;
    assert!(message_of(&record).contains(&format!("pr-{pr}-ci")));
    system.until_comment(pr, "pr-").await;
    system.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_tag_rolls_the_environment_forward() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let first = system.until_phase(pr, Phase::Ready).await.status.unwrap().machinery.image_digest;
    system.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
    system
        .until(pr, "ready with the new image", |record| {
            record
                .status
                .as_ref()
                .is_some_and(|status| status.phase == Phase::Ready && status.machinery.image_digest != first)
        })
        .await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pull_request_loses_its_environment_and_its_tags() {
    let system = System::start().await;
    let (pr, other) = (system.pull_request(), system.pull_request());
    // Another environment needs the same tag: it stays until that one is gone.
    system.put(other, &[("image_tag", s(&format!("pr-{pr}-ci")))]).await;
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_phase(other, Phase::Ready).await;
    system.hub.close(REPO, pr).unwrap();
    let record = system.until_phase(pr, Phase::Terminated).await;
    assert_eq!(reason_of(&record), "PullRequestClosed");
    assert!(system.cloud.ecr().digest_of(ECR, &format!("pr-{pr}-ci")).is_some());
    system.hub.merge(REPO, other).unwrap();
    system.until_phase(other, Phase::Terminated).await;
    assert!(system.cloud.ecr().digest_of(ECR, &format!("pr-{other}-ci")).is_none());
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_expires_to_the_second() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[("ttl", n(4))]).await;
    system.until_phase(pr, Phase::Ready).await;
    let record = system.until_phase(pr, Phase::Terminated).await;
    assert_eq!(reason_of(&record), "Expired");
    assert!(system.services().is_empty());
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sleeps_and_wakes() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.set(pr, "desired", s("asleep")).await;
    let record = system.until_phase(pr, Phase::Asleep).await;
    assert_eq!(record.status.unwrap().url, None);
    system.until_settled().await;
    system.set(pr, "desired", s("up")).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn down_and_up_again_is_one_service_at_a_time() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.set(pr, "desired", s("down")).await;
    system
        .until(pr, "on its way down", |record| matches!(phase_of(record), Some(Phase::Terminating | Phase::Terminated)))
        .await;
    // While the old service may still drain.
    system.set(pr, "desired", s("up")).await;
    system.until_phase(pr, Phase::Ready).await;
    assert_eq!(system.services().len(), 1);
    assert_eq!(system.comments(pr).len(), 1);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_overwritten_whole_is_found_again() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let before = system.until_phase(pr, Phase::Ready).await.status.unwrap();
    let tasks = system.services()[0].tasks.clone();
    // Everything the controller wrote is gone, the id of the comment included.
    system.put(pr, &[]).await;
    let after = system.until(pr, "ready with its comment", |record| {
        record.status.as_ref().is_some_and(|status| status.phase == Phase::Ready && status.machinery.comment.is_some())
    });
    let after = after.await.status.unwrap();
    assert_eq!((&after.url, after.expires_at.timestamp() / 10), (&before.url, before.expires_at.timestamp() / 10));
    assert_eq!(system.comments(pr).len(), 1);
    assert_eq!(system.services()[0].tasks, tasks, "nothing was restarted");
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_daemon_takes_over_from_one_that_died() {
    let mut system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.kill().await;
    system.launch_with(Duration::from_millis(300));
    system.set(pr, "desired", s("down")).await;
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    system.stop().await;
}

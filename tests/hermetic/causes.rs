//! Failures, each with a cause that a person can act on, in the record and in the comment.

use std::time::Duration;

use bivouac_model::{Capacity, Phase};
use bivouac_simcloud::Fate;

use crate::system::{ECR, System, message_of, reason_of, s};

/// Lets every task of a new environment meet a fate, and answers how it ended.
async fn fails(fate: Fate, reason: &str) -> (System, u64, String) {
    let system = System::start().await;
    let pr = system.pull_request();
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), fate);
    system.put(pr, &[]).await;
    let record = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(reason_of(&record), reason, "{}", message_of(&record));
    system.until_comment(pr, "Failed").await;
    system.until_settled().await;
    // What failed costs nothing any more.
    system.until_no_task_runs().await;
    let message = message_of(&record);
    (system, pr, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled() {
    let (_, _, message) = fails(Fate::PullFails { reason: "connection reset".into() }, "ImagePullFailed").await;
    assert!(message.contains("image"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_memory_is_called_so() {
    let (_, _, message) = fails(Fate::OutOfMemory { after: Duration::from_millis(200) }, "OutOfMemory").await;
    assert!(message.contains("ran out of memory"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_ends_by_itself_is_counted_and_stopped() {
    let fate = Fate::ExitsWith { code: 3, after: Duration::from_millis(200) };
    let (system, pr, message) = fails(fate, "ApplicationExited").await;
    assert!(message.contains("exit code 3"), "{message}");

    // A new image is a new try.
    system.cloud.ecs().clear_fates();
    system.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read() {
    let secret = "arn:aws:secretsmanager:us-west-2:123456789012:secret:key".to_owned();
    let (_, _, message) = fails(Fate::SecretMissing { secret }, "SecretUnavailable").await;
    assert!(message.contains("secret"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_a_new_try() {
    let (system, pr, _) = fails(Fate::PullFails { reason: "reset".into() }, "ImagePullFailed").await;
    system.cloud.ecs().clear_fates();
    system.set(pr, "restarted_at", s("2026-11-23T12:00:00Z")).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spot_without_capacity_falls_back_and_says_so() {
    let system = System::start().await;
    system.cloud.ecs().set_spot_capacity(false);
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let record = system.until_phase(pr, Phase::Ready).await;
    let machinery = record.status.unwrap().machinery;
    assert_eq!(machinery.capacity, Some(Capacity::OnDemand));
    assert!(machinery.conditions.iter().any(|condition| condition.reason == "SpotUnavailable"), "{machinery:#?}");
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_is_called_so_and_waited_for() {
    let system = System::start().await;
    // By now the controller has read the quota, and lets another in that AWS has no room for.
    let first = system.pull_request();
    system.put(first, &[]).await;
    system.until_phase(first, Phase::Ready).await;
    system.cloud.ecs().set_vcpu_quota(Some(0.0), Some(0.0));
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    system.until(pr, "waiting for the quota", |record| reason_of(record) == "QuotaExceeded").await;
    system.cloud.ecs().set_vcpu_quota(None, None);
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_answers_badly_is_not_called_ready() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), Fate::Answers { status: 500 });
    system.put(pr, &[]).await;
    let record = system.until(pr, "waiting for an answer", |record| message_of(record).contains("status 500")).await;
    assert_eq!(record.status.unwrap().phase, Phase::Starting);
    system.cloud.ecs().clear_fates();
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), Fate::Healthy);
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_spot_takes_is_replaced_and_its_new_address_is_told() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let before = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    assert_eq!(system.cloud.ecs().interrupt_spot("previews", &format!("pr-{pr}-service")), 1);
    let after = system
        .until(pr, "ready at another address", |record| {
            record.status.as_ref().is_some_and(|status| {
                status.phase == Phase::Ready && status.url.as_ref().is_some_and(|url| *url != before)
            })
        })
        .await;
    system.until_comment(pr, &after.status.unwrap().url.unwrap()).await;
    system.until_settled().await;
}

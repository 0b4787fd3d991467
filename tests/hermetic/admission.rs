//! The caps, seen from outside: who waits, what they are told, and that they start by themselves.

use bivouac_model::{Phase, Usd};
use bivouac_planner::Policy;
use bivouac_planner::admission::Caps;
use bivouac_simcloud::Options;

use crate::system::{System, message_of, policy, reason_of, s};

fn with(caps: impl FnOnce(&mut Caps)) -> Policy {
    let mut policy = policy();
    caps(&mut policy.caps);
    policy
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_room_waits_is_told_and_starts_by_itself() {
    let mut system = System::without_daemon(Options::default(), with(|caps| caps.max_environments = 1)).await;
    system.launch();
    let (first, second, third) = (system.pull_request(), system.pull_request(), system.pull_request());
    system.put(first, &[]).await;
    system.until_phase(first, Phase::Ready).await;
    system.put(second, &[]).await;
    let waits = system.until_phase(second, Phase::Queued).await;
    assert_eq!(reason_of(&waits), "MaxEnvironments");
    let said = "It is number 1 in the queue: 1 environment runs, and at most 1 may at once.";
    assert_eq!(message_of(&waits), said);
    let comment = system.until_comment(second, "1 environment runs, and at most 1 may at once.").await;
    assert!(comment.contains("waits"), "{comment}");
    system.put(third, &[]).await;
    system.until(third, "second in line", |record| message_of(record).starts_with("It is number 2 in the queue")).await;
    assert_eq!(system.services().len(), 1, "nothing is made for who waits");

    system.set(first, "desired", s("down")).await;
    system.until_phase(second, Phase::Ready).await;
    system.until(third, "first in line", |record| message_of(record).starts_with("It is number 1 in the queue")).await;
    // A client that does not want it any more leaves the queue.
    system.set(third, "desired", s("down")).await;
    system.until_phase(third, Phase::Terminated).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_quota_is_read_and_kept() {
    let policy = with(|caps| caps.max_vcpus = None);
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.cloud.ecs().set_vcpu_quota(Some(0.5), Some(0.5));
    system.launch();
    let (first, second) = (system.pull_request(), system.pull_request());
    system.put(first, &[]).await;
    system.until_phase(first, Phase::Ready).await;
    system.put(second, &[]).await;
    let waits = system.until_phase(second, Phase::Queued).await;
    let said = "It is number 1 in the queue: of the 0.5 vCPU that may run at once, the 0.5 it needs are not free.";
    assert_eq!((reason_of(&waits).as_str(), message_of(&waits).as_str()), ("VcpuQuota", said));
    system.set(first, "desired", s("asleep")).await;
    system.until_phase(second, Phase::Ready).await;
    system.until_phase(first, Phase::Asleep).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_starts_anew_lets_nobody_in_beside_those_who_run() {
    let mut system = System::without_daemon(Options::default(), with(|caps| caps.max_environments = 1)).await;
    system.launch();
    let (first, second) = (system.pull_request(), system.pull_request());
    system.put(first, &[]).await;
    system.until_phase(first, Phase::Ready).await;
    system.kill().await;
    system.put(second, &[]).await;
    system.launch();
    system.until_phase(second, Phase::Queued).await;
    assert_eq!(system.services().len(), 1);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_nothing_starts_nothing_and_says_so() {
    let mut system = System::without_daemon(Options::default(), with(|caps| caps.monthly_budget = Usd::ZERO)).await;
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let waits = system.until_phase(pr, Phase::Queued).await;
    assert_eq!(message_of(&waits), "It cannot start: the monthly budget is zero.");
    system.until_comment(pr, "the monthly budget is zero").await;
    assert!(system.services().is_empty());
    system.until_settled().await;
}

//! What happens twice, what gets no answer, and what dies in between.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_simcloud::github::{Fault as ForgeFault, FaultRule};
use bivouac_simcloud::{Fault, Options, Rule, When};

use crate::system::{ECR, System, policy, s};

/// A whole life under a rule, which may hit any call.
async fn lives_under(seed: u64, rules: Vec<Rule>) {
    let mut system = System::without_daemon(Options { seed, ..Options::default() }, policy()).await;
    let pr = system.pull_request();
    for rule in rules {
        system.cloud.faults().add(rule);
    }
    system.launch();
    retry(|| {
        system
            .table
            .put_item()
            .table_name("bivouac-environments")
            .item("repo", s(crate::system::REPO))
            .item("pr", crate::system::n(pr))
            .send()
    })
    .await;
    system.cloud.faults().clear();
    system.until_phase(pr, Phase::Ready).await;
    assert_eq!(system.services().len(), 1, "{:#?}", system.services());
    system.set(pr, "desired", s("down")).await;
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty());
    assert!(system.comments(pr).len() <= 1);
    system.stop().await;
}

async fn retry<F, T, E>(call: impl Fn() -> F)
where
    F: Future<Output = Result<T, E>>,
{
    for _ in 0..100 {
        if call().await.is_ok() {
            return;
        }
    }
    panic!("a hundred tries were not enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_make_nothing_twice() {
    for seed in 0..3 {
        lives_under(seed, vec![Rule::everywhere(Fault::DropAfter).when(When::Probability(0.2))]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_errors_only_delay() {
    let rules = vec![
        Rule::everywhere(Fault::Throttle).when(When::Probability(0.2)),
        Rule::everywhere(Fault::FailAfter).when(When::Probability(0.1)),
    ];
    lives_under(7, rules).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_the_next_one_carries_on() {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    for round in 1..=12u64 {
        system.launch_with(Duration::from_millis(200));
        tokio::time::sleep(Duration::from_millis(60 * round)).await;
        system.kill().await;
    }
    system.launch();
    let url = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(pr, &url).await;
    assert_eq!(system.services().len(), 1);
    system.set(pr, "desired", s("down")).await;
    for round in 1..=6u64 {
        tokio::time::sleep(Duration::from_millis(100 * round)).await;
        system.kill().await;
        system.launch_with(Duration::from_millis(200));
    }
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty());
    assert_eq!(system.comments(pr).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_is_down_holds_nothing_up() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.hub.set_down(true);
    system.put(pr, &[]).await;
    let url = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    assert!(system.comments(pr).is_empty());
    system.hub.set_down(false);
    system.until_comment(pr, &url).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_whose_answer_was_lost_is_not_posted_twice() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.hub.inject(FaultRule::new(ForgeFault::After(502)).method("POST").times(2));
    system.put(pr, &[]).await;
    let url = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(pr, &url).await;
    assert_eq!(system.comments(pr).len(), 1);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_asks_for_patience_gets_it() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.hub.inject(
        FaultRule::new(ForgeFault::SecondaryLimit { status: 403, retry_after: Duration::from_secs(1) })
            .method("POST")
            .times(1),
    );
    system.put(pr, &[]).await;
    let url = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(pr, &url).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_told_and_then_found_mended() {
    let system = System::start().await;
    let pr = system.pull_request();
    system.cloud.faults().add(Rule::operation(bivouac_simcloud::Service::Ecs, "CreateService", Fault::Deny));
    system.put(pr, &[]).await;
    // It is refused to the whole account, so it is no failure of this environment.
    let refused = |record: &bivouac_model::Record| crate::system::reason_of(record) == "Denied";
    let record = system.until(pr, "refused", refused).await;
    assert_eq!(crate::system::phase_of(&record), Some(Phase::Pending));
    let message = crate::system::message_of(&record);
    assert!(message.contains("AWS refuses to create service"), "{message}");
    system.cloud.faults().clear();
    system.until_phase(pr, Phase::Ready).await;
    assert!(system.cloud.ecr().digest_of(ECR, &format!("pr-{pr}-ci")).is_some());
    system.until_settled().await;
}

//! What nobody uses falls asleep by itself, as its application says, and is woken by a command.

use std::time::Duration;

use bivouac_model::{Condition, ConditionStatus, Desired, Phase, Record, Usd};
use bivouac_planner::Policy;
use bivouac_simcloud::{Fate, Options};

use crate::reaping::program;
use crate::system::{REPO, System, message_of, policy, reason_of};

/// The policy of all tests, but for sleep: quicker than any configuration may ask for.
fn drowsy() -> Policy {
    let mut policy = Policy { idle_after: Duration::from_secs(2), ..policy() };
    policy.projects.values_mut().for_each(|project| project.idle_path = Some("/idle".into()));
    policy
}

/// From now on the application of a pull request says this of its last use.
fn says(system: &System, pr: u64, text: &str) {
    let page = Fate::Says { path: "/idle".into(), text: text.into() };
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), page);
}

fn idle_condition(record: &Record) -> Option<Condition> {
    let conditions = &record.status.as_ref()?.machinery.conditions;
    conditions.iter().find(|condition| condition.kind == "Idle").cloned()
}

async fn until_asleep(system: &System, pr: u64) -> Record {
    let is_idle =
        |record: &Record| reason_of(record) == "Idle" && record.status.as_ref().unwrap().phase == Phase::Asleep;
    system.until(pr, "asleep for want of use", is_idle).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_uses_falls_asleep_costs_nothing_and_is_woken() {
    let mut system = System::without_daemon(Options::default(), drowsy()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = program(&system, &directory);
    let (idle, silent) = (system.pull_request(), system.pull_request());
    says(&system, idle, "7200\n");
    // Of the other one the path shows a page for people, like every other.
    system.launch();
    system.put(idle, &[]).await;
    system.put(silent, &[]).await;

    let asleep = until_asleep(&system, idle).await;
    let status = asleep.status.clone().unwrap();
    assert_eq!(message_of(&asleep), "Nobody used it for 2s. `/testenv wake` starts it again.");
    assert_eq!((status.hourly_cost_usd, status.url, status.public_ip), (Usd::ZERO, None, None));
    assert_eq!(asleep.desired.unwrap().desired, Desired::Up, "what was written stays");
    let service = system.services().into_iter().find(|one| one.name == format!("pr-{idle}-service")).unwrap();
    assert!(service.tasks.is_empty(), "{service:#?}");
    let comment = system.until_comment(idle, "Nobody used it for 2s").await;
    assert!(comment.contains("asleep") && comment.contains("/testenv wake"), "{comment}");

    let record = system.until(silent, "asked", |record| idle_condition(record).is_some()).await;
    let told = idle_condition(&record).unwrap();
    assert_eq!((told.status, told.reason.as_ref()), (ConditionStatus::Unknown, "LastUseUnknown"));
    assert_eq!(record.status.unwrap().phase, Phase::Ready, "doubt is use");
    system.until_settled().await;

    // A daemon that follows this one knows of nothing but what is recorded.
    system.kill().await;
    system.launch();
    says(&system, idle, "0");
    let env = format!("{REPO}#{idle}");
    let (code, said, wrong) = program.outcome(&["wake", &env, "--wait"]).await;
    assert_eq!(code, Some(0), "{wrong}");
    assert!(said.starts_with(&format!("{env} is Ready at http://")), "{said}");
    let woken = system.record(idle).await.unwrap();
    assert_eq!((woken.generation, idle_condition(&woken)), (Some(1), None));
    assert_eq!(woken.status.unwrap().expires_at, status.expires_at, "its time went on");
    system.until_settled().await;
    assert_eq!(system.services().len(), 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_wakes_it() {
    let mut system = System::without_daemon(Options::default(), drowsy()).await;
    system.launch();
    system.launch_bot().await;
    let pr = system.pull_request();
    says(&system, pr, "7200");
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").expect("a comment");
    let generation = until_asleep(&system, pr).await.generation;
    system.tick();
    says(&system, pr, "0");
    let wake = system.hub.comment(REPO, pr, "maintainer", "/testenv wake").expect("a comment");
    system.until_reaction(pr, wake, "rocket").await;
    let woken = system.until_phase(pr, Phase::Ready).await;
    assert!(woken.generation > generation, "the same wish, written again");
    system.until_settled().await;
}

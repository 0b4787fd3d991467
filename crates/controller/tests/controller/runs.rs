//! Runs in which nothing goes wrong, or only what the design calls no error.

use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::{Desired, ItemKey, Phase, PullRequestState, ServiceView};
use bivouac_planner::ImageCommit;
use bivouac_ports::{Error, Meaning, RecordFeed, Result};
use bivouac_runtime::Fence;

use crate::fixtures::commit;
use crate::state::{World, comment};

#[tokio::test(start_paused = true)]
async fn a_record_becomes_an_environment_with_a_comment_and_goes_again() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    assert!(world.status(7).unwrap().url.is_some());
    world.write(7, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.is(7, Phase::Terminated)).await;
    world.cloud(7, |cloud| {
        assert_eq!((&cloud.service, cloud.revisions.len(), cloud.created), (&ServiceView::Absent, 0, 1));
    });
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written_and_a_pass_costs_a_handful_of_calls() {
    let world = World::new();
    world.rule(ImageCommit::PushTime);
    let process = world.start(None);
    for pr in 1..=20 {
        world.write(pr, |wish| {
            wish.desired = if pr.is_multiple_of(4) { Desired::Asleep } else { Desired::Up };
            wish.request_url = Some(comment(pr, pr));
            wish.head_sha = Some(commit(0));
        });
    }
    world.write(21, |wish| wish.desired = Desired::Down);
    let rests = |pr: u64| if pr.is_multiple_of(4) { Phase::Asleep } else { Phase::Ready };
    world.until("all at rest", || (1..=20).all(|pr| world.is(pr, rests(pr)))).await;
    world.until("down", || world.phase(21) == Some(Phase::Terminated)).await;
    // Some were pushed to, and their newer images lie in wait.
    for pr in [1, 5, 9] {
        world.push(pr, 1);
        world.push_image(pr, 1);
    }
    // Until the collector has looked around, too; it comes again after an hour.
    tokio::time::sleep(Duration::from_secs(400)).await;
    let (calls, writes) = (process.calls(), world.state().writes.len());
    const PASSES: usize = 20;
    tokio::time::sleep(Duration::from_secs(30) * PASSES as u32).await;
    assert_eq!(world.state().writes.len(), writes, "no writes at all");
    let calls = process.calls() - calls;
    // Records, services, tasks, interfaces, images, pull requests; and up to a tenth more passes by the jitter.
    assert!(calls <= 6 * (PASSES * 10 / 9 + 1), "{calls} calls in {PASSES} passes");
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_is_down_holds_no_aws_work_up_and_is_told_later() {
    let world = World::new();
    world.start(None);
    world.state().forge = false;
    world.write(7, |_| {});
    world.until("ready", || world.phase(7) == Some(Phase::Ready)).await;
    assert!(world.said(7).is_empty());
    world.state().forge = true;
    world.until("told", || world.is(7, Phase::Ready)).await;

    world.state().forge = false;
    world.write(7, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.phase(7) == Some(Phase::Terminated)).await;
    assert_eq!(world.said(7), [Phase::Ready]);
    world.state().forge = true;
    world.until("told", || world.is(7, Phase::Terminated)).await;
}

#[tokio::test(start_paused = true)]
async fn the_audit_tells_of_every_change_and_a_journal_that_is_down_holds_no_aws_work_up() {
    let world = World::new();
    world.start(None);
    world.state().journal = false;
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    assert!(world.state().events.is_empty());
    world.state().journal = true;
    world.until("told", || world.is_told()).await;
    let told: Vec<String> = world.state().events.values().map(|event| event.reason.clone()).collect();
    assert_eq!(told, ["Deploying", "TaskStarting", "Answering"]);

    world.write(7, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.is(7, Phase::Terminated)).await;
    world.until("told", || world.is_told()).await;
    let events = world.state().events.clone();
    assert!(events.values().all(|event| event.actor == "controller" && event.action == "reconcile"));
    assert!(events.values().all(|event| !event.message.is_empty()), "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_tells_what_waits() {
    let world = World::new();
    let process = world.start(None);
    world.state().journal = false;
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    // Its next try by itself would be later than the stop.
    world.state().journal = true;
    let before = world.state().changes.len();
    process.stop();
    world.until("told", || world.is_told()).await;
    assert_eq!(world.state().changes.len(), before);
}

struct Dead;

#[async_trait]
impl RecordFeed for Dead {
    async fn next(&mut self) -> Result<Vec<ItemKey>> {
        Err(Error::new(Meaning::Unavailable, "GetRecords", "the stream is gone"))
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_stream_everything_is_found_by_looking() {
    for feed in [None, Some(Box::new(Dead) as Box<dyn RecordFeed>)] {
        let world = World::new();
        world.start_with(None, feed, Fence::unfenced());
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.write(7, |_| {});
        world.until("ready", || world.is(7, Phase::Ready)).await;
        world.state().pull_requests.values_mut().for_each(|state| *state = PullRequestState::Closed);
        world.until("gone", || world.is(7, Phase::Terminated)).await;
    }
}

//! Commands are told what became of them, and what was approved is what runs.

use std::time::Duration;

use bivouac_model::{Desired, Phase};
use bivouac_planner::ImageCommit;
use bivouac_ports::{Meaning, Reaction};

use crate::cloud::App;
use crate::fixtures::commit;
use crate::state::{World, comment};

#[tokio::test(start_paused = true)]
async fn each_command_is_told_once() {
    let world = World::new();
    world.start(None);
    for (id, desired, phase) in
        [(1, Desired::Up, Phase::Ready), (2, Desired::Asleep, Phase::Asleep), (3, Desired::Down, Phase::Terminated)]
    {
        world.write(7, |wish| {
            wish.desired = desired;
            wish.request_url = Some(comment(7, id));
        });
        world.until("told", || world.is(7, phase) && world.told().last() == Some(&(id, Reaction::Rocket))).await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((world.told().len(), world.state().reaction_calls), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_came_to_nothing_is_told() {
    let world = World::new();
    world.write(7, |wish| wish.request_url = Some(comment(7, 1)));
    world.cloud(7, |cloud| cloud.app = App::CannotPull);
    world.start(None);
    world.until("failed", || world.is(7, Phase::Failed) && world.told() == [(1, Reaction::Confused)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_is_refused_counts_as_told_and_one_that_is_lost_does_not() {
    for meaning in [Meaning::Denied, Meaning::NotFound] {
        let world = World::new();
        world.start(None);
        world.state().reactions_refused = Some(meaning);
        world.write(7, |wish| wish.request_url = Some(comment(7, 1)));
        world.until("ready", || world.is(7, Phase::Ready)).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(world.state().reaction_calls, 1, "{meaning:?}");
    }
    let world = World::new();
    world.start(None);
    world.state().reactions_refused = Some(Meaning::Unavailable);
    world.write(7, |wish| wish.request_url = Some(comment(7, 1)));
    world.until("ready", || world.is(7, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.state().reactions_refused = None;
    world.until("told", || world.told() == [(1, Reaction::Rocket)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_is_down_is_asked_less_and_less_often() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.state().forge = false;
    world.write(7, |wish| wish.desired = Desired::Asleep);
    world.until("asleep", || world.phase(7) == Some(Phase::Asleep)).await;
    let tries = || world.state().writes.iter().filter(|(call, _)| *call == "say").count();
    let before = tries();
    // Two hours have 240 passes, each of which finds the comment to be out of date.
    tokio::time::sleep(Duration::from_secs(7200)).await;
    let tried = tries() - before;
    assert!((2..120).contains(&tried), "{tried} tries in two hours");
    world.state().forge = true;
    world.until("told", || world.is(7, Phase::Asleep)).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_commit_waits_for_its_approval() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let world = World::new();
        world.rule(rule);
        world.write(7, |wish| wish.head_sha = Some(commit(0)));
        world.push_image(7, 0);
        world.start(None);
        world.until("ready", || world.is(7, Phase::Ready) && world.runs(7) == Some(0)).await;
        world.push(7, 1);
        world.push_image(7, 1);
        let newer = || world.status(7).unwrap().machinery.commit.and_then(|commit| commit.newer);
        world.until("told", || newer() == Some(commit(1))).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!((world.phase(7), world.runs(7)), (Some(Phase::Ready), Some(0)), "{rule:?}");
        let now = world.now();
        world.write(7, |wish| {
            wish.head_sha = Some(commit(1));
            wish.requested_at = Some(now);
        });
        world.until("rolled", || world.is(7, Phase::Ready) && world.runs(7) == Some(1)).await;
        assert_eq!(newer(), None);
    }
}

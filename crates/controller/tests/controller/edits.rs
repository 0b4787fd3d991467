//! What a stranger does to a pull request costs a bounded number of edits of its comment, and delays nobody's.

use std::time::Duration;

use bivouac_model::{Desired, Phase};
use bivouac_planner::ImageCommit;
use tokio::time::Instant;

use crate::fixtures::commit;
use crate::state::{World, comment};

const MINUTE: Duration = Duration::from_secs(60);

/// A world whose comments are looked at often, with an environment that is bound to its commit.
async fn world_of_a_fork() -> std::sync::Arc<World> {
    let world = World::new();
    world.resync(Duration::from_secs(5));
    world.write(7, |wish| wish.head_sha = Some(commit(0)));
    world.start(None);
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world
}

fn newer(world: &World) -> Option<String> {
    world.status(7)?.machinery.commit?.newer
}

#[tokio::test(start_paused = true)]
async fn thirty_pushes_of_an_outsider_cost_a_few_edits_and_the_last_text_is_true() {
    let world = world_of_a_fork().await;
    let before = world.edits(7);
    let began = Instant::now();
    for number in 1..=30 {
        world.push(7, number);
        world.until("seen", || newer(&world) == Some(commit(number))).await;
        // Time for the edit, which comes at once if nothing holds it back.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(began.elapsed() < 5 * MINUTE, "{:?}", began.elapsed());
    let edits = world.edits(7) - before;
    assert!((1..=6).contains(&edits), "{edits} edits for thirty pushes");

    // What an allowed person waits for is not held up, neither there nor elsewhere.
    let asked = Instant::now();
    world.write(8, |wish| wish.request_url = Some(comment(8, 1)));
    world.until("ready", || world.is(8, Phase::Ready)).await;
    assert!(asked.elapsed() < MINUTE, "{:?}", asked.elapsed());

    world.until("true", || world.newest_said(7) == Some(commit(30))).await;
    let edits = world.edits(7) - before;
    assert!(edits <= 7, "{edits} edits");
}

#[tokio::test(start_paused = true)]
async fn a_command_is_answered_at_once_after_thirty_pushes() {
    let world = world_of_a_fork().await;
    for number in 1..=30 {
        world.push(7, number);
        world.until("seen", || newer(&world) == Some(commit(number))).await;
    }
    world.write(7, |wish| {
        wish.desired = Desired::Asleep;
        wish.request_url = Some(comment(7, 1));
    });
    world.until("asleep", || world.phase(7) == Some(Phase::Asleep)).await;
    let asleep = Instant::now();
    world.until("told", || world.is(7, Phase::Asleep) && !world.told().is_empty()).await;
    assert!(asleep.elapsed() < Duration::from_secs(5), "{:?}", asleep.elapsed());
}

#[tokio::test(start_paused = true)]
async fn images_that_nobody_has_to_approve_cost_a_bounded_number_of_edits() {
    let world = World::new();
    world.rule(ImageCommit::Unchecked);
    world.write(7, |_| {});
    world.start(None);
    world.until("ready", || world.is(7, Phase::Ready)).await;
    let before = world.edits(7);
    for round in 0..60 {
        world.push_image(7, round % 30 + 1);
        tokio::time::sleep(MINUTE).await;
    }
    let edits = world.edits(7) - before;
    assert!((10..=45).contains(&edits), "{edits} edits in an hour");
    world.until("ready", || world.is(7, Phase::Ready) && world.runs(7) == Some(30)).await;
}

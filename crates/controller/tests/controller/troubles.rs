//! What goes wrong, at every call there is.

use bivouac_model::{Desired, Phase, ServiceView};
use bivouac_ports::Reaction;

use crate::state::{Trouble, World, comment};

/// A life in which `trouble` happens at door call `at`. False when the life had fewer calls.
async fn life(at: usize, trouble: Trouble) -> bool {
    let world = World::new();
    let process = world.start(Some((at, trouble)));
    let kills = matches!(trouble, Trouble::KilledBefore | Trouble::KilledAfter);
    world.write(7, |wish| wish.request_url = Some(comment(7, 1)));
    world.until("ready or killed", || process.is_dead() || world.is(7, Phase::Ready)).await;
    let mut alive = process.clone();
    if kills && process.is_dead() {
        alive = world.start(None);
    }
    world.until("ready", || world.is(7, Phase::Ready)).await;
    assert_eq!(world.cloud(7, |cloud| (cloud.created, cloud.revisions.len())), (1, 1), "{trouble:?} at {at}");

    world.until("told", || world.told() == [(1, Reaction::Rocket)]).await;
    world.write(7, |wish| {
        wish.desired = Desired::Down;
        wish.request_url = Some(comment(7, 2));
    });
    world.until("gone or killed", || alive.is_dead() || world.is(7, Phase::Terminated)).await;
    if alive.is_dead() {
        world.start(None);
    }
    world.until("gone", || world.is(7, Phase::Terminated)).await;
    if kills {
        // Lines that waited in the process that was killed may be lost; none is made up, and none stands twice.
        assert!(world.is_told_truly(), "{trouble:?} at {at}: {:#?}", world.state().events);
    } else {
        world.until("told", || world.is_told()).await;
    }
    world.cloud(7, |cloud| {
        assert_eq!((&cloud.service, cloud.revisions.len()), (&ServiceView::Absent, 0), "{trouble:?} at {at}");
        assert_eq!(cloud.collisions, 0, "never two services: {trouble:?} at {at}");
    });
    // Told in the end, by whoever lives; and nothing but that it is done.
    let alive = world.start(None);
    world.until("told", || world.told() == [(1, Reaction::Rocket), (2, Reaction::Rocket)]).await;
    alive.kill();
    process.met_its_trouble()
}

async fn at_every_call(trouble: Trouble) {
    let mut at = 0;
    while life(at, trouble).await {
        at += 1;
    }
    assert!(at > 40, "a life has more calls than {at}");
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_call_the_next_process_carries_on() {
    at_every_call(Trouble::KilledBefore).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_call_the_next_process_carries_on() {
    at_every_call(Trouble::KilledAfter).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_panic() {
    at_every_call(Trouble::Panics).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_fail() {
    at_every_call(Trouble::Fails).await;
}

/// A lost answer of RegisterTaskDefinition may leave a revision more, which the take-down removes; so this one counts none.
#[tokio::test(start_paused = true)]
async fn any_answer_may_be_lost() {
    at_every_call(Trouble::AnswerLost).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_does_not_stop_the_others() {
    for at in (0..60).step_by(7) {
        let world = World::new();
        world.start(Some((at, Trouble::Panics)));
        (1..=5).for_each(|pr| world.write(pr, |_| {}));
        world.until("all ready", || (1..=5).all(|pr| world.is(pr, Phase::Ready))).await;
    }
}

//! What nobody uses falls asleep, whatever happens to whoever sees to it, and costs next to nothing to look after.

use std::time::Duration;

use bivouac_model::{Desired, ItemKey, LastUse, Phase, ServiceView};

use crate::state::{Trouble, World, env};

/// Nobody uses it: an application that only tells how long it runs would say as much.
const NEVER: LastUse = LastUse::Ago(Duration::from_secs(1_000_000));
const USED: LastUse = LastUse::Ago(Duration::ZERO);

/// Two passes are a minute, so five of them are enough to tell a question apart from a pass.
const IDLE_AFTER: Duration = Duration::from_secs(300);

fn is_asleep(world: &World) -> bool {
    let stopped = world.cloud(7, |cloud| cloud.live_tasks().is_empty());
    stopped && world.is(7, Phase::Asleep) && world.status(7).unwrap().reason == "Idle"
}

/// A client writes the same wish again, with the next generation.
fn say_again(world: &World) {
    let mut state = world.state();
    let record = state.records.get_mut(&ItemKey::from(&env(7))).unwrap();
    record.generation = Some(record.generation.unwrap_or_default() + 1);
    drop(state);
    world.write(7, |_| {});
}

/// One that falls asleep, is woken and falls asleep again, with `trouble` at door call `at`. False when it had fewer calls.
async fn life(at: usize, trouble: Trouble) -> bool {
    let world = World::new();
    world.idle_after(IDLE_AFTER);
    world.state().last_use = NEVER;
    let process = world.start(Some((at, trouble)));
    let mut alive = process.clone();
    world.write(7, |_| {});
    for round in 0..2 {
        world.until("asleep or killed", || alive.is_dead() || is_asleep(&world)).await;
        if alive.is_dead() {
            alive = world.start(None);
            world.until("asleep", || is_asleep(&world)).await;
        }
        let wish = world.state().records[&ItemKey::from(&env(7))].desired.clone().unwrap();
        assert_eq!(wish.desired, Desired::Up, "no client's word is touched: {trouble:?} at {at}");
        if round == 0 {
            say_again(&world);
            world.until("awake or killed", || alive.is_dead() || world.is(7, Phase::Ready)).await;
            if alive.is_dead() {
                alive = world.start(None);
                world.until("awake", || world.is(7, Phase::Ready)).await;
            }
        }
    }
    world.cloud(7, |cloud| {
        assert!(matches!(cloud.service, ServiceView::Active(_)));
        assert_eq!((cloud.created, cloud.collisions), (1, 0), "{trouble:?} at {at}");
    });
    alive.kill();
    process.met_its_trouble()
}

async fn at_every_call(trouble: Trouble) {
    let mut at = 0;
    while life(at, trouble).await {
        // Passes in between are many and alike: every call of the first hundred, then every seventh.
        at += if at < 100 { 1 } else { 7 };
    }
    assert!(at > 150, "a life has more calls than {at}");
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
async fn any_call_may_fail() {
    at_every_call(Trouble::Fails).await;
}

#[tokio::test(start_paused = true)]
async fn any_answer_may_be_lost() {
    at_every_call(Trouble::AnswerLost).await;
}

#[tokio::test(start_paused = true)]
async fn those_in_use_are_asked_when_they_could_be_idle_and_nothing_is_written() {
    const ENVIRONMENTS: u64 = 20;
    let world = World::new();
    world.idle_after(Duration::from_secs(3600));
    world.state().last_use = USED;
    let process = world.start(None);
    (1..=ENVIRONMENTS).for_each(|pr| world.write(pr, |_| {}));
    world.until("all ready", || (1..=ENVIRONMENTS).all(|pr| world.is(pr, Phase::Ready))).await;
    // Until the collector has looked around, too.
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(world.state().use_looks, 0, "before an hour nobody can be idle");
    let (calls, writes) = (process.calls(), world.state().writes.len());
    const PASSES: usize = 100;
    tokio::time::sleep(Duration::from_secs(30) * PASSES as u32).await;
    assert_eq!(world.state().use_looks, 0);
    let quiet = process.calls() - calls;
    tokio::time::sleep(Duration::from_secs(30) * PASSES as u32).await;
    assert_eq!(world.state().use_looks, ENVIRONMENTS as usize, "each once in an hour of use");
    assert_eq!(world.state().writes.len(), writes, "no writes at all");
    let all = process.calls() - calls;
    // A question is a close look: record, image, service, its tasks, their addresses, health and the question itself. The rest
    // is the collector's, who comes once an hour.
    let asking = all.saturating_sub(2 * quiet);
    assert!(asking <= ENVIRONMENTS as usize * 8 + 100, "{asking} calls more than without, of {all}");
    assert!((1..=ENVIRONMENTS).all(|pr| world.is(pr, Phase::Ready)));
}

#[tokio::test(start_paused = true)]
async fn the_next_process_asks_once_and_then_when_it_is_due() {
    let world = World::new();
    world.idle_after(Duration::from_secs(3600));
    world.state().last_use = USED;
    let first = world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(5400)).await;
    assert_eq!(world.state().use_looks, 1);
    first.kill();
    world.start(None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.state().use_looks, 2, "at its first pass");
    tokio::time::sleep(Duration::from_secs(3000)).await;
    assert_eq!(world.state().use_looks, 2);
    world.state().last_use = NEVER;
    world.until("asleep", || is_asleep(&world)).await;
    assert_eq!(world.state().use_looks, 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_say_stays_up_until_its_time_is_over() {
    let world = World::new();
    world.idle_after(IDLE_AFTER);
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(world.is(7, Phase::Ready));
    assert!(world.state().use_looks > 200);
    let writes = world.state().writes.len();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.state().writes.len(), writes, "that it does not say is written once");
}

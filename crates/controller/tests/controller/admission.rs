//! Nothing starts past a cap, whatever happens and whoever leads.

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{Desired, Phase, Usd};
use bivouac_planner::admission::Caps;
use bivouac_runtime::Fence;

use crate::state::{Trouble, World, plenty};

fn at_most(max_environments: usize) -> Caps {
    Caps { max_environments, ..plenty() }
}

/// How many are where.
fn count(world: &World, prs: std::ops::RangeInclusive<u64>, phase: Phase) -> usize {
    prs.filter(|pr| world.phase(*pr) == Some(phase)).count()
}

#[tokio::test(start_paused = true)]
async fn who_comes_all_at_once_is_served_up_to_the_cap_and_the_rest_wait_in_line() {
    let world = World::new();
    world.caps(at_most(3));
    world.start(None);
    (1..=10).for_each(|pr| world.write(pr, |_| {}));
    world.until("three run", || count(&world, 1..=10, Phase::Ready) == 3).await;
    world.until("seven wait", || count(&world, 1..=10, Phase::Queued) == 7).await;
    // Everybody is told another place, in the record and on the pull request.
    let mut places: Vec<String> = (1..=10)
        .filter_map(|pr| world.status(pr).filter(|status| status.phase == Phase::Queued))
        .map(|status| status.message)
        .collect();
    places.sort();
    let told: Vec<String> = (1..=7)
        .map(|place| format!("It is number {place} in the queue: 3 environments run, and at most 3 may at once."))
        .collect();
    assert_eq!(places, told);
    world.until("told", || (1..=10).all(|pr| world.said(pr).len() == 1)).await;
    assert_eq!(world.state().most, 3);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_is_taken_at_once_by_who_waits_longest() {
    let world = World::new();
    world.caps(at_most(1));
    world.start(None);
    world.write(1, |_| {});
    world.until("ready", || world.is(1, Phase::Ready)).await;
    for pr in 2..=4 {
        world.write(pr, |_| {});
        world.until("waits", || world.is(pr, Phase::Queued)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for pr in 1..=3 {
        world.write(pr, |wish| wish.desired = if pr == 2 { Desired::Asleep } else { Desired::Down });
        let rests = if pr == 2 { Phase::Asleep } else { Phase::Terminated };
        world.until("at rest", || world.phase(pr) == Some(rests)).await;
        let freed = tokio::time::Instant::now();
        world.until("the next starts", || world.phase(pr + 1) == Some(Phase::Provisioning)).await;
        assert!(
            freed.elapsed() < Duration::from_secs(10),
            "by itself, and not by the next pass: {:?}",
            freed.elapsed()
        );
        world.until("the next is ready", || world.is(pr + 1, Phase::Ready)).await;
        let waits = (pr + 2..=4).all(|pr| world.phase(pr) == Some(Phase::Queued));
        assert!(waits, "one after the other");
    }
    // Who sleeps holds no place, and has to wait for one to wake.
    world.write(2, |wish| wish.desired = Desired::Up);
    world.until("waits", || world.is(2, Phase::Queued)).await;
    world.write(4, |wish| wish.desired = Desired::Down);
    world.until("awake", || world.is(2, Phase::Ready)).await;
    assert_eq!(world.state().most, 1);
}

#[tokio::test(start_paused = true)]
async fn one_persons_fourth_holds_nobody_elses_first() {
    let world = World::new();
    world.caps(Caps { max_per_user: 2, ..plenty() });
    world.start(None);
    for pr in 1..=3 {
        world.write(pr, |wish| wish.requested_by = Some(if pr == 2 { "Octocat" } else { "octocat" }.into()));
    }
    world.until("two run", || count(&world, 1..=3, Phase::Ready) == 2).await;
    world.until("one waits", || count(&world, 1..=3, Phase::Queued) == 1).await;
    world.write(4, |wish| wish.requested_by = Some("hubot".into()));
    world.until("ready", || world.is(4, Phase::Ready)).await;
    let waits = (1..=3).find(|pr| world.phase(*pr) == Some(Phase::Queued)).unwrap();
    let status = world.status(waits).unwrap();
    assert_eq!(&*status.reason, "MaxPerUser");
    assert!(status.message.contains("octocat has 2 environments already"), "{}", status.message);
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_nothing_starts_nothing_and_says_so() {
    let world = World::new();
    world.caps(Caps { monthly_budget: Usd::ZERO, ..plenty() });
    world.start(None);
    world.write(1, |_| {});
    world.until("told", || world.is(1, Phase::Queued)).await;
    let status = world.status(1).unwrap();
    assert_eq!((&*status.reason, &*status.message), ("MonthlyBudget", "It cannot start: the monthly budget is zero."));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!((world.state().most, status.hourly_cost_usd), (0, Usd::ZERO));
}

/// Two want the one place there is, while `trouble` happens at door call `at`. False when it had fewer calls.
async fn two_want_one_place(at: usize, trouble: Trouble) -> bool {
    let world = World::new();
    world.caps(at_most(1));
    let process = world.start(Some((at, trouble)));
    world.write(1, |_| {});
    world.write(2, |_| {});
    let run_one =
        |world: &Arc<World>| count(world, 1..=2, Phase::Ready) == 1 && count(world, 1..=2, Phase::Queued) == 1;
    world.until("one of two, or killed", || process.is_dead() || run_one(&world)).await;
    let mut alive = process.clone();
    if alive.is_dead() {
        alive = world.start(None);
    }
    world.until("one of two", || run_one(&world)).await;
    let (first, second) = if world.phase(1) == Some(Phase::Ready) { (1, 2) } else { (2, 1) };
    world.write(first, |wish| wish.desired = Desired::Down);
    world.until("the other, or killed", || alive.is_dead() || world.is(second, Phase::Ready)).await;
    if alive.is_dead() {
        world.start(None);
    }
    world.until("the other", || world.is(second, Phase::Ready)).await;
    assert_eq!(world.state().most, 1, "{trouble:?} at {at}");
    process.met_its_trouble()
}

async fn at_calls(trouble: Trouble, first: usize, step: usize) {
    let mut at = first;
    while two_want_one_place(at, trouble).await {
        at += step;
    }
    assert!(at > 40, "it has more calls than {at}");
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_call_no_more_run_than_may() {
    at_calls(Trouble::KilledAfter, 0, 1).await;
}

#[tokio::test(start_paused = true)]
async fn with_any_answer_lost_no_more_run_than_may() {
    at_calls(Trouble::AnswerLost, 0, 1).await;
}

/// What does nothing but fail is less of a danger, so not every call does.
#[tokio::test(start_paused = true)]
async fn with_calls_that_fail_or_panic_no_more_run_than_may() {
    at_calls(Trouble::Fails, 0, 3).await;
    at_calls(Trouble::Panics, 1, 3).await;
    at_calls(Trouble::KilledBefore, 2, 3).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_leader_knows_who_runs_without_having_let_them_in() {
    let world = World::new();
    world.caps(at_most(2));
    let process = world.start(None);
    (1..=2).for_each(|pr| world.write(pr, |_| {}));
    world.until("both run", || count(&world, 1..=2, Phase::Ready) == 2).await;
    process.kill();
    // What one of them says of itself is lost, and somebody deletes the record of the other.
    world.state().records.get_mut(&bivouac_model::ItemKey::from(&crate::state::env(1))).unwrap().status = None;
    world.state().records.remove(&bivouac_model::ItemKey::from(&crate::state::env(2)));
    (3..=4).for_each(|pr| world.write(pr, |_| {}));
    world.start_with(None, None, Fence::unfenced());
    world.until("two wait", || count(&world, 3..=4, Phase::Queued) == 2).await;
    world.until("found again", || world.is(1, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(count(&world, 3..=4, Phase::Queued), 2);
    assert_eq!(world.state().most, 2);
}

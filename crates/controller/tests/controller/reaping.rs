//! Services without a record, how many are deleted at once, and a clock that jumps.

use std::time::Duration;

use bivouac_model::{Desired, Phase, ServiceView};
use chrono::TimeDelta;

use crate::state::{Trouble, World, env};

/// The ceiling of what has no record, and some more.
const OVER: Duration = Duration::from_secs(48 * 3600 + 300);

/// Two environments, of which somebody deletes the record of one; the other one is pinned.
async fn orphaned(world: &World) {
    world.write(7, |_| {});
    world.write(8, |wish| wish.pinned = true);
    world.until("ready", || world.is(7, Phase::Ready) && world.is(8, Phase::Ready)).await;
    world.state().records.remove(&(&env(7)).into());
}

fn is_gone(world: &World, pr: u64) -> bool {
    world.cloud(pr, |cloud| cloud.active().is_none())
}

#[tokio::test(start_paused = true)]
async fn an_orphan_goes_when_its_time_is_over_and_the_audit_tells() {
    let world = World::new();
    let process = world.start(None);
    orphaned(&world).await;
    tokio::time::sleep(OVER - Duration::from_secs(900)).await;
    assert!(!is_gone(&world, 7), "it lives to the ceiling");
    world.until("reaped", || is_gone(&world, 7)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(!is_gone(&world, 8), "its record is pinned");
    assert!(world.state().events.values().any(|event| event.reason == "Orphaned" && event.action == "reap"));
    assert_eq!(world.state().writes.iter().filter(|(call, _)| *call == "DeleteService").count(), 1);
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_appears_adopts_its_service() {
    let world = World::new();
    let process = world.start(None);
    orphaned(&world).await;
    tokio::time::sleep(Duration::from_secs(47 * 3600)).await;
    world.write(7, |wish| wish.pinned = true);
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert!(!is_gone(&world, 7) && world.is(7, Phase::Ready));
    assert_eq!(world.cloud(7, |cloud| cloud.created), 1, "it is the same service");
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn an_empty_table_reaps_nothing() {
    let world = World::new();
    let process = world.start(None);
    orphaned(&world).await;
    let kept = std::mem::take(&mut world.state().records);
    tokio::time::sleep(OVER).await;
    assert!(!is_gone(&world, 7) && !is_gone(&world, 8));
    world.state().records = kept;
    world.until("reaped", || is_gone(&world, 7)).await;
    assert!(!is_gone(&world, 8));
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_call_leaves_the_orphan_to_the_next() {
    for call in (0..40).step_by(3) {
        for trouble in
            [Trouble::KilledBefore, Trouble::KilledAfter, Trouble::Fails, Trouble::AnswerLost, Trouble::Panics]
        {
            let world = World::new();
            let before = world.start(None);
            orphaned(&world).await;
            before.stop();
            world.cloud(7, |cloud| {
                if let ServiceView::Active(service) = &mut cloud.service {
                    service.created_at = service.created_at.map(|at| at - TimeDelta::days(2));
                }
            });
            let first = world.start(Some((call, trouble)));
            tokio::time::sleep(Duration::from_secs(90)).await;
            first.stop();
            let second = world.start(None);
            world.until("reaped", || is_gone(&world, 7)).await;
            assert!(!is_gone(&world, 8), "{call} {trouble:?}");
            second.stop();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_deleted_in_one_pass() {
    const ALL: u64 = 45;
    let world = World::new();
    let process = world.start(None);
    for pr in 1..=ALL {
        world.write(pr, |_| {});
    }
    world.until("ready", || (1..=ALL).all(|pr| world.phase(pr) == Some(Phase::Ready))).await;
    for pr in 1..=ALL {
        world.write(pr, |wish| wish.desired = Desired::Down);
    }
    world.until("gone", || (1..=ALL).all(|pr| world.phase(pr) == Some(Phase::Terminated))).await;
    let deleted: Vec<_> =
        world.state().writes.iter().filter(|(call, _)| *call == "DeleteService").map(|(_, at)| *at).collect();
    assert_eq!(deleted.len() as u64, ALL, "each once");
    // A pass is a resync of 30 s away from the next, less its jitter; the first of them may be cut by the next.
    for at in &deleted {
        let soon = deleted.iter().filter(|other| **other >= *at && **other < *at + Duration::from_secs(20)).count();
        assert!(soon <= 2 * 20, "{soon} within one pass");
    }
    assert!(*deleted.last().unwrap() - deleted[0] >= Duration::from_secs(20), "more than one pass was needed");
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_takes_nothing_down() {
    for jump in [TimeDelta::hours(49), TimeDelta::hours(-49)] {
        let world = World::new();
        let process = world.start(None);
        world.write(7, |_| {});
        world.until("ready", || world.is(7, Phase::Ready)).await;
        world.state().skew = jump;
        // Somebody has it looked at meanwhile.
        world.write(7, |wish| wish.generation = Some(1));
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.state().skew = TimeDelta::zero();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(world.is(7, Phase::Ready), "{jump}: {:?}", world.phase(7));
        assert!(world.state().writes.iter().all(|(call, _)| *call != "DeleteService"));
        process.stop();
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_orphan_stays() {
    let world = World::new();
    let process = world.start(None);
    orphaned(&world).await;
    world.cloud(7, |cloud| {
        if let ServiceView::Active(service) = &mut cloud.service {
            service.protected = true;
        }
    });
    tokio::time::sleep(OVER).await;
    assert!(!is_gone(&world, 7));
    process.stop();
}

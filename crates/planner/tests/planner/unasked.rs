//! What we cannot ask for a reason on our side says nothing about the application.

use bivouac_model::{Phase, StopCode};
use proptest::prelude::*;

use crate::cloud::App;
use crate::fixtures::{seconds, up};
use crate::world::World;

/// Reconciles for a time, as requeues and resyncs would.
fn live(world: &mut World, minutes: i64) {
    for _ in 0..minutes * 6 {
        world.reconcile();
        world.advance(seconds(10));
    }
}

#[test]
fn a_ready_environment_that_cannot_be_asked_stays_ready_and_runs() {
    let mut world = World::ready();
    world.deaf = true;
    let before = world.status().clone();
    live(&mut world, 120);
    assert!(world.status().says_the_same(&before), "{:#?}", world.status());
    assert_eq!(world.cloud.active().unwrap().desired_count, 1);
    let edits = world.edits;
    live(&mut world, 10);
    assert_eq!(world.edits, edits, "nothing is written or posted meanwhile");
}

#[test]
fn one_that_starts_meanwhile_is_not_failed_and_becomes_ready_when_it_can_be_asked() {
    let mut world = World::new(up());
    world.deaf = true;
    // Longer than all deadlines together.
    live(&mut world, 90);
    assert_eq!((world.phase(), world.reason()), (Phase::Starting, "WaitingForHealth"));
    let message = &world.status().message;
    assert!(message.ends_with("this machine has no connection to ask it."), "{message}");
    assert_eq!(world.cloud.active().unwrap().desired_count, 1);
    // The first answers are bad ones. It has half of its time from here, as it is not known how it did before.
    world.deaf = false;
    world.cloud.app = App::Sick;
    live(&mut world, 7);
    assert_eq!((world.phase(), world.cloud.active().unwrap().desired_count), (Phase::Starting, 1));
    world.cloud.app = App::Well;
    live(&mut world, 1);
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn one_that_answers_badly_is_still_stopped_in_time() {
    let mut world = World::new(up());
    world.deaf = true;
    live(&mut world, 30);
    world.deaf = false;
    world.cloud.app = App::Sick;
    live(&mut world, 16);
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "HealthCheckFailed"));
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
}

#[test]
fn a_task_that_took_the_place_of_a_ready_one_is_not_called_ready_unasked() {
    let mut world = World::ready();
    world.cloud.stop_tasks(StopCode::SpotInterruption, "Your Spot Task was interrupted.");
    world.deaf = true;
    live(&mut world, 60);
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "WaitingForHealth"));
    assert_eq!(world.status().url, None, "the address of the one before is not offered");
    world.deaf = false;
    live(&mut world, 1);
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn what_ecs_says_of_a_container_counts_also_when_it_cannot_be_asked() {
    let mut world = World::ready();
    world.deaf = true;
    world.cloud.tasks[0].0.unhealthy = true;
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "NotAnswering"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    /// Whatever happens to a well application while it cannot always be asked: no probe of ours ends it. `World::plan` holds
    /// every single plan to the same.
    #[test]
    fn a_well_application_is_never_failed_for_want_of_an_answer(
        happenings in proptest::collection::vec((0..6u8, 1..40i64), 1..12),
    ) {
        let mut world = World::new(up());
        for (what, minutes) in happenings {
            match what {
                0 | 1 => world.deaf = true,
                2 => world.deaf = false,
                3 => world.cloud.stop_tasks(StopCode::SpotInterruption, "Your Spot Task was interrupted."),
                4 => world.wish(|wish| drop(wish.flags.insert("X".into(), minutes.to_string()))),
                _ => world.wish(|wish| wish.restarted_at = Some(format!("after {minutes} minutes"))),
            }
            live(&mut world, minutes);
            prop_assert_ne!(world.phase(), Phase::Failed, "{:#?}", world.status());
            prop_assert_eq!(world.cloud.active().map(|service| service.desired_count), Some(1));
        }
        world.deaf = false;
        live(&mut world, 5);
        prop_assert_eq!(world.phase(), Phase::Ready);
    }
}

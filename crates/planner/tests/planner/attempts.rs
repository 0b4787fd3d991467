//! What is remembered of an attempt is not held against who does well, and not lost with what it was remembered by.

use bivouac_model::{Capacity, Desired, Phase, StopCode};
use proptest::prelude::*;

use crate::cloud::App;
use crate::fixtures::{seconds, up};
use crate::world::{Fault, World};

/// The daemon at work for a while, in which the cloud goes on by itself.
fn live(world: &mut World, time: i64) {
    let until = world.now + seconds(time);
    while world.now < until {
        let again = world.reconcile().plan.requeue_after.map_or(30, |again| again.as_secs().clamp(3, 30));
        world.advance(seconds(i64::try_from(again).unwrap()).min(until - world.now));
    }
    world.reconcile();
}

/// Tasks run for four minutes each and are taken away then, by nobody's fault that is counted, until that has an end.
fn flap(world: &mut World) {
    let began = world.now;
    while world.phase() != Phase::Failed {
        live(world, 240);
        world.cloud.stop_tasks(StopCode::InfrastructureHealth, "The host broke.");
        // The deadlines of Spot, start and health, and one more task; a move to on-demand capacity begins anew, and
        // comes after the first of them here.
        assert!(world.now - began < seconds(1980 + 2 * 300), "it goes on for ever: {:#?}", world.status());
    }
    let message = &world.status().message;
    assert_eq!(message, "The task stopped: The host broke. It was never ready within 33m and is stopped now.");
    assert_eq!(world.comment.as_ref().map(|said| &said.message), Some(message), "the pull request is told why");
    live(world, 30);
    assert!(world.cloud.live_tasks().is_empty() && world.cloud.active().unwrap().desired_count == 0);
}

fn crash(world: &mut World) {
    world.cloud.stop_tasks(StopCode::EssentialContainerExited, "Essential container in task exited");
}

fn crashes(world: &World) -> usize {
    world.status().machinery.attempt.as_ref().map_or(0, |attempt| attempt.crashes)
}

/// Nobody saw it become ready, since there was no daemon for an hour. It is ready all the same.
#[test]
fn a_daemon_that_was_away_stops_nothing_that_answers() {
    let mut world = World::new(up());
    live(&mut world, 3);
    assert_eq!(world.phase(), Phase::Provisioning);
    for _ in 0..120 {
        world.advance(seconds(30));
    }
    world.reconcile();
    assert_eq!((world.phase(), &world.status().machinery.attempt), (Phase::Ready, &None), "{}", world.status().message);
}

#[test]
fn who_loses_the_record_does_not_lose_the_end() {
    let mut world = World::new(up());
    world.cloud.app = App::Sick;
    live(&mut world, 60);
    world.overwrite(up());
    live(&mut world, 3);
    flap(&mut world);
}

#[test]
fn what_was_ready_once_and_moves_to_other_capacity_has_an_end_too() {
    let mut world = World::ready();
    (world.cloud.spot, world.cloud.app) = (false, App::Sick);
    world.cloud.stop_tasks(StopCode::SpotInterruption, "Your Spot Task was interrupted.");
    live(&mut world, 240);
    assert_eq!((world.phase(), world.status().machinery.capacity), (Phase::Starting, Some(Capacity::OnDemand)));
    flap(&mut world);
}

#[test]
fn a_task_without_an_address_is_not_waited_for_for_ever() {
    let mut world = World::new(up());
    live(&mut world, 3);
    let began = world.now;
    while world.phase() != Phase::Failed {
        world.cloud.tasks.iter_mut().for_each(|(task, _)| task.public_ip = None);
        world.reconcile();
        world.advance(seconds(3));
        assert!(world.now - began < seconds(2000), "it waits for ever");
    }
    let message = "The task runs without a public address. It was never ready within 33m and is stopped now.";
    assert_eq!(world.status().message, message);
}

/// Another `deadlines.crashes` holds for what crashes from then on.
#[test]
fn what_runs_well_is_not_stopped_for_what_was_allowed_when_it_happened() {
    let mut world = World::ready();
    for _ in 0..2 {
        crash(&mut world);
        live(&mut world, 60);
    }
    assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, 2));
    world.policy.deadlines.crashes = 1;
    live(&mut world, 60);
    assert_eq!(world.phase(), Phase::Ready, "{}", world.status().message);
    crash(&mut world);
    live(&mut world, 60);
    assert_eq!(world.phase(), Phase::Failed);
    assert!(
        world.status().message.ends_with("It was started 3 times and is stopped now."),
        "{}",
        world.status().message
    );
}

/// Crashes are told apart by the times that ECS tells, whatever our clock was when it began.
#[test]
fn a_clock_that_was_behind_and_is_put_right_is_no_hour_of_waiting() {
    let mut world = World::new(up());
    world.skew = seconds(-3600);
    world.reconcile();
    world.skew = seconds(0);
    live(&mut world, 60);
    assert_eq!(world.phase(), Phase::Ready, "{:?}", world.status().message);
}

#[test]
fn a_clock_that_was_ahead_hides_no_crash_and_no_end() {
    for app in [App::Crashes, App::Sick] {
        let mut world = World::new(up());
        (world.skew, world.cloud.app) = (seconds(7200), app);
        live(&mut world, 3);
        world.skew = seconds(0);
        let began = world.now;
        match app {
            App::Crashes => live(&mut world, 120),
            _ => flap(&mut world),
        }
        assert_eq!(world.phase(), Phase::Failed, "{:?}: {:#?}", world.now - began, world.status());
    }
}

#[test]
fn a_person_who_asks_again_begins_anew_even_if_an_answer_is_lost() {
    for app in [App::Crashes, App::Sick] {
        for at in 0..3 {
            for fault in [Fault::Lost(at), Fault::AnswerLost(at), Fault::CrashBefore(at), Fault::CrashAfter(at)] {
                let mut world = World::ready();
                world.cloud.app = app;
                world.wish(|wish| wish.restarted_at = Some("once".into()));
                live(&mut world, 2100);
                assert_eq!(world.phase(), Phase::Failed, "{app:?}");
                world.wish(|wish| wish.generation = Some(1));
                world.cloud.app = App::Well;
                world.reconcile_with(Some(fault));
                live(&mut world, 60);
                assert_eq!(
                    (world.phase(), crashes(&world)),
                    (Phase::Ready, 0),
                    "{app:?} {fault:?}: {:#?}",
                    world.status()
                );
                for counted in 1..3 {
                    crash(&mut world);
                    live(&mut world, 60);
                    assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, counted), "{app:?} {fault:?}");
                }
            }
        }
    }
}

/// ECS still shows what crashed before it slept, of the deployment that it wakes with.
#[test]
fn sleeping_over_it_begins_anew() {
    for crashed in [2, 3] {
        let mut world = World::ready();
        for _ in 0..crashed {
            crash(&mut world);
            live(&mut world, 60);
        }
        assert_eq!(world.phase() == Phase::Failed, crashed == 3);
        for (desired, phase) in [(Desired::Asleep, Phase::Asleep), (Desired::Up, Phase::Ready)] {
            world.wish(|wish| wish.desired = desired);
            live(&mut world, 60);
            assert_eq!((world.phase(), crashes(&world)), (phase, 0), "{}", world.status().message);
        }
        let revision = world.status().machinery.revision;
        live(&mut world, 600);
        assert_eq!((world.phase(), world.status().machinery.revision), (Phase::Ready, revision));
        crash(&mut world);
        live(&mut world, 60);
        assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn each_crash_counts_once_however_often_it_is_seen_and_whatever_is_lost(
        crashed in proptest::collection::vec((60..9000i64, proptest::collection::vec(any::<bool>(), 0..6)), 1..12),
    ) {
        let mut world = World::ready();
        world.policy.deadlines.crashes = 100;
        for (counted, (apart, looks)) in (1..).zip(crashed) {
            crash(&mut world);
            for is_written in looks {
                let before = world.record.clone();
                world.reconcile();
                if !is_written {
                    // The write is lost, or the process is killed before it.
                    world.record = before;
                }
                world.advance(seconds(5));
            }
            live(&mut world, apart);
            prop_assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, counted));
        }
    }
}

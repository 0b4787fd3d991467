//! What would go on for ever ends, and says why.

use bivouac_model::{Container, Desired, Phase, PullRequestState, ServiceView, StopCode, Task, Usd};
use bivouac_planner::{Action, Next, WaitingOn};
use proptest::prelude::*;

use crate::cloud::App;
use crate::fixtures::{seconds, up};
use crate::world::{Fault, World};

#[test]
fn tags_that_the_registry_keeps_hold_no_take_down_up() {
    let mut world = World::ready();
    world.tags_stay = true;
    world.pull_request = PullRequestState::Closed;
    let mut asked = 0;
    for _ in 0..100 {
        let reconciled = world.reconcile();
        asked += reconciled.actions.iter().filter(|action| matches!(action, Action::RemoveTags { .. })).count();
        world.advance(seconds(3));
    }
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "PullRequestClosed"));
    assert_eq!(asked, 1, "it is asked once");
    let kept = "Its image keeps its tag: pr-7-ci could not be removed: it is referenced.";
    assert!(world.status().message.ends_with(kept), "{}", world.status().message);
    assert_eq!(world.comment.as_ref().map(|said| said.message.clone()), Some(world.status().message.clone()));
    assert!(world.reconcile().is_idle());
    // Asked for again, and the tag may go by then.
    world.pull_request = PullRequestState::Open;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    (world.tags_stay, world.pull_request) = (false, PullRequestState::Closed);
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    assert!(!world.cloud.images.keys().any(|tag| tag.as_str() == "pr-7-ci"), "this time it went");
    assert!(!world.status().message.contains("keeps its tag"));
}

#[test]
fn nobody_looks_again_later_than_the_end() {
    let ready = World::ready();
    let mut pinned = World::ready();
    pinned.wish(|wish| wish.pinned = true);
    let mut asleep = World::ready();
    asleep.wish(|wish| wish.desired = Desired::Asleep);
    let mut failed = World::new(up());
    failed.cloud.app = App::Crashes;
    let mut waiting = World::new(up());
    waiting.cloud.images.clear();
    let worlds = [ready, pinned, asleep, failed, waiting];
    let phases = [Phase::Ready, Phase::Ready, Phase::Asleep, Phase::Failed, Phase::WaitingForImage];
    for (mut world, phase) in worlds.into_iter().zip(phases) {
        world.settle();
        assert_eq!(world.phase(), phase);
        // Seven seconds before its end, less than any wait for a person or an image.
        let left = world.status().expires_at - world.now - seconds(7);
        world.advance(left);
        let plan = world.reconcile().plan;
        let again = plan.requeue_after.expect("it comes back by itself");
        assert!(again.as_secs() <= 7, "{phase}: looks again after {again:?}");
        world.advance(seconds(7));
        let plan = world.reconcile().plan;
        // Of what waited for its image nothing runs, so it is over at once.
        let ends = if phase == Phase::WaitingForImage {
            (Phase::Terminated, Next::Settled)
        } else {
            (Phase::Terminating, Next::Wait(WaitingOn::Draining))
        };
        assert_eq!((world.phase(), plan.next), ends, "was {phase}");
        assert_eq!(world.reason(), "Expired", "was {phase}");
    }
}

#[test]
fn what_drains_for_ever_is_told_and_its_record_stays() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Down);
    // ECS never gets to the end of it.
    let stuck = |world: &mut World| world.cloud.service = ServiceView::Draining;
    for _ in 0..400 {
        world.reconcile();
        stuck(&mut world);
        world.now += seconds(2);
    }
    assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "DownRequested"), "it may still come to its end");
    for _ in 0..100 {
        world.reconcile();
        stuck(&mut world);
        world.now += seconds(2);
    }
    assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "StillDraining"));
    let said = "ECS was told to delete the service `pr-7-service` more than 15m ago, and it is not gone.";
    assert!(world.status().message.starts_with(said), "{}", world.status().message);
    assert_eq!(world.comment.as_ref().map(|comment| comment.message.clone()), Some(world.status().message.clone()));
    let edits = world.edits;
    for _ in 0..100 {
        assert!(world.reconcile().is_idle(), "it is told once");
        stuck(&mut world);
        world.now += seconds(20);
    }
    assert_eq!(world.edits, edits);
    // A person stops what still runs.
    world.cloud.service = ServiceView::Absent;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "DownRequested"));
    assert!(!world.status().machinery.conditions.iter().any(|condition| condition.kind == "Drained"));
}

#[test]
fn who_wants_it_again_while_it_drains_begins_anew() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Down);
    world.reconcile();
    let drains =
        |world: &World| world.status().machinery.conditions.iter().any(|condition| condition.kind == "Drained");
    assert!(drains(&world));
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert!(!drains(&world), "the next take-down counts from its own beginning");
}

/// The application ends by itself.
fn crash(world: &mut World) {
    world.cloud.stop_tasks(StopCode::EssentialContainerExited, "Essential container in task exited");
    let stopped = |(task, _): &&mut (Task, u8)| task.stop_code == Some(StopCode::EssentialContainerExited);
    for (task, _) in world.cloud.tasks.iter_mut().filter(stopped) {
        let app = Container { name: "app".into(), exit_code: Some(1), reason: None, image_digest: None };
        task.containers = vec![app];
    }
}

/// Reconciles for a time, as requeues and passes would.
fn live(world: &mut World, minutes: i64) {
    for _ in 0..minutes * 2 {
        world.reconcile();
        world.advance(seconds(30));
    }
    world.reconcile();
}

fn crashes(world: &World) -> usize {
    world.status().machinery.attempt.as_ref().map_or(0, |attempt| attempt.crashes)
}

#[test]
fn a_crash_loop_that_is_slower_than_ecs_remembers_is_stopped() {
    let mut world = World::ready();
    for crashed in 1..=3 {
        assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, crashed - 1));
        // ECS forgets the task that stopped before this is over.
        live(&mut world, 90);
        assert_eq!(crashes(&world), crashed - 1, "what is forgotten there is remembered here");
        crash(&mut world);
        live(&mut world, 3);
    }
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ApplicationExited"));
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
    let message = &world.status().message;
    assert!(message.ends_with("It was started 3 times and is stopped now."), "{message}");
    assert_eq!(world.comment.as_ref().map(|said| &said.message), Some(message), "the pull request is told why");
    assert_eq!((world.status().hourly_cost_usd, world.status().machinery.place), (bivouac_model::Usd::ZERO, None));
    // Asked for again, it is tried again, and nothing of before is held against it.
    world.wish(|wish| wish.generation = Some(2));
    live(&mut world, 3);
    assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, 0));
}

#[test]
fn a_crash_is_counted_once_however_often_it_is_seen() {
    for fault in [None, Some(Fault::CrashBefore(0)), Some(Fault::CrashAfter(0)), Some(Fault::AnswerLost(0))] {
        let mut world = World::ready();
        live(&mut world, 5);
        crash(&mut world);
        for _ in 0..20 {
            world.reconcile_with(fault);
            world.advance(seconds(3));
        }
        assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, 1), "{fault:?}");
        let edits = world.edits;
        assert!((0..20).all(|_| world.reconcile().is_idle()) && world.edits == edits, "at rest nothing is written");
    }
}

#[test]
fn one_that_runs_for_long_between_two_crashes_is_of_use() {
    let mut world = World::new(up());
    world.wish(|wish| wish.pinned = true);
    live(&mut world, 3);
    for _ in 0..6 {
        live(&mut world, 7 * 60);
        crash(&mut world);
        live(&mut world, 3);
        assert_eq!((world.phase(), crashes(&world)), (Phase::Ready, 1));
    }
}

#[test]
fn one_that_goes_up_and_down_and_is_never_ready_is_stopped() {
    let mut world = World::new(up());
    world.cloud.app = App::Sick;
    let began = world.now;
    while world.phase_if_any() != Some(Phase::Failed) {
        live(&mut world, 10);
        assert!(world.now - began < seconds(3600), "it goes on for ever: {:?}", world.record.status);
        // Each time before the deadline for an answer.
        world.cloud.stop_tasks(StopCode::UserInitiated, "Task stopped by user");
    }
    live(&mut world, 1);
    assert_eq!((world.phase(), world.cloud.active().unwrap().desired_count), (Phase::Failed, 0));
    let message = &world.status().message;
    assert!(message.ends_with("It was never ready within 33m and is stopped now."), "{message}");
    assert_eq!(world.comment.as_ref().map(|said| &said.message), Some(message));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Whatever kills its tasks and whenever: what is never ready costs no more than its deadlines.
    #[test]
    fn what_is_never_ready_ends_after_a_bounded_cost(
        deaths in proptest::collection::vec((0..4u8, 1..14i64), 40..60),
        app in prop_oneof![Just(App::Sick), Just(App::CannotPull), Just(App::Crashes)],
    ) {
        let mut world = World::new(up());
        world.cloud.app = app;
        let began = world.now;
        let deadlines = world.policy.deadlines;
        // A move to on-demand capacity begins anew, once.
        let most = (deadlines.spot + deadlines.start + deadlines.health) * 2 + std::time::Duration::from_secs(120);
        for (how, minutes) in deaths {
            live(&mut world, minutes);
            if world.phase() == Phase::Failed {
                break;
            }
            match how {
                0 => crash(&mut world),
                1 => world.cloud.stop_tasks(StopCode::SpotInterruption, "Your Spot Task was interrupted."),
                2 => world.cloud.stop_tasks(StopCode::InfrastructureHealth, "The host broke."),
                _ => world.cloud.stop_tasks(StopCode::UserInitiated, "Task stopped by user"),
            }
        }
        live(&mut world, 2);
        prop_assert_eq!(world.phase(), Phase::Failed);
        prop_assert_eq!(world.cloud.active().unwrap().desired_count, 0);
        let status = world.status();
        let bound = Usd::from_dollars(0.029_685).per_hour_over(most);
        prop_assert!(status.cost_usd <= bound, "{} of at most {bound} in {}", status.cost_usd, world.now - began);
    }
}

//! What would go on for ever ends, and says why.

use bivouac_model::{Desired, Phase, PullRequestState, ServiceView};
use bivouac_planner::{Action, Next, WaitingOn};

use crate::cloud::App;
use crate::fixtures::{seconds, up};
use crate::world::World;

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
        assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "Expired"), "was {phase}");
        assert!(matches!(plan.next, Next::Wait(WaitingOn::Draining | WaitingOn::Comment)), "{:?}", plan.next);
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

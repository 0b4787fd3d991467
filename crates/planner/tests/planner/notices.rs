//! Who asked for an environment is told once that its end is near.

use std::time::Duration;

use bivouac_model::{Desired, Phase, Ttl};

use crate::fixtures::{hours, seconds, up};
use crate::world::World;

const HOUR: i64 = 3600;

/// Ready, asked for by somebody, with an hour's notice.
fn asked_for() -> World {
    let mut world = World::new(up());
    world.wish(|wish| wish.requested_by = Some("ada".into()));
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    world
}

/// Passes until so many seconds before the end.
fn until_before_the_end(world: &mut World, left: i64) {
    let ahead = world.status().expires_at - world.now - seconds(left);
    world.advance(ahead);
    here(world);
}

/// What the controller does about it at this moment.
fn here(world: &mut World) {
    for _ in 0..5 {
        world.reconcile();
    }
}

fn told(world: &World) -> bool {
    let condition = world.status().machinery.conditions.iter().any(|condition| condition.kind == "EndsSoon");
    let comment = world.comment.as_ref().expect("a comment");
    assert_eq!(condition, comment.ends_soon, "record and comment say the same");
    comment.ends_soon
}

#[test]
fn the_notice_is_given_once_and_taken_back_when_the_end_moves() {
    let mut world = asked_for();
    until_before_the_end(&mut world, HOUR + 60);
    assert!(!told(&world));
    let again = world.reconcile().plan.requeue_after.expect("it comes back by itself");
    assert!(again <= Duration::from_secs(60), "{again:?}");
    until_before_the_end(&mut world, HOUR);
    assert!(told(&world));
    assert_eq!(world.comment.as_ref().and_then(|comment| comment.requested_by.clone()).as_deref(), Some("ada"));
    let edits = world.edits;
    for left in [HOUR / 2, 60, 1] {
        until_before_the_end(&mut world, left);
        assert!(told(&world));
    }
    assert_eq!(world.edits, edits, "it is told once");
    world.wish(|wish| wish.ttl = Ttl::new(hours(60)));
    here(&mut world);
    assert!(!told(&world), "it was extended");
    until_before_the_end(&mut world, HOUR);
    assert!(told(&world), "another end, another notice");
    assert_eq!(world.edits, edits + 2);
    until_before_the_end(&mut world, 0);
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    assert!(!told(&world), "there is nothing to extend any more");
}

#[test]
fn of_a_short_life_half_comes_before_the_notice() {
    let mut world = World::new(up());
    world.wish(|wish| wish.ttl = Ttl::new(Duration::from_secs(1200)));
    world.settle();
    assert!(!told(&world));
    until_before_the_end(&mut world, 590);
    assert!(told(&world));
}

#[test]
fn what_sleeps_and_what_is_pinned_has_an_end_too() {
    for pinned in [true, false] {
        let mut world = asked_for();
        world.wish(|wish| (wish.pinned, wish.desired) = (pinned, if pinned { Desired::Up } else { Desired::Asleep }));
        world.settle();
        until_before_the_end(&mut world, HOUR + 1);
        assert!(!told(&world));
        until_before_the_end(&mut world, HOUR);
        assert!(told(&world), "pinned: {pinned}");
    }
}

#[test]
fn without_a_notice_nobody_is_told() {
    let mut world = World::new(up());
    world.policy.expiry_notice = Duration::ZERO;
    world.settle();
    until_before_the_end(&mut world, 1);
    assert!(!told(&world));
}

#[test]
fn what_ended_stays_ended_for_its_own_reason() {
    let mut world = World::ready();
    until_before_the_end(&mut world, 0);
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
    world.pull_request = bivouac_model::PullRequestState::Closed;
    world.wish(|wish| (wish.desired, wish.closed_at) = (Desired::Down, Some(crate::fixtures::start())));
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
    assert!(!world.cloud.images.keys().any(|tag| tag.as_str() == "pr-7-ci"), "its tags go all the same");
}

//! Records that are lost, broken, old, or nobody's.

use bivouac_model::{Desired, DesiredState, Phase, PullRequestState, Ttl};

use crate::cloud::App;
use crate::fixtures::{hours, seconds, start, up};
use crate::world::World;

#[test]
fn a_record_that_is_overwritten_whole_is_found_again_in_every_phase() {
    let phases: [(Phase, fn() -> World); 5] = [
        (Phase::Ready, World::ready),
        (Phase::Asleep, || {
            let mut world = World::new(DesiredState { desired: Desired::Asleep, ..up() });
            world.settle();
            world
        }),
        (Phase::Failed, || {
            let mut world = World::new(up());
            world.cloud.app = App::CannotPull;
            world.settle();
            world
        }),
        (Phase::WaitingForImage, || {
            let mut world = World::new(up());
            world.cloud.images.clear();
            world.settle();
            world
        }),
        (Phase::Terminated, || {
            let mut world = World::ready();
            world.wish(|wish| wish.desired = Desired::Down);
            world.settle();
            world
        }),
    ];
    for (phase, make) in phases {
        let mut world = make();
        assert_eq!(world.phase(), phase);
        let created = world.cloud.created;
        world.advance(seconds(7200));
        world.overwrite(world.record.desired.clone().unwrap());
        world.settle();
        assert_eq!((world.phase(), world.cloud.created), (phase, created));
        if world.cloud.active().is_some() {
            let made = world.cloud.active().unwrap().created_at.unwrap();
            assert_eq!(world.status().expires_at, made + hours(48), "the lifetime counts from the service's creation");
        }
    }
}

#[test]
fn a_broken_record_keeps_what_runs_until_its_time_is_over() {
    let mut world = World::ready();
    let expires_at = world.status().expires_at;
    world.spoil();
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "InvalidRecord"));
    assert!(world.status().message.contains("ttl holds \"soon\""), "{}", world.status().message);
    assert!(world.status().message.contains("left as it is"));
    assert_eq!(world.status().expires_at, expires_at);
    assert!(world.cloud.active().is_some() && world.planned_from_a_glance().is_empty(world.record.status.as_ref()));
    world.now = expires_at;
    world.settle();
    assert!(world.cloud.active().is_none());
    assert_eq!(world.phase(), Phase::Invalid);
    assert!(!world.status().message.contains("left as it is"));
}

#[test]
fn a_broken_record_whose_status_is_lost_lives_as_long_as_an_orphan() {
    let mut world = World::ready();
    let made = world.cloud.active().unwrap().created_at.unwrap();
    world.advance(seconds(7200));
    world.record.status = None;
    world.spoil();
    world.settle();
    assert_eq!(world.status().expires_at, made + hours(48));
}

#[test]
fn a_broken_record_of_a_closed_pull_request_goes() {
    let mut world = World::ready();
    world.spoil();
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert!(world.cloud.active().is_none());
}

#[test]
fn a_take_down_goes_on_whatever_becomes_of_the_record() {
    let mut world = World::new(DesiredState { generation: Some(5), ..up() });
    world.settle();
    world.wish(|wish| (wish.desired, wish.generation) = (Desired::Down, Some(6)));
    world.reconcile();
    world.wish(|wish| (wish.desired, wish.generation) = (Desired::Up, Some(4)));
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    assert!(world.status().message.contains("is ignored"), "{}", world.status().message);
}

#[test]
fn an_older_write_loses_and_a_newer_one_wins_over_it() {
    let mut world = World::new(DesiredState { generation: Some(5), ..up() });
    world.settle();
    let task = world.cloud.live_tasks();
    for older in [4, 3] {
        world.wish(|wish| (wish.desired, wish.generation) = (Desired::Down, Some(older)));
        world.settle();
        let message = &world.status().message;
        assert_eq!(world.phase(), Phase::Ready);
        assert_eq!(message.matches("is ignored").count(), 1, "{message}");
        assert!(message.contains(&format!("generation {older}, older than the observed 5")), "{message}");
        assert_eq!(world.cloud.live_tasks(), task);
    }
    world.wish(|wish| (wish.desired, wish.generation) = (Desired::Up, Some(6)));
    world.settle();
    assert_eq!((world.phase(), world.status().message.as_str()), (Phase::Ready, ""));
}

#[test]
fn a_broken_write_does_not_let_an_older_one_in() {
    let mut world = World::new(DesiredState { generation: Some(5), ..up() });
    world.settle();
    world.spoil();
    world.record.generation = Some(6);
    world.settle();
    world.overwrite_desired(DesiredState { desired: Desired::Down, generation: Some(3), ..up() });
    world.settle();
    assert!(world.cloud.active().is_some());
    assert!(world.status().message.contains("is ignored"));
}

#[test]
fn a_ttl_above_the_ceiling_is_clamped_and_said_and_pinning_ends_at_the_ceiling() {
    let mut world = World::ready();
    world.wish(|wish| wish.ttl = Ttl::new(hours(1000)));
    world.settle();
    assert_eq!(world.status().expires_at, start() + hours(168));
    assert!(world.status().message.contains("above the allowed 168h"), "{}", world.status().message);
    world.wish(|wish| (wish.ttl, wish.pinned) = (Ttl::new(hours(1)), true));
    world.settle();
    assert_eq!((world.status().expires_at, world.status().message.as_str()), (start() + hours(168), ""));
    world.now = start() + hours(167);
    world.reconcile();
    assert_eq!(world.phase(), Phase::Ready);
    world.now = start() + hours(168);
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
}

#[test]
fn a_new_wish_after_the_end_begins_anew_even_while_it_goes() {
    for while_it_goes in [true, false] {
        let mut world = World::new(DesiredState { generation: Some(1), ..up() });
        world.settle();
        world.now = world.status().expires_at;
        world.reconcile();
        assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "Expired"));
        if !while_it_goes {
            world.settle();
        }
        world.wish(|wish| wish.generation = Some(2));
        world.settle();
        assert_eq!(world.phase(), Phase::Ready, "{while_it_goes}");
    }
}

#[test]
fn a_client_whose_clock_is_an_hour_off_loses_nothing_but_the_hour() {
    for ahead in [3600, -3600] {
        let requested_at = Some(start() + seconds(ahead));
        let mut world = World::new(DesiredState { requested_at, ttl: Ttl::new(hours(4)), ..up() });
        world.settle();
        assert_eq!(world.phase(), Phase::Ready);
        let (least, most) = (start() + hours(3), start() + hours(5));
        assert!((least..=most).contains(&world.status().expires_at));
        assert_eq!(world.status().message.contains("in the future"), ahead > 0);
        world.now = start() + hours(3) - seconds(60);
        world.reconcile();
        assert_eq!(world.phase(), Phase::Ready);
    }
}

#[test]
fn a_controller_whose_clock_is_an_hour_off_goes_on_when_it_is_right_again() {
    for off in [3600, -3600] {
        let mut world = World::new(DesiredState { requested_at: Some(start()), ..up() });
        world.skew = seconds(off);
        world.settle();
        assert_eq!(world.phase(), Phase::Ready);
        world.skew = seconds(0);
        world.settle();
        assert_eq!((world.phase(), world.status().expires_at), (Phase::Ready, start() + hours(48)));
    }
}

#[test]
fn a_repository_that_is_not_configured_is_told_so_and_its_cost_counts_on() {
    let mut world = World::ready();
    world.advance(seconds(3600));
    let before = world.status().cost_at(world.now);
    assert!(before > bivouac_model::Usd::ZERO);
    world.policy.projects.clear();
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "UnknownRepository"));
    assert!(world.status().cost_usd >= before);
    assert!(world.settle().is_idle());
}

#[test]
fn impossible_keys_and_wishes_are_told_so() {
    let mut world = World::new(up());
    world.record.key.pr = "0".into();
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "InvalidRecord"));

    for (named, change) in [
        ("size", (|wish: &mut DesiredState| wish.size = Some("huge".into())) as fn(&mut DesiredState)),
        ("PATH", |wish| drop(wish.config.insert("PATH".into(), "x".into()))),
    ] {
        let mut world = World::new(up());
        world.wish(change);
        world.settle();
        assert_eq!(world.phase(), Phase::Invalid);
        assert!(world.status().message.contains(named), "{}", world.status().message);
    }

    let mut world = World::new(up());
    world.pull_request = PullRequestState::NotFound;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "NoSuchPullRequest"));
    assert_eq!(world.cloud.created, 0);
}

//! A repository that was renamed or transferred: nothing starts or changes under its old name, and what has to end ends.

use bivouac_model::{Desired, Phase, PullRequestState, ServiceView};
use bivouac_planner::{Next, WaitingOn};
use chrono::TimeDelta;

use crate::fixtures::up;
use crate::world::World;

/// How the life of an environment ends.
type Ending = fn(&mut World);

fn renamed(mut world: World) -> World {
    world.moved_to = Some("acme/store".parse().unwrap());
    world
}

#[test]
fn nothing_starts_under_the_old_name() {
    let mut world = renamed(World::new(up()));
    let reconciled = world.reconcile();
    assert!(reconciled.actions.is_empty(), "{reconciled:#?}");
    assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "RepositoryMoved"));
    let message = &world.status().message;
    assert!(message.contains("is acme/store now") && message.contains("repo = \"acme/store\""), "{message}");
    assert!(world.reconcile().is_idle(), "it is said once");
    assert!(matches!(world.planned_from_a_glance().next, Next::Wait(WaitingOn::Person)));
    world.moved_to = None;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready, "it has its name again");
}

#[test]
fn what_runs_is_left_as_it_is_and_no_change_reaches_it() {
    let mut world = renamed(World::ready());
    let (before, service) = (world.status().clone(), world.cloud.service.clone());
    world.wish(|wish| drop(wish.flags.insert("FEATURE_X".into(), "true".into())));
    let reconciled = world.reconcile();
    assert!(reconciled.actions.is_empty(), "{reconciled:#?}");
    assert_eq!(world.cloud.service, service);
    let after = world.status();
    assert_eq!((after.phase, &*after.reason, &after.url), (Phase::Ready, "RepositoryMoved", &before.url));
    assert_eq!(after.hourly_cost_usd, before.hourly_cost_usd, "it runs and costs");
    assert!(world.reconcile().is_idle());
    assert!(matches!(world.planned_from_a_glance().next, Next::Wait(WaitingOn::Person)));
    world.moved_to = None;
    world.settle();
    assert_eq!((world.phase(), world.status().message.contains("acme/store")), (Phase::Ready, false));
}

#[test]
fn what_is_closed_expired_or_unwanted_is_taken_down() {
    let endings: [(&str, Ending); 3] = [
        ("PullRequestClosed", |world| world.pull_request = PullRequestState::Closed),
        ("Expired", |world| world.advance(TimeDelta::hours(49))),
        ("DownRequested", |world| world.wish(|wish| wish.desired = Desired::Down)),
    ];
    for (reason, end) in endings {
        let mut world = renamed(World::ready());
        world.reconcile();
        end(&mut world);
        world.settle();
        assert_eq!((world.phase(), world.reason()), (Phase::Terminated, reason));
        assert_eq!(world.cloud.service, ServiceView::Absent);
    }
}

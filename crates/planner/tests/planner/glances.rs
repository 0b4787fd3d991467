//! The light look of a pass agrees with the close one of a reconcile.

use bivouac_model::{Desired, Health, Phase, PullRequestState, ServiceView, StopCode};
use bivouac_planner::{Look, Next};

use crate::fixtures::{image, seconds, up};
use crate::world::World;

fn rests(world: &World) -> bool {
    world.planned_from_a_glance().is_empty(world.record.status.as_ref())
}

#[test]
fn what_is_settled_is_settled_at_a_glance() {
    let mut world = World::ready();
    assert!(rests(&world));
    assert_eq!(world.planned_from_a_glance().next, Next::Settled);

    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    assert_eq!(world.phase(), Phase::Asleep);
    assert!(rests(&world));

    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    assert!(rests(&world), "a tombstone whose image tag is still there, since the pull request is open");

    world.pull_request = PullRequestState::Closed;
    assert!(!rests(&world), "its tag is to be removed now");
    world.settle();
    assert!(rests(&world));
    assert!(!world.cloud.images.contains_key(&"pr-7-ci".parse().unwrap()));
}

#[test]
fn a_failure_is_settled_at_a_glance_only_while_nothing_runs() {
    let mut world = World::new(up());
    world.cloud.app = crate::cloud::App::Crashes;
    world.settle();
    assert_eq!(world.phase(), Phase::Failed);
    assert!(rests(&world));
    // Somebody scales it up by hand: it is looked at and stopped, also by a reconcile that has seen no list.
    world.cloud.active_mut().unwrap().desired_count = 1;
    world.cloud.step();
    assert!(!rests(&world));
    let stopped = world.reconcile();
    assert_eq!(stopped.actions.len(), 1);
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
}

#[test]
fn a_glance_sees_whatever_is_not_as_recorded() {
    type Change = (&'static str, fn(&mut World));
    let changes: [Change; 8] = [
        ("the task is gone", |world| world.cloud.stop_tasks(StopCode::SpotInterruption, "Spot")),
        ("its address is another", |world| world.cloud.tasks[0].0.public_ip = Some([203, 0, 113, 9].into())),
        ("it is unhealthy", |world| world.cloud.tasks[0].0.unhealthy = true),
        ("the tag was moved", |world| drop(world.cloud.images.insert("pr-7-ci".parse().unwrap(), image(9)))),
        ("a flag changed", |world| world.wish(|wish| drop(wish.flags.insert("X".into(), "1".into())))),
        ("the service is gone", |world| world.cloud.service = ServiceView::Absent),
        ("the pull request is not on the list", |world| world.pull_request = PullRequestState::Closed),
        ("its time is over", |world| world.now += seconds(200_000)),
    ];
    for (what, change) in changes {
        let mut world = World::ready();
        change(&mut world);
        let planned = world.planned_from_a_glance();
        assert!(matches!(planned.next, Next::Look(Look::Service | Look::PullRequest)), "{what}: {:?}", planned.next);
    }
}

#[test]
fn what_nobody_looked_at_proves_nothing() {
    let mut world = World::ready();
    let nothing = bivouac_model::Observed {
        image: world.image(),
        pull_request: Some(PullRequestState::Open),
        ..Default::default()
    };
    assert_eq!(world.plan(&nothing).next, Next::Look(Look::Service));
    world.wish(|wish| wish.desired = Desired::Down);
    assert_eq!(world.plan(&nothing).next, Next::Look(Look::Service));
    world.spoil();
    assert_eq!(world.plan(&nothing).next, Next::Look(Look::Service));
}

#[test]
fn health_is_asked_before_ready_and_at_each_close_look() {
    let mut world = World::new(up());
    world.cloud.app = crate::cloud::App::Sick;
    for _ in 0..5 {
        world.reconcile();
        world.advance(seconds(3));
    }
    assert_eq!((world.phase(), world.reason()), (Phase::Starting, "WaitingForHealth"));
    assert!(world.status().url.is_none());
    let ip = world.cloud.tasks[0].0.public_ip.unwrap();
    assert_eq!(world.cloud.health(ip), Health::Status(503));
    world.cloud.app = crate::cloud::App::Well;
    world.settle();
    assert_eq!(world.status().url.as_deref(), Some(format!("http://{ip}:8080/").as_str()));
    world.cloud.app = crate::cloud::App::Sick;
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "NotAnswering"));
}

#[test]
fn other_tags_mark_the_service_and_replace_no_task() {
    let mut world = World::ready();
    let (edits, task_definition) = (world.edits, world.cloud.active().unwrap().task_definition.clone());
    world.policy.tags.insert("CostCenter".into(), "oss".into());
    assert!(!rests(&world));
    let mut actions = Vec::new();
    loop {
        let done = world.reconcile();
        assert_eq!(world.phase(), Phase::Ready);
        if done.is_idle() {
            break;
        }
        actions.extend(done.actions);
    }
    let [bivouac_planner::Action::Tag { tags, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert!(tags.contains(&("CostCenter".into(), "oss".into())), "{tags:?}");
    assert_eq!((world.edits, &world.cloud.active().unwrap().task_definition), (edits, &task_definition));
    assert!(rests(&world));
}

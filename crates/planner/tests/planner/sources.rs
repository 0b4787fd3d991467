//! Sources that do not answer: which decision needs which of them, and what becomes of it without.

use bivouac_model::{Desired, Observed, Phase, PullRequestState, ServiceView, StopCode};
use bivouac_planner::{Look, Next, WaitingOn};

use crate::cloud::App;
use crate::fixtures::{hours, seconds, up};
use crate::world::World;

/// Reconciles for so many seconds, as the controller would.
fn live(world: &mut World, time: i64) {
    let end = world.now + seconds(time);
    while world.now < end {
        world.reconcile();
        world.advance(seconds(20));
    }
}

/// A record as a release wrote it that remembered no interface.
fn of_an_older_release(mut world: World) -> World {
    world.record.status.as_mut().expect("a status").machinery.network_interface = None;
    world
}

#[test]
fn one_that_is_ready_stays_as_it_is_while_ec2_does_not_answer() {
    for mut world in [World::ready(), of_an_older_release(World::ready())] {
        let before = world.status().clone();
        world.ec2 = false;
        for _ in 0..100 {
            assert!(matches!(world.planned_from_a_glance().next, Next::Settled));
            let reconciled = world.reconcile();
            assert!(reconciled.is_idle(), "{reconciled:#?}");
            world.advance(seconds(30));
        }
        // A command in between changes what it says and nothing else.
        world.wish(|wish| wish.ttl = bivouac_model::Ttl::new(hours(72)));
        world.reconcile();
        let after = world.status();
        assert_eq!((after.phase, &after.url, after.public_ip), (Phase::Ready, &before.url, before.public_ip));
        assert!(after.expires_at > before.expires_at);
        world.ec2 = true;
        // The record of an older release learns its interface.
        world.reconcile();
        assert!(world.reconcile().is_idle());
        assert!(world.status().machinery.network_interface.is_some());
    }
}

#[test]
fn a_task_that_was_replaced_meanwhile_does_not_answer_at_the_old_address() {
    let mut world = World::ready();
    world.ec2 = false;
    world.cloud.stop_tasks(StopCode::SpotInterruption, "Spot took it.");
    live(&mut world, 300);
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "AddressUnknown"));
    assert_eq!((&world.status().url, world.status().public_ip), (&None, None));
    assert!(world.status().message.contains("EC2 does not answer"), "{}", world.status().message);
    world.ec2 = true;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert!(world.status().url.is_some());
    assert!(world.status().machinery.conditions.iter().all(|condition| condition.kind != "AddressKnown"));
}

#[test]
fn one_that_starts_waits_for_ec2_and_fails_by_no_deadline() {
    let mut world = World::new(up());
    world.ec2 = false;
    live(&mut world, 3 * 3600);
    assert_eq!((world.phase(), world.reason()), (Phase::Starting, "AddressUnknown"));
    assert_eq!(world.reconcile().plan.next, Next::Wait(WaitingOn::Address));
    assert!(world.reconcile().is_idle(), "waiting writes nothing");
    world.ec2 = true;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn its_first_answer_after_ec2_is_back_is_no_verdict_and_the_next_one_is() {
    let mut world = World::new(up());
    world.ec2 = false;
    world.cloud.app = App::Sick;
    live(&mut world, 3600);
    world.ec2 = true;
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Starting, "WaitingForHealth"));
    world.advance(seconds(3));
    world.reconcile();
    assert_eq!(world.phase(), Phase::Failed);
}

#[test]
fn what_starts_without_ec2_is_bounded_by_its_time_and_by_its_crashes() {
    let mut world = World::new(up());
    world.wish(|wish| wish.ttl = bivouac_model::Ttl::new(hours(1)));
    world.ec2 = false;
    live(&mut world, 2 * 3600);
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
    let mut world = World::new(up());
    world.cloud.app = App::Crashes;
    world.ec2 = false;
    live(&mut world, 2 * 3600);
    assert_eq!(world.phase(), Phase::Failed);
}

#[test]
fn a_container_that_ecs_calls_unhealthy_is_so_without_ec2() {
    let mut world = of_an_older_release(World::ready());
    world.ec2 = false;
    world.cloud.tasks.iter_mut().for_each(|(task, _)| task.unhealthy = true);
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "NotAnswering"));
    assert!(world.status().url.is_some(), "it runs where it ran");
}

#[test]
fn nothing_is_asked_at_an_address_that_may_be_anothers() {
    let mut world = World::new(up());
    world.policy.idle_after = hours(1);
    world.policy.projects.values_mut().for_each(|project| project.idle_path = Some("/idle".into()));
    world.settle();
    let mut world = of_an_older_release(world);
    world.ec2 = false;
    world.advance(seconds(2 * 3600));
    let asked = world.use_looks.borrow().len();
    assert_eq!(world.planned_from_a_glance().next, Next::Settled);
    world.reconcile();
    assert_eq!(world.use_looks.borrow().len(), asked);
    world.ec2 = true;
    assert!(matches!(world.planned_from_a_glance().next, Next::Look(Look::Idle { .. })), "it is asked again then");
}

#[test]
fn the_end_of_its_time_needs_nothing_but_the_record_and_the_service() {
    let mut world = World::ready();
    world.advance(seconds(49 * 3600));
    // Only the service was looked at; every other source hangs.
    let service = world.cloud.service.clone();
    let observed = Observed { service, tasks_pending: true, ..Observed::default() };
    assert!(matches!(world.plan(&observed).next, Next::Do(bivouac_planner::Action::Delete { .. })));
    let nothing = Observed::default();
    assert_eq!(world.plan(&nothing).next, Next::Look(Look::Service));
    assert_eq!(world.plan(&nothing).status.phase, Phase::Terminating);
}

#[test]
fn a_take_down_ends_without_the_registry_and_the_task_definitions() {
    for (registry, definitions) in [(false, true), (true, false), (false, false)] {
        let mut world = World::ready();
        world.pull_request = PullRequestState::Closed;
        (world.registry, world.definitions) = (registry, definitions);
        live(&mut world, 60);
        assert_eq!(world.phase(), Phase::Terminating, "what is left is waited for");
        assert_eq!(world.cloud.service, ServiceView::Absent, "nothing that costs is");
        live(&mut world, 120);
        assert_eq!(world.phase(), Phase::Terminated);
        assert!(world.reconcile().is_idle(), "a tombstone waits for nothing");
        // The tags go when the registry answers again.
        (world.registry, world.definitions) = (true, true);
        world.settle();
        assert!(!world.cloud.images.keys().any(|tag| tag.as_str() == "pr-7-ci"), "{registry} {definitions}");
    }
}

#[test]
fn an_image_is_looked_at_before_the_pull_request_and_by_nothing_that_goes() {
    let mut world = World::ready();
    let begin = Observed { image: bivouac_model::ImageView::NotAsked, ..Observed::default() };
    assert_eq!(world.plan(&begin).next, Next::Look(Look::Image));
    world.wish(|wish| wish.desired = Desired::Down);
    assert_eq!(world.plan(&begin).next, Next::Look(Look::Service));
}

#[test]
fn one_that_is_wanted_again_asks_once_for_task_definitions_that_cannot_be_listed() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    world.definitions = false;
    world.wish(|wish| wish.desired = Desired::Up);
    let reconciled = world.reconcile();
    assert!(reconciled.actions.is_empty(), "{reconciled:#?}");
    assert_eq!((world.phase(), world.reason()), (Phase::Pending, "TaskDefinitionsUnknown"));
    assert!(world.reconcile().is_idle(), "it is said once");
    world.definitions = true;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

//! What hurt people who use such systems, each a scenario that ends well here. The numbers are those of PAINS.

use bivouac_model::{Capacity, Desired, Phase, PullRequestState, StopCode};
use bivouac_planner::{Action, Next, WaitingOn};

use crate::cloud::App;
use crate::fixtures::{image, seconds, start, up};
use crate::world::{Fault, World};

#[test]
fn pain_1_closed_before_it_is_deployed_is_never_created() {
    let mut world = World::new(up());
    // The list of open pull requests still has it; the close came after.
    let listed = bivouac_model::Observed { service: bivouac_model::ServiceView::Absent, ..world.glance() };
    assert_eq!(world.plan(&listed).next, Next::Look(bivouac_planner::Look::PullRequest));
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert_eq!((world.phase(), world.cloud.created), (Phase::Terminated, 0));
}

#[test]
fn pain_2_a_close_that_nobody_told_of_is_found() {
    let mut world = World::ready();
    world.pull_request = PullRequestState::Closed;
    assert!(!world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "the next pass wakes it");
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "PullRequestClosed"));
}

#[test]
fn pain_3_a_tombstone_only_after_the_service_is_seen_gone() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Down);
    for _ in 0..10 {
        world.reconcile_with(Some(Fault::Lost(0)));
        assert_eq!(world.phase(), Phase::Terminating, "a delete that fails is not a delete");
        world.advance(seconds(3));
    }
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
}

#[test]
fn pain_6_time_is_over_to_the_second() {
    let mut world = World::ready();
    // Whoever is told before is told to the second, too, which other tests are about.
    world.policy.expiry_notice = std::time::Duration::ZERO;
    let expires_at = world.status().expires_at;
    assert_eq!(world.reconcile().plan.requeue_after, Some((expires_at - world.now).to_std().unwrap()));
    world.now = expires_at - seconds(1);
    assert!(world.reconcile().actions.is_empty());
    world.now = expires_at;
    assert!(matches!(world.reconcile().actions[..], [Action::Delete { .. }]));
}

#[test]
fn pain_8_draining_is_a_wait_and_no_error() {
    let mut world = World::ready();
    world.cloud.delete();
    let waits = world.reconcile();
    assert_eq!((waits.plan.next, world.phase()), (Next::Wait(WaitingOn::Draining), Phase::Provisioning));
    world.settle();
    assert_eq!((world.phase(), world.cloud.collisions), (Phase::Ready, 0));
}

#[test]
fn pain_9_another_address_is_told_by_an_edit() {
    let mut world = World::ready();
    let (url, edits) = (world.status().url.clone(), world.edits);
    world.cloud.stop_tasks(StopCode::TerminationNotice, "ECS is performing maintenance.");
    world.settle();
    assert_ne!(world.status().url, url);
    assert_eq!(world.comment.as_ref().unwrap().url, world.status().url);
    assert!(world.edits > edits);
}

#[test]
fn pain_10_11_a_comment_is_not_touched_when_it_says_the_same() {
    let mut world = World::ready();
    let edits = world.edits;
    for _ in 0..100 {
        world.advance(seconds(30));
        assert!(world.reconcile().is_idle());
    }
    assert_eq!(world.edits, edits, "cost and time alone are no news");
    // A status that is lost does not lose the comment: the forge finds it by its marker, and it says the same again.
    world.record.status = None;
    world.settle();
    assert_eq!(world.comment.as_ref().unwrap().phase, Phase::Ready);
}

#[test]
fn pain_12_a_cause_that_comes_with_other_ids_is_no_change() {
    let mut world = World::new(up());
    world.reconcile();
    let mut writes = 0;
    for id in 0..5 {
        world.cloud.tasks.clear();
        world.advance(seconds(3));
        let why = format!("CannotPullContainerError: 403 Forbidden, request id: {id:032x}");
        world.cloud.stop_tasks(StopCode::TaskFailedToStart, &why);
        writes += usize::from(world.reconcile().wrote);
    }
    assert_eq!(writes, 1, "{}", world.status().message);
}

#[test]
fn pain_13_an_image_that_is_not_there_yet_is_waited_for() {
    let mut world = World::new(up());
    let pushed = std::mem::take(&mut world.cloud.images);
    let waits = world.settle();
    assert_eq!((waits.plan.next, world.phase()), (Next::Wait(WaitingOn::Image), Phase::WaitingForImage));
    assert!(world.status().message.contains("superset-ci:pr-7-ci"));
    world.cloud.images = pushed;
    assert!(!world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "a pass sees it pushed");
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn pain_16_a_quota_is_told_as_a_quota() {
    let mut world = World::new(up());
    world.reconcile();
    let message = "(service pr-7-service) was unable to place a task. Reason: You've reached the limit on the number \
                   of vCPUs you can run concurrently.";
    let event = bivouac_model::ServiceEvent { at: Some(world.now), message: message.into() };
    world.cloud.active_mut().unwrap().events = vec![event];
    world.reconcile();
    assert_eq!(world.reason(), "QuotaExceeded");
    assert!(world.status().message.contains("quota"));
}

#[test]
fn pain_17_spot_falls_back_after_its_deadline_and_says_so() {
    let mut world = World::new(up());
    world.cloud.spot = false;
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert_eq!(world.cloud.active().unwrap().capacity, Some(Capacity::OnDemand));
    let status = world.status();
    let condition = status.machinery.conditions.iter().find(|condition| condition.kind == "SpotCapacity").unwrap();
    assert_eq!(condition.reason, "SpotUnavailable");
    assert!(condition.last_transition_at - start() >= seconds(60), "not at the first word of it");
    assert_eq!(status.machinery.capacity, Some(Capacity::OnDemand));
}

#[test]
fn pain_18_a_crash_loop_is_counted_and_stopped() {
    let mut world = World::new(up());
    world.cloud.app = App::Crashes;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ApplicationExited"));
    assert!(world.status().message.contains("started 3 times"), "{}", world.status().message);
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
    let tasks = world.cloud.tasks.len();
    world.settle();
    assert_eq!(world.cloud.tasks.len(), tasks, "and nothing is started any more");
}

#[test]
fn pain_21_nothing_is_ready_before_it_answers() {
    let mut world = World::new(up());
    world.cloud.app = App::Sick;
    for _ in 0..20 {
        world.reconcile();
        assert_ne!(world.phase(), Phase::Ready);
        assert!(world.comment.as_ref().is_none_or(|view| view.url.is_none()));
        world.advance(seconds(3));
    }
}

#[test]
fn pain_23_out_of_memory_is_told_as_such() {
    let mut world = World::new(up());
    world.cloud.app = App::OutOfMemory;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "OutOfMemory"));
    assert!(world.status().message.contains("ran out of memory"), "{}", world.status().message);
}

#[test]
fn pain_24_a_revision_with_the_same_content_is_used_again() {
    let mut world = World::ready();
    for digest in [2, 1, 2, 1] {
        world.cloud.images.insert("pr-7-ci".parse().unwrap(), image(digest));
        world.settle();
    }
    assert_eq!((world.phase(), world.cloud.revisions.len()), (Phase::Ready, 2));
}

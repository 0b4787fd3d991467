//! A life, phase by phase.

use bivouac_model::{
    Capacity, Condition, ConditionStatus, Desired, DesiredState, ImageTag, Phase, PullRequestState, Rollout,
    ServiceView, StopCode, Usd,
};
use bivouac_planner::{Action, COMMENT_POSTED, CapacityPolicy, Next, Setback, WaitingOn, is_comment_refused, set_back};

use crate::cloud::App;
use crate::fixtures::{image, seconds, up};
use crate::world::{Fault, World};

fn tag() -> ImageTag {
    "pr-7-ci".parse().unwrap()
}

#[test]
fn a_record_becomes_ready_and_goes_again() {
    let mut world = World::new(up());
    let first = world.reconcile();
    assert!(matches!(first.actions[..], [Action::Register(_), Action::Create { .. }]), "{:?}", first.actions);
    assert_eq!(first.plan.next, Next::Wait(WaitingOn::TaskStart));
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Ready, "Answering"));
    let view = world.comment.clone().unwrap();
    assert_eq!((view.phase, view.url.as_deref()), (Phase::Ready, world.status().url.as_deref()));

    world.wish(|wish| wish.desired = Desired::Down);
    let deleted = world.reconcile();
    assert!(matches!(deleted.actions[..], [Action::Delete { .. }]));
    assert_eq!((world.phase(), &deleted.plan.next), (Phase::Terminating, &Next::Wait(WaitingOn::Draining)));
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "DownRequested"));
    assert!(world.cloud.revisions.is_empty() && world.status().purge_at.is_some());
    assert!(world.cloud.images.contains_key(&tag()), "the pull request is open, so its image stays");
    assert_eq!(world.comment.unwrap().phase, Phase::Terminated);
}

#[test]
fn a_tombstone_does_not_wait_for_the_last_word_which_is_owed_from_then_on() {
    let mut world = World::ready();
    world.forge = false;
    world.wish(|wish| wish.desired = Desired::Down);
    let plan = world.settle().plan;
    assert_eq!(world.cloud.service, ServiceView::Absent, "a forge that is down holds no AWS work up");
    assert_eq!((world.phase(), plan.next), (Phase::Terminated, Next::Settled));
    let ended_at = world.now;
    let bill = world.status().cost_usd;
    assert_eq!((world.status().hourly_cost_usd, &world.status().machinery.place), (Usd::ZERO, &None));
    // Weeks later it is still owed, and the bill is what it was.
    for _ in 0..20 {
        world.advance(seconds(86_400));
        let owed = world.planned_from_a_glance().comment.expect("each scan finds what is not said yet");
        assert_eq!((owed.phase, owed.cost), (Phase::Terminated, bill));
    }
    assert!(world.status().updated_at <= ended_at, "it was written once");
    world.forge = true;
    world.reconcile();
    assert_eq!(world.comment.as_ref().unwrap().phase, Phase::Terminated);
    assert!(world.planned_from_a_glance().comment.is_none());
}

#[test]
fn what_was_refused_is_owed_whatever_the_record_remembers() {
    let mut world = World::ready();
    let refuse = |world: &mut World| {
        let now = world.now;
        let status = world.record.status.as_mut().unwrap();
        status.machinery.conditions.push(Condition {
            kind: COMMENT_POSTED.into(),
            status: ConditionStatus::False,
            reason: "Denied".into(),
            message: String::new(),
            last_transition_at: now,
        });
    };
    // An earlier release remembered what was refused as said.
    refuse(&mut world);
    world.forge = false;
    let owed = world.planned_from_a_glance().comment.expect("the record is not believed");
    assert_eq!(owed.phase, Phase::Ready);
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!(world.planned_from_a_glance().comment.map(|view| view.phase), Some(Phase::Terminated));
    assert!(is_comment_refused(world.status()));
    // Of an environment that never had a comment there is nothing to say when it is gone.
    world.record.status.as_mut().unwrap().machinery.comment.as_mut().unwrap().id = None;
    world.reconcile();
    assert!(!is_comment_refused(world.status()) && world.planned_from_a_glance().comment.is_none());
}

#[test]
fn an_item_put_whole_with_down_over_a_running_environment_leaves_no_comment_that_lies() {
    let mut world = World::ready();
    let edits = world.edits;
    // `put-item` takes the status along, and with it the id of the comment.
    world.record.status = None;
    world.wish(|wish| wish.desired = Desired::Down);
    world.reconcile();
    assert_eq!(world.comment.as_ref().unwrap().phase, Phase::Terminating);
    world.settle();
    assert_eq!((world.phase(), world.comment.as_ref().unwrap().phase), (Phase::Terminated, Phase::Terminated));
    assert!((2..=3).contains(&(world.edits - edits)), "{} edits", world.edits - edits);
    assert!(world.planned_from_a_glance().comment.is_none());

    // A tombstone that is put whole says it again, to a comment that says so already.
    world.record.status = None;
    world.settle();
    assert_eq!(world.comment.as_ref().unwrap().phase, Phase::Terminated);
    assert!(world.planned_from_a_glance().comment.is_none());
}

#[test]
fn a_down_where_nothing_was_writes_no_comment_and_looks_for_one_once() {
    let mut world = World::new(DesiredState { desired: Desired::Down, ..up() });
    world.settle();
    assert_eq!((world.phase(), world.comment.is_none(), world.edits), (Phase::Terminated, true, 0));
    assert_eq!(world.searches, 1);
    assert!(world.planned_from_a_glance().comment.is_none());
    // It is made when there is something to say.
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.comment.as_ref().unwrap().phase, Phase::Ready);
}

#[test]
fn a_sleeper_keeps_its_service_and_wakes_without_being_blamed_for_its_age() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    assert_eq!(world.phase(), Phase::Asleep);
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
    assert_eq!((world.status().hourly_cost_usd, &world.status().url), (bivouac_model::Usd::ZERO, &None));
    // The deployment is hours old by now, far past every deadline.
    world.advance(seconds(20_000));
    world.wish(|wish| wish.desired = Desired::Up);
    world.reconcile();
    assert_eq!(world.phase(), Phase::Provisioning);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert_eq!(world.cloud.active().unwrap().capacity, Some(Capacity::Spot), "and not moved to dearer capacity");
}

#[test]
fn a_tag_that_moves_under_a_sleeper_rolls_when_it_wakes() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    world.cloud.images.insert(tag(), image(5));
    let asleep = world.settle();
    assert!(asleep.is_idle() && world.cloud.revisions.len() == 1, "nothing is registered while it sleeps");
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.status().machinery.image_digest, Some(image(5).digest));
}

#[test]
fn a_wish_that_begins_asleep_makes_a_service_without_a_task() {
    let mut world = World::new(bivouac_model::DesiredState { desired: Desired::Asleep, ..up() });
    world.settle();
    assert_eq!(world.phase(), Phase::Asleep);
    assert!(world.cloud.active().is_some() && world.cloud.tasks.is_empty());
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn a_new_version_is_no_loss_of_the_old_one() {
    let mut world = World::ready();
    let url = world.status().url.clone();
    world.cloud.images.insert(tag(), image(3));
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Provisioning, "TaskStarting"));
    assert_eq!(world.status().url, url, "the one before answers until the new one does");
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert_ne!(world.status().url, url);
    assert_eq!(world.status().machinery.image_digest, Some(image(3).digest));
}

#[test]
fn there_and_back_again_with_a_crash_between_any_two_steps() {
    for at in 0..4 {
        for fault in [Fault::Lost(at), Fault::AnswerLost(at), Fault::CrashBefore(at), Fault::CrashAfter(at)] {
            let mut world = World::ready();
            let before = world.cloud.active().unwrap().task_definition.clone();
            world.wish(|wish| drop(wish.flags.insert("X".into(), "b".into())));
            world.reconcile_with(Some(fault));
            world.wish(|wish| wish.flags.clear());
            world.settle();
            let service = world.cloud.active().unwrap();
            assert_eq!((world.phase(), &service.task_definition), (Phase::Ready, &before), "{fault:?}");
            assert!(world.cloud.live_tasks().iter().all(|task| task.task_definition == before), "{fault:?}");
            assert_eq!(world.cloud.created, 1);
        }
    }
}

#[test]
fn a_restart_replaces_the_task_once() {
    let mut world = World::ready();
    let old = world.cloud.live_tasks()[0].id.clone();
    world.wish(|wish| wish.restarted_at = Some("2027-01-15T09:00:00Z".into()));
    world.settle();
    let new = world.cloud.live_tasks();
    assert!(new.len() == 1 && new[0].id != old);
    assert!(world.settle().is_idle() && world.cloud.live_tasks() == new);
}

#[test]
fn down_and_up_again_while_it_drains_is_one_service_after_the_other() {
    let mut world = World::ready();
    world.wish(|wish| wish.desired = Desired::Down);
    world.reconcile();
    world.advance(seconds(3600));
    world.wish(|wish| wish.desired = Desired::Up);
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Provisioning, "ServiceDraining"));
    world.settle();
    assert_eq!((world.phase(), world.cloud.created, world.cloud.collisions), (Phase::Ready, 2, 0));
    let began = world.status().machinery.first_seen_at.unwrap();
    assert!(began >= crate::fixtures::start() + seconds(3600), "a new wish has a lifetime of its own");
}

#[test]
fn a_failed_wish_is_stopped_once_and_tried_again_when_it_changes() {
    let mut world = World::new(up());
    world.cloud.app = App::CannotPull;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ImagePullFailed"));
    let service = world.cloud.active().unwrap();
    assert_eq!((service.desired_count, service.deployments[0].rollout), (0, Rollout::Failed));
    assert_eq!(world.status().hourly_cost_usd, bivouac_model::Usd::ZERO);
    world.cloud.app = App::Well;
    assert!(world.settle().is_idle(), "not tried again while nothing changes");
    // The same wish written again is a wish to try again; the deployment that was given up would start nothing.
    world.wish(|wish| wish.generation = Some(1));
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert_eq!(world.status().machinery.failed_spec, None);
}

#[test]
fn a_failed_wish_that_sleeps_and_wakes_is_tried_again() {
    let mut world = World::new(up());
    world.cloud.app = App::Crashes;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ApplicationExited"));
    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    assert_eq!(world.phase(), Phase::Asleep);
    world.cloud.app = App::Well;
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn an_application_that_never_answers_is_stopped() {
    let mut world = World::new(up());
    world.cloud.app = App::Sick;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "HealthCheckFailed"));
    assert!(world.status().message.contains("status 503"), "{}", world.status().message);
}

#[test]
fn an_image_that_is_removed_hides_nothing() {
    let mut world = World::ready();
    world.cloud.images.clear();
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
    assert!(world.status().message.contains("left as it is"), "{}", world.status().message);
    assert_eq!(world.reconcile().plan.next, Next::Wait(WaitingOn::Image));
    world.cloud.stop_tasks(StopCode::SpotInterruption, "Your Spot Task was interrupted.");
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Degraded, "SpotInterrupted"));
    assert_eq!(world.status().url, None, "what is gone is not announced");
    world.cloud.images.insert(tag(), image(1));
    world.settle();
    assert_eq!((world.phase(), world.status().message.as_str()), (Phase::Ready, ""));
}

#[test]
fn a_service_of_another_version_is_stamped_and_not_rolled() {
    for generation in [None, Some(1)] {
        let mut world = World::new(bivouac_model::DesiredState { generation, ..up() });
        world.settle();
        let task = world.cloud.live_tasks();
        let service = world.cloud.active_mut().unwrap();
        service.hash_version = Some("0".into());
        service.spec = Some(bivouac_model::ContentHash::from_stored("another hash"));
        world.record.status.as_mut().unwrap().machinery.spec = service.spec.clone();
        let stamped = world.settle();
        assert!(stamped.is_idle() && world.cloud.live_tasks() == task, "{generation:?}");
        let service = world.cloud.active().unwrap();
        assert_eq!(service.hash_version.as_deref(), Some(bivouac_model::HASH_VERSION));
        assert_eq!(service.spec, world.status().machinery.spec);
        assert_eq!(world.phase(), Phase::Ready);
    }
}

#[test]
fn a_protected_service_is_not_deleted_and_nobody_forgets_why_it_should_be() {
    let mut world = World::ready();
    world.cloud.active_mut().unwrap().protected = true;
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "Protected"));
    world.forge = false;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminating, "Protected"), "closed stays closed");
    world.cloud.active_mut().unwrap().protected = false;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "PullRequestClosed"));
}

#[test]
fn a_service_of_somebody_else_is_left_alone() {
    let mut world = World::ready();
    world.cloud.active_mut().unwrap().managed_by = Some("another".into());
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ServiceNameTaken"));
    assert_eq!(world.status().url, None);
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated, "nothing of ours runs");
    assert!(world.cloud.active().is_some() && !world.cloud.revisions.is_empty());
}

#[test]
fn a_reopened_pull_request_has_its_environment_again() {
    let mut world = World::ready();
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert_eq!(world.phase(), Phase::Terminated);
    world.pull_request = PullRequestState::Open;
    world.settle();
    assert_eq!(world.phase(), Phase::WaitingForImage, "its tag went with it");
    world.cloud.images.insert(tag(), image(4));
    world.settle();
    assert_eq!((world.phase(), world.status().purge_at), (Phase::Ready, None));
}

#[test]
fn a_step_that_is_refused_is_said_once_and_changes_nothing_when_refused_again() {
    let mut world = World::new(up());
    let refuse = |world: &mut World| {
        let observed = bivouac_model::Observed {
            service: ServiceView::Absent,
            task_definitions: Some(Vec::new()),
            pull_request_is_fresh: true,
            ..world.glance()
        };
        let mut observed = observed;
        let planned = world.plan_until_it_acts(&mut observed);
        assert!(matches!(planned.next, Next::Do(_)));
        let setback = Setback::Denied("User: x is not authorized to perform: ecs:RegisterTaskDefinition".into());
        set_back(&world.record, &observed, &world.policy, world.clock(), planned, &setback)
    };
    let first = refuse(&mut world);
    assert_eq!((first.status.phase, &*first.status.reason), (Phase::Pending, "Denied"), "no fault of this environment");
    assert_eq!(first.status.machinery.place, None, "what AWS refused holds no place");
    assert!(first.requeue_after.is_some());
    assert_eq!(first.status.hourly_cost_usd, bivouac_model::Usd::ZERO, "what was not made costs nothing");
    world.record.status = Some(first.status);
    world.now += seconds(20);
    assert!(!refuse(&mut world).changes(world.record.status.as_ref()));
}

#[test]
fn without_spot_in_the_policy_nothing_falls_back() {
    let mut world = World::new(up());
    world.policy.capacity = CapacityPolicy::Spot;
    world.cloud.spot = false;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "CapacityUnavailable"));
}

#[test]
fn a_failure_is_recorded_first_and_then_stopped_at_once() {
    let mut world = World::new(up());
    world.cloud.app = App::Crashes;
    let failed = loop {
        let reconciled = world.reconcile();
        if world.phase() == Phase::Failed {
            break reconciled;
        }
        world.advance(seconds(3));
    };
    assert!(failed.actions.is_empty(), "nothing is stopped that nobody would remember the failure of");
    assert_eq!(failed.plan.next, Next::Wait(WaitingOn::TaskStop));
    assert_eq!(failed.plan.requeue_after, Some(world.policy.deadlines.soon));
    assert!(matches!(world.reconcile().actions[..], [Action::Update { .. }]));
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_deadlines() {
    let mut world = World::ready();
    world.forge = false;
    world.skew = seconds(7200);
    world.wish(|wish| wish.desired = Desired::Down);
    world.reconcile();
    world.skew = seconds(0);
    let set_back = world.now;
    while world.phase() != Phase::Terminated {
        world.reconcile();
        world.advance(seconds(3));
        assert!(world.now - set_back < seconds(600), "it waits for a time that was");
    }
}

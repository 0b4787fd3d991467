//! What was approved is what runs.

use std::collections::BTreeSet;

use bivouac_model::{
    ConditionStatus, Desired, HeadChange, Image, ImageTag, Phase, PullRequestState, PushesView, ServiceView,
};
use bivouac_planner::{ImageCommit, Look, Next, Pattern, WaitingOn};
use proptest::prelude::*;

use crate::fixtures::{commit, image, seconds, up};
use crate::world::{Fault, World};

fn tag() -> ImageTag {
    "pr-7-ci".parse().unwrap()
}

/// A pull request of a fork whose record was bound to commit 0, which is at the head, ten minutes ago; without an image.
fn bound(rule: ImageCommit) -> World {
    let mut world = World::new(up());
    world.is_from_fork = true;
    world.policy.projects.values_mut().for_each(|project| project.image_commit = rule);
    world.cloud.images.clear();
    let now = world.now;
    world.wish(|wish| {
        wish.head_sha = Some(commit(0));
        wish.requested_at = Some(now);
    });
    world.advance(seconds(600));
    world
}

/// The continuous integration pushes the image of a commit under the pull request's tag.
fn push_image(world: &mut World, number: u8) {
    world.advance(seconds(1));
    let pushed = Image { pushed_at: Some(world.now), ..image(number + 1) };
    world.labels.insert(pushed.digest.clone(), commit(number));
    world.cloud.images.insert(tag(), pushed);
}

/// A new command for the commit at the head.
fn approve(world: &mut World) {
    let (now, head) = (world.now, world.head.clone());
    world.wish(|wish| {
        wish.desired = Desired::Up;
        wish.head_sha = Some(head);
        wish.requested_at = Some(now);
    });
}

/// The commits whose images any task that is not stopped runs, or a service would start.
fn running(world: &World) -> BTreeSet<u8> {
    let tasks = world.cloud.live_tasks().into_iter().map(|task| task.task_definition);
    let services = world.cloud.active().map(|service| service.task_definition.clone());
    let pictures = tasks.chain(services).filter_map(|name| world.cloud.pictures.get(&name).cloned());
    let number = |picture: String| (0..40).find(|n| picture.ends_with(image(n + 1).digest.as_str()));
    pictures.filter_map(number).collect()
}

fn head_approved(world: &World) -> Option<(ConditionStatus, String)> {
    let mut conditions = world.status().machinery.conditions.iter();
    let condition = conditions.find(|condition| condition.kind == "HeadApproved")?;
    Some((condition.status, condition.reason.clone().into_owned()))
}

#[test]
fn an_image_that_is_pushed_while_its_commit_is_the_head_runs() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label, ImageCommit::Unchecked] {
        let mut world = bound(rule);
        world.settle();
        assert_eq!((world.phase(), world.reason()), (Phase::WaitingForImage, "ImageNotFound"));
        push_image(&mut world, 0);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "{rule:?}");
        assert_eq!(head_approved(&world), None);
    }
}

#[test]
fn an_image_that_was_there_when_somebody_asked_runs() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.advance(seconds(60));
    approve(&mut world);
    // Whether the commit was the head then, only the forge can say.
    world.forge = false;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::WaitingForImage, "ForgeUnavailable"));
    world.forge = true;
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
}

#[test]
fn a_tag_that_moves_after_the_head_did_is_not_followed_before_it_is_approved() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut world = bound(rule);
        push_image(&mut world, 0);
        world.settle();
        world.head = commit(1);
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "{rule:?}");
        assert_eq!(head_approved(&world), Some((ConditionStatus::False, "NewerCommit".into())));
        assert!(world.status().message.contains("needs a new `/testenv up`"), "{}", world.status().message);
        let said = world.comment.clone().unwrap();
        assert_eq!((said.head_sha, said.newer_commit), (Some(commit(0)), Some(commit(1))));
        assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "at rest, at a glance");
        let looks = world.label_looks.get();
        (0..5).for_each(|_| drop(world.reconcile()));
        assert_eq!(world.label_looks.get(), looks, "an image is asked once");

        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()), "{rule:?}");
        assert_eq!((head_approved(&world), world.status().message.as_str()), (None, ""));
        assert_eq!(world.comment.clone().unwrap().newer_commit, None);
    }
}

#[test]
fn a_rebuilt_image_of_the_approved_commit_is_followed() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut world = bound(rule);
        push_image(&mut world, 0);
        world.settle();
        world.advance(seconds(5));
        let rebuilt = Image { pushed_at: Some(world.now), ..image(30) };
        world.labels.insert(rebuilt.digest.clone(), commit(0));
        world.cloud.images.insert(tag(), rebuilt);
        let glance = world.planned_from_a_glance().next;
        assert!(matches!(glance, Next::Look(Look::PullRequest | Look::Revision { .. })), "{glance:?}");
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [29].into()), "{rule:?}");
    }
}

#[test]
fn a_list_that_is_older_than_the_image_proves_nothing() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.settle();
    // Built so quickly that the last list knows nothing of the push.
    world.cloud.images.insert(tag(), Image { pushed_at: Some(world.now), ..image(2) });
    world.head = commit(1);
    world.reconcile();
    assert_eq!(running(&world), [0].into());
}

#[test]
fn a_list_that_is_older_than_the_approval_tells_of_no_newer_commit() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label, ImageCommit::Unchecked] {
        let mut world = bound(rule);
        push_image(&mut world, 0);
        world.settle();
        // Pushed and approved between two lists, as by a bot that rolls a trusted push forward.
        world.head = commit(1);
        approve(&mut world);
        world.reconcile();
        assert_eq!(head_approved(&world), None, "{rule:?}");
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()), "{rule:?}");
        assert_eq!(world.status().message, "");
    }
}

#[test]
fn a_head_that_came_back_needs_a_new_command() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.settle();
    world.head = commit(1);
    world.advance(seconds(30));
    world.reconcile();
    world.head = commit(0);
    push_image(&mut world, 1);
    world.settle();
    assert_eq!((running(&world), head_approved(&world)), ([0].into(), None));
    assert_eq!(world.phase(), Phase::Ready);
    push_image(&mut world, 0);
    approve(&mut world);
    world.settle();
    assert_eq!(running(&world), [0].into());
    assert_eq!(world.status().message, "");
}

/// Pushes a commit, and a second passes.
fn push(world: &mut World, number: u8) {
    world.advance(seconds(1));
    world.head = commit(number);
    world.advance(seconds(1));
}

/// The rules that hold forks, and branches to which more people push than may start environments.
fn checked() -> [World; 2] {
    let fork = bound(ImageCommit::PushTime);
    let mut own = bound(ImageCommit::PushTime);
    (own.is_from_fork, own.policy.checks_own_branches) = (false, true);
    [fork, own]
}

/// Nothing runs, and nothing that was said makes another image run.
fn assert_held(world: &World) {
    assert_eq!((world.phase(), running(world)), (Phase::WaitingForImage, BTreeSet::new()));
    let message = &world.status().message;
    assert!(message.contains("`image_commit = \"label\"` or a tag with `{sha}`"), "{message}");
    assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "at rest, at a glance");
}

#[test]
fn an_older_commit_that_is_named_does_not_run_the_image_of_a_newer_one() {
    for own in [false, true] {
        let mut world = bound(ImageCommit::PushTime);
        world.is_from_fork = !own;
        push_image(&mut world, 0);
        push(&mut world, 1);
        push_image(&mut world, 1);
        world.advance(seconds(60));
        // The command names commit 0. It is bound while commit 1 is the head.
        let now = world.now;
        world.wish(|wish| wish.requested_at = Some(now));
        world.settle();
        assert_held(&world);
        let message = world.status().message.clone();
        assert!(message.contains("c001c00, which needs a new `/testenv up`"), "{message}");
        assert!(!message.contains("since c000c00 was approved"), "{message}");
        // The command that the message offers runs what it names.
        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()));
    }
}

#[test]
fn an_image_that_is_pushed_while_another_commit_is_the_head_does_not_run_when_the_commit_is_back() {
    for mut world in checked() {
        // There and back before anybody asks, and nobody looks meanwhile.
        push(&mut world, 1);
        push_image(&mut world, 1);
        push(&mut world, 0);
        approve(&mut world);
        world.settle();
        assert_held(&world);
        assert!(!world.status().message.contains("/testenv"), "{}", world.status().message);
        // Another command of the same commit changes nothing, and neither does a late image of the other.
        world.advance(seconds(60));
        push_image(&mut world, 1);
        approve(&mut world);
        world.settle();
        assert_held(&world);
        // The message says that a new commit helps.
        push(&mut world, 2);
        push_image(&mut world, 2);
        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [2].into()));
    }
}

#[test]
fn a_head_that_came_and_went_between_two_looks_is_known_from_the_list_of_pushes() {
    for mut world in checked() {
        push_image(&mut world, 0);
        world.settle();
        push(&mut world, 1);
        push(&mut world, 0);
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
        let message = world.status().message.clone();
        assert!(message.contains("Push a new commit") && !message.contains("/testenv"), "{message}");
        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
        // Not even if the record has lost all that was known.
        world.record.status = None;
        world.cloud.delete();
        world.settle();
        assert_eq!(running(&world), BTreeSet::new());
    }
}

#[test]
fn an_image_of_an_older_commit_that_was_there_first_waits_for_the_one_of_the_head() {
    for mut world in checked() {
        push_image(&mut world, 0);
        push(&mut world, 1);
        world.advance(seconds(60));
        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), world.reason()), (Phase::WaitingForImage, "ImageNotApproved"));
        assert!(world.status().message.contains("pushed while c001c00 is the newest"), "{}", world.status().message);
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()));
    }
}

#[test]
fn what_ran_before_it_was_taken_down_is_not_started_for_another_commit() {
    for mut world in checked() {
        push_image(&mut world, 0);
        world.settle();
        world.wish(|wish| wish.desired = Desired::Down);
        world.settle();
        push(&mut world, 1);
        approve(&mut world);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::WaitingForImage, BTreeSet::new()));
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()));
    }
}

#[test]
fn an_image_that_was_pushed_in_time_runs_however_late_it_is_looked_at() {
    for mut world in checked() {
        // The daemon is down until the commit is replaced.
        push_image(&mut world, 0);
        world.advance(seconds(3600));
        push(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
        let (created, looks) = (world.cloud.created, world.push_looks.get());
        (0..5).for_each(|_| drop(world.reconcile()));
        assert_eq!((world.cloud.created, world.push_looks.get()), (created, looks), "it is known");
    }
}

#[test]
fn a_fork_whose_pushes_are_not_shown_waits_and_the_message_says_what_to_do() {
    let mut world = bound(ImageCommit::PushTime);
    world.shows_pushes = false;
    push_image(&mut world, 0);
    (0..5).for_each(|_| drop(world.reconcile()));
    assert_held(&world);
    assert!(world.status().message.contains("Push a new commit"), "{}", world.status().message);
    assert_eq!(world.push_looks.get(), 1, "it is asked for now and then");
    world.shows_pushes = true;
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
    // Where only people push who may start environments nobody has to know.
    let mut own = bound(ImageCommit::PushTime);
    (own.is_from_fork, own.shows_pushes) = (false, false);
    push_image(&mut own, 0);
    own.settle();
    assert_eq!((own.phase(), running(&own), own.push_looks.get()), (Phase::Ready, [0].into(), 0));
}

#[test]
fn a_list_of_pushes_without_the_last_one_proves_nothing() {
    for mut world in checked() {
        push_image(&mut world, 0);
        let pushes = world.pushes.borrow().clone();
        let head = world.head.clone();
        let plan_with = |world: &World, head: &str, pushes: Vec<HeadChange>| {
            let mut observed = world.glance();
            observed.pull_request_is_fresh = true;
            (observed.head_sha, observed.pushes) = (Some(head.to_owned()), Some(PushesView::Listed(pushes)));
            world.plan(&observed)
        };
        let behind = plan_with(&world, &commit(1), pushes.clone());
        assert_eq!(behind.next, Next::Wait(WaitingOn::Forge));
        let other = HeadChange { before: commit(0), after: commit(1), at: world.now };
        let ahead = plan_with(&world, &head, pushes.iter().cloned().chain([other]).rev().collect());
        assert!(matches!(ahead.next, Next::Wait(_) | Next::Look(Look::Service)), "{:?}", ahead.next);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
    }
}

#[test]
fn what_is_known_of_a_commit_outlives_the_list() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.settle();
    push(&mut world, 1);
    push_image(&mut world, 1);
    world.settle();
    // A hundred pushes later the list begins where the commit is back.
    for number in 2..103 {
        push(&mut world, number);
    }
    push(&mut world, 0);
    world.pushes.borrow_mut().retain(|push| push.after == commit(0) && push.before != "0".repeat(40));
    world.pushes.borrow_mut()[0].before = commit(200);
    push_image(&mut world, 1);
    world.cloud.images.insert(tag(), Image { pushed_at: Some(world.now), ..image(9) });
    approve(&mut world);
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
}

#[test]
fn an_image_that_is_proven_waits_for_room_without_the_forge() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.policy.caps.max_environments = 0;
    world.settle();
    assert_eq!((world.phase(), world.push_looks.get()), (Phase::Queued, 1), "asked once");
    world.forge = false;
    world.policy.caps.max_environments = 5;
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
    assert_eq!(world.status().machinery.commit.as_ref().unwrap().proven, None, "what runs is known");
}

#[test]
fn without_the_forge_nothing_new_is_deployed_by_push_time() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.forge = false;
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::WaitingForImage, "ForgeUnavailable"));
    assert!(running(&world).is_empty());
    world.forge = true;
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
}

#[test]
fn an_image_without_a_label_fails_with_a_word_on_what_to_do() {
    let mut world = bound(ImageCommit::Label);
    push_image(&mut world, 0);
    world.labels.clear();
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Failed, "ImageUnlabelled"));
    assert!(world.status().message.contains("org.opencontainers.image.revision"));
    assert_eq!(world.cloud.created, 0);
    push_image(&mut world, 0);
    world.cloud.images.insert(tag(), Image { pushed_at: Some(world.now), ..image(9) });
    world.labels.insert(image(9).digest, commit(0).to_uppercase());
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn an_image_of_an_older_commit_is_waited_out() {
    let mut world = bound(ImageCommit::Label);
    push_image(&mut world, 5);
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::WaitingForImage, "ImageNotApproved"));
    push_image(&mut world, 0);
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
}

#[test]
fn a_tag_that_names_the_commit_is_its_own_proof() {
    let mut world = bound(ImageCommit::Tag);
    let project = world.policy.projects.values_mut().next().unwrap();
    project.image_tag = Pattern::image_tag("pr-{pr}-{sha}").unwrap();
    assert_eq!(ImageCommit::default_for(&project.image_tag), ImageCommit::Tag);
    assert_eq!(ImageCommit::default_for(&Pattern::image_tag("pr-{pr}").unwrap()), ImageCommit::PushTime);
    let of = |number| -> ImageTag { format!("pr-7-{}", commit(number)).parse().unwrap() };
    world.cloud.images.insert(of(0), image(1));
    world.cloud.images.insert(of(1), image(2));
    world.settle();
    world.head = commit(1);
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));
    assert_eq!(head_approved(&world), Some((ConditionStatus::False, "NewerCommit".into())));
    approve(&mut world);
    world.settle();
    assert_eq!((running(&world), head_approved(&world)), ([1].into(), None));
    // A client that writes a tag of its own vouches for the image that is there.
    let now = world.now;
    world.cloud.images.insert("nightly".parse().unwrap(), Image { pushed_at: Some(now - seconds(3600)), ..image(8) });
    world.wish(|wish| {
        wish.image_tag = Some("nightly".parse().unwrap());
        wish.requested_at = Some(now);
    });
    world.settle();
    assert_eq!(running(&world), [7].into());
}

#[test]
fn a_tag_that_a_client_named_is_no_proof_once_it_moves() {
    let mut world = bound(ImageCommit::Tag);
    let project = world.policy.projects.values_mut().next().unwrap();
    project.image_tag = Pattern::image_tag("pr-{pr}-{sha}").unwrap();
    let nightly: ImageTag = "nightly".parse().unwrap();
    let pushed = |world: &World, number| Image { pushed_at: Some(world.now), ..image(number) };
    world.wish(|wish| wish.image_tag = Some("nightly".parse().unwrap()));
    let first = pushed(&world, 1);
    world.cloud.images.insert(nightly.clone(), first);
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()));

    world.head = commit(1);
    world.advance(seconds(60));
    let second = pushed(&world, 2);
    world.cloud.images.insert(nightly, second);
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "nobody approved what it names now");
    assert!(world.status().message.contains("needs a new `/testenv up`"), "{}", world.status().message);
    approve(&mut world);
    world.settle();
    assert_eq!(running(&world), [1].into());

    // The tag that the pattern makes of the commit is a proof, also where a client writes it.
    let own: ImageTag = format!("pr-7-{}", commit(1)).parse().unwrap();
    world.wish(|wish| wish.image_tag = Some(own.clone()));
    world.head = commit(2);
    world.advance(seconds(60));
    let third = pushed(&world, 3);
    world.cloud.images.insert(own, third);
    world.settle();
    assert_eq!(running(&world), [2].into());
}

#[test]
fn a_client_whose_clock_is_ahead_approves_no_image_that_came_after_it_asked() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.settle();
    // The same commit is asked for again, four minutes ahead.
    let ahead = world.now + seconds(240);
    world.wish(|wish| wish.requested_at = Some(ahead));
    world.settle();
    world.advance(seconds(30));
    world.head = commit(1);
    push_image(&mut world, 1);
    world.settle();
    assert_eq!(running(&world), [0].into());
    // It went back, and the time that was asked for comes.
    world.head = commit(0);
    world.settle();
    world.advance(seconds(600));
    world.settle();
    assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "{:#?}", world.status().machinery.commit);
    // What was there when it asked is approved all the same.
    push_image(&mut world, 0);
    let ahead = world.now + seconds(240);
    world.wish(|wish| wish.requested_at = Some(ahead));
    world.settle();
    assert_eq!((world.status().message.as_str(), running(&world)), ("", [0].into()));
}

#[test]
fn what_runs_unchecked_is_left_as_it_is_by_the_new_default_and_its_next_image_waits() {
    for asleep in [false, true] {
        let mut world = bound(ImageCommit::Unchecked);
        push_image(&mut world, 0);
        world.settle();
        world.head = commit(1);
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()), "followed without an approval");
        if asleep {
            world.wish(|wish| wish.desired = Desired::Asleep);
            world.settle();
            push_image(&mut world, 2);
        }

        world.policy.projects.values_mut().for_each(|project| project.image_commit = ImageCommit::PushTime);
        let (created, expires) = (world.cloud.created, world.status().expires_at);
        let upgraded = world.settle();
        assert!(upgraded.actions.is_empty(), "{:?}", upgraded.actions);
        if asleep {
            world.wish(|wish| wish.desired = Desired::Up);
            world.settle();
        }
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()));
        assert_eq!((world.cloud.created, world.status().expires_at), (created, expires));

        push_image(&mut world, 2);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [1].into()));
        assert!(world.status().message.contains("needs a new `/testenv up`"), "{}", world.status().message);
        approve(&mut world);
        world.settle();
        assert_eq!(running(&world), [2].into());
    }
}

#[test]
fn a_restart_starts_what_was_approved_and_not_what_the_tag_names_now() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut world = bound(rule);
        push_image(&mut world, 0);
        world.settle();
        world.head = commit(1);
        push_image(&mut world, 1);
        world.settle();
        world.wish(|wish| wish.restarted_at = Some("again".into()));
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "{rule:?}");
    }
}

#[test]
fn a_record_without_a_commit_is_bound_to_none() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut world = bound(rule);
        world.wish(|wish| wish.head_sha = None);
        push_image(&mut world, 0);
        world.settle();
        world.head = commit(1);
        push_image(&mut world, 1);
        world.settle();
        assert_eq!((running(&world), head_approved(&world)), ([1].into(), None), "{rule:?}");
        assert_eq!(world.label_looks.get(), 0);
    }
}

#[test]
fn what_sleeps_is_not_looked_at_and_wakes_as_it_was_approved() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut world = bound(rule);
        push_image(&mut world, 0);
        world.settle();
        world.wish(|wish| wish.desired = Desired::Asleep);
        world.settle();
        world.head = commit(1);
        push_image(&mut world, 1);
        world.settle();
        assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "{rule:?}");
        world.wish(|wish| wish.desired = Desired::Up);
        world.settle();
        assert_eq!((world.phase(), running(&world)), (Phase::Ready, [0].into()), "{rule:?}");
    }
}

#[test]
fn what_is_taken_down_says_nothing_of_newer_commits() {
    let mut world = bound(ImageCommit::Unchecked);
    push_image(&mut world, 0);
    world.settle();
    world.head = commit(1);
    world.settle();
    assert!(head_approved(&world).is_some());
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!((world.phase(), head_approved(&world)), (Phase::Terminated, None));
    assert_eq!(world.comment.clone().unwrap().newer_commit, None);
}

/// What happens to a pull request and its environment.
#[derive(Clone, Debug)]
enum Event {
    Push,
    /// The branch goes back to an older commit.
    Back(u8),
    Build(u8),
    Up,
    Extend,
    Sleep,
    Down,
    Reconcile,
    Fail(Fault),
    Pass(i64),
    Forge(bool),
    Registry(bool),
    StatusLost,
    DeletedByHand,
}

fn event() -> impl Strategy<Value = Event> {
    let fault = (0..4usize, any::<bool>())
        .prop_map(|(at, after)| Event::Fail(if after { Fault::CrashAfter(at) } else { Fault::AnswerLost(at) }));
    prop_oneof![
        3 => Just(Event::Push),
        1 => (0..40u8).prop_map(Event::Back),
        // How many commits behind the head the built one is.
        4 => (0..3u8).prop_map(Event::Build),
        2 => Just(Event::Up),
        1 => Just(Event::Extend),
        1 => Just(Event::Sleep),
        1 => Just(Event::Down),
        6 => Just(Event::Reconcile),
        2 => fault,
        5 => (1..400i64).prop_map(Event::Pass),
        1 => any::<bool>().prop_map(Event::Forge),
        1 => any::<bool>().prop_map(Event::Registry),
        1 => Just(Event::StatusLost),
        1 => Just(Event::DeletedByHand),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_nobody_approved_never_runs(
        by_label in any::<bool>(),
        is_from_fork in any::<bool>(),
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let rule = if by_label { ImageCommit::Label } else { ImageCommit::PushTime };
        let mut world = bound(rule);
        world.is_from_fork = is_from_fork;
        let is_checked = is_from_fork || by_label;
        let (mut head, mut newest, mut came_back) = (0, 0, false);
        let mut approved = BTreeSet::from([0]);
        let (mut tagged, mut generation) = (None, 1);
        for event in events {
            match event {
                Event::Push => {
                    // The forge's times are whole seconds, and no commit is built within the second of its push.
                    world.advance(seconds(1));
                    newest += 1;
                    (head, came_back) = (newest, false);
                    world.head = commit(head);
                    world.list_push();
                }
                // People who may give commands do not trick themselves.
                Event::Back(_) if !is_checked => {}
                Event::Back(to) => {
                    world.advance(seconds(1));
                    head = to.min(newest);
                    came_back |= head != newest;
                    world.head = commit(head);
                    world.list_push();
                }
                Event::Build(behind) => {
                    // Of which commit an image is that comes late, only a label tells, or that its commit came back.
                    let newest = if by_label { head } else { newest };
                    let built = if by_label || came_back { newest.saturating_sub(behind) } else { head };
                    push_image(&mut world, built);
                    tagged = Some(built);
                }
                Event::Up => {
                    approve(&mut world);
                    approved.insert(head);
                    // On a branch of the repository itself what was there when somebody asked is what was asked for.
                    approved.extend(tagged.filter(|_| !is_checked));
                }
                Event::Extend => world.wish(|wish| wish.pinned = !wish.pinned),
                Event::Sleep => world.wish(|wish| wish.desired = Desired::Asleep),
                Event::Down => world.wish(|wish| wish.desired = Desired::Down),
                Event::Reconcile => drop(world.reconcile()),
                Event::Fail(fault) => drop(world.reconcile_with(Some(fault))),
                Event::Pass(time) => world.advance(seconds(time)),
                Event::Forge(answers) => world.forge = answers,
                Event::Registry(answers) => world.registry = answers,
                Event::StatusLost => world.record.status = None,
                Event::DeletedByHand => world.cloud.delete(),
            }
            generation += 1;
            world.wish(|wish| wish.generation = Some(generation));
            let runs = running(&world);
            prop_assert!(runs.is_subset(&approved), "{runs:?} runs and {approved:?} was approved: {:#?}", world.record);
        }
        world.settle();
        let runs = running(&world);
        prop_assert!(runs.is_subset(&approved), "{runs:?} runs and {approved:?} was approved: {:#?}", world.record);
        // And what is approved does run, once it is built.
        (world.forge, world.registry) = (true, true);
        world.advance(seconds(1));
        head = newest + 1;
        world.head = commit(head);
        world.list_push();
        approve(&mut world);
        world.wish(|wish| (wish.generation, wish.ttl) = (Some(generation + 1), None));
        // With a list that knows nothing of the push.
        world.reconcile();
        push_image(&mut world, head);
        world.settle();
        prop_assert_eq!((world.phase(), running(&world)), (Phase::Ready, [head].into()), "{:#?}", world.record);
        prop_assert!(world.reconcile().is_idle());
    }
}

#[test]
fn a_closed_pull_request_needs_no_head() {
    let mut world = bound(ImageCommit::PushTime);
    push_image(&mut world, 0);
    world.settle();
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert_eq!((world.phase(), &world.cloud.service), (Phase::Terminated, &ServiceView::Absent));
}

//! A command's comment is told once what became of the command.

use bivouac_model::{CommandOutcome, Desired, Phase, PullRequestState, Reacted};

use crate::cloud::App;
use crate::fixtures::{seconds, up};
use crate::world::World;

/// A command, by the comment of this id.
fn command(world: &mut World, comment: u64, desired: Desired) {
    world.wish(|wish| {
        wish.desired = desired;
        wish.request_url = Some(format!("https://github.com/apache/superset/pull/7#issuecomment-{comment}"));
        wish.generation = Some(wish.generation.unwrap_or_default() + 1);
    });
}

fn done(comment: u64) -> Reacted {
    Reacted { comment, outcome: CommandOutcome::Done }
}

fn failed(comment: u64) -> Reacted {
    Reacted { comment, outcome: CommandOutcome::Failed }
}

#[test]
fn every_command_is_told_when_it_is_done_and_only_once() {
    let mut world = World::new(up());
    command(&mut world, 1, Desired::Up);
    world.reconcile();
    assert!(world.reactions.is_empty(), "it is under way");
    for (comment, desired) in [(1, Desired::Up), (2, Desired::Asleep), (3, Desired::Up), (4, Desired::Down)] {
        command(&mut world, comment, desired);
        world.settle();
        assert_eq!(world.reactions.last(), Some(&done(comment)), "{desired}");
        assert_eq!(world.reactions.len() as u64, comment);
    }
    assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()));
}

#[test]
fn a_failure_is_told_and_a_success_after_it() {
    let mut world = World::new(up());
    world.cloud.app = App::CannotPull;
    command(&mut world, 1, Desired::Up);
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Failed, &[failed(1)][..]));
    world.cloud.app = App::Well;
    world.cloud.images.insert("pr-7-ci".parse().unwrap(), crate::fixtures::image(9));
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Ready, &[failed(1), done(1)][..]));
    // What happens later is no news of the command.
    world.cloud.app = App::Crashes;
    world.cloud.images.insert("pr-7-ci".parse().unwrap(), crate::fixtures::image(8));
    world.settle();
    assert_eq!((world.phase(), world.reactions.len()), (Phase::Failed, 2));
    world.pull_request = PullRequestState::Closed;
    world.settle();
    assert_eq!((world.phase(), world.reactions.len()), (Phase::Terminated, 2));
}

#[test]
fn what_never_came_to_anything_is_told() {
    let mut world = World::new(up());
    world.cloud.images.clear();
    command(&mut world, 1, Desired::Up);
    world.settle();
    assert_eq!((world.phase(), world.reactions.len()), (Phase::WaitingForImage, 0));
    world.advance(seconds(49 * 3600));
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Terminated, &[failed(1)][..]));
}

/// The bot writes a closing into the record.
fn close(world: &mut World) {
    let now = world.now;
    world.pull_request = PullRequestState::Closed;
    world.wish(|wish| {
        (wish.desired, wish.closed_at) = (Desired::Down, Some(now));
        wish.generation = Some(wish.generation.unwrap_or_default() + 1);
    });
}

#[test]
fn a_closing_is_no_success_of_what_it_ended() {
    let mut world = World::new(up());
    world.cloud.images.clear();
    command(&mut world, 1, Desired::Up);
    world.settle();
    assert_eq!((world.phase(), world.reactions.len()), (Phase::WaitingForImage, 0));
    close(&mut world);
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Terminated, &[failed(1)][..]));
    assert_eq!(world.reason(), "PullRequestClosed");

    // Nor is it a failure of what was done before.
    let mut world = World::new(up());
    command(&mut world, 1, Desired::Up);
    world.settle();
    close(&mut world);
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Terminated, &[done(1)][..]));
    assert!(
        world.comment.as_ref().is_some_and(|comment| comment.message.contains("was closed")),
        "{:?}",
        world.comment
    );
}

#[test]
fn a_wish_that_is_refused_is_told() {
    let mut world = World::new(up());
    command(&mut world, 1, Desired::Up);
    world.wish(|wish| wish.size = Some("enormous".into()));
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Invalid, &[failed(1)][..]));
}

#[test]
fn nobody_is_told_who_did_not_comment_here() {
    for url in [
        None,
        Some("https://github.com/apache/superset/actions/runs/1"),
        Some("https://github.com/a/b/pull/7#issuecomment-1"),
    ] {
        let mut world = World::new(up());
        world.wish(|wish| wish.request_url = url.map(str::to_owned));
        world.settle();
        assert_eq!((world.phase(), world.reactions.len()), (Phase::Ready, 0), "{url:?}");
    }
}

#[test]
fn a_write_that_lost_is_not_told_of() {
    let mut world = World::new(up());
    command(&mut world, 1, Desired::Up);
    command(&mut world, 2, Desired::Up);
    world.settle();
    assert_eq!(world.reactions, [done(2)]);
    command(&mut world, 3, Desired::Down);
    world.wish(|wish| wish.generation = Some(1));
    world.settle();
    assert_eq!((world.phase(), &world.reactions[..]), (Phase::Ready, &[done(2)][..]));
}

#[test]
fn a_reaction_that_nobody_could_take_is_due_again() {
    let mut world = World::new(up());
    command(&mut world, 1, Desired::Up);
    world.forge = false;
    world.settle();
    assert!(world.reactions.is_empty());
    assert!(!world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "it is still to be told");
    world.forge = true;
    world.settle();
    assert_eq!(world.reactions, [done(1)]);
}

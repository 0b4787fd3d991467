//! The record follows the pull request: closed, pushed to, labelled, and what was missed of all that.

use std::time::Duration;

use bivouac_bot::RollForward;
use bivouac_model::{Desired, ItemKey, Phase};
use serde_json::json;

use crate::doors::locked;
use crate::payloads::{Mail, REPO, at, changed, says};
use crate::world::{HEAD, NEXT, World, key};

async fn running() -> World {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    world
}

fn head(world: &World) -> String {
    world.wish(7).head_sha.unwrap()
}

#[tokio::test(start_paused = true)]
async fn closed_is_down_and_reopened_is_not_up() {
    let world = running().await;
    world.pull(7, |pull| pull.is_open = false);
    world.deliver(&[changed(7, 2, "eve", "closed", HEAD)]).await;
    assert_eq!(world.wish(7).desired, Desired::Down);
    assert!(world.wish(7).closed_at.is_some(), "the record says why");
    assert_eq!(world.audit(7), ["ada up Applied", "eve close Closed"]);
    world.pull(7, |pull| pull.is_open = true);
    world.deliver(&[changed(7, 3, "ada", "reopened", HEAD)]).await;
    assert_eq!(world.wish(7).desired, Desired::Down);
    world.deliver(&[says(7, 4, "ada", "/testenv up")]).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_not_true_any_more_does_nothing() {
    let world = running().await;
    let before = world.wish(7);
    world.deliver(&[changed(7, 0, "ada", "closed", HEAD), changed(7, 3, "ada", "synchronize", NEXT)]).await;
    assert_eq!(world.wish(7), before, "it was asked for after that, and its head is where it was");
}

#[tokio::test(start_paused = true)]
async fn a_closing_that_is_heard_of_when_it_is_open_again_ends_what_was_before_it() {
    let world = running().await;
    world.deliver(&[changed(7, 3, "ada", "reopened", HEAD), changed(7, 2, "ada", "closed", HEAD)]).await;
    assert_eq!(world.wish(7).desired, Desired::Down, "as if it had been heard of in time");
    world.deliver(&[says(7, 4, "ada", "/testenv up")]).await;
    world.deliver(&[changed(7, 2, "ada", "closed", HEAD).named(1)]).await;
    assert_eq!(world.wish(7).desired, Desired::Up, "it is older than this");
}

#[tokio::test(start_paused = true)]
async fn a_pull_request_that_cannot_be_seen_is_not_closed() {
    let world = running().await;
    locked(&world.hub.pulls).clear();
    world.deliver(&[changed(7, 2, "ada", "closed", HEAD)]).await;
    world.bot().compare().await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn a_push_rolls_forward_by_the_policy() {
    use RollForward::{Auto, Never, Trusted};
    for (policy, is_from_fork, by, follows) in [
        (Auto, true, "eve", true),
        (Never, false, "ada", false),
        (Trusted, false, "eve", true),
        (Trusted, true, "ada", true),
        (Trusted, true, "eve", false),
        (Trusted, true, "renovate[bot]", false),
    ] {
        let mut world = running().await;
        world.settings.roll_forward = policy;
        world.pull(7, |pull| pull.is_from_fork = is_from_fork);
        world.push(7, by, NEXT, 2);
        world.date(2);
        world.deliver(&[changed(7, 2, by, "synchronize", NEXT)]).await;
        assert_eq!(head(&world) == NEXT, follows, "{policy:?} {by}");
        let last = world.audit(7).pop().unwrap();
        assert_eq!(last.contains("RolledForward"), follows, "{last}");
        // An `up` is an approval, whoever pushed.
        world.deliver(&[says(7, 500, "ada", "/testenv up")]).await;
        assert_eq!(head(&world), NEXT, "{policy:?} {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_pushed_speaks_for_that_commit_alone() {
    let world = running().await;
    world.pull(7, |pull| {
        pull.is_from_fork = true;
        pull.head_sha = "3333333333333333333333333333333333333333".into();
    });
    // Ada pushed, and before anybody looked Eve pushed on top.
    world.deliver(&[changed(7, 2, "ada", "synchronize", NEXT)]).await;
    assert_eq!(head(&world), HEAD);
}

#[tokio::test(start_paused = true)]
async fn an_up_that_was_written_before_an_outsiders_push_is_asked_again() {
    let world = World::new();
    world.pull(7, |pull| {
        pull.is_from_fork = true;
        pull.head_sha = NEXT.into();
    });
    world.date(5);
    world.deliver(&[changed(7, 5, "eve", "synchronize", NEXT), says(7, 4, "ada", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    assert!(world.reply(7, "ada").unwrap().contains("look at it"), "{:?}", world.reply(7, "ada"));
    world.deliver(&[says(7, 6, "ada", "/testenv up")]).await;
    assert_eq!(head(&world), NEXT);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_not_rolled_forward() {
    let world = running().await;
    world.status(7, |status| status.phase = Phase::Terminated).await;
    world.pull(7, |pull| pull.head_sha = NEXT.into());
    world.deliver(&[changed(7, 2, "ada", "synchronize", NEXT)]).await;
    assert_eq!(head(&world), HEAD);
}

#[tokio::test(start_paused = true)]
async fn the_label_is_a_command_of_whoever_put_it_on() {
    let world = World::new();
    world.label(7, true, "ada", &at(2));
    world.deliver(&[changed(7, 2, "someone", "labeled", HEAD)]).await;
    let wish = world.wish(7);
    assert_eq!((wish.desired, wish.requested_by.as_deref()), (Desired::Up, Some("ada")));
    assert_eq!(wish.head_sha.as_deref(), Some(HEAD));
    // The same once more is the same.
    world.deliver(&[changed(7, 3, "ada", "labeled", HEAD)]).await;
    assert_eq!(world.wish(7), wish);
    world.label(7, false, "ada", &at(4));
    world.deliver(&[changed(7, 4, "ada", "unlabeled", HEAD)]).await;
    assert_eq!(world.wish(7).desired, Desired::Down);
    assert_eq!(world.audit(7), ["ada up Applied", "ada down Applied"]);
}

#[tokio::test(start_paused = true)]
async fn a_label_by_somebody_who_may_not_is_refused() {
    let world = World::new();
    world.label(7, true, "eve", &at(2));
    world.deliver(&[changed(7, 2, "eve", "labeled", HEAD)]).await;
    assert!(world.record(7).is_none());
    assert!(world.reply(7, "eve").unwrap().contains("`testenv-up`"));
    assert_eq!(world.audit(7), ["eve up NotAllowed"]);
    world.label(7, true, "labeler[bot]", &at(3));
    world.deliver(&[changed(7, 3, "labeler[bot]", "labeled", HEAD)]).await;
    assert!(world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refused_label_on_a_locked_conversation_is_not_tried_for_ever() {
    let world = World::new();
    world.label(7, true, "eve", &at(2));
    world.faults.always("reply", Some(bivouac_ports::Meaning::Denied));
    world.deliver(&[changed(7, 2, "eve", "labeled", HEAD)]).await;
    assert_eq!(world.faults.calls("reply"), 1);
}

#[tokio::test(start_paused = true)]
async fn of_label_and_comment_the_newer_counts() {
    let world = World::new();
    world.label(7, true, "ada", &at(2));
    world.deliver(&[says(7, 3, "ada", "/testenv up FEATURE_X=true")]).await;
    world.deliver(&[changed(7, 4, "ada", "labeled", HEAD)]).await;
    assert_eq!(world.wish(7).flags.len(), 1, "the comment is newer than the label");
    world.label(7, false, "ada", &at(5));
    world.deliver(&[changed(7, 5, "ada", "unlabeled", HEAD), says(7, 4, "ada", "/testenv up FEATURE_Y=true")]).await;
    assert_eq!(world.wish(7).desired, Desired::Down, "the label is newer than that comment");
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_found_by_comparing() {
    let mut world = World::new();
    world.settings.compare_every = Duration::from_secs(180);
    for pr in 8..12 {
        world.pull(pr, |_| {});
    }
    let mails: Vec<_> = (7..11).map(|pr| says(pr, pr, "ada", "/testenv up")).collect();
    world.deliver(&mails).await;
    world.pull(7, |pull| pull.is_open = false);
    world.pull(8, |pull| pull.head_sha = NEXT.into());
    world.label(11, true, "ada", &at(60));
    let living = world.live();
    world
        .until(|world| {
            world.wish(7).desired == Desired::Down
                && world.wish(8).head_sha.as_deref() == Some(NEXT)
                && world.record(11).is_some_and(|record| record.desired.unwrap().desired == Desired::Up)
        })
        .await;
    // One more comparison sees what this one has done.
    tokio::time::sleep(world.settings.compare_every).await;
    let (generations, asked) = (locked(&world.table.items).clone(), world.faults.calls("last_label_change"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*locked(&world.table.items), generations, "then there is nothing left to do");
    assert_eq!(world.faults.calls("last_label_change"), asked, "and nothing left to ask");
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn half_a_list_takes_nothing_down() {
    let world = running().await;
    world.faults.always("open_pull_requests", Some(bivouac_ports::Meaning::Unavailable));
    world.bot().compare().await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_image_is_told_to_look() {
    let world = running().await;
    world.pull(8, |_| {});
    world.deliver(&[says(8, 2, "ada", "/testenv up")]).await;
    world.status(7, |status| status.phase = Phase::WaitingForImage).await;
    world.status(8, |status| status.phase = Phase::Ready).await;
    let living = world.live();
    let run = json!({ "action": "completed", "workflow_run": {}, "repository": { "full_name": REPO } });
    for number in 0..20 {
        let sent = crate::world::send(&living.bot, Mail::new("workflow_run", number, &run).request()).await;
        assert!(sent.0.is_success());
    }
    world.until(|world| !locked(&world.nudged).is_empty()).await;
    assert_eq!(locked(&world.nudged).iter().collect::<Vec<_>>(), [&ItemKey::from(key(7))]);
    assert_eq!(world.faults.calls("in_phase"), 1, "one look for all of them");
    assert!(world.faults.calls("all") <= 1, "only the comparison reads the whole table");
    living.end().await;
}

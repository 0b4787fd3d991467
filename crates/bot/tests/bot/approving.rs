//! What was looked at is what runs: a command binds the commit that its author could have seen, and a push of anyone else changes
//! nothing.

use std::time::Duration;

use bivouac_bot::{Policy, Required, RollForward};
use bivouac_model::command::Verb;
use bivouac_model::{Decision, Desired, Event, ItemKey, Value};
use bivouac_ports::{Meaning, Permission, RecordStore as _};

use crate::doors::{Fault, locked};
use crate::payloads::{at, changed, says, url};
use crate::world::{HEAD, NEXT, World, key};

const THIRD: &str = "3333333333333333333333333333333333333333";

/// Eve's pull request from a fork, whose first commit the bot saw in the first second.
async fn outsider() -> World {
    let world = World::new();
    world.pull(7, |pull| pull.is_from_fork = true);
    world.date(1);
    world.deliver(&[changed(7, 1, "eve", "opened", HEAD)]).await;
    world
}

/// The same, where Ada started an environment of the first commit.
async fn running() -> World {
    let world = outsider().await;
    world.deliver(&[says(7, 2, "ada", "/testenv up")]).await;
    assert_eq!(head(&world).as_deref(), Some(HEAD));
    world
}

fn head(world: &World) -> Option<String> {
    world.record(7)?.desired.unwrap().head_sha
}

/// Nothing was started, and Ada knows which commit it would have been.
fn refused(world: &World, what: &str) {
    assert!(world.record(7).is_none(), "{what}: {:?}", world.record(7));
    let reply = world.reply(7, "ada").unwrap_or_default();
    assert!(reply.contains(&format!("`/testenv up sha={NEXT}`")), "{what}: {reply}");
    assert_eq!(world.audit(7), ["ada up HeadNotSeen"], "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_push_is_still_under_way_is_not_started() {
    let world = outsider().await;
    world.push(7, "eve", NEXT, 4);
    world.date(6);
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    refused(&world, "the delivery is late");
    assert_eq!(world.reactions(5), ["confused", "eyes"]);
    world.date(9);
    world.deliver(&[changed(7, 4, "eve", "synchronize", NEXT)]).await;
    refused(&world, "the delivery came");
    world.deliver(&[says(7, 10, "ada", &format!("/testenv up sha={NEXT}"))]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT));
    assert_eq!(world.reply(7, "ada"), None, "what was complained about is settled");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_pushed_in_the_second_of_the_command_is_not_started() {
    for number in [5, 6] {
        let world = outsider().await;
        world.push(7, "eve", NEXT, number);
        world.date(number);
        world.deliver(&[changed(7, number, "eve", "synchronize", NEXT), says(7, 5, "ada", "/testenv up")]).await;
        refused(&world, "pushed as it was written, or after");
    }
    let world = outsider().await;
    world.push(7, "eve", NEXT, 4);
    world.date(4);
    world.deliver(&[changed(7, 4, "eve", "synchronize", NEXT), says(7, 5, "ada", "/testenv up")]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT), "seen a second before");
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_remembered_by_the_next_process() {
    let world = outsider().await;
    world.push(7, "eve", NEXT, 8);
    world.date(9);
    // Each is handled by a process of its own, and the comment is the older one.
    world.deliver(&[changed(7, 8, "eve", "synchronize", NEXT)]).await;
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    refused(&world, "it was restarted in between");
    world.deliver(&[says(7, 10, "ada", "/testenv up")]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT), "by then it was seen");
}

#[tokio::test(start_paused = true)]
async fn a_label_that_is_handled_late_starts_only_what_was_the_head_then() {
    let world = outsider().await;
    world.label(7, true, "ada", &at(5));
    world.push(7, "eve", NEXT, 6);
    world.date(7);
    world.deliver(&[changed(7, 5, "ada", "labeled", HEAD)]).await;
    refused(&world, "pushed after the label");
    assert!(world.reply(7, "ada").unwrap().contains("By the label `testenv-up`"));
    // Put on again, it is a new command.
    world.label(7, true, "ada", &at(9));
    world.deliver(&[changed(7, 9, "ada", "labeled", NEXT)]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT));
}

#[tokio::test(start_paused = true)]
async fn a_label_that_the_comparison_finds_starts_only_what_was_the_head_then() {
    let world = outsider().await;
    world.label(7, true, "ada", &at(5));
    world.push(7, "eve", NEXT, 6);
    world.date(3000);
    for _ in 0..3 {
        world.bot().compare().await;
        refused(&world, "found an hour later");
    }
    assert_eq!(world.faults.calls("reply"), 1, "answered once, by however many processes");
    let world = outsider().await;
    world.label(7, true, "ada", &at(5));
    world.date(3000);
    world.bot().compare().await;
    assert_eq!(head(&world).as_deref(), Some(HEAD), "what was the head then is started");
}

#[tokio::test(start_paused = true)]
async fn a_label_that_was_refused_is_answered_though_the_process_dies() {
    for call in ["reply", "append"] {
        let world = outsider().await;
        world.label(7, true, "ada", &at(5));
        world.push(7, "eve", NEXT, 6);
        world.date(7);
        world.faults.once(call, Fault::Hangs);
        assert!(world.post(&changed(7, 5, "ada", "labeled", HEAD)).await.0.is_success());
        let dying = world.live();
        world.until(|world| world.faults.calls(call) > 0).await;
        dying.kill().await;
        world.settle().await;
        refused(&world, call);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_comparison_saw_may_be_started() {
    let world = World::new();
    world.pull(7, |pull| pull.is_from_fork = true);
    world.date(4);
    world.bot().compare().await;
    world.date(6);
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    assert_eq!(head(&world).as_deref(), Some(HEAD));
}

#[tokio::test(start_paused = true)]
async fn comparing_writes_nothing_when_nothing_moves() {
    let world = World::new();
    for pr in 7..40 {
        world.pull(pr, |pull| pull.is_from_fork = true);
    }
    let living = world.bot();
    living.compare().await;
    assert_eq!(world.faults.calls("record_seen"), 33);
    let read = world.faults.calls("newest_seen");
    for number in 1..5 {
        world.date(number);
        living.compare().await;
        assert_eq!(world.faults.calls("newest_seen"), read, "what this process knows is not read again");
    }
    world.bot().compare().await;
    assert_eq!(world.faults.calls("record_seen"), 33, "nor is it written by the next one");
    world.push(8, "eve", NEXT, 5);
    world.date(6);
    living.compare().await;
    assert_eq!(world.faults.calls("record_seen"), 34);
    // A head that comes back is a sighting of its own.
    world.push(8, "eve", HEAD, 7);
    world.date(8);
    living.compare().await;
    assert_eq!(world.faults.calls("record_seen"), 35);
    // So is one that is known for months, before it is forgotten.
    let months = 70 * 24 * 3600;
    *locked(&world.hub.date) =
        Some(at(0).parse::<chrono::DateTime<chrono::Utc>>().unwrap() + chrono::TimeDelta::seconds(months));
    living.compare().await;
    assert_eq!(world.faults.calls("record_seen"), 35 + 33);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_alone_is_no_sighting() {
    let world = outsider().await;
    // Made up by who can sign: the forge has another head.
    world.date(3);
    world.deliver(&[changed(7, 3, "ada", "synchronize", NEXT), changed(7, 3, "ada", "opened", NEXT).named(1)]).await;
    world.push(7, "eve", NEXT, 6);
    world.date(7);
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    refused(&world, "it was never seen");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_was_seen_and_comes_back_after_the_command_is_not_started() {
    let world = outsider().await;
    world.push(7, "eve", NEXT, 2);
    world.date(2);
    world.deliver(&[changed(7, 2, "eve", "synchronize", NEXT)]).await;
    // Back to the harmless one, whose delivery is lost, and forth again once it is approved.
    world.push(7, "eve", HEAD, 3);
    world.push(7, "eve", NEXT, 6);
    world.date(7);
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    refused(&world, "it was another one at that moment");
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_does_not_say_who_pushed_does_not_block_a_commit_that_was_seen() {
    for meaning in [Meaning::Denied, Meaning::NotFound, Meaning::Unavailable, Meaning::Throttled] {
        let world = outsider().await;
        world.faults.always("pushes", Some(meaning));
        world.deliver(&[says(7, 2, "ada", "/testenv up")]).await;
        assert_eq!(head(&world).as_deref(), Some(HEAD), "{meaning:?}");
    }
    let world = outsider().await;
    world.push(7, "ada", NEXT, 6);
    world.date(7);
    world.faults.always("pushes", Some(Meaning::Denied));
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    refused(&world, "who pushed it is not known");
}

#[tokio::test(start_paused = true)]
async fn a_trusted_push_on_top_may_be_started() {
    let world = outsider().await;
    world.push(7, "Ada", NEXT, 6);
    world.date(7);
    world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT));
}

#[tokio::test(start_paused = true)]
async fn updating_the_branch_does_not_approve_what_an_outsider_pushed() {
    for order in [[0, 1], [1, 0]] {
        let world = running().await;
        world.push(7, "eve", NEXT, 3);
        world.push(7, "ada", THIRD, 4);
        world.date(5);
        let mails = [changed(7, 3, "eve", "synchronize", NEXT), changed(7, 4, "ada", "synchronize", THIRD)];
        for place in order {
            world.deliver(&mails[place..=place]).await;
        }
        world.bot().compare().await;
        assert_eq!(head(&world).as_deref(), Some(HEAD), "{order:?}");
        assert!(!world.audit(7).iter().any(|line| line.contains("RolledForward")), "{:?}", world.audit(7));
    }
}

#[tokio::test(start_paused = true)]
async fn trusted_pushes_are_followed_in_any_order_of_their_deliveries() {
    for order in [[0, 1], [1, 0]] {
        let world = running().await;
        world.push(7, "ada", NEXT, 3);
        world.push(7, "ada", THIRD, 4);
        world.date(5);
        // Names and heads in the deliveries are no proof.
        let mails = [changed(7, 3, "eve", "synchronize", NEXT), changed(7, 4, "eve", "synchronize", THIRD)];
        for place in order {
            world.deliver(&mails[place..=place]).await;
        }
        assert_eq!(head(&world).as_deref(), Some(THIRD), "{order:?}");
        assert!(world.audit(7).contains(&"ada push RolledForward".to_owned()), "{:?}", world.audit(7));
    }
    let world = running().await;
    world.push(7, "ada", NEXT, 3);
    world.bot().compare().await;
    assert_eq!(head(&world).as_deref(), Some(NEXT), "what was missed is found");
}

#[tokio::test(start_paused = true)]
async fn where_up_needs_more_every_way_to_a_commit_needs_more() {
    let admins = Required { permission: Permission::Admin, users: vec!["grace".into()], ..Required::default() };
    let world = async || {
        let mut world = World::new();
        world.settings.policy = Policy::default().with(Verb::Up, admins.clone());
        world.date(1);
        world.deliver(&[changed(7, 1, "ada", "opened", HEAD), says(7, 2, "grace", "/testenv up")]).await;
        assert_eq!(head(&world).as_deref(), Some(HEAD));
        world
    };
    // Ada may write, and so push to the repository itself.
    for (by, follows) in [("ada", false), ("grace", true)] {
        let world = world().await;
        world.push(7, by, NEXT, 3);
        world.date(4);
        world.deliver(&[changed(7, 3, by, "synchronize", NEXT)]).await;
        world.bot().compare().await;
        assert_eq!(head(&world).as_deref() == Some(NEXT), follows, "{by}");
    }
    let world = world().await;
    world.push(7, "ada", NEXT, 3);
    world.date(9);
    world.deliver(&[says(7, 3, "grace", "/testenv up FEATURE_X=true")]).await;
    assert_eq!(head(&world).as_deref(), Some(HEAD), "nor does a command take it along");
    assert!(world.reply(7, "grace").unwrap().contains(NEXT));
}

#[tokio::test(start_paused = true)]
async fn a_named_commit_is_bound_and_stays_until_a_later_push() {
    for is_from_fork in [true, false] {
        let world = World::new();
        world.pull(7, |pull| pull.is_from_fork = is_from_fork);
        world.push(7, "ada", NEXT, 1);
        locked(&world.hub.commits).insert(key(7), vec![HEAD.into(), NEXT.into()]);
        world.date(2);
        world.deliver(&[says(7, 3, "ada", &format!("/testenv up FEATURE_X=true sha={HEAD}"))]).await;
        assert_eq!(head(&world).as_deref(), Some(HEAD));
        assert_eq!(world.wish(7).flags["FEATURE_X"], "true");
        let named = locked(&world.memory.named).len();
        assert_eq!(named, 1);
        world.bot().compare().await;
        world.deliver(&[changed(7, 1, "ada", "synchronize", NEXT)]).await;
        assert_eq!(head(&world).as_deref(), Some(HEAD), "from a fork: {is_from_fork}");
        // The later push of who may is followed, from the commit that is bound.
        world.pull(7, |pull| pull.head_sha = HEAD.into());
        world.push(7, "ada", THIRD, 9);
        world.deliver(&[changed(7, 9, "ada", "synchronize", THIRD)]).await;
        assert_eq!(head(&world).as_deref(), Some(THIRD), "from a fork: {is_from_fork}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_name_has_to_mean_one_commit_that_was_seen_before() {
    let world = outsider().await;
    let (one, other) = (format!("1111111{}", "a".repeat(33)), format!("2222222{}", "a".repeat(33)));
    world.push(7, "eve", NEXT, 2);
    locked(&world.hub.commits).insert(key(7), vec![HEAD.into(), one.clone(), NEXT.into()]);
    world.date(6);
    for (id, named, answer) in [
        (7, "1111111", "several commits"),
        (8, &*other, "no commit of this pull request"),
        (9, "abcdefa", "no commit of this pull request"),
    ] {
        world.deliver(&[says(7, id, "ada", &format!("/testenv up sha={named}"))]).await;
        assert!(world.record(7).is_none() && world.reply(7, "ada").unwrap().contains(answer), "{named}");
    }
    // It was seen in the sixth second, and could have been made for the digits that were typed before.
    world.deliver(&[says(7, 5, "ada", "/testenv up sha=2222222")]).await;
    assert!(world.record(7).is_none());
    assert!(
        world.reply(7, "ada").unwrap().contains(&format!("`/testenv up sha={NEXT}`")),
        "{:?}",
        world.reply(7, "ada")
    );
    world.deliver(&[says(7, 10, "ada", "/testenv up sha=2222222")]).await;
    assert_eq!(head(&world).as_deref(), Some(NEXT), "seen before it was typed");
    let event = locked(&world.book.events).values().find(|event| event.reason == "Applied").cloned().unwrap();
    assert_eq!(event.head_sha.as_deref(), Some(NEXT));
}

#[tokio::test(start_paused = true)]
async fn naming_a_commit_may_be_interrupted_anywhere() {
    for call in
        ["comment", "commits", "record_seen", "newest_seen", "record_named", "write_desired_over", "append", "done"]
    {
        for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable), Fault::Hangs] {
            let world = outsider().await;
            world.push(7, "eve", NEXT, 2);
            locked(&world.hub.commits).insert(key(7), vec![HEAD.into(), NEXT.into()]);
            world.date(6);
            world.faults.once(call, fault);
            let before = world.faults.calls(call);
            assert!(world.post(&says(7, 5, "ada", &format!("/testenv up sha={HEAD}"))).await.0.is_success());
            let dying = world.live();
            world.until(|world| world.faults.calls(call) > before).await;
            dying.kill().await;
            world.settle().await;
            assert_eq!(head(&world).as_deref(), Some(HEAD), "{call} {fault:?}");
            assert_eq!((world.wish(7).generation, locked(&world.memory.named).len()), (Some(1), 1), "{call} {fault:?}");
            assert_eq!(world.audit(7), ["ada up Applied"], "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_up_on_a_fork_may_be_interrupted_anywhere() {
    for call in ["comment", "pull_request", "newest_seen", "pushes", "write_desired_over", "append", "done"] {
        for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable), Fault::Hangs] {
            let world = outsider().await;
            world.faults.once(call, fault);
            let before = world.faults.calls(call);
            assert!(world.post(&says(7, 5, "ada", "/testenv up")).await.0.is_success());
            let dying = world.live();
            world.until(|world| world.faults.calls(call) > before).await;
            dying.kill().await;
            world.settle().await;
            assert_eq!(head(&world).as_deref(), Some(HEAD), "{call} {fault:?}");
            assert_eq!(world.wish(7).generation, Some(1), "{call} {fault:?}");
        }
    }
}

/// A record as an older release left it: bound to a commit that was never seen, for a command of the fifth second.
async fn bound_too_late(world: &World, is_by_the_bot: bool) {
    let text = |text: &str| Some(Value::String(text.to_owned()));
    let (asked_at, asked_by) = (at(5), url(7, 5));
    let change = vec![
        ("desired", text("up")),
        ("head_sha", text(NEXT)),
        ("requested_at", text(&asked_at)),
        ("requested_by", text("ada")),
        ("request_url", text(&asked_by)),
    ];
    world.table.write_desired(&key(7).into(), &change).await.unwrap();
    if is_by_the_bot {
        let event = Event {
            environment: ItemKey::from(key(7)),
            at: asked_at.parse().unwrap(),
            tie: "comment-5-00".into(),
            actor: "ada".into(),
            action: "up".into(),
            reason: "Applied".into(),
            message: "up".into(),
            head_sha: Some(NEXT.into()),
            url: Some(asked_by),
            decision: Some(Decision::Allowed),
        };
        let place = (event.environment.clone(), event.at, event.tie.clone());
        locked(&world.book.events).insert(place, event);
    }
}

fn taken_back(world: &World, what: &str) {
    taken_back_with(world, &format!("`/testenv up sha={NEXT}`"), what);
}

fn taken_back_with(world: &World, offer: &str, what: &str) {
    let wish = world.wish(7);
    assert_eq!((wish.desired, wish.head_sha, wish.request_url), (Desired::Down, None, None), "{what}");
    assert!(world.reply(7, "ada").unwrap().contains(offer), "{what}: {:?}", world.reply(7, "ada"));
    assert_eq!(world.audit(7), ["ada up Applied", "eve push TakenBack"], "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_late_push_takes_back_what_it_overtook() {
    for is_delivered in [true, false] {
        for number in [5, 6] {
            let world = outsider().await;
            world.push(7, "eve", NEXT, number);
            world.date(9);
            bound_too_late(&world, true).await;
            if is_delivered {
                world.deliver(&[changed(7, number, "eve", "synchronize", NEXT)]).await;
            } else {
                world.bot().compare().await;
            }
            taken_back(&world, &format!("delivered: {is_delivered}, in second {number}"));
            // The old command is over, and a new one counts.
            world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
            assert_eq!(world.wish(7).desired, Desired::Down);
            world.deliver(&[says(7, 10, "ada", "/testenv up")]).await;
            assert_eq!((world.wish(7).desired, head(&world).as_deref()), (Desired::Up, Some(NEXT)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_back_that_was_seen_named_trusted_or_bound_by_another_client() {
    for (what, by, number, is_by_the_bot) in [
        ("pushed before", "eve", 4, true),
        ("pushed by who may", "ada", 6, true),
        ("bound by another client", "eve", 6, false),
    ] {
        let world = outsider().await;
        world.push(7, by, NEXT, number);
        world.date(9);
        bound_too_late(&world, is_by_the_bot).await;
        world.deliver(&[changed(7, number, by, "synchronize", NEXT)]).await;
        world.bot().compare().await;
        assert_eq!(world.wish(7).desired, Desired::Up, "{what}");
    }
    let world = outsider().await;
    world.push(7, "eve", NEXT, 6);
    world.date(9);
    world.deliver(&[says(7, 5, "ada", &format!("/testenv up sha={NEXT}"))]).await;
    world.deliver(&[changed(7, 6, "eve", "synchronize", NEXT)]).await;
    world.bot().compare().await;
    assert_eq!(world.wish(7).desired, Desired::Up, "named in full");
    let mut world = outsider().await;
    world.settings.roll_forward = RollForward::Auto;
    world.push(7, "eve", NEXT, 6);
    bound_too_late(&world, true).await;
    world.deliver(&[changed(7, 6, "eve", "synchronize", NEXT)]).await;
    assert_eq!(world.wish(7).desired, Desired::Up, "every push counts");
}

#[tokio::test(start_paused = true)]
async fn taking_back_may_be_interrupted_anywhere() {
    for call in ["was_seen", "named", "newest", "pushes", "append", "write_desired_over", "reply", "done"] {
        for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable), Fault::Hangs] {
            let world = outsider().await;
            world.push(7, "eve", NEXT, 6);
            world.date(9);
            bound_too_late(&world, true).await;
            world.faults.once(call, fault);
            let before = world.faults.calls(call);
            assert!(world.post(&changed(7, 6, "eve", "synchronize", NEXT)).await.0.is_success());
            let dying = world.live();
            world.until(|world| world.faults.calls(call) > before).await;
            dying.kill().await;
            world.settle().await;
            taken_back(&world, &format!("{call} {fault:?}"));
            assert_eq!(world.wish(7).generation, Some(2), "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_offered_command_keeps_what_was_asked_for() {
    let world = outsider().await;
    world.push(7, "eve", NEXT, 4);
    world.date(6);
    world.deliver(&[says(7, 5, "ada", "/testenv up FEATURE_X=true ttl=4h size=small")]).await;
    let offered = format!("/testenv up FEATURE_X=true ttl=4h size=small sha={NEXT}");
    let reply = world.reply(7, "ada").unwrap_or_default();
    assert!(reply.contains(&format!("`{offered}`")), "{reply}");
    world.date(9);
    world.deliver(&[says(7, 10, "ada", &offered)]).await;
    let wish = world.wish(7);
    assert_eq!((wish.head_sha.as_deref(), wish.flags["FEATURE_X"].as_str()), (Some(NEXT), "true"));
    assert_eq!((wish.ttl.unwrap().get(), wish.size.as_deref()), (Duration::from_secs(4 * 3600), Some("small")));

    let world = outsider().await;
    world.push(7, "eve", NEXT, 6);
    world.date(9);
    bound_too_late(&world, true).await;
    let text = |text: &str| Some(Value::String(text.to_owned()));
    world.table.write_desired(&key(7).into(), &vec![("ttl", text("4h")), ("size", text("small"))]).await.unwrap();
    world.deliver(&[changed(7, 6, "eve", "synchronize", NEXT)]).await;
    taken_back_with(&world, &format!("`/testenv up ttl=4h size=small sha={NEXT}`"), "an older release started it");
}

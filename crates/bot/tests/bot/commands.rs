//! What commands do, and what people are answered.

use bivouac_model::{Desired, Phase};
use bivouac_ports::Meaning;

use crate::doors::{Fault, locked};
use crate::payloads::{says, url};
use crate::world::{HEAD, World};

#[tokio::test(start_paused = true)]
async fn up_binds_the_commit_and_who_asked() {
    let world = World::new();
    world
        .deliver(&[says(
            7,
            1,
            "ada",
            "Let us see.\n\n/testenv up FEATURE_X=true SUPERSET_KEY=s3cret ttl=24h size=small",
        )])
        .await;
    let wish = world.wish(7);
    assert_eq!(wish.desired, Desired::Up);
    assert_eq!(wish.flags["FEATURE_X"], "true");
    assert_eq!(wish.config["SUPERSET_KEY"], "s3cret");
    assert_eq!((wish.head_sha.as_deref(), wish.size.as_deref()), (Some(HEAD), Some("small")));
    assert_eq!((wish.requested_by.as_deref(), wish.request_url), (Some("ada"), Some(url(7, 1))));
    // 👀 is ours; what reached the record, the controller settles.
    assert_eq!(world.reactions(1), ["eyes"]);
    assert_eq!(world.reply(7, "ada"), None);
    assert_eq!(world.audit(7), ["ada up Applied"]);
    let events = locked(&world.book.events);
    let event = events.values().next().unwrap();
    assert_eq!(event.head_sha.as_deref(), Some(HEAD));
    assert!(event.message.contains("SUPERSET_KEY") && !event.message.contains("s3cret"), "{}", event.message);
}

#[tokio::test(start_paused = true)]
async fn the_commands_of_a_comment_are_one_change() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up\n/testenv pin\n/testenv extend 2h")]).await;
    let wish = world.wish(7);
    assert!(wish.pinned);
    assert_eq!(wish.ttl.unwrap().get().as_secs(), 50 * 3600);
    assert_eq!(wish.generation, Some(1), "one write");
    assert_eq!(world.audit(7), ["ada up Applied", "ada pin Applied", "ada extend Applied"]);
}

#[tokio::test(start_paused = true)]
async fn every_command_that_writes_leaves_its_address() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let mut id = 1;
    for (command, desired) in [
        ("sleep", Desired::Asleep),
        ("wake", Desired::Up),
        ("restart", Desired::Up),
        ("extend 1h", Desired::Up),
        ("pin", Desired::Up),
        ("unpin", Desired::Up),
        ("down", Desired::Down),
    ] {
        id += 1;
        world.deliver(&[says(7, id, "ada", &format!("/testenv {command}"))]).await;
        let wish = world.wish(7);
        assert_eq!((wish.desired, wish.request_url), (desired, Some(url(7, id))), "{command}");
        assert_eq!(world.reactions(id), ["eyes"], "{command}");
    }
    let wish = world.wish(7);
    assert!(!wish.pinned && wish.restarted_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_answered_and_nothing_is_written() {
    let world = World::new();
    world.deliver(&[says(7, 1, "eve", "/testenv help")]).await;
    assert!(world.reply(7, "eve").unwrap().contains("`/testenv up"));
    world.deliver(&[says(7, 2, "eve", "/testenv status")]).await;
    assert!(world.reply(7, "eve").unwrap().contains("no environment"));
    assert!(world.record(7).is_none());
    assert_eq!(world.faults.calls("pull_request"), 0, "everybody may ask, and nothing was looked at for it");
    world.deliver(&[says(7, 3, "ada", "/testenv up")]).await;
    world
        .status(7, |status| {
            status.phase = Phase::Failed;
            status.message = "the container ran out of memory".into();
        })
        .await;
    world.deliver(&[says(7, 4, "eve", "/testenv status"), says(7, 5, "ada", "/testenv logs")]).await;
    assert!(world.reply(7, "eve").unwrap().contains("**Failed**"));
    let logs = world.reply(7, "ada").unwrap();
    assert!(logs.contains("out of memory") && logs.contains("`/ecs/superset-ci`"), "{logs}");
    for id in [1, 2, 4] {
        assert_eq!(world.reactions(id), ["rocket"], "👀 is for people who may give commands");
    }
    assert_eq!(world.reactions(5), ["eyes", "rocket"]);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_explained_and_folded_away_when_it_is_mended() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv upp")]).await;
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("`/testenv upp`") && said.contains("perhaps `up"), "{said}");
    assert_eq!(world.reactions(1), ["confused", "eyes"]);
    assert!(world.record(7).is_none());
    world.deliver(&[says(7, 2, "ada", "/testenv up")]).await;
    assert_eq!(world.reply(7, "ada"), None);
    assert_eq!(world.audit(7), ["ada command NotUnderstood", "ada up Applied"]);
}

#[tokio::test(start_paused = true)]
async fn one_wrong_line_does_not_hold_the_others_up() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up\n/testenv pinn\n/testenv status")]).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("pinn") && said.contains("the controller has not seen it yet"), "{said}");
    assert_eq!(world.reactions(1), ["eyes"], "the controller settles it");
}

#[tokio::test(start_paused = true)]
async fn what_the_project_protects_stays_protected() {
    let world = World::new();
    let cases = [
        ("DATABASE_URL=postgres://evil", "config holds the name `DATABASE_URL`; allowed: `SUPERSET_*`"),
        ("size=huge", "there is no size `huge`; there are `small`"),
    ];
    for (id, (arguments, sentence)) in (1..).zip(cases) {
        world.deliver(&[says(7, id, "ada", &format!("/testenv up {arguments}"))]).await;
        let said = world.reply(7, "ada").unwrap();
        assert!(said.contains(sentence), "{said}");
        assert_eq!(world.reactions(id), ["confused", "eyes"]);
    }
    assert!(world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_closed_pull_request_has_no_environment() {
    let world = World::new();
    world.pull(7, |pull| pull.is_open = false);
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    assert!(world.reply(7, "ada").unwrap().contains("the pull request is closed"));
    assert_eq!(world.audit(7), ["ada up Refused"]);
}

#[tokio::test(start_paused = true)]
async fn what_needs_an_environment_says_so_without_one() {
    let world = World::new();
    for (id, command) in (1..).zip(["down", "pin", "wake", "extend 1h", "restart"]) {
        world.deliver(&[says(7, id, "ada", &format!("/testenv {command}"))]).await;
        assert!(world.reply(7, "ada").unwrap().contains("there is no environment"), "{command}");
    }
    assert!(world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn down_twice_is_no_change_and_no_complaint() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up"), says(7, 2, "ada", "/testenv down")]).await;
    let before = world.wish(7);
    world.deliver(&[says(7, 3, "ada", "/testenv down")]).await;
    assert_eq!(world.wish(7), before);
    assert_eq!(world.reactions(3), ["eyes", "rocket"]);
    assert_eq!(world.audit(7), ["ada up Applied", "ada down Applied", "ada down AlreadySo"]);
}

#[tokio::test(start_paused = true)]
async fn a_spoiled_record_is_an_operators_affair() {
    let world = World::new();
    world.faults.once("write_desired_over", Fault::Before(Meaning::Invalid));
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert!(world.reply(7, "ada").unwrap().contains("an operator has to mend it"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_given_is_not_tried_for_ever() {
    let world = World::new();
    world.faults.always("reply", Some(Meaning::Denied));
    world.deliver(&[says(7, 1, "ada", "/testenv upp")]).await;
    assert_eq!(world.faults.calls("reply"), 1, "the conversation is locked");
}

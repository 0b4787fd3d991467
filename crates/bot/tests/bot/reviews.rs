//! Commands in reviews, hints, and the flags of descriptions.

use bivouac_model::Desired;
use bivouac_ports::{Permission, TextId, WrittenComment};

use crate::doors::{Fault, locked};
use crate::payloads::{at, changed, edited, opened, reviewed, says};
use crate::world::{HEAD, NEXT, World, key, send};

#[tokio::test(start_paused = true)]
async fn a_review_is_obeyed_once() {
    let world = World::new();
    let review = reviewed(7, 1, "ada", "Approved.\n/testenv up FEATURE_X=true");
    world.deliver(std::slice::from_ref(&review)).await;
    let wish = world.wish(7);
    let url = "https://github.com/apache/superset/pull/7#pullrequestreview-1";
    assert_eq!((wish.request_url.as_deref(), wish.requested_at), (Some(url), at(1).parse().ok()));
    assert_eq!((wish.requested_by.as_deref(), wish.head_sha.as_deref()), (Some("ada"), Some(HEAD)));
    let generation = world.record(7).unwrap().generation;
    world.deliver(&[review.named(1)]).await;
    assert_eq!((world.record(7).unwrap().generation, world.audit(7)), (generation, vec!["ada up Applied".to_owned()]));
    assert!(world.reactions(1).is_empty(), "the comment of that number is another text");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_after_it_wrote_a_review_leaves_nothing_to_do_twice() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let living = world.live();
    world.faults.once("append", Fault::Hangs);
    assert!(living.post(&reviewed(7, 2, "ada", "/testenv extend 1h")).await.0.is_success());
    world.until(|world| world.wish(7).ttl.is_some()).await;
    let (ttl, generation) = (world.wish(7).ttl, world.record(7).unwrap().generation);
    living.kill().await;
    world.deliver(&[says(7, 3, "ada", "/testenv pin")]).await;
    world.settle().await;
    assert_eq!(world.wish(7).ttl, ttl, "not extended a second time");
    assert_eq!(world.record(7).unwrap().generation, generation.map(|generation| generation + 1));
}

#[tokio::test(start_paused = true)]
async fn a_comment_and_a_review_go_by_the_time() {
    let world = World::new();
    world.deliver(&[says(7, 3, "ada", "/testenv up"), says(7, 9, "ada", "/testenv pin")]).await;
    world.deliver(&[reviewed(7, 5, "ada", "/testenv unpin")]).await;
    assert!(world.wish(7).pinned, "{:?}", world.audit(7));
    assert!(world.audit(7).contains(&"ada unpin Superseded".to_owned()), "{:?}", world.audit(7));
    world.deliver(&[reviewed(7, 10, "ada", "/testenv unpin")]).await;
    assert!(!world.wish(7).pinned);
    world.deliver(&[says(7, 8, "ada", "/testenv sleep")]).await;
    assert_eq!(world.wish(7).desired, Desired::Up, "older than the review");
    world.deliver(&[says(7, 11, "ada", "/testenv sleep")]).await;
    assert_eq!(world.wish(7).desired, Desired::Asleep);
}

#[tokio::test(start_paused = true)]
async fn a_review_of_a_fork_binds_what_its_author_could_have_seen() {
    let world = World::new();
    world.pull(7, |pull| pull.is_from_fork = true);
    world.date(5);
    world.deliver(&[reviewed(7, 1, "ada", "/testenv up")]).await;
    assert_eq!(world.audit(7), ["ada up HeadNotSeen"]);
    world.deliver(&[reviewed(7, 9, "ada", "/testenv up")]).await;
    assert_eq!(world.wish(7).head_sha.as_deref(), Some(HEAD));
    world.pull(7, |pull| pull.head_sha = NEXT.into());
    world.date(20);
    world.deliver(&[reviewed(7, 12, "ada", "/testenv up")]).await;
    assert_eq!(world.wish(7).head_sha.as_deref(), Some(HEAD), "pushed, and seen later than the review");
}

#[tokio::test(start_paused = true)]
async fn a_review_that_the_forge_does_not_have_is_not_obeyed() {
    let world = World::new();
    let living = world.live();
    assert!(send(&living.bot, reviewed(7, 1, "ada", "/testenv up").request()).await.0.is_success());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert_eq!((world.record(7).is_none(), world.audit(7)), (true, vec!["unknown up CommentGone".to_owned()]));
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_given_once_for_a_text_and_only_to_people_who_may() {
    let world = World::new();
    for mail in
        [says(7, 1, "eve", "- /testenv up"), says(7, 2, "eve", "- /testenv status"), opened(7, 3, "eve", "/testenv up")]
    {
        world.deliver(&[mail]).await;
    }
    assert_eq!((world.reply(7, "eve"), world.audit(7)), (None, Vec::new()));
    world.deliver(&[says(7, 4, "ada", "- /testenv up")]).await;
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("`- /testenv up`: this is not a command, since it stands in a list"), "{said}");
    assert_eq!(world.faults.calls("reply"), 1);
    for mail in [says(7, 4, "ada", "- /testenv up").named(1), edited(7, 4, "ada", "- /testenv up", "/testenv up")] {
        world.deliver(&[mail]).await;
    }
    assert_eq!(world.faults.calls("reply"), 1);
    // The memory of the inbox ends after days, and the audit knows.
    locked(&world.tray.letters).clear();
    locked(&world.tray.seen).clear();
    world.deliver(&[says(7, 4, "ada", "- /testenv up").named(2)]).await;
    assert_eq!((world.faults.calls("reply"), world.audit(7).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hint_about_a_text_that_the_forge_does_not_have_is_not_given() {
    let world = World::new();
    let living = world.live();
    for mail in
        [says(7, 1, "ada", "- /testenv up"), opened(7, 2, "ada", "/testenv up"), reviewed(7, 3, "ada", "/testenv-up")]
    {
        assert!(send(&living.bot, mail.request()).await.0.is_success());
    }
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert_eq!((world.reply(7, "ada"), world.audit(7)), (None, Vec::new()));
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_waits_for_the_forge() {
    let world = World::new();
    let living = world.live();
    world.faults.once("comment", Fault::Before(bivouac_ports::Meaning::Unavailable));
    world.faults.once("reply", Fault::Before(bivouac_ports::Meaning::Unavailable));
    assert!(living.post(&says(7, 1, "ada", "Thanks! /testenv up")).await.0.is_success());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert!(world.reply(7, "ada").is_some());
    assert_eq!(world.audit(7), ["ada command NotACommand"]);
    living.end().await;
}

/// What the label asks for, when the description is by this person.
async fn labelled(author: &str, description: &str) -> World {
    let world = World::new();
    let written = WrittenComment {
        number: key(7).pr,
        author: author.into(),
        body: description.into(),
        created_at: at(0).parse().unwrap(),
    };
    locked(&world.hub.texts).insert((key(7), TextId::Description), written);
    world.label(7, true, "ada", &at(2));
    world.deliver(&[changed(7, 2, "ada", "labeled", HEAD)]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn the_label_takes_the_flags_of_a_person_who_may_give_them() {
    let flags = |world: World| world.wish(7).flags.into_iter().collect::<Vec<_>>();
    let both = [("FEATURE_X", "true"), ("FEATURE_Y", "v2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(flags(labelled("ada", "With FEATURE_X=true, FEATURE_Y=v2 please.").await), both);
    assert_eq!(flags(labelled("eve", "With FEATURE_X=true, FEATURE_Y=v2 please.").await), []);
    assert_eq!(flags(labelled("ada", "Nothing to see.").await), []);
}

#[tokio::test(start_paused = true)]
async fn flags_that_are_not_clear_start_nothing_and_are_answered_once() {
    let world = labelled("ada", "FEATURE_X=true or FEATURE_X=false").await;
    assert!(world.record(7).is_none());
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("`FEATURE_X` is given twice"), "{said}");
    world.bot().compare().await;
    assert_eq!((world.faults.calls("reply"), world.audit(7)), (1, vec!["ada up Refused".to_owned()]));
    // A stranger's description cannot hold a label up.
    locked(&world.hub.permissions).insert("ada".into(), Permission::Write);
    assert!(labelled("eve", "FEATURE_X=true or FEATURE_X=false").await.record(7).is_some());
}

//! The holder of the webhook secret cannot make up what a person said.

use bivouac_model::{Desired, PrNumber};
use bivouac_ports::{Meaning, WrittenComment};

use crate::doors::{Fault, locked};
use crate::payloads::{Mail, at, changed, comment, says, url};
use crate::world::{HEAD, World, key, send};

fn written(pr: u64, id: u64, author: &str, body: &str) -> WrittenComment {
    WrittenComment {
        number: PrNumber::new(pr).unwrap(),
        author: author.into(),
        body: body.into(),
        created_at: at(id).parse().unwrap(),
    }
}

/// Delivers an `up` of Ada's, of which the forge has this.
async fn delivered(forge_has: Option<WrittenComment>) -> World {
    let world = World::new();
    assert!(world.post(&says(7, 5, "ada", "/testenv up\n/testenv status\n/testenv nonsense")).await.0.is_success());
    locked(&world.hub.comments).clear();
    if let Some(comment) = forge_has {
        locked(&world.hub.comments).insert(5, comment);
    }
    world.settle().await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_the_forge_does_not_have_is_neither_obeyed_nor_answered() {
    const SAID: &str = "/testenv up\n/testenv status\n/testenv nonsense";
    let later = WrittenComment { created_at: at(9).parse().unwrap(), ..written(7, 5, "ada", SAID) };
    for (forge_has, reason) in [
        (None, "CommentGone"),
        (Some(written(7, 5, "eve", SAID)), "NotAsDelivered"),
        (Some(written(8, 5, "ada", SAID)), "NotAsDelivered"),
        (Some(later), "NotAsDelivered"),
    ] {
        let world = delivered(forge_has).await;
        assert!(world.record(7).is_none(), "{reason}");
        assert_eq!(world.reply(7, "ada"), None, "{reason}: no person is answered for what they may never have said");
        assert_eq!(world.reactions(5), [""; 0], "{reason}: nor is what another person wrote under that number");
        let audit =
            [format!("unknown up {reason}"), format!("unknown status {reason}"), format!("unknown command {reason}")];
        assert_eq!(world.audit(7), audit);
    }
    let world = delivered(Some(written(7, 5, "Ada", SAID))).await;
    assert_eq!(world.wish(7).desired, Desired::Up, "the same is obeyed");
}

#[tokio::test(start_paused = true)]
async fn an_edited_comment_is_not_obeyed_and_its_author_sees_a_sign() {
    let world = delivered(Some(written(7, 5, "ada", "/testenv up\n/testenv status\n/testenv nonsens"))).await;
    assert!(world.record(7).is_none());
    assert_eq!((world.reactions(5), world.reply(7, "ada")), (vec!["confused"], None));
    assert_eq!(world.audit(7), ["unknown up Edited", "unknown status Edited", "unknown command Edited"]);
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_does_not_answer_is_asked_again() {
    let world = World::new();
    world.faults.always("comment", Some(Meaning::Unavailable));
    let living = world.live();
    assert!(world.post(&says(7, 5, "ada", "/testenv up")).await.0.is_success());
    world.until(|world| world.faults.calls("comment") >= 3).await;
    assert!(world.record(7).is_none());
    world.faults.always("comment", None);
    world.until(|world| world.record(7).is_some()).await;
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_answered_costs_a_question_about_the_comment() {
    let world = World::new();
    let flood: Vec<_> = (10..60).map(|id| says(7, id, "eve", "/testenv status")).collect();
    world.deliver(&flood).await;
    assert_eq!(world.faults.calls("comment"), 3, "a stranger has three answers");
    assert_eq!(world.audit(7).len(), 3);
}

/// A delivery that says that Ada wrote this under a number that is not hers.
fn forged(id: u64, body: &str) -> Mail {
    let mut payload = comment(7, id, "ada", body);
    payload["comment"]["html_url"] = url(7, id).replace(&format!("comment-{id}"), "comment-999999999999").into();
    Mail::new("issue_comment", 77_000 + id, &payload)
}

async fn deliver_forged(world: &World, mail: &Mail) {
    assert!(send(&world.bot(), mail.request()).await.0.is_success());
    world.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_made_up_delivery_about_an_old_or_known_comment_changes_nothing() {
    // The number of an older comment, and the one in the record.
    for id in [3, 5] {
        let world = World::new();
        world.deliver(&[says(7, 5, "ada", "/testenv up")]).await;
        locked(&world.hub.comments).insert(3, written(7, 3, "eve", "hello"));
        let before = (world.reactions(3), world.reactions(5));
        deliver_forged(&world, &forged(id, "/testenv down\n/testenv help")).await;
        assert_eq!((world.reactions(3), world.reactions(5)), before, "{id}");
        assert_eq!(world.reply(7, "ada"), None, "{id}: no question was asked");
        assert!(!world.audit(7).iter().any(|line| line.starts_with("ada down")), "{id}: {:?}", world.audit(7));
        world.deliver(&[says(7, 6, "ada", "/testenv down")]).await;
        world.deliver(&[says(7, 8, "ada", "/testenv up")]).await;
        assert_eq!(world.wish(7).desired, Desired::Up, "{id}: {:?}", world.audit(7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_made_up_delivery_takes_neither_the_name_nor_the_place_of_a_genuine_one() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let genuine = says(7, 9, "ada", "/testenv down");
    world.write(&genuine);
    deliver_forged(&world, &forged(9, "/testenv status")).await;
    assert_eq!(send(&world.bot(), genuine.request()).await.0, axum::http::StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.wish(7).desired, Desired::Down);
    assert!(world.audit(7).contains(&"ada down Applied".to_owned()), "{:?}", world.audit(7));
}

#[tokio::test(start_paused = true)]
async fn made_up_deliveries_leave_few_events() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let living = world.live();
    for id in 100..160 {
        let mail = forged(id, "/testenv down\n/testenv up");
        assert!(send(&living.bot, mail.request()).await.0.is_success());
    }
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    living.end().await;
    let audit = world.audit(7);
    let unconfirmed = audit.iter().filter(|line| line.starts_with("unknown")).count();
    assert!((1..=15).contains(&unconfirmed), "{unconfirmed}");
}

#[tokio::test(start_paused = true)]
async fn made_up_commands_take_nothing_from_the_person_they_name() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let living = world.live();
    for id in 0..450 {
        let mail = says(100 + id, 1000 + id, "ada", "/testenv up");
        assert_eq!(send(&living.bot, mail.request()).await.0, axum::http::StatusCode::ACCEPTED);
    }
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let began = tokio::time::Instant::now();
    assert!(living.post(&says(7, 2, "ada", "/testenv extend 1h")).await.0.is_success());
    world.until(|world| world.wish(7).ttl.is_some()).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    living.end().await;
}

/// A world with an environment, and a closing that the forge knows nothing of, sent by a person with the secret of the webhook.
async fn closed_by_forgery(change: impl FnOnce(&World)) -> World {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    change(&world);
    let living = world.live();
    // The last time that a story can have: later than all that is asked for.
    assert!(send(&living.bot, changed(7, 3000, "eve", "closed", HEAD).request()).await.0.is_success());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    living.end().await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_closing_that_the_forge_does_not_confirm_ends_nothing() {
    let world = closed_by_forgery(|_| ()).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
    assert_eq!(world.audit(7), ["ada up Applied"]);
    world.deliver(&[says(7, 2, "ada", "/testenv up FEATURE_X=true")]).await;
    assert_eq!(world.wish(7).flags.len(), 1, "what is asked for later counts too");
}

#[tokio::test(start_paused = true)]
async fn a_closing_with_a_time_of_its_own_ends_what_the_real_one_ended() {
    let closed_at = |text: &str| text.parse().unwrap();
    let earlier = closed_by_forgery(|world| {
        locked(&world.hub.closings).insert(key(7), closed_at(&at(0)));
    });
    assert_eq!(earlier.await.wish(7).desired, Desired::Up);
    let later = closed_by_forgery(|world| {
        locked(&world.hub.closings).insert(key(7), closed_at(&at(2)));
    });
    assert_eq!(later.await.wish(7).desired, Desired::Down);
}

#[tokio::test(start_paused = true)]
async fn a_closing_waits_for_the_forge() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let living = world.live();
    world.faults.once("last_closing", Fault::Before(Meaning::Unavailable));
    assert!(living.post(&changed(7, 2, "ada", "closed", HEAD)).await.0.is_success());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert_eq!(world.wish(7).desired, Desired::Down, "it was open again, and had been closed");
    assert_eq!(world.faults.calls("last_closing"), 2);
    living.end().await;
}

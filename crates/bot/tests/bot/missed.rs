//! Commands whose delivery never came are found by comparing, once.

use std::time::Duration;

use bivouac_model::Desired;
use bivouac_ports::{Meaning, PostedComment, ReadPosition};
use chrono::{DateTime, TimeDelta, Utc};

use crate::doors::{Fault, locked};
use crate::payloads::{Mail, comment, says};
use crate::world::{HEAD, World};

/// When the list was read first.
fn begun() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn list() -> String {
    format!("comments/{}", crate::payloads::REPO)
}

/// A world whose comments were read before.
fn reading() -> World {
    let world = World::new();
    locked(&world.tray.positions).insert(list(), ReadPosition { begun_at: begun(), read_until: begun() });
    world
}

/// The entry of the forge's list of what a person wrote, as its delivery would say it.
fn posted(pr: u64, id: u64, login: &str, body: &str) -> PostedComment {
    let payload = comment(pr, id, login, body);
    let created_at = payload["comment"]["created_at"].as_str().unwrap().parse().unwrap();
    PostedComment {
        id,
        issue: pr,
        author: Some(login.to_owned()),
        is_by_person: !login.ends_with("[bot]"),
        created_at,
        updated_at: created_at,
        url: payload["comment"]["html_url"].as_str().unwrap().to_owned(),
        body: body.to_owned(),
    }
}

fn write(world: &World, comment: PostedComment) {
    locked(&world.hub.posted).push(comment);
}

async fn compared(world: &World) {
    world.bot().compare().await;
    world.settle().await;
}

fn read_until(world: &World) -> DateTime<Utc> {
    locked(&world.tray.positions)[&list()].read_until
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_no_bot_ran_is_obeyed() {
    let world = reading();
    write(&world, posted(7, 1, "ada", "/testenv up FEATURE_X=true"));
    write(&world, posted(7, 2, "eve", "/testenv down"));
    compared(&world).await;
    let wish = world.wish(7);
    assert_eq!(
        (wish.desired, wish.requested_by.as_deref(), wish.head_sha.as_deref()),
        (Desired::Up, Some("ada"), Some(HEAD))
    );
    assert_eq!(world.audit(7), ["ada up Applied", "eve down NotAllowed"]);
    // Once: nothing of it is found again, by this process or the next one.
    let generation = wish.generation;
    for _ in 0..3 {
        compared(&world).await;
    }
    assert_eq!(world.wish(7).generation, generation);
    assert_eq!(world.audit(7).len(), 2);
}

/// A world whose reviews were read before too, and a review in it.
fn reviewed(pr: u64, id: u64, login: &str, body: &str) -> World {
    let world = reading();
    let list = format!("reviews/{}", crate::payloads::REPO);
    locked(&world.tray.positions).insert(list, ReadPosition { begun_at: begun(), read_until: begun() });
    review(&world, pr, id, login, body);
    world
}

fn review(world: &World, pr: u64, id: u64, login: &str, body: &str) {
    let posted = posted(pr, id, login, body);
    let url = posted.url.replace("#issuecomment-", "#pullrequestreview-");
    let key = crate::world::key(pr);
    locked(&world.hub.reviews).entry(key).or_default().push(PostedComment { url, ..posted });
}

#[tokio::test(start_paused = true)]
async fn a_command_in_a_review_that_was_lost_is_not_obeyed_and_its_author_gets_one_reply() {
    let world = reviewed(7, 1, "ada", "/testenv up\n/testenv extend 2h");
    review(&world, 7, 2, "eve", "/testenv down");
    for _ in 0..2 {
        compared(&world).await;
        // A person with write access may have edited it, before or after.
        for review in locked(&world.hub.reviews).values_mut().flatten() {
            review.body = "/testenv down".to_owned();
        }
    }
    assert!(world.record(7).is_none(), "{:?}", world.audit(7));
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("does not say whether a review was edited") && said.contains("in a comment"), "{said}");
    assert_eq!(world.audit(7).iter().filter(|line| line.starts_with("ada")).count(), 2, "{:?}", world.audit(7));
    // The review's own delivery is too late.
    world.deliver(&[crate::payloads::reviewed(7, 1, "ada", "/testenv up\n/testenv extend 2h")]).await;
    assert!(world.record(7).is_none(), "{:?} {:#?}", world.audit(7), locked(&world.tray.seen));
}

#[tokio::test(start_paused = true)]
async fn the_delivery_of_a_review_is_waited_for() {
    let world = reviewed(7, 1, "ada", "/testenv up");
    // The clock of a world begins then.
    let now: DateTime<Utc> = "2026-11-23T12:30:00Z".parse().unwrap();
    let just_now = now - TimeDelta::seconds(5);
    for review in locked(&world.hub.reviews).values_mut().flatten() {
        (review.created_at, review.updated_at) = (just_now, just_now);
    }
    compared(&world).await;
    assert!(world.reply(7, "ada").is_none() && world.audit(7).is_empty());
    let position = locked(&world.tray.positions)[&format!("reviews/{}", crate::payloads::REPO)];
    assert!(position.read_until <= just_now, "{position:?}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    compared(&world).await;
    assert!(world.reply(7, "ada").is_some(), "it was not delivered");
}

#[tokio::test(start_paused = true)]
async fn what_was_meant_as_a_command_is_explained_once() {
    let world = reviewed(7, 1, "ada", "Thanks! /testenv up");
    write(&world, posted(7, 2, "ada", "- /testenv up"));
    for _ in 0..3 {
        compared(&world).await;
    }
    assert_eq!(world.audit(7).iter().filter(|line| line.contains("NotACommand")).count(), 2, "{:?}", world.audit(7));
    assert_eq!(locked(&world.hub.replies).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_one_comparison_are_bounded_and_the_next_ones_read_the_rest() {
    let mut world = reviewed(7, 1, "ada", "/testenv up");
    world.settings.compare_every = Duration::from_secs(180);
    for pr in 100..145 {
        review(&world, pr, pr, "ada", "Looks good.");
    }
    let living = world.live();
    // The first comparison comes soon, and the others every three minutes.
    for (calls, whole, wait) in [(20, false, 60), (40, false, 180), (60, true, 180)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        assert_eq!(world.faults.calls("reviews"), calls);
        let position = locked(&world.tray.positions)[&format!("reviews/{}", crate::payloads::REPO)];
        assert_eq!(position.read_until > begun(), whole, "{calls}");
    }
    living.end().await;
    assert!(world.reply(7, "ada").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_running_bot_finds_it_by_itself() {
    let mut world = reading();
    world.settings.compare_every = Duration::from_secs(180);
    let living = world.live();
    tokio::time::sleep(Duration::from_secs(60)).await;
    write(&world, posted(7, 1, "ada", "/testenv up"));
    let began = tokio::time::Instant::now();
    world.until(|world| world.record(7).is_some()).await;
    assert!(began.elapsed() < Duration::from_secs(200), "{:?}", began.elapsed());
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn reading_begins_now_and_not_at_the_beginning_of_history() {
    let world = World::new();
    write(&world, posted(7, 1, "ada", "/testenv up"));
    compared(&world).await;
    assert_eq!(world.faults.calls("comments_since"), 0, "nothing was missed yet");
    compared(&world).await;
    assert!(world.record(7).is_none(), "it was said before anybody was there to hear it");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_and_the_list_come_to_one() {
    let story = "/testenv up\n/testenv extend 2h";
    // The delivery first, handled or not; then the list first.
    for order in 0..3 {
        let world = reading();
        write(&world, posted(7, 1, "ada", story));
        if order < 2 {
            assert!(world.post(&says(7, 1, "ada", story)).await.0.is_success());
        }
        if order == 0 {
            world.settle().await;
        }
        world.bot().compare().await;
        assert!(order == 2 || locked(&world.tray.letters).len() <= 1, "{order}: it is in the inbox once");
        world.settle().await;
        if order == 2 {
            world.deliver(&[says(7, 1, "ada", story)]).await;
        }
        let wish = world.wish(7);
        assert_eq!((wish.generation, wish.ttl.unwrap().get().as_secs()), (Some(1), 50 * 3600), "{order}");
        assert_eq!(world.audit(7), ["ada up Applied", "ada extend Applied"], "{order}");
        assert_eq!(world.reactions(1), ["eyes"], "{order}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_what_was_obeyed_since_undoes_nothing() {
    let world = reading();
    write(&world, posted(7, 1, "ada", "/testenv up"));
    world.deliver(&[says(7, 2, "ada", "/testenv up"), says(7, 3, "ada", "/testenv down")]).await;
    compared(&world).await;
    assert_eq!(world.wish(7).desired, Desired::Down);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_command_of_a_person_on_a_pull_request_is_left_alone() {
    let world = reading();
    write(&world, posted(7, 1, "dependabot[bot]", "/testenv up"));
    write(&world, PostedComment { author: None, ..posted(7, 2, "ghost", "/testenv up") });
    write(&world, posted(7, 3, "ada", "LGTM\n\n> /testenv up"));
    write(&world, posted(4711, 4, "ada", "/testenv up"));
    write(&world, PostedComment { issue: 0, ..posted(7, 5, "ada", "/testenv up") });
    world.bot().compare().await;
    assert!(locked(&world.tray.letters).is_empty());
    assert!(read_until(&world) > begun(), "it was read all the same");
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_no_command_and_the_answer_says_so_if_it_was_not_read_before() {
    let world = reading();
    let edited =
        |comment: PostedComment| PostedComment { updated_at: comment.created_at + TimeDelta::minutes(9), ..comment };
    // Written long before, and made a command now.
    let old = PostedComment { created_at: begun() - TimeDelta::hours(1), ..posted(7, 1, "ada", "/testenv up") };
    write(&world, PostedComment { updated_at: begun() + TimeDelta::minutes(9), ..old });
    compared(&world).await;
    assert!(world.audit(7).is_empty() && world.record(7).is_none());
    // Written while no one listened, and edited since, perhaps by a person else.
    write(&world, edited(posted(7, 600, "ada", "/testenv up")));
    compared(&world).await;
    assert!(world.record(7).is_none());
    assert_eq!(world.reactions(600), ["confused", "eyes"]);
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("edited before it was read") && said.contains("new comment"), "{said}");
    // Heard of in time, and edited since.
    world.deliver(&[says(7, 1300, "ada", "/testenv up")]).await;
    write(&world, edited(posted(7, 1300, "ada", "/testenv down")));
    compared(&world).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
    assert_eq!(world.reactions(1300), ["eyes"]);
}

#[tokio::test(start_paused = true)]
async fn the_position_moves_only_when_the_inbox_has_all_of_it() {
    for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable)] {
        for call in ["take", "advance", "comments_since", "read_position"] {
            let world = reading();
            write(&world, posted(7, 1, "ada", "/testenv up\n/testenv extend 2h"));
            world.faults.once(call, fault);
            world.bot().compare().await;
            if call != "advance" {
                assert_eq!(read_until(&world), begun(), "{call} {fault:?}");
            }
            compared(&world).await;
            assert!(read_until(&world) > begun(), "{call} {fault:?}");
            let wish = world.wish(7);
            assert_eq!((wish.generation, wish.ttl.unwrap().get().as_secs()), (Some(1), 50 * 3600), "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_comparison_may_die_at_any_call() {
    for call in ["take", "advance", "comments_since", "read_position", "open_pull_requests"] {
        let world = reading();
        write(&world, posted(7, 1, "ada", "/testenv up\n/testenv extend 2h"));
        world.faults.once(call, Fault::Hangs);
        let dying = world.bot();
        let died = tokio::time::timeout(Duration::from_secs(60), dying.compare()).await;
        assert!(died.is_err(), "{call}");
        compared(&world).await;
        assert_eq!(world.wish(7).generation, Some(1), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_list_of_pull_requests_each_is_asked_for() {
    let world = reading();
    write(&world, posted(7, 1, "ada", "/testenv up"));
    world.faults.always("open_pull_requests", Some(Meaning::Unavailable));
    compared(&world).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_flood_fills_no_inbox_and_hides_no_command() {
    let world = reading();
    locked(&world.hub.permissions).insert("grace".into(), bivouac_ports::Permission::Write);
    for id in 1..500 {
        write(&world, posted(7, id, "eve", "/testenv status"));
    }
    for id in 500..530 {
        write(&world, posted(7, id, "grace", "/testenv extend 1h"));
    }
    write(&world, posted(7, 530, "ada", "/testenv up"));
    world.bot().compare().await;
    let letters = locked(&world.tray.letters).len();
    assert_eq!(letters, 20 + 30 + 1, "all of people who may give commands");
    world.settle().await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_was_refused_is_found() {
    let world = reading();
    let mail: Mail = says(7, 1, "ada", "/testenv up");
    world.faults.once("take", Fault::Before(Meaning::Unavailable));
    assert_eq!(world.post(&mail).await.0, axum::http::StatusCode::SERVICE_UNAVAILABLE);
    write(&world, posted(7, 1, "ada", "/testenv up"));
    compared(&world).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn more_comments_in_five_minutes_than_are_read_at_once_hide_no_command() {
    // What is read at once, and a list that goes on longer than one comparison reads.
    for most in [200, 60] {
        let mut world = reading();
        world.settings.compare_every = Duration::from_secs(60);
        *locked(&world.hub.most_posted) = Some(most);
        // Four comments a second are more than four accounts can write.
        let second = |id: i64| begun() + TimeDelta::seconds(id / 4);
        for id in 1..1200 {
            let at = second(i64::try_from(id).unwrap());
            let me_too = PostedComment { created_at: at, updated_at: at, ..posted(7, id, "eve", "me too") };
            write(&world, me_too);
        }
        let at = second(1200);
        write(&world, PostedComment { created_at: at, updated_at: at, ..posted(7, 1200, "ada", "/testenv up") });
        let living = world.live();
        world.until(|world| world.record(7).is_some()).await;
        living.end().await;
        assert_eq!((world.wish(7).desired, read_until(&world)), (Desired::Up, at), "{most}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_made_up_delivery_takes_no_name_from_what_is_found() {
    let world = reading();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    write(&world, posted(7, 9, "ada", "/testenv down"));
    for mail in [says(7, 9, "eve", "/testenv status"), says(7, 9, "ada", "/testenv status").named(1)] {
        assert!(crate::world::send(&world.bot(), mail.request()).await.0.is_success());
    }
    world.settle().await;
    compared(&world).await;
    assert_eq!(world.wish(7).desired, Desired::Down, "{:?}", world.audit(7));
}

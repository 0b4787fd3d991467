//! Commands that were accepted are obeyed or answered, whatever the forge does meanwhile.

use std::time::Duration;

use bivouac_model::Desired;
use bivouac_ports::{Meaning, Permission, PostedComment, ReadPosition};

use crate::doors::{FORGE, Fault, Faults, locked};
use crate::payloads::{Mail, REPO, changed, comment, says};
use crate::world::{HEAD, World};

/// Every call that goes to the forge while a command is handled or looked for.
const ALL: [&str; 5] = ["comment", "comments_since", "pushes", "last_closing", "commits"];

fn forge_answers(faults: &Faults, meaning: Option<Meaning>) {
    FORGE.iter().chain(&ALL).for_each(|call| faults.always(call, meaning));
}

fn up() -> Mail {
    says(7, 1, "ada", "/testenv up")
}

#[tokio::test(start_paused = true)]
async fn a_command_given_during_a_long_outage_is_obeyed_after_it() {
    for outage in [Duration::from_secs(15 * 60), Duration::from_secs(6 * 3600)] {
        let world = World::new();
        forge_answers(&world.faults, Some(Meaning::Unavailable));
        let living = world.live();
        assert!(living.post(&up()).await.0.is_success());
        tokio::time::sleep(outage).await;
        assert_eq!(locked(&world.tray.letters).len(), 1, "it waits in the inbox");
        assert!(world.audit(7).is_empty(), "nothing is decided: {:?}", world.audit(7));
        forge_answers(&world.faults, None);
        world.until(|world| locked(&world.tray.letters).is_empty()).await;
        living.end().await;
        assert_eq!(world.wish(7).desired, Desired::Up, "{outage:?}");
        assert_eq!(world.audit(7), ["ada up Applied"], "{outage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_in_the_inbox_counts_for_no_outage() {
    let world = World::new();
    assert!(world.post(&up()).await.0.is_success());
    // No process runs for a while, and then the forge is silent for some seconds.
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    world.faults.always("permission", Some(Meaning::Unavailable));
    let living = world.live();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(world.audit(7).is_empty(), "{:?}", world.audit(7));
    world.faults.always("permission", None);
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    living.end().await;
    assert_eq!(world.audit(7), ["ada up Applied"]);
}

#[tokio::test(start_paused = true)]
async fn a_closing_of_a_pull_request_that_is_open_again_outlasts_an_outage() {
    let world = World::new();
    world.deliver(&[up()]).await;
    forge_answers(&world.faults, Some(Meaning::Unavailable));
    let living = world.live();
    assert!(living.post(&changed(7, 2, "ada", "closed", HEAD)).await.0.is_success());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    forge_answers(&world.faults, None);
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    living.end().await;
    assert_eq!(world.wish(7).desired, Desired::Down);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_out_of_sight_for_some_seconds_loses_no_command_and_no_answer() {
    for meaning in [Meaning::NotFound, Meaning::Denied] {
        let world = World::new();
        world.deliver(&[up()]).await;
        forge_answers(&world.faults, Some(meaning));
        let living = world.live();
        for mail in [says(7, 2, "ada", "/testenv pin"), says(7, 3, "ada", "/testenv help")] {
            assert!(living.post(&mail).await.0.is_success());
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        forge_answers(&world.faults, None);
        let back = tokio::time::Instant::now();
        world.until(|world| locked(&world.tray.letters).is_empty()).await;
        living.end().await;
        assert!(world.wish(7).pinned, "{meaning:?}");
        assert_eq!(world.audit(7), ["ada up Applied", "ada pin Applied", "ada help Answered"], "{meaning:?}");
        assert!(world.reply(7, "ada").is_some(), "{meaning:?}");
        assert!(back.elapsed() < Duration::from_secs(60), "{:?}", back.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_refused_with_the_whole_repository_is_given_later() {
    let world = World::new();
    world.faults.once("reply", Fault::Before(Meaning::NotFound));
    world.faults.once("pull_request", Fault::Before(Meaning::NotFound));
    world.deliver(&[says(7, 1, "ada", "/testenv help")]).await;
    assert!(world.reply(7, "ada").is_some());
    assert_eq!(world.faults.calls("reply"), 2);
}

#[tokio::test(start_paused = true)]
async fn one_failed_call_lets_no_newer_command_overtake() {
    for call in ["permission", "comment", "pull_request", "write_desired_over"] {
        let world = World::new();
        locked(&world.hub.permissions).insert("grace".into(), Permission::Write);
        world.deliver(&[up()]).await;
        world.faults.once(call, Fault::Before(Meaning::Unavailable));
        let newer = says(7, 3, "grace", "/testenv extend 1h");
        world.deliver(&[says(7, 2, "ada", "/testenv down"), newer]).await;
        assert_eq!(world.wish(7).desired, Desired::Down, "{call}");
        assert_eq!(world.audit(7), ["ada up Applied", "ada down Applied", "grace extend Refused"], "{call}");
        assert!(world.reply(7, "grace").unwrap().contains("there is no environment"), "{call}");

        let world = World::new();
        world.deliver(&[up()]).await;
        world.faults.once(call, Fault::Before(Meaning::Unavailable));
        world.deliver(&[says(7, 2, "ada", "/testenv extend 100h"), says(7, 3, "ada", "/testenv pin")]).await;
        assert!(world.wish(7).ttl.is_some() && world.wish(7).pinned, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_down_waits_for_no_older_command_that_fails() {
    let world = World::new();
    world.deliver(&[up()]).await;
    world.pull(7, |pull| pull.is_from_fork = true);
    world.faults.always("commits", Some(Meaning::Unavailable));
    let living = world.live();
    assert!(living.post(&says(7, 2, "ada", "/testenv up sha=abcdef1")).await.0.is_success());
    world.until(|world| world.faults.calls("commits") >= 2).await;
    assert!(living.post(&says(7, 3, "ada", "/testenv down")).await.0.is_success());
    let began = tokio::time::Instant::now();
    world.until(|world| world.wish(7).desired == Desired::Down).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    living.end().await;
    assert_eq!(world.wish(7).desired, Desired::Down);
    assert!(world.reply(7, "ada").unwrap().contains("a newer command was obeyed"), "the older one hears why");
}

#[tokio::test(start_paused = true)]
async fn an_older_down_wins_over_what_only_changes_the_same_environment() {
    let world = World::new();
    world.deliver(&[up()]).await;
    // Another replica was faster with the newer ones.
    world.deliver(&[says(7, 3, "ada", "/testenv extend 1h")]).await;
    world.deliver(&[says(7, 4, "ada", "/testenv pin")]).await;
    world.deliver(&[says(7, 2, "ada", "/testenv down")]).await;
    let wish = world.wish(7);
    assert_eq!(wish.desired, Desired::Down);
    assert!(wish.request_url.unwrap().ends_with("-4"), "what is older than the newest stays older");
    assert_eq!(world.reactions(2), ["eyes", "rocket"]);
    assert!(world.audit(7).contains(&"ada down Applied".to_owned()), "{:?}", world.audit(7));
    // Not over a newer `up`, also not the second time.
    world.deliver(&[says(7, 6, "ada", "/testenv up")]).await;
    world.deliver(&[says(7, 5, "ada", "/testenv down")]).await;
    world.deliver(&[says(7, 2, "ada", "/testenv down").named(1)]).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
    assert!(world.reply(7, "ada").unwrap().contains("a newer command was obeyed"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_question_about_a_person_loses_none_of_their_missed_commands() {
    let mut world = World::new();
    let begun = "2026-11-23T12:00:00Z".parse().unwrap();
    let position = ReadPosition { begun_at: begun, read_until: begun };
    locked(&world.tray.positions).insert(format!("comments/{REPO}"), position);
    for id in 1..=30 {
        world.pull(100 + id, |_| {});
        let payload = comment(100 + id, id, "ada", "/testenv up");
        let text = |name: &str| payload["comment"][name].as_str().unwrap().to_owned();
        let created_at = text("created_at").parse().unwrap();
        locked(&world.hub.posted).push(PostedComment {
            id,
            issue: 100 + id,
            author: Some("ada".into()),
            is_by_person: true,
            created_at,
            updated_at: created_at,
            url: text("html_url"),
            body: text("body"),
        });
    }
    world.faults.always("permission", Some(Meaning::Unavailable));
    world.settings.compare_every = Duration::from_secs(60);
    let living = world.live();
    tokio::time::sleep(Duration::from_secs(45)).await;
    world.faults.always("permission", None);
    world.until(|world| (101..=130).all(|pr| world.record(pr).is_some())).await;
    living.end().await;
}

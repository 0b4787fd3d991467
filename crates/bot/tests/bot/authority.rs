//! Who may, and that nobody does before the forge has said so.

use std::time::Duration;

use bivouac_bot::{Policy, Required, Settings};
use bivouac_model::Desired;
use bivouac_model::command::Verb;
use bivouac_ports::{Meaning, Permission};

use crate::doors::{Fault, locked};
use crate::payloads::says;
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn who_may_not_is_refused_politely_and_once() {
    let world = World::new();
    world.deliver(&[says(7, 1, "eve", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    let said = world.reply(7, "eve").unwrap();
    assert!(said.contains("sorry") && said.contains("`/testenv help`"), "{said}");
    assert_eq!(world.reactions(1), ["confused", "eyes"]);
    world.deliver(&[says(7, 2, "eve", "/testenv up")]).await;
    assert_eq!(world.reply(7, "eve").unwrap(), said, "the same one reply");
    assert_eq!(world.audit(7), ["eve up NotAllowed", "eve up NotAllowed"]);
    assert_eq!(world.faults.calls("pull_request"), 0, "nothing was looked at for them");
}

#[tokio::test(start_paused = true)]
async fn a_person_of_no_permission_is_a_stranger() {
    let world = World::new();
    world.deliver(&[says(7, 1, "mallory", "/testenv down")]).await;
    assert_eq!(world.audit(7), ["mallory down NotAllowed"]);
}

#[tokio::test(start_paused = true)]
async fn teams_and_users_may_too() {
    let mut world = World::new();
    let teams = Required {
        permission: Permission::Admin,
        teams: vec!["apache/committers".into()],
        users: vec!["Grace".into()],
    };
    world.settings.policy = Policy::default().with(Verb::Up, teams);
    locked(&world.hub.teams).insert(("apache/committers".into(), "eve".into()));
    for (id, login, may) in [(1, "ada", false), (2, "eve", true), (3, "grace", true)] {
        world.deliver(&[says(7, id, login, "/testenv up")]).await;
        assert_eq!(
            world.record(7).is_some_and(|_| world.wish(7).requested_by.as_deref() == Some(login)),
            may,
            "{login}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn help_says_who_may_by_the_rules_that_hold() {
    let mut world = World::new();
    let named = Required {
        permission: Permission::Admin,
        teams: vec!["apache/committers".into()],
        users: vec!["Grace".into()],
    };
    let everybody = Required { permission: Permission::None, ..Required::default() };
    world.settings.policy = Policy::default().with(Verb::Up, named).with(Verb::Logs, everybody);
    world.deliver(&[says(7, 1, "eve", "/testenv help")]).await;
    let help = world.reply(7, "eve").unwrap();
    let who_may = |command: &str| {
        let row = help.lines().find(|line| line.starts_with(&format!("| `/testenv {command}"))).expect(command);
        row.trim_end_matches(" |").rsplit("| ").next().unwrap().to_owned()
    };
    assert_eq!(who_may("up"), "administrators, the team `apache/committers`, `Grace`");
    assert_eq!(who_may("down"), "who may write");
    assert_eq!((who_may("logs"), who_may("help")), ("everyone".to_owned(), "everyone".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_team_that_cannot_be_seen_makes_nobody_a_member() {
    let mut world = World::new();
    let teams = Required { permission: Permission::Admin, teams: vec!["apache/secret".into()], users: Vec::new() };
    world.settings.policy = Policy::default().with(Verb::Up, teams);
    world.faults.always("is_in_team", Some(Meaning::Denied));
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert_eq!(world.audit(7), ["ada up NotAllowed"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_for_the_forge() {
    let world = World::new();
    world.faults.always("permission", Some(Meaning::Unavailable));
    let living = world.live();
    assert!(world.post(&says(7, 1, "ada", "/testenv up")).await.0.is_success());
    world.until(|world| world.faults.calls("permission") >= 4).await;
    assert!(world.record(7).is_none(), "nobody said yes");
    assert_eq!(world.reactions(1), ["eyes"]);
    world.faults.always("permission", None);
    world.until(|world| world.record(7).is_some()).await;
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_stays_silent_is_a_no() {
    let world = World::new();
    world.faults.always("permission", Some(Meaning::Unavailable));
    let began = tokio::time::Instant::now();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    let took = began.elapsed();
    assert!(took >= Settings::GIVE_UP_AFTER && took < Settings::GIVE_UP_AFTER * 2, "{took:?}");
    assert!(world.reply(7, "ada").unwrap().contains("could not be asked"));
    assert_eq!(world.reactions(1), ["confused", "eyes"]);
    assert_eq!(world.audit(7), ["ada up ForgeSilent"]);
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_may_not_be_asked_is_a_no_at_once() {
    let world = World::new();
    world.faults.always("permission", Some(Meaning::Denied));
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert_eq!((world.audit(7), world.faults.calls("permission")), (vec!["ada up ForgeSilent".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn who_was_removed_is_refused_within_two_minutes() {
    let mut world = World::new();
    world.settings.trust_for = Duration::from_secs(3600);
    let living = world.live();
    let post = async |id, command: &str| {
        let mail = says(7, id, "ada", command);
        let sent = crate::world::send(&living.bot, mail.request()).await;
        assert!(sent.0.is_success());
        world.until(|world| locked(&world.tray.letters).is_empty()).await;
    };
    post(1, "/testenv up").await;
    locked(&world.hub.permissions).insert("ada".into(), Permission::None);
    post(2, "/testenv sleep").await;
    assert_eq!(world.wish(7).desired, Desired::Asleep, "a moment later it is still known");
    assert_eq!(world.faults.calls("permission"), 1);
    tokio::time::sleep(Settings::MOST_TRUST).await;
    post(3, "/testenv down").await;
    assert_eq!(world.wish(7).desired, Desired::Asleep);
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_question_at_once_is_asked_once() {
    let world = World::new();
    for pr in 8..30 {
        world.pull(pr, |_| {});
    }
    world.faults.once("permission", Fault::Slow(Duration::from_secs(3)));
    let mails: Vec<_> = (8..30).map(|pr| says(pr, pr, "ada", "/testenv up")).collect();
    world.deliver(&mails).await;
    assert!((8..30).all(|pr| world.record(pr).is_some()));
    assert_eq!(world.faults.calls("permission"), 1);
}

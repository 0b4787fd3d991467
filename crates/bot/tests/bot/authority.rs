//! Who may, and that nobody does before the forge has said so.

use std::time::Duration;

use bivouac_bot::{Policy, Required, Settings};
use bivouac_model::Desired;
use bivouac_model::command::Verb;
use bivouac_ports::{Meaning, Permission};

use crate::doors::{FORGE, Fault, locked};
use crate::payloads::says;
use crate::world::{Living, World, key};

#[tokio::test(start_paused = true)]
async fn who_may_not_is_refused_politely_and_once() {
    let world = World::new();
    world.deliver(&[says(7, 1, "eve", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    let said = world.reply(7, "eve").unwrap();
    assert!(said.contains("sorry") && said.contains("`/testenv help`"), "{said}");
    assert_eq!(world.reactions(1), ["confused"], "who may not is shown no 👀");
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
    assert!(world.reactions(1).is_empty(), "nor is it shown to somebody who may not that it was seen");
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
    assert_eq!(world.reactions(1), ["confused"]);
    assert_eq!(world.audit(7), ["ada up ForgeSilent"]);
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_may_not_be_asked_for_minutes_is_a_no() {
    let world = World::new();
    world.faults.always("permission", Some(Meaning::Denied));
    let began = tokio::time::Instant::now();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    let took = began.elapsed();
    assert!(took >= Settings::GIVE_UP_AFTER && took < Settings::GIVE_UP_AFTER * 2, "{took:?}");
    assert_eq!(world.audit(7), ["ada up ForgeSilent"]);
    assert!(world.reply(7, "ada").unwrap().contains("could not be asked"));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_our_credentials_are_refused_is_obeyed_when_they_are_good_again() {
    // Half a minute as GitHub has had it, and a token that nobody renewed over a long weekend.
    for refused in [Duration::from_secs(30), Duration::from_secs(4 * 24 * 3600)] {
        let world = World::new();
        let living = world.live();
        *locked(&world.faults.unauthenticated) = FORGE.to_vec();
        let sent = crate::world::deliver(&world, &living.bot, &says(7, 1, "ada", "/testenv up")).await;
        assert!(sent.0.is_success());
        tokio::time::sleep(refused).await;
        assert!(world.record(7).is_none() && world.audit(7).is_empty(), "nothing is decided yet");
        assert_eq!(locked(&world.tray.letters).len(), 1, "it waits in the inbox");
        locked(&world.faults.unauthenticated).clear();
        world.until(|world| locked(&world.tray.letters).is_empty()).await;
        assert_eq!(world.audit(7), ["ada up Applied"], "{refused:?}");
        assert!(world.record(7).is_some());
        living.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_team_that_cannot_be_asked_for_want_of_credentials_is_no_refusal() {
    let mut world = World::new();
    let team = Required { teams: vec!["acme/pmc".into()], ..Policy::default().required(Verb::Up).clone() };
    world.settings.policy = Policy::default().with(Verb::Up, team);
    locked(&world.hub.teams).insert(("acme/pmc".into(), "eve".into()));
    let living = world.live();
    *locked(&world.faults.unauthenticated) = vec!["is_in_team"];
    let sent = crate::world::deliver(&world, &living.bot, &says(7, 1, "eve", "/testenv up")).await;
    assert!(sent.0.is_success());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(world.audit(7).is_empty(), "{:?}", world.audit(7));
    locked(&world.faults.unauthenticated).clear();
    world.until(|world| world.record(7).is_some()).await;
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_waits_for_our_credentials_is_given() {
    let world = World::new();
    let living = world.live();
    world.faults.once("reply", Fault::Before(Meaning::Unavailable));
    let sent = crate::world::deliver(&world, &living.bot, &says(7, 1, "ada", "/testenv help")).await;
    assert!(sent.0.is_success());
    world.until(|world| world.faults.calls("reply") == 1).await;
    *locked(&world.faults.unauthenticated) = FORGE.to_vec();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.reply(7, "ada"), None);
    locked(&world.faults.unauthenticated).clear();
    world.until(|world| world.reply(7, "ada").is_some()).await;
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_success_elsewhere_ends_the_wait_for_the_forge_once() {
    let world = World::new();
    let living = world.live();
    world.faults.always("permission", Some(Meaning::Unavailable));
    let sent = crate::world::deliver(&world, &living.bot, &says(7, 1, "ada", "/testenv up")).await;
    assert!(sent.0.is_success());
    // Its own attempts are a minute apart by now.
    tokio::time::sleep(Duration::from_secs(400)).await;
    let tries = world.faults.calls("permission");
    world.until(|world| world.faults.calls("permission") > tries).await;
    let tries = world.faults.calls("permission");
    for _ in 0..20 {
        world.hub.health.answered(&key(7).repo);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(world.faults.calls("permission"), tries + 1, "an outage that goes on is not asked faster");
    world.until(|world| world.faults.calls("permission") > tries + 1).await;
    world.faults.always("permission", None);
    let back = tokio::time::Instant::now();
    world.hub.health.answered(&key(7).repo);
    world.until(|world| world.record(7).is_some()).await;
    assert!(back.elapsed() < Duration::from_secs(1), "{:?}", back.elapsed());
    living.end().await;
}

/// A bot that runs, and hands over what a person wrote.
async fn post(world: &World, living: &Living, id: u64, login: &str, command: &str) {
    let sent = living.post(&says(7, id, login, command)).await;
    assert!(sent.0.is_success());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_kept_for_seconds_and_asked_for_again_before_a_task_starts_or_ends() {
    let mut world = World::new();
    world.settings.trust_for = Duration::from_secs(3600);
    let living = world.live();
    post(&world, &living, 1, "ada", "/testenv up").await;
    locked(&world.hub.permissions).insert("ada".into(), Permission::None);
    post(&world, &living, 2, "ada", "/testenv pin").await;
    assert!(world.wish(7).pinned, "a moment later it is still known");
    assert_eq!(world.faults.calls("permission"), 1);
    for (id, command) in [(3, "down"), (4, "sleep"), (5, "restart"), (6, "up FEATURE_X=true")] {
        post(&world, &living, id, "ada", &format!("/testenv {command}")).await;
        let wish = world.wish(7);
        let is_as_before = wish.desired == Desired::Up && wish.restarted_at.is_none() && wish.flags.is_empty();
        assert!(is_as_before, "{command}: {wish:?}");
    }
    locked(&world.hub.permissions).insert("ada".into(), Permission::Write);
    post(&world, &living, 7, "ada", "/testenv pin").await;
    locked(&world.hub.permissions).insert("ada".into(), Permission::None);
    tokio::time::sleep(Settings::MOST_TRUST).await;
    post(&world, &living, 8, "ada", "/testenv unpin").await;
    assert!(world.wish(7).pinned, "seconds later nothing is done without asking");
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_who_has_the_permission_now_is_obeyed_at_once() {
    let world = World::new();
    let living = world.live();
    post(&world, &living, 1, "eve", "/testenv up").await;
    assert!(world.record(7).is_none());
    locked(&world.hub.permissions).insert("eve".into(), Permission::Write);
    post(&world, &living, 2, "eve", "/testenv up").await;
    assert_eq!(world.audit(7), ["eve up NotAllowed", "eve up Applied"]);
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_commands_asks_the_forge_a_few_times() {
    let world = World::new();
    let mails: Vec<_> = (1..100).map(|id| says(7, id, "eve", "/testenv up")).collect();
    world.deliver(&mails).await;
    let calls = world.faults.calls("permission");
    assert!((1..=14).contains(&calls), "{calls}");
}

#[tokio::test(start_paused = true)]
async fn several_commands_of_one_comment_ask_once() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up\n/testenv restart\n/testenv pin\n/testenv sleep")]).await;
    assert_eq!(world.wish(7).desired, Desired::Asleep);
    assert_eq!(world.faults.calls("permission"), 1);
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

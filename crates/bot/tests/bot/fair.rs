//! What people who may give commands said is obeyed, in time, whatever others write.

use std::time::Duration;

use axum::http::StatusCode;
use bivouac_bot::{Policy, Required};
use bivouac_model::Desired;
use bivouac_model::command::Verb;
use bivouac_ports::{Audience, Meaning, Permission};
use tokio::time::Instant;

use crate::doors::locked;
use crate::payloads::{Mail, changed, says};
use crate::world::{HEAD, NEXT, World, deliver, send};

/// Puts deliveries into the inbox by several endpoints, since one takes only so many of one person.
async fn post_all(world: &World, mails: &[Mail]) {
    for some in mails.chunks(90) {
        let bot = world.bot();
        for mail in some {
            let (status, said) = deliver(world, &bot, mail).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{said}");
        }
    }
}

fn writes(world: &World) -> usize {
    world.faults.calls("react") + world.faults.calls("reply") + world.faults.calls("eyes")
}

#[tokio::test(start_paused = true)]
async fn a_hundred_ups_of_one_maintainer_are_all_obeyed() {
    let world = World::new();
    let prs = 100..200;
    for pr in prs.clone() {
        world.pull(pr, |_| {});
    }
    let mails: Vec<_> = prs.clone().map(|pr| says(pr, pr, "ada", "/testenv up")).collect();
    post_all(&world, &mails).await;
    let began = Instant::now();
    world.settle().await;
    for pr in prs {
        assert_eq!(world.wish(pr).desired, Desired::Up, "#{pr}");
        assert_eq!(world.audit(pr), ["ada up Applied"]);
        assert_eq!(world.reactions(pr), ["eyes"]);
    }
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_waits_keeps_its_order_and_is_lost_to_nothing_of_its_author() {
    let world = World::new();
    let mails: Vec<_> = (1..=50).map(|id| says(7, id, "ada", "/testenv up\n/testenv extend 1h")).collect();
    post_all(&world, &mails).await;
    world.settle().await;
    // One that was overtaken would have been superseded.
    let audit = world.audit(7);
    assert_eq!(audit.len(), 100);
    assert!(audit.iter().all(|line| line.ends_with("Applied")), "{audit:?}");
    assert!(world.wish(7).request_url.unwrap().ends_with("-50"));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_waits_holds_up_no_one_else_on_the_same_pull_request() {
    let world = World::new();
    locked(&world.hub.permissions).insert("grace".into(), Permission::Write);
    let mut mails: Vec<_> = (1..=60).map(|id| says(7, id, "ada", "/testenv up")).collect();
    mails.push(says(7, 100, "grace", "/testenv down"));
    post_all(&world, &mails).await;
    let began = Instant::now();
    let living = world.live();
    world.until(|world| world.record(7).is_some() && world.wish(7).desired == Desired::Down).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert_eq!(world.wish(7).desired, Desired::Down, "what waited is older");
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn three_thousand_comments_on_one_pull_request_delay_no_command_elsewhere() {
    for flooder in ["eve", "ada"] {
        let world = World::new();
        for pr in 8..13 {
            world.pull(pr, |_| {});
        }
        let flood: Vec<_> = (100..3100).map(|id| says(7, id, flooder, "/testenv status")).collect();
        post_all(&world, &flood).await;
        let commands: Vec<_> = (8..13).map(|pr| says(pr, 3200 + pr, "ada", "/testenv up")).collect();
        post_all(&world, &commands).await;
        let began = Instant::now();
        let living = world.live();
        world.until(|world| (8..13).all(|pr| world.record(pr).is_some())).await;
        assert!(began.elapsed() < Duration::from_secs(30), "{flooder}: {:?}", began.elapsed());
        // Nor on that pull request itself, and what is not answered is gone through soon.
        if flooder == "eve" {
            let began = Instant::now();
            assert!(deliver(&world, &living.bot, &says(7, 3300, "ada", "/testenv up")).await.0.is_success());
            world.until(|world| world.record(7).is_some()).await;
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            world.until(|world| locked(&world.tray.letters).is_empty()).await;
            assert!(began.elapsed() < Duration::from_secs(200), "{:?}", began.elapsed());
        }
        living.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_during_a_flood_is_heard_beside_it() {
    let world = World::new();
    world.pull(8, |_| {});
    let flood: Vec<_> = (1000..3000).map(|id| says(7, id, "ada", "/testenv status")).collect();
    post_all(&world, &flood).await;
    let living = world.live();
    world.until(|world| world.reply(7, "ada").is_some()).await;
    let began = Instant::now();
    let sent = deliver(&world, &living.bot, &says(8, 8, "ada", "/testenv up")).await;
    assert_eq!(sent.0, StatusCode::ACCEPTED);
    world.until(|world| world.record(8).is_some()).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_stranger_causes_a_handful_of_writes_an_hour() {
    let world = World::new();
    for pr in 8..40 {
        world.pull(pr, |_| {});
    }
    let mails: Vec<_> = (8..40).map(|pr| says(pr, pr, "eve", "/testenv status")).collect();
    post_all(&world, &mails).await;
    let living = world.live();
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    assert!(writes(&world) <= 6, "{} writes", writes(&world));
    assert_eq!(world.faults.calls("eyes"), 0, "👀 is for people who may give commands");
    assert!(locked(&world.hub.audiences).iter().all(|audience| *audience == Audience::Stranger));
    // And within an hour, whatever they go on to write.
    for minute in 0..59_u64 {
        let pr = 8 + minute % 30;
        let mail = says(pr, 1000 + minute, "eve", "/testenv up");
        assert!(deliver(&world, &living.bot, &mail).await.0.is_success());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert!(writes(&world) <= 10, "{} writes", writes(&world));
    let refused: usize = (8..40).map(|pr| world.audit(pr).len()).sum();
    assert!(refused <= 5, "{refused} events");
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_strangers_questions_take_nothing_from_a_maintainers_commands() {
    let world = World::new();
    let mut mails: Vec<_> = (1..=80).map(|id| says(7, id, "eve", "/testenv help")).collect();
    mails.push(says(7, 100, "ada", "/testenv up"));
    mails.push(says(7, 101, "ada", "/testenv down"));
    post_all(&world, &mails).await;
    let began = Instant::now();
    world.settle().await;
    assert_eq!(world.audit(7).iter().filter(|line| line.starts_with("ada")).count(), 2);
    assert_eq!(world.wish(7).desired, Desired::Down);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_maintainers_questions_wait_and_hold_up_no_command() {
    let world = World::new();
    world.pull(8, |_| {});
    let mut mails: Vec<_> = (1..=40).map(|id| says(7, id, "ada", "/testenv status")).collect();
    mails.push(says(8, 100, "ada", "/testenv up"));
    post_all(&world, &mails).await;
    let began = Instant::now();
    let living = world.live();
    world.until(|world| world.record(8).is_some()).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    for id in 1..=40 {
        assert_eq!(world.reactions(id), ["eyes", "rocket"], "{id} was answered");
    }
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_named_by_the_rules_is_no_stranger() {
    let mut world = World::new();
    let named = Required { permission: Permission::Admin, teams: Vec::new(), users: vec!["eve".into()] };
    world.settings.policy = Policy::default().with(Verb::Down, named);
    world.deliver(&[says(7, 1, "eve", "/testenv status")]).await;
    assert_eq!(world.reactions(1), ["eyes", "rocket"]);
    // Everybody may read a public repository, and is a stranger all the same.
    let mut world = World::new();
    let readers = Required { permission: Permission::Read, ..Required::default() };
    world.settings.policy = Policy::default().with(Verb::Status, readers);
    world.deliver(&[says(7, 1, "eve", "/testenv status")]).await;
    assert_eq!(world.reactions(1), ["rocket"]);
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_permission_while_a_command_waited_is_refused() {
    let world = World::new();
    for pr in 100..160 {
        world.pull(pr, |_| {});
    }
    // Three minutes of waiting, where an answer is good for one.
    let mails: Vec<_> = (100..160).map(|pr| says(pr, pr, "ada", "/testenv up\n/testenv pin")).collect();
    post_all(&world, &mails).await;
    let living = world.live();
    world.until(|world| (100..160).filter(|pr| world.record(*pr).is_some()).count() >= 30).await;
    locked(&world.hub.permissions).insert("ada".into(), Permission::Read);
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    let obeyed = (100..160).filter(|pr| world.record(*pr).is_some()).count();
    assert!((30..60).contains(&obeyed), "{obeyed}: the answer of before is good for a minute");
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_budget_has_no_room_for_waits_and_a_strangers_does_not() {
    let world = World::new();
    let spent = |world: &World| {
        world.faults.held("reply", Duration::from_secs(1800), 3);
    };
    spent(&world);
    world.deliver(&[says(7, 1, "eve", "/testenv help")]).await;
    assert_eq!(world.reply(7, "eve"), None, "it is done, unanswered");
    let began = Instant::now();
    world.deliver(&[says(7, 2, "ada", "/testenv help")]).await;
    assert!(world.reply(7, "ada").is_some() && began.elapsed() > Duration::from_secs(3000), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_refuses_more_than_a_person_can_have_said_and_takes_it_later() {
    let world = World::new();
    world.pull(8, |_| {});
    let bot = world.bot();
    let mut refused = 0;
    for id in 1..=150 {
        let (status, said) = send(&bot, says(7, id, "eve", "/testenv up").request()).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(said.contains("redeliver"), "{said}");
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
    assert_eq!(locked(&world.tray.letters).len(), 120);
    for mail in
        [says(7, 900, "ada", "/testenv up"), says(8, 901, "eve", "/testenv up"), changed(7, 1, "ada", "closed", HEAD)]
    {
        assert_eq!(send(&bot, mail.request()).await.0, StatusCode::ACCEPTED);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(send(&bot, says(7, 150, "eve", "/testenv up").request()).await.0, StatusCode::ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pushes_is_gone_through_by_turns_too() {
    let world = World::new();
    world.pull(8, |_| {});
    world.faults.always("pull_request", Some(Meaning::Unavailable));
    let pushes: Vec<_> = (1..=1500).map(|number| changed(7, number, "eve", "synchronize", NEXT)).collect();
    post_all(&world, &pushes).await;
    assert!(world.post(&says(8, 3500, "eve", "/testenv help")).await.0.is_success());
    let living = world.live();
    let began = Instant::now();
    world.until(|world| world.reply(8, "eve").is_some()).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    living.end().await;
}

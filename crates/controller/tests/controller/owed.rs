//! Comments that the forge did not take are owed, and become true as soon as it takes them.

use std::time::Duration;

use bivouac_model::{Desired, ItemKey, Phase, Status};
use bivouac_ports::{Meaning, Reaction};
use tokio::time::Instant;

use crate::state::{World, comment, env};

const MINUTE: Duration = Duration::from_secs(60);
/// Two passes with their jitter: what a success of a pass wakes is said by then.
const TWO_PASSES: Duration = Duration::from_secs(70);

/// Why the comment is old, as the record says it.
fn refusal(status: &Status) -> Option<String> {
    let conditions = &status.machinery.conditions;
    conditions.iter().find(|condition| condition.kind == "CommentPosted").map(|condition| condition.reason.to_string())
}

/// Two environments, of which one goes and another comes while the credentials are refused.
async fn changed_meanwhile(world: &World) {
    world.write(7, |wish| wish.request_url = Some(comment(7, 1)));
    world.until("ready", || world.is(7, Phase::Ready) && !world.told().is_empty()).await;
    world.state().is_unauthenticated = true;
    world.write(7, |wish| {
        wish.desired = Desired::Down;
        wish.request_url = Some(comment(7, 2));
    });
    world.write(8, |_| {});
    let moved = || world.phase(7) == Some(Phase::Terminated) && world.phase(8) == Some(Phase::Ready);
    world.until("gone and come", moved).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((world.said(7), world.said(8)), (vec![Phase::Ready], vec![]));
    assert_eq!(world.told(), [(1, Reaction::Rocket)]);
    for pr in [7, 8] {
        assert_eq!(refusal(&world.status(pr).unwrap()).as_deref(), Some("Unauthenticated"));
    }
}

fn is_true_again(world: &World) -> bool {
    let is_clean = |pr| world.status(pr).is_some_and(|status| refusal(&status).is_none());
    world.is(7, Phase::Terminated) && world.is(8, Phase::Ready) && world.told().len() == 2 && is_clean(7) && is_clean(8)
}

#[tokio::test(start_paused = true)]
async fn good_credentials_make_every_comment_true_without_a_restart() {
    let world = World::new();
    world.start(None);
    changed_meanwhile(&world).await;
    world.state().is_unauthenticated = false;
    let renewed = Instant::now();
    world.until("true again", || is_true_again(&world)).await;
    assert!(renewed.elapsed() < TWO_PASSES, "the first success wakes them: {:?}", renewed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_next_leader_makes_every_comment_true_at_once() {
    let world = World::new();
    let before = world.start(None);
    changed_meanwhile(&world).await;
    before.kill();
    world.state().is_unauthenticated = false;
    let renewed = Instant::now();
    world.start(None);
    world.until("true again", || is_true_again(&world)).await;
    assert!(renewed.elapsed() < MINUTE / 4, "the first pass finds them: {:?}", renewed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_stays_refused_is_tried_rarely_and_costs_one_write() {
    let world = World::new();
    world.start(None);
    for pr in [7, 8] {
        world.write(pr, |_| {});
        world.until("ready", || world.is(pr, Phase::Ready)).await;
    }
    world.state().comments_refused.insert(env(7), Meaning::Denied);
    world.write(7, |wish| {
        wish.desired = Desired::Asleep;
        wish.request_url = Some(comment(7, 1));
    });
    world.until("asleep", || world.phase(7) == Some(Phase::Asleep)).await;
    // The command is answered nevertheless.
    world.until("told", || world.told() == [(1, Reaction::Rocket)]).await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!((world.said(7), refusal(&world.status(7).unwrap())), (vec![Phase::Ready], Some("Denied".into())));
    let revision = || world.status(7).unwrap().machinery.revision;
    let refusals = || world.state().refused_comments;
    let (tries, writes) = (refusals(), revision());
    // A day, in which another comment is written every ten minutes.
    for round in 0..144 {
        world.write(8, |wish| wish.desired = if round % 2 == 0 { Desired::Asleep } else { Desired::Up });
        tokio::time::sleep(10 * MINUTE).await;
    }
    let tries = refusals() - tries;
    // One an hour, and one for each of them that a success elsewhere brings forward.
    assert!((20..=60).contains(&tries), "{tries} tries in a day");
    assert_eq!(revision(), writes, "the same refusal is written down once");
    world.state().comments_refused.clear();
    world.until("said", || world.is(7, Phase::Asleep) && refusal(&world.status(7).unwrap()).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_phase_that_comes_back_takes_the_refusal_along() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.state().comments_refused.insert(env(7), Meaning::Invalid);
    world.write(7, |wish| wish.desired = Desired::Asleep);
    world.until("refused", || refusal(&world.status(7).unwrap()).as_deref() == Some("Refused")).await;
    world.write(7, |wish| wish.desired = Desired::Up);
    world.state().comments_refused.clear();
    world.until("clean", || world.is(7, Phase::Ready) && refusal(&world.status(7).unwrap()).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_first_success_wakes_every_comment() {
    let all = || 1..=20_u64;
    let world = World::new();
    world.start(None);
    all().for_each(|pr| world.write(pr, |_| {}));
    world.until("ready", || all().all(|pr| world.is(pr, Phase::Ready))).await;
    world.state().forge = false;
    all().for_each(|pr| world.write(pr, |wish| wish.desired = Desired::Asleep));
    tokio::time::sleep(10 * MINUTE).await;
    assert!(all().all(|pr| world.phase(pr) == Some(Phase::Asleep) && world.said(pr) == [Phase::Ready]));
    world.state().forge = true;
    let back = Instant::now();
    world.until("said", || all().all(|pr| world.is(pr, Phase::Asleep))).await;
    // Their own backoffs are two minutes by now, give or take one.
    assert!(back.elapsed() <= Duration::from_secs(40), "{:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_release_remembered_as_said_is_put_right() {
    let world = World::new();
    let before = world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.state().comments_refused.insert(env(7), Meaning::Denied);
    world.write(7, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.phase(7) == Some(Phase::Terminated)).await;
    world.until("refused", || refusal(&world.status(7).unwrap()).is_some()).await;
    before.kill();
    let planned = world.alone().preview(None).await.unwrap();
    let owed = planned[0].plan.comment.as_ref().expect("the last word").identity();
    let key = ItemKey::from(&env(7));
    let remember = |world: &World| {
        let mut state = world.state();
        let status = state.records.get_mut(&key).and_then(|record| record.status.as_mut()).unwrap();
        status.machinery.comment.as_mut().unwrap().said = owed.clone();
    };
    remember(&world);
    world.state().comments_refused.clear();
    world.start(None);
    world.until("true", || world.is(7, Phase::Terminated) && refusal(&world.status(7).unwrap()).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_daemon_says_what_an_earlier_one_owes() {
    let world = World::new();
    let daemon = world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    daemon.kill();
    world.state().forge = false;
    world.write(7, |wish| wish.desired = Desired::Down);
    let one = world.alone();
    one.guard_now().await.unwrap();
    assert_eq!((world.phase(7), world.said(7)), (Some(Phase::Terminated), vec![Phase::Ready]));
    world.state().forge = true;
    let (due, _) = world.alone().guard_now().await.unwrap();
    assert_eq!((due, world.said(7)), (vec![], vec![Phase::Terminated]));
}

#[tokio::test(start_paused = true)]
async fn an_item_put_whole_with_down_makes_the_comment_true_and_none_where_none_was() {
    let world = World::new();
    let before = world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    // Nobody who runs remembers it but the comment itself.
    before.kill();
    world.start(None);
    world.write(7, |wish| wish.desired = Desired::Down);
    world.state().records.get_mut(&ItemKey::from(&env(7))).expect("a record").status = None;
    world.write(8, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.is(7, Phase::Terminated) && world.phase(8) == Some(Phase::Terminated)).await;
    let remembers = || world.status(8).is_some_and(|status| status.machinery.comment.is_some());
    world.until("looked for", remembers).await;
    let asked = |world: &World| world.state().asked.get("say").copied();
    let (said, before) = (world.said(8), asked(&world));
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((said, asked(&world)), (vec![], before), "it is looked for once");
}

//! Whatever fails, and wherever the process dies: the next one carries on, and repeats nothing that anybody sees.

use std::time::Duration;

use bivouac_model::Desired;
use bivouac_ports::Meaning;

use crate::doors::{Fault, locked};
use crate::payloads::{changed, says, url};
use crate::world::{HEAD, NEXT, World};

/// Every call that handling a command makes.
const CALLS: [&str; 9] =
    ["permission", "get", "comment", "pull_request", "write_desired_over", "append", "reply", "eyes", "done"];

/// An `extend` is what shows whether a command was obeyed twice.
const STORY: &str = "/testenv up\n/testenv extend 2h\n/testenv nonsense";

async fn obeyed_once(world: &World, what: &str) {
    let wish = world.wish(7);
    assert_eq!(wish.ttl.unwrap().get().as_secs(), 52 * 3600, "{what}");
    assert_eq!((wish.generation, wish.request_url), (Some(2), Some(url(7, 2))), "{what}");
    assert!(world.reply(7, "ada").unwrap().contains("nonsense"), "{what}");
    let audit = [
        "ada up Applied",
        "ada extend Applied",
        "ada command NotUnderstood",
        "ada extend Applied",
        "ada command NotUnderstood",
    ];
    assert_eq!(world.audit(7), audit, "{what}");
    assert!(locked(&world.tray.letters).is_empty(), "{what}");
}

async fn first(world: &World) {
    world.deliver(&[says(7, 1, "ada", STORY)]).await;
}

fn second() -> crate::payloads::Mail {
    says(7, 2, "ada", "/testenv extend 2h\n/testenv nonsense")
}

#[tokio::test(start_paused = true)]
async fn any_call_may_fail_before_or_after_it_happened() {
    for call in CALLS {
        for meaning in [Meaning::Unavailable, Meaning::Throttled] {
            for fault in [Fault::Before(meaning), Fault::After(meaning)] {
                let world = World::new();
                first(&world).await;
                world.faults.once(call, fault);
                world.deliver(&[second()]).await;
                obeyed_once(&world, &format!("{call} {fault:?}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_call_may_be_slow() {
    for call in CALLS {
        let world = World::new();
        first(&world).await;
        world.faults.once(call, Fault::Slow(Duration::from_secs(300)));
        world.deliver(&[second()]).await;
        obeyed_once(&world, call).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_process_may_die_at_any_call() {
    for call in CALLS {
        let world = World::new();
        first(&world).await;
        world.faults.once(call, Fault::Hangs);
        let before = world.faults.calls(call);
        assert!(world.post(&second()).await.0.is_success());
        let dying = world.live();
        world.until(|world| world.faults.calls(call) > before).await;
        dying.kill().await;
        world.settle().await;
        obeyed_once(&world, call).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_up_waits_until_the_audit_says_that_it_is_not_taken_back() {
    for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable), Fault::Hangs] {
        let world = World::new();
        world.faults.once("newest", fault);
        assert!(world.post(&says(7, 1, "ada", "/testenv up")).await.0.is_success());
        let dying = world.live();
        world.until(|world| world.faults.calls("newest") > 0).await;
        assert!(world.record(7).is_none());
        dying.kill().await;
        world.settle().await;
        assert_eq!(world.wish(7).generation, Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_may_handle_one_letter() {
    let world = World::new();
    first(&world).await;
    world.faults.once("write_desired_over", Fault::Slow(Duration::from_millis(50)));
    world.faults.once("write_desired_over", Fault::Slow(Duration::from_millis(50)));
    assert!(world.post(&second()).await.0.is_success());
    let (one, other) = (world.live(), world.live());
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
    one.end().await;
    other.end().await;
    obeyed_once(&world, "two at once").await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_left_behind_is_found_by_who_lives() {
    let world = World::new();
    let living = world.live();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Another replica took it, and died.
    assert!(world.post(&says(7, 1, "ada", "/testenv up")).await.0.is_success());
    let began = tokio::time::Instant::now();
    world.until(|world| world.record(7).is_some()).await;
    assert!(began.elapsed() <= Duration::from_secs(61), "{:?}", began.elapsed());
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_writes_meanwhile_is_not_undone() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    world.faults.once("write_desired_over", Fault::Before(Meaning::Conflict));
    world.deliver(&[says(7, 2, "ada", "/testenv pin")]).await;
    assert!(world.wish(7).pinned);
    world.faults.always("write_desired_over", Some(Meaning::Conflict));
    let living = world.live();
    assert!(world.post(&says(7, 3, "ada", "/testenv down")).await.0.is_success());
    world.until(|world| world.faults.calls("write_desired_over") > 10).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
    world.faults.always("write_desired_over", None);
    world.until(|world| world.wish(7).desired == Desired::Down).await;
    living.end().await;
}

#[tokio::test(start_paused = true)]
async fn closing_may_be_interrupted_anywhere() {
    for call in ["get", "pull_request", "write_desired_over", "append", "done"] {
        for fault in [Fault::Before(Meaning::Unavailable), Fault::After(Meaning::Unavailable), Fault::Hangs] {
            let world = World::new();
            world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
            world.pull(7, |pull| pull.is_open = false);
            world.faults.once(call, fault);
            let before = world.faults.calls(call);
            assert!(world.post(&changed(7, 2, "ada", "closed", HEAD)).await.0.is_success());
            let dying = world.live();
            world.until(|world| world.faults.calls(call) > before).await;
            dying.kill().await;
            world.settle().await;
            assert_eq!(world.wish(7).desired, Desired::Down, "{call} {fault:?}");
            assert_eq!(world.audit(7), ["ada up Applied", "ada close Closed"], "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_its_turn_and_the_letter_is_not_begun_anew() {
    let world = World::new();
    for call in ["eyes", "react", "reply"] {
        world.faults.once(call, Fault::Busy(Duration::from_millis(900)));
        world.faults.once(call, Fault::Busy(Duration::from_millis(1900)));
    }
    let began = tokio::time::Instant::now();
    world.deliver(&[says(7, 1, "ada", "/testenv help")]).await;
    assert!(world.reply(7, "ada").is_some() && began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(world.reactions(1), ["eyes", "rocket"]);
    assert_eq!((world.faults.calls("append"), world.faults.calls("react")), (1, 3), "all of it once");
    // Not for ever: others have a claim on this place.
    world.faults.once("reply", Fault::Busy(Duration::from_secs(60)));
    world.deliver(&[says(7, 2, "ada", "/testenv status")]).await;
    assert_eq!(world.faults.calls("append"), 3, "the letter was put back, and came again");
}

#[tokio::test(start_paused = true)]
async fn a_pull_request_that_keeps_failing_holds_nobody_else_up() {
    let world = World::new();
    world.pull(8, |_| {});
    world.faults.always("pull_request", Some(Meaning::Unavailable));
    let living = world.live();
    assert!(world.post(&changed(7, 2, "ada", "synchronize", NEXT)).await.0.is_success());
    world.until(|world| world.faults.calls("pull_request") >= 3).await;
    assert!(world.post(&says(8, 3, "eve", "/testenv help")).await.0.is_success());
    world.until(|world| world.reply(8, "eve").is_some()).await;
    living.end().await;
}

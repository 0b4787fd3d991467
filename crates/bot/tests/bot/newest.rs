//! Several replicas at once: the newest word wins, whoever handles it, and also where there is no record to tell which it was.

use std::time::Duration;

use bivouac_model::Desired;
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::doors::{Fault, locked};
use crate::payloads::{Mail, at, changed, says};
use crate::world::{HEAD, Living, World};

/// What is desired; nothing if there is no record.
fn desired(world: &World) -> Desired {
    world.record(7).map_or(Desired::Down, |record| record.desired.unwrap().desired)
}

async fn tell(replica: &Living, mail: &Mail) {
    assert!(replica.post(mail).await.0.is_success());
}

async fn all_handled(world: &World) {
    world.until(|world| locked(&world.tray.letters).is_empty()).await;
}

/// Two replicas that have looked into the inbox, and will not look again within this test.
async fn two(world: &World) -> (Living, Living) {
    let replicas = (world.live(), world.live());
    world.until(|world| world.faults.calls("waiting") >= 2).await;
    replicas
}

/// One replica has an `up` in hand, as far as this call, while another handles what is newer and finds nothing.
async fn overtaken(world: &World, older: &Mail, call: &'static str, newer: &Mail) {
    let (slow, quick) = two(world).await;
    world.faults.once(call, Fault::Slow(Duration::from_secs(9)));
    let before = world.faults.calls(call);
    tell(&slow, older).await;
    world.until(|world| world.faults.calls(call) > before).await;
    tell(&quick, newer).await;
    world.until(|world| locked(&world.tray.letters).len() == 1).await;
    all_handled(world).await;
    slow.end().await;
    quick.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_up_in_hand_elsewhere_does_not_undo_a_newer_down_that_found_nothing() {
    for call in ["permission", "get", "newest", "pull_request", "write_desired_over"] {
        let world = World::new();
        overtaken(&world, &says(7, 1, "ada", "/testenv up"), call, &says(7, 2, "ada", "/testenv down")).await;
        assert_eq!(desired(&world), Desired::Down, "{call}");
        assert!(world.audit(7).contains(&"ada up Superseded".to_owned()), "{call}: {:?}", world.audit(7));
        assert_eq!(world.reactions(1), ["confused", "eyes"], "{call}");
        let settles = world.record(7).and_then(|record| record.desired.unwrap().request_url);
        assert_eq!(settles, None, "{call}: the controller has nothing to settle");
        // Another delivery of it is as old as the first.
        world.deliver(&[says(7, 1, "ada", "/testenv up").named(1)]).await;
        assert_eq!(desired(&world), Desired::Down, "{call}");
        // What is said after that counts again.
        world.deliver(&[says(7, 3, "ada", "/testenv up")]).await;
        assert_eq!(desired(&world), Desired::Up, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_down_that_was_overtaken_by_an_older_up_is_looked_at_again() {
    for call in ["pull_request", "append"] {
        let world = World::new();
        overtaken(&world, &says(7, 2, "ada", "/testenv down"), call, &says(7, 1, "ada", "/testenv up")).await;
        assert_eq!(desired(&world), Desired::Down, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_up_that_is_older_than_a_closing_is_not_obeyed_when_it_is_open_again() {
    for call in ["permission", "get", "newest", "pull_request", "write_desired_over"] {
        let world = World::new();
        // Closed and opened again: an `up` reads it as open, and was written before.
        let closed = changed(7, 2, "ada", "closed", HEAD);
        let (slow, quick) = two(&world).await;
        world.faults.once(call, Fault::Slow(Duration::from_secs(9)));
        tell(&slow, &says(7, 1, "ada", "/testenv up")).await;
        world.until(|world| world.faults.calls(call) > 0).await;
        world.pull(7, |pull| pull.is_open = false);
        tell(&quick, &closed).await;
        world.until(|world| locked(&world.tray.letters).len() == 1).await;
        world.pull(7, |pull| pull.is_open = true);
        all_handled(&world).await;
        slow.end().await;
        quick.end().await;
        assert_eq!(desired(&world), Desired::Down, "{call}");
        world.deliver(&[says(7, 3, "ada", "/testenv up")]).await;
        assert_eq!(desired(&world), Desired::Up, "{call}: opened again, it may be asked for again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_label_that_is_older_than_a_down_that_found_nothing_does_not_undo_it() {
    for call in ["last_label_change", "permission", "write_desired_over"] {
        let world = World::new();
        world.label(7, true, "ada", &at(1));
        overtaken(&world, &changed(7, 1, "ada", "labeled", HEAD), call, &says(7, 2, "ada", "/testenv down")).await;
        assert_eq!(desired(&world), Desired::Down, "{call}");
        world.bot().compare().await;
        assert_eq!(desired(&world), Desired::Down, "{call}: neither does the comparison");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_before_it_saw_that_its_up_was_taken_back_leaves_that_to_the_next() {
    let world = World::new();
    let (slow, quick) = two(&world).await;
    world.faults.once("pull_request", Fault::Slow(Duration::from_secs(5)));
    world.faults.once("pull_request", Fault::Slow(Duration::ZERO));
    world.faults.once("write_desired_over", Fault::Hangs);
    tell(&slow, &says(7, 1, "ada", "/testenv up")).await;
    world.until(|world| world.faults.calls("pull_request") > 0).await;
    tell(&quick, &says(7, 2, "ada", "/testenv down")).await;
    world.until(|world| locked(&world.tray.letters).len() == 1).await;
    quick.end().await;
    world.until(|world| world.record(7).is_some()).await;
    assert_eq!(desired(&world), Desired::Up, "written, and nobody has looked after it yet");
    slow.kill().await;
    world.settle().await;
    assert_eq!(desired(&world), Desired::Down);
}

#[tokio::test(start_paused = true)]
async fn a_redelivery_does_not_take_down_what_a_client_put_up_after_a_closing() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    world.pull(7, |pull| pull.is_open = false);
    world.deliver(&[changed(7, 2, "ada", "closed", HEAD)]).await;
    world.pull(7, |pull| pull.is_open = true);
    world.client_writes(7, "desired", "up").await;
    world.deliver(&[says(7, 1, "ada", "/testenv up").named(1)]).await;
    assert_eq!(desired(&world), Desired::Up);
}

/// What is handled by whom, and in which order it is told.
fn stories() -> impl Strategy<Value = (Vec<Mail>, Desired)> {
    let up = |id, flag: &str| says(7, id, "ada", &format!("/testenv up FEATURE_{flag}=true"));
    let down = |id| says(7, id, "ada", "/testenv down");
    let push = |number| changed(7, number, "ada", "synchronize", HEAD);
    prop_oneof![
        Just((vec![up(1, "A"), down(2)], Desired::Down)),
        Just((vec![down(1), up(2, "A")], Desired::Up)),
        Just((vec![up(1, "A"), down(2), down(3)], Desired::Down)),
        Just((vec![up(1, "A"), down(2), up(3, "B")], Desired::Up)),
        Just((vec![up(1, "A"), down(2), up(3, "B"), down(4)], Desired::Down)),
        Just((vec![push(1), up(2, "A"), push(3), down(4)], Desired::Down)),
        Just((vec![down(1), up(2, "A"), push(3), down(4), up(5, "B")], Desired::Up)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_interleaving_the_newest_wins(
        (mails, expected) in stories().prop_flat_map(|(mails, end)| (Just(mails).prop_shuffle(), Just(end))),
        seed: u64,
    ) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            world.faults.uneven(seed);
            let replicas = [world.live(), world.live(), world.live()];
            let mut random = fastrand::Rng::with_seed(seed);
            for mail in &mails {
                tokio::time::sleep(Duration::from_millis(random.u64(0..60))).await;
                tell(&replicas[random.usize(0..replicas.len())], mail).await;
            }
            all_handled(&world).await;
            for replica in replicas {
                replica.end().await;
            }
            prop_assert_eq!(desired(&world), expected, "{:?}", world.audit(7));
            Ok(())
        })?;
    }
}

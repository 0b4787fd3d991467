//! What AWS refuses for good holds no place, is tried again with growing intervals, and at once when it changed.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_planner::admission::Caps;
use bivouac_ports::Meaning;
use tokio::time::Instant;

use crate::state::{Trouble, World, plenty};

const INVALID: &str = "ClientException: The 'memory' setting for container is greater than for the task.";
const DENIED: &str = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecs:CreateService";
const NO_SUBNET: &str = "InvalidParameterException: The subnet ID 'subnet-1' does not exist";

fn calls(world: &World, call: &str) -> usize {
    world.state().writes.iter().filter(|(of, _)| *of == call).count()
}

fn holds_a_place(world: &World, pr: u64) -> bool {
    world.status(pr).is_some_and(|status| status.machinery.place.is_some())
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_holds_no_place_and_a_neighbour_starts_at_once() {
    let world = World::new();
    world.caps(Caps { max_environments: 1, ..plenty() });
    world.state().refused.push(("RegisterTaskDefinition", Some(1), Meaning::Invalid, INVALID));
    world.start(None);
    world.write(1, |_| {});
    world.until("refused", || world.is(1, Phase::Failed)).await;
    assert!(!holds_a_place(&world, 1));
    let status = world.status(1).unwrap();
    assert_eq!((&*status.reason, status.hourly_cost_usd.is_zero()), ("Refused", true));
    let asked = Instant::now();
    world.write(2, |_| {});
    world.until("created", || calls(&world, "CreateService") == 1).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "it waited for what never ran: {:?}", asked.elapsed());
    world.until("ready", || world.is(2, Phase::Ready)).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_with_growing_intervals_and_says_the_same() {
    let world = World::new();
    world.state().refused.push(("RegisterTaskDefinition", Some(1), Meaning::Invalid, INVALID));
    world.start(None);
    world.write(1, |_| {});
    world.until("refused", || world.is(1, Phase::Failed)).await;
    // The comment was written, and the record says so.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let revision = |world: &World| world.status(1).unwrap().machinery.revision;
    let (settled, first) = (revision(&world), calls(&world, "RegisterTaskDefinition"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let more = calls(&world, "RegisterTaskDefinition") - first;
    // After 20, 60, 140, 300 and 620 seconds, less what the scans in between add up to.
    assert!((3..=5).contains(&more), "{more} in ten minutes");
    assert_eq!(revision(&world), settled, "nothing is written for an attempt that is refused as the one before");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let in_an_hour = calls(&world, "RegisterTaskDefinition") - first - more;
    assert!((3..=5).contains(&in_an_hour), "{in_an_hour} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_changed_and_another_process_try_at_once() {
    let world = World::new();
    world.state().refused.push(("RegisterTaskDefinition", None, Meaning::Invalid, INVALID));
    let process = world.start(None);
    (1..=2).for_each(|pr| world.write(pr, |_| {}));
    world.until("refused", || world.is(1, Phase::Failed) && world.is(2, Phase::Failed)).await;
    tokio::time::sleep(Duration::from_secs(3000)).await;
    world.state().refused.clear();
    let changed = Instant::now();
    world.write(1, |desired| drop(desired.config.insert("SUPERSET_X".into(), "1".into())));
    world.until("created", || calls(&world, "CreateService") == 1).await;
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    assert!(world.is(2, Phase::Failed), "nothing of this one changed");
    // A configuration that changed comes with another process.
    process.stop();
    world.start(None);
    let restarted = Instant::now();
    world.until("created", || calls(&world, "CreateService") == 2).await;
    assert!(restarted.elapsed() < Duration::from_secs(5), "{:?}", restarted.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_to_the_account_is_no_failure_of_each_and_one_tries_for_all() {
    for (call, meaning, text) in [
        ("CreateService", Meaning::Denied, DENIED),
        ("CreateService", Meaning::Invalid, NO_SUBNET),
        ("RegisterTaskDefinition", Meaning::Denied, DENIED),
    ] {
        const ALL: u64 = 20;
        let world = World::new();
        world.state().refused.push((call, None, meaning, text));
        world.start(None);
        (1..=ALL).for_each(|pr| world.write(pr, |_| {}));
        world.until("refused", || (1..=ALL).all(|pr| world.phase(pr) == Some(Phase::Pending))).await;
        let first = calls(&world, call);
        tokio::time::sleep(Duration::from_secs(600)).await;
        let more = calls(&world, call) - first;
        assert!((2..=6).contains(&more), "{more} of {call} in ten minutes, for all {ALL}");
        let messages: Vec<String> = (1..=ALL).map(|pr| world.status(pr).unwrap().message).collect();
        assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
        assert!((1..=ALL).all(|pr| world.phase(pr) == Some(Phase::Pending) && !holds_a_place(&world, pr)));
        assert!(world.state().changes.iter().all(|(.., reason)| reason != "Failed"));
        // A new one does not try by itself.
        let before = calls(&world, call);
        world.write(ALL + 1, |_| {});
        world.until("it waits", || world.phase(ALL + 1) == Some(Phase::Pending)).await;
        assert_eq!(calls(&world, call), before);
        // The permission is granted, and one record is written again: that one tries at once, and the others follow it.
        world.state().refused.clear();
        let (granted, created) = (Instant::now(), calls(&world, "CreateService"));
        world.write(3, |desired| desired.generation = Some(1));
        world.until("all created", || calls(&world, "CreateService") - created > ALL as usize).await;
        assert!(granted.elapsed() < Duration::from_secs(60), "{:?}", granted.elapsed());
        world.until("all ready", || (1..=ALL + 1).all(|pr| world.phase(pr) == Some(Phase::Ready))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_call_what_is_refused_leaves_its_place() {
    for call in 0..60 {
        let world = World::new();
        world.caps(Caps { max_environments: 1, ..plenty() });
        world.state().refused.push(("CreateService", Some(1), Meaning::Invalid, INVALID));
        let process = world.start(Some((call, Trouble::KilledAfter)));
        world.write(1, |_| {});
        world.until("refused, or killed", || process.is_dead() || world.phase(1) == Some(Phase::Failed)).await;
        if process.is_dead() {
            world.start(None);
        }
        world.until("refused", || world.phase(1) == Some(Phase::Failed)).await;
        world.write(2, |_| {});
        world.until("ready, or killed", || process.is_dead() || world.phase(2) == Some(Phase::Ready)).await;
        if world.phase(2) != Some(Phase::Ready) {
            world.start(None);
        }
        world.until("ready", || world.phase(2) == Some(Phase::Ready)).await;
        assert_eq!(world.state().most, 1, "killed after call {call}");
    }
}

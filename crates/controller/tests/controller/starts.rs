//! How long it takes from a new record to CreateService: what does not depend on each other is asked side by side.

use std::time::Duration;

use bivouac_model::{Desired, ItemKey, Phase, Problem};
use tokio::time::Instant;

use crate::state::{Source, World, env};

/// What every call takes.
const CALL: Duration = Duration::from_millis(30);
const CALLS: [&str; 8] = [
    "GetItem",
    "DescribeImages",
    "GetPullRequest",
    "DescribeServices",
    "ListTaskDefinitions",
    "UpdateItem",
    "RegisterTaskDefinition",
    "CreateService",
];
/// Rounding of timers.
const SLACK: Duration = Duration::from_millis(5);

/// From the news of so many records to the end of the last CreateService.
async fn start_of(records: u64) -> Duration {
    let world = World::new();
    let process = world.start(None);
    // The first scan is over.
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.state().trouble(&CALLS, Source::Slow(CALL));
    let began = Instant::now();
    (1..=records).for_each(|pr| world.write(pr, |_| {}));
    let created = || -> Vec<Instant> {
        let state = world.state();
        state.writes.iter().filter(|(call, _)| *call == "CreateService").map(|(_, at)| *at).collect()
    };
    world.until("created", || created().len() as u64 == records).await;
    process.stop();
    created().into_iter().max().expect("it was created") - began
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_four_calls_one_after_the_other() {
    // The image and the pull request, with all other looks beside them. Then the ledger, the record and the registration at
    // once. Then the service.
    for records in [1, 20] {
        let took = start_of(records).await;
        assert!(took <= CALL * 4 + SLACK, "{took:?} for {records}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_ahead_is_not_believed_of_another_tag() {
    let world = World::new();
    let process = world.start(None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.write(1, |_| {});
    world.until("ready", || world.status(1).is_some_and(|status| status.url.is_some())).await;
    // A record names the tag of another pull request, and one that is not there.
    world.write(2, |desired| desired.image_tag = Some("pr-1-ci".parse().expect("a tag")));
    world.write(3, |desired| desired.image_tag = Some("nowhere".parse().expect("a tag")));
    world.write(4, |desired| desired.desired = Desired::Down);
    world.until("ready", || world.status(2).is_some_and(|status| status.url.is_some())).await;
    let reason = |pr| world.status(pr).map(|status| status.reason.into_owned());
    world.until("it waits for its image", || reason(3).as_deref() == Some("ImageNotFound")).await;
    world.until("nothing was made", || reason(4).as_deref() == Some("DownRequested")).await;
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn a_record_waits_a_second_at_most_for_what_is_looked_at_ahead() {
    let world = World::new();
    let process = world.start(None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.state().trouble(&["GetPullRequest", "DescribeImages"], Source::Hangs(Duration::from_secs(600)));
    let began = Instant::now();
    world.write(1, |_| {});
    // It cannot be followed, and needs neither of the two to say so.
    let problem = Problem::new("ttl", "\"soon\"", "a duration");
    world.state().records.get_mut(&ItemKey::from(&env(1))).expect("a record").desired = Err(vec![problem]);
    world.until("it says so", || world.phase(1) == Some(Phase::Invalid)).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    process.stop();
}

//! A thousand services whose records are gone and whose time is over: what it costs in calls to reap them, and how long it takes
//! under AWS's request rates.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bivouac::compose::connect;
use bivouac_bench::duty::Cost;
use bivouac_bench::field::Field;
use bivouac_bench::figure::{is_kept, run};
use bivouac_controller::{Controller, Settings};
use bivouac_planner::Policy;
use bivouac_ports::NoMeter;
use bivouac_runtime::Fence;
use bivouac_simcloud::Service;
use tokio::time::sleep;

/// Services without a record.
const ORPHANS: usize = 1_000;
/// ECS allows so many modifications of services at once, and so many a second after that ("Request throttling for the Amazon ECS
/// API": service resource modification).
const BURST: f64 = 50.0;
const RATE: f64 = 5.0;
/// How much longer than that it may take.
const LONGER: f64 = 1.05;
/// Between two observations.
const RESYNC: Duration = Duration::from_secs(1);
/// What a service costs besides: it is described in the pass that condemns it and in the one that deletes it, ten a call.
const DESCRIBED: u64 = 2 * ORPHANS as u64 / 10;
/// The lists of two passes: 33 calls over 1,000 services (see `steady`), and of each of the five kinds of list one page more for
/// the service that stays. The repositories are asked for once.
const LISTED: u64 = 2 * (33 + 5) + 1;

fn main() -> ExitCode {
    run(measure())
}

async fn measure() -> bool {
    let free = reaped(false).await;
    println!("## {ORPHANS} services without a record, without quotas\n\n| calls | of |\n|---:|---|");
    free.cost.aws.iter().for_each(|(what, count)| println!("| {count} | {what} |"));
    let orphans = ORPHANS as u64;
    let deleted = free.cost.of("ecs DeleteService");
    let told = free.cost.of("dynamodb PutItem") + free.cost.of("dynamodb GetItem");
    let reads = free.cost.reads + free.cost.writes - deleted - told;
    let mut kept = is_kept("DeleteService", deleted, orphans);
    kept &= is_kept("last looks for a record, and lines of the audit", told, 2 * orphans);
    kept &= is_kept("everything else", reads, LISTED + DESCRIBED);

    let limited = reaped(true).await;
    let allowed = (ORPHANS as f64 - BURST) / RATE;
    let ratio = limited.took.as_secs_f64() / allowed;
    println!("\n## The same with AWS's request rates\n");
    println!("deleted in {:.1?}; the rate allows {allowed:.1} s: {ratio:.3} times, at most {LONGER}", limited.took);
    kept &= ratio <= LONGER;
    let calls = limited.cost.reads + limited.cost.writes;
    println!("throttled: {} of {calls} calls, fewer than 1 %", limited.throttled);
    kept & (limited.throttled * 100 < calls.max(1))
}

struct Reaped {
    cost: Cost,
    took: Duration,
    throttled: u64,
}

/// Brings a thousand and one up, forgets the records of all but one, and reaps.
async fn reaped(limited: bool) -> Reaped {
    let field = Field::open().await;
    field.settle(ORPHANS + 1).await;
    field.forget(2..=ORPHANS as u64 + 1).await;
    let mut place = field.place.clone();
    place.quotas = limited;
    field.cloud.limit_request_rates(limited);
    let doors = connect(&place, Arc::new(NoMeter)).await.expect("adapters").doors;
    // Everything is over at once, but for the one whose record says otherwise.
    let policy = Policy { ttl: Duration::ZERO, max_deletions_per_pass: ORPHANS, ..Policy::clone(&field.policy) };
    let settings = Settings { resync: RESYNC, ..Settings::default() };
    let controller = Controller::new(doors, Arc::new(policy), settings, Fence::unfenced());
    field.cloud.calls().reset();
    field.hub.reset_calls();
    let (_, first) = controller.guard_now().await.expect("a whole view");
    assert_eq!((first.deleted.len(), first.waiting), (0, ORPHANS), "one look deletes nothing");
    sleep(RESYNC).await;
    let began = Instant::now();
    let (_, second) = controller.guard_now().await.expect("a whole view");
    let took = began.elapsed();
    assert_eq!((second.deleted.len(), field.active()), (ORPHANS, 1), "{:?}", second.refused);
    let throttled = field.cloud.calls().with_code(Service::Ecs, "DeleteService", "ThrottlingException");
    Reaped { cost: Cost::counted(&field), took, throttled }
}

//! From the desired-state write to CreateService on the wire, the image being there and every call taking 30 ms: for one
//! record, and for twenty written at once.
//!
//! Measured from the moment at which a plain `put-item` is sent, so its own 30 ms count, to the moment at which
//! CreateService arrives. Each daemon serves twenty records, which is what AWS's bucket for task definitions holds when
//! it is full (then it is one a second, for whoever is in the account); the quotas are kept as in production.

use std::process::ExitCode;
use std::time::Duration;

use bivouac_bench::figure::run;
use bivouac_bench::wish::{DELAY, Wishes};
use futures::{StreamExt, stream};
use tokio::time::sleep;

/// Daemons, one after the other, for each figure.
const DAEMONS: usize = 10;
/// Records for each daemon: the burst of ECS's bucket of RegisterTaskDefinition.
const RECORDS: usize = 20;
/// Daemons that serve single records at the same time, each on its own field. They sleep nearly always.
const AT_ONCE: usize = 5;
/// What has to be kept.
const MEDIAN: Duration = Duration::from_millis(250);
/// The same, of 99 in a hundred.
const P99: Duration = Duration::from_millis(450);

fn main() -> ExitCode {
    run(measure())
}

async fn measure() -> bool {
    println!("from put-item to CreateService, {DELAY:?} on every call");
    println!("| records at once | samples | median | p99 | longest |\n|---:|---:|---:|---:|---:|");
    let singles: Vec<_> = stream::iter(0..DAEMONS).map(singles).buffer_unordered(AT_ONCE).concat().await;
    let mut kept = report(1, singles);
    let mut bursts = Vec::new();
    for daemon in 0..DAEMONS {
        let wishes = Wishes::begin().await;
        sleep(point(daemon)).await;
        bursts.extend(wishes.of(RECORDS).await);
        wishes.end().await;
    }
    kept &= report(RECORDS, bursts);
    println!("\nmedian at most {MEDIAN:?}, p99 at most {P99:?}: {}", if kept { "kept" } else { "EXCEEDED" });
    kept
}

/// Twenty records, one after the other, each at another point of the daemon's polling.
async fn singles(daemon: usize) -> Vec<Duration> {
    let wishes = Wishes::begin().await;
    let mut took = Vec::new();
    for record in 0..RECORDS {
        sleep(point(daemon * RECORDS + record)).await;
        took.extend(wishes.of(1).await);
    }
    wishes.end().await;
    took
}

/// Another point between two polls of the stream, a fifth of a second apart, for each number: as 103 and 200 have no
/// common divisor, a few of them are spread as evenly as many.
fn point(number: usize) -> Duration {
    Duration::from_millis((number * 103 % 200) as u64)
}

fn report(at_once: usize, mut samples: Vec<Duration>) -> bool {
    samples.sort();
    let at = |percent: usize| samples[(samples.len() * percent).div_ceil(100) - 1].as_millis();
    let (median, p99, longest) = (at(50), at(99), at(100));
    println!("| {at_once} | {} | {median} ms | {p99} ms | {longest} ms |", samples.len());
    median <= MEDIAN.as_millis() && p99 <= P99.as_millis()
}

//! Bytes a key and allocations a reconcile of one contender: `queue-bytes CONTENDER KEYS`, two numbers on one line.
//!
//! A program of its own, because the counting allocator slows down whoever allocates most, and the figures of speed
//! are to be free of that.

use std::{alloc::System, time::Duration};

use bivouac_bench::queue_load::{Contender, Fixture, Rig};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Passes over which the allocations of a reconcile are averaged.
const PASSES: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let contender = arguments.next().and_then(|name| Contender::named(&name));
    let keys = arguments.next().and_then(|keys| keys.parse().ok());
    let (Some(contender), Some(keys)) = (contender, keys) else {
        eprintln!("usage: queue-bytes CONTENDER KEYS");
        std::process::exit(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        let fixture = Fixture::new(keys);
        let region = Region::new(COUNTING);
        // Every key settled, each with a timer an hour from now: what a controller holds nearly all of its life.
        let mut rig = Rig::start(contender, &fixture, Some(Duration::from_secs(3600)));
        rig.pass().await;
        let bytes = settled(&region).await;
        drop(rig);

        let mut rig = Rig::start(contender, &fixture, None);
        rig.pass().await;
        let before = allocations(&region.change());
        for _ in 0..PASSES {
            rig.pass().await;
        }
        let allocations = allocations(&region.change()) - before;
        println!("{:.1} {:.2}", bytes as f64 / keys as f64, allocations as f64 / (keys * PASSES) as f64);
    });
}

fn allocations(stats: &Stats) -> usize {
    stats.allocations + stats.reallocations
}

/// The bytes held once they do not change any more: the last wishes for another look are on their way a little longer
/// than the last reconcile.
async fn settled(region: &Region<'_, System>) -> isize {
    let held = || {
        let stats = region.change();
        stats.bytes_allocated as isize - stats.bytes_deallocated as isize
    };
    let mut before = held();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = held();
        if now == before {
            return now;
        }
        before = now;
    }
}

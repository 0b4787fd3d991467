//! No-op reconciles a second and bytes a key, at 5,000 and 50,000 keys: our queue and workers beside kube-runtime 5.
//!
//! A pass wants every key looked at and ends when each was. A figure is the median of several rounds; the contenders
//! take turns within a round, so that a busy machine is busy for all of them.

use std::{process::Command, time::Duration};

use bivouac_bench::queue_load::{Contender, Fixture, Rig};

/// Rounds of which the median is taken.
const ROUNDS: usize = 7;
/// How long a contender runs in each round, after one pass that does not count.
const RUN: Duration = Duration::from_millis(500);

struct Figures {
    contender: Contender,
    per_second: f64,
    bytes: f64,
    allocations: f64,
}

fn main() {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime starts");
    println!("no-op reconciles, {threads} threads, median of {ROUNDS} rounds");
    let mut beaten = true;
    for keys in [5_000, 50_000] {
        let fixture = Fixture::new(keys);
        let mut rounds = vec![Vec::new(); Contender::ALL.len()];
        for _ in 0..ROUNDS {
            for (contender, rates) in Contender::ALL.into_iter().zip(&mut rounds) {
                rates.push(runtime.block_on(rate(contender, &fixture)));
            }
        }
        let figures: Vec<Figures> = Contender::ALL
            .into_iter()
            .zip(rounds)
            .map(|(contender, mut rates)| {
                rates.sort_by(f64::total_cmp);
                let (bytes, allocations) = bytes(contender, keys);
                Figures { contender, per_second: rates[ROUNDS / 2], bytes, allocations }
            })
            .collect();
        beaten &= print(keys, &figures);
    }
    if !beaten {
        eprintln!("kube is faster or smaller somewhere");
        std::process::exit(1);
    }
}

/// Reconciles a second.
async fn rate(contender: Contender, fixture: &Fixture) -> f64 {
    let mut rig = Rig::start(contender, fixture, None);
    rig.pass().await;
    let (mut took, mut passes) = (Duration::ZERO, 0);
    while took < RUN {
        took += rig.pass().await;
        passes += 1;
    }
    (fixture.len() * passes) as f64 / took.as_secs_f64()
}

/// Bytes a key and allocations a reconcile, counted in a process of its own.
fn bytes(contender: Contender, keys: usize) -> (f64, f64) {
    let output = Command::new(env!("CARGO_BIN_EXE_queue-bytes"))
        .args([contender.to_string(), keys.to_string()])
        .output()
        .expect("queue-bytes starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(bytes)), Some(Ok(allocations))) => (bytes, allocations),
        _ => panic!("queue-bytes said {text:?} and {:?}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Prints the table; false if one of kube's is not beaten by both of ours.
fn print(keys: usize, figures: &[Figures]) -> bool {
    println!("\n{keys} keys");
    println!("| contender        | reconciles/s | ns each | bytes/key | allocations each |");
    println!("|------------------|-------------:|--------:|----------:|-----------------:|");
    for Figures { contender, per_second, bytes, allocations } in figures {
        let each = 1e9 / per_second;
        println!("| {contender:<16} | {per_second:>12.0} | {each:>7.0} | {bytes:>9.0} | {allocations:>16.2} |");
    }
    let mut beaten = true;
    let (ours, theirs) = figures.split_at(2);
    for our in ours {
        for their in theirs {
            let (faster, smaller) = (our.per_second / their.per_second, their.bytes / our.bytes);
            println!(
                "{} beside {}: {faster:.1} times as fast, 1/{smaller:.1} of the bytes",
                our.contender, their.contender
            );
            beaten &= faster > 1.0 && smaller > 1.0;
        }
    }
    beaten
}

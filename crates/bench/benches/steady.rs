//! The calls of one pass, counted where they arrive: over settled environments, and with suspects among them.
//!
//! The bounds are the fewest calls that see everything: a page has 100 services or tasks, 1,000 interfaces or images, 1 MB
//! of records. The requests to GitHub, conditional ones that a 304 answers for free, stand beside.

use std::process::ExitCode;
use std::time::Instant;

use bivouac_bench::duty::{Cost, Duty};
use bivouac_bench::field::Field;
use bivouac_bench::figure::{is_kept, run};

/// Environments, and the most calls to AWS of a pass over them.
const BOUNDS: [(usize, u64); 3] = [(100, 6), (1_000, 33), (5_000, 165)];
/// Environments whose task is another than the recorded one.
const SUSPECTS: usize = 50;
/// The most calls of DescribeServices for them: each takes ten.
const DESCRIBED: u64 = SUSPECTS as u64 / 10;

fn main() -> ExitCode {
    run(measure())
}

async fn measure() -> bool {
    let field = Field::open().await;
    let (mut settled, mut kept) = (0, true);
    for (environments, most) in BOUNDS {
        let began = Instant::now();
        field.settle(environments - settled).await;
        settled = environments;
        let bytes = field.record_bytes().await;
        println!("## {environments} settled environments, {bytes} bytes a record");
        println!("settled {:.0?} after the last\n", began.elapsed());
        let duty = Duty::begin(&field).await;
        let cost = duty.pass(0).await;
        duty.end().await;
        print(&cost);
        kept &= is_kept("calls to AWS", cost.reads + cost.writes, most);
        kept &= is_kept("writes to AWS", cost.writes, 0);
        kept &= is_kept("writes to GitHub", cost.comments, 0);
        kept &= is_kept("reconciles", cost.reconciles, 0);
        println!();
    }
    let duty = Duty::begin(&field).await;
    field.replace_tasks(SUSPECTS).await;
    field.hold_comments();
    let cost = duty.pass(SUSPECTS as u64).await;
    println!("## {SUSPECTS} of {settled} have another task than the recorded one\n");
    print(&cost);
    println!("{} reconciles; the writes are new addresses", cost.reconciles);
    kept &= is_kept("calls of DescribeServices", cost.of("ecs DescribeServices"), DESCRIBED);
    kept
}

fn print(cost: &Cost) {
    println!("| calls | of |\n|---:|---|");
    for (what, count) in cost.aws.iter().chain(&cost.github) {
        println!("| {count} | {what} |");
    }
    println!();
}

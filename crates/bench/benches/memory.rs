//! What the daemon holds at 5,000 settled environments, and what a pass over them costs in processor time.
//!
//! The daemon is `bivouac run` in a process of its own, quotas and all; the cloud is in this one. It is started when
//! everything is settled, as after an update of the program. Processor time is of the whole process, so the polling of the
//! stream, the lease and the metrics between two passes are in it.

use std::process::ExitCode;
use std::time::Instant;

use bivouac_bench::field::Field;
use bivouac_bench::figure::run;
use bivouac_bench::process::{Daemon, be_bivouac};

const ENVIRONMENTS: usize = 5_000;
/// What the process may hold.
const MOST_MEBIBYTES: f64 = 100.0;
/// Shorter than in production (30 s), so that the bench ends soon; long enough for AWS's bucket of ListTasks and
/// DescribeTasks, of which a pass takes a hundred and which gets twenty back a second.
const RESYNC: &str = "8s";
/// Passes before the measurement: the caches are warm and the memory is what it will be.
const WARM: u32 = 2;
/// Passes that are measured.
const PASSES: u32 = 5;

fn main() -> ExitCode {
    if let Some(ended) = be_bivouac() {
        return ended;
    }
    run(measure())
}

async fn measure() -> bool {
    let field = Field::open().await;
    let up = field.settle(ENVIRONMENTS).await;
    let bytes = field.record_bytes().await;
    println!("{ENVIRONMENTS} environments, {bytes} bytes a record, all Ready after {up:.0?}");

    let mut variables = field.variables();
    variables.insert("BIVOUAC__CONTROLLER__RESYNC".to_owned(), RESYNC.to_owned());
    variables.insert("BIVOUAC_LOG".to_owned(), "warn".to_owned());
    let daemon = Daemon::start(&Field::config_path(), &variables).await;
    daemon.passes(WARM).await;
    let (passes, before, began) = (daemon.metric(PASSED).await, daemon.processor_time(), Instant::now());
    daemon.passes(WARM + PASSES).await;
    let passes = daemon.metric(PASSED).await - passes;
    let (computed, took) = (daemon.processor_time() - before, began.elapsed());

    let ready = daemon.metric(r#"environments{phase="Ready"}"#).await;
    assert_eq!(ready, ENVIRONMENTS as f64, "all environments were seen ready");
    let (resident, peak) = (daemon.mebibytes("VmRSS"), daemon.mebibytes("VmHWM"));
    println!("resident: {resident:.1} MiB, at the peak {peak:.1} MiB, at most {MOST_MEBIBYTES} MiB");
    println!(
        "processor time: {:.0} ms a pass, over {passes} passes ({:.2} % of a core at this resync, {:.2} % at 30 s)",
        computed.as_secs_f64() * 1000.0 / passes,
        computed.as_secs_f64() * 100.0 / took.as_secs_f64(),
        computed.as_secs_f64() * 100.0 / (30.0 * passes),
    );
    peak <= MOST_MEBIBYTES
}

/// The metric of passes that saw everything.
const PASSED: &str = r#"pass_total{result="ok"}"#;

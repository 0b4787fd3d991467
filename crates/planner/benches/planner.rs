//! Planning 5,000 environments from the glances of one pass, on one core: at rest, and in mixed phases.
//!
//! `cargo bench -p bivouac-planner`. Here and not among the other benchmarks, so that it builds without what those need.

// The worlds of the tests, not all of them.
#[allow(dead_code)]
#[path = "../tests/planner/cloud.rs"]
mod cloud;
#[allow(dead_code)]
#[path = "../tests/planner/fixtures.rs"]
mod fixtures;
#[allow(dead_code)]
#[path = "../tests/planner/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bivouac_model::{Desired, DesiredState, ItemKey, Observed, PrNumber, Record};
use bivouac_planner::{Next, plan};

use crate::cloud::App;
use crate::world::World;

const ENVIRONMENTS: u64 = 5_000;
/// Rounds of which the median is taken.
const ROUNDS: usize = 15;
/// Passes of one round: the kernel counts processor time in ticks of a few milliseconds.
const PASSES: u32 = 10;
/// What 5,000 may take.
const MOST: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let settled = measure("settled", (1..=ENVIRONMENTS).map(|pr| settle(pr, |_, _| {})).collect());
    let mixed = measure("mixed phases", (1..=ENVIRONMENTS).map(mixed).collect());
    if settled.max(mixed) > MOST {
        eprintln!("more than {MOST:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// As people ask: a few flags, a few settings.
fn wish() -> DesiredState {
    let named = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "true".to_owned())).collect();
    let flags: BTreeMap<_, _> =
        named(&["FEATURE_ALERTS", "FEATURE_DASHBOARD_RBAC", "FEATURE_EMBEDDED", "FEATURE_TAGGING"]);
    let config = named(&["SUPERSET_LOG_LEVEL", "SUPERSET_WORKERS"]);
    let requested_by = Some("somebody".to_owned());
    DesiredState { flags, config, requested_by, generation: Some(1), ..DesiredState::default() }
}

fn numbered(pr: u64, desired: DesiredState) -> World {
    let mut world = World::new(desired);
    world.key.pr = PrNumber::new(pr).expect("a number from 1");
    world.record.key = ItemKey::from(&world.key);
    world.cloud.images.insert(format!("pr-{pr}-ci").parse().expect("a tag"), fixtures::image(1));
    world
}

fn settle(pr: u64, change: impl FnOnce(&mut World, &mut DesiredState)) -> World {
    let mut wish = wish();
    let mut world = numbered(pr, DesiredState::default());
    change(&mut world, &mut wish);
    world.overwrite_desired(wish);
    world.settle();
    world
}

fn mixed(pr: u64) -> World {
    match pr % 8 {
        0 => settle(pr, |_, wish| wish.desired = Desired::Asleep),
        1 => settle(pr, |_, wish| wish.desired = Desired::Down),
        2 => settle(pr, |world, _| world.cloud.images.clear()),
        3 => settle(pr, |world, _| world.cloud.app = App::CannotPull),
        4 => settle(pr, |_, wish| wish.size = Some("huge".into())),
        5 => {
            // On its way: the service was made a moment ago.
            let mut world = numbered(pr, wish());
            world.reconcile();
            world
        }
        6 => {
            // The tag was moved since.
            let mut world = settle(pr, |_, _| {});
            world.cloud.images.insert(format!("pr-{pr}-ci").parse().unwrap(), fixtures::image(9));
            world
        }
        _ => settle(pr, |_, _| {}),
    }
}

/// What this thread has had of a core, so that a busy machine measures the same; the time of day where Linux does not tell.
fn processor_time() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|told| told.split_whitespace().next()?.parse().ok()).map(Duration::from_nanos);
    told.unwrap_or_else(|| BEGAN.get_or_init(Instant::now).elapsed())
}

/// The median of a pass over all of them, in processor time.
fn measure(what: &str, worlds: Vec<World>) -> Duration {
    let policy = worlds[0].policy.clone();
    let now = worlds[0].now;
    let environments: Vec<(Record, Observed)> =
        worlds.into_iter().map(|world| (world.record.clone(), world.glance())).collect();
    let pass = || {
        let rests = |(record, observed): &&(Record, Observed)| {
            let planned = black_box(plan(record, observed, &policy, now));
            let waits = matches!(planned.next, Next::Wait(_) | Next::Settled);
            waits && !planned.changes(record.status.as_ref())
        };
        environments.iter().filter(rests).count()
    };
    let rests = pass();
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = processor_time();
            (0..PASSES).for_each(|_| {
                black_box(pass());
            });
            (processor_time() - began) / PASSES
        })
        .collect();
    rounds.sort();
    let median = rounds[ROUNDS / 2];
    let each = median.as_nanos() / u128::from(ENVIRONMENTS);
    let milliseconds = median.as_secs_f64() * 1e3;
    println!("{ENVIRONMENTS} {what}: {milliseconds:.1} ms, {each} ns a plan, {rests} at rest (median of {ROUNDS})");
    median
}

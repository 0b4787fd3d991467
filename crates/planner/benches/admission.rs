//! Asking for a place, beside 500, 5,000 and 50,000 environments: that run, that wait, and that one person waits with.
//!
//! `cargo bench -p bivouac-planner --bench admission`. The figures show how the price of a question grows with the number of
//! environments. A question is what a start costs: it is asked, recorded and ended again.

#[allow(dead_code)]
#[path = "../tests/planner/fixtures.rs"]
mod fixtures;

use std::borrow::Cow;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bivouac_model::{
    Condition, ConditionStatus, DesiredState, ItemKey, Machinery, Phase, Place, Record, Room, Status, Usd,
};
use bivouac_planner::Policy;
use bivouac_planner::admission::{Caps, Ledger};
use chrono::TimeDelta;

use crate::fixtures::{policy, start};

/// Environments beside the one that asks.
const SIZES: [usize; 3] = [500, 5_000, 50_000];
/// Questions of one measurement.
const ASKED: usize = 2_000;
/// How often it is measured. The median counts.
const ROUNDS: usize = 5;
/// How much more a question may cost beside a hundred times as many environments. The logarithm grows by 1.7, and 50,000
/// entries do not fit the caches of a processor as 500 do. Going through all of them would cost a hundred times as much.
const GROWTH: f64 = 12.0;

fn main() -> ExitCode {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    println!("| beside it | 500 | 5,000 | 50,000 | growth |\n|---|---:|---:|---:|---:|");
    let mut kept = true;
    for scene in [Scene::Running, Scene::Waiting, Scene::OnePerson] {
        let took = SIZES.map(|size| median(scene, size));
        let growth = took[2].as_secs_f64() / took[0].as_secs_f64();
        let micros = took.map(|took| took.as_secs_f64() * 1e6);
        println!(
            "| {} | {:.1} µs | {:.1} µs | {:.1} µs | {growth:.1} |",
            scene.name(),
            micros[0],
            micros[1],
            micros[2]
        );
        kept &= growth <= GROWTH;
    }
    println!("\na question grows by at most {GROWTH}: {}", if kept { "kept" } else { "EXCEEDED" });
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Clone, Copy)]
enum Scene {
    /// All of them run, and there is room for more.
    Running,
    /// All of them wait for one that runs.
    Waiting,
    /// All of them wait since the person who asked for them has as many as one person may.
    OnePerson,
}

impl Scene {
    const fn name(self) -> &'static str {
        match self {
            Self::Running => "environments that run",
            Self::Waiting => "environments that wait",
            Self::OnePerson => "environments that one person waits with",
        }
    }

    fn caps(self) -> Caps {
        let many = Caps {
            max_environments: 1_000_000,
            max_per_user: 1_000_000,
            monthly_budget: Usd::from_dollars(1e9),
            max_vcpus: Some(1e6),
        };
        match self {
            Self::Running => many,
            Self::Waiting => Caps { max_environments: 1, ..many },
            Self::OnePerson => Caps { max_per_user: 1, ..many },
        }
    }

    fn record(self, number: usize) -> Record {
        let (runs, user) = match self {
            Self::Running => (true, format!("user-{}", number % 997)),
            Self::Waiting => (number == 0, format!("user-{}", number % 997)),
            Self::OnePerson => (number == 0, "ada".to_owned()),
        };
        record(number, &user, runs)
    }
}

const fn place() -> Place {
    Place { cpu: 512, hourly: Usd::from_micros(29_685) }
}

fn record(number: usize, user: &str, runs: bool) -> Record {
    let since = start() + TimeDelta::milliseconds(i64::try_from(number).expect("a small number"));
    let admitted = Condition {
        kind: Cow::Borrowed("Admitted"),
        status: ConditionStatus::False,
        reason: Cow::Borrowed("MaxEnvironments"),
        message: String::new(),
        last_transition_at: since,
    };
    let status = Status {
        phase: if runs { Phase::Ready } else { Phase::Queued },
        reason: Cow::Borrowed("Answering"),
        message: String::new(),
        url: None,
        public_ip: None,
        expires_at: start() + TimeDelta::hours(48) + TimeDelta::seconds(since.timestamp() % 3600),
        hourly_cost_usd: if runs { place().hourly } else { Usd::ZERO },
        cost_usd: Usd::ZERO,
        updated_at: start(),
        purge_at: None,
        machinery: Machinery {
            revision: 1,
            booked: true,
            place: runs.then(place),
            conditions: if runs { Vec::new() } else { vec![admitted] },
            ..Machinery::default()
        },
    };
    let desired = DesiredState { requested_by: Some(user.to_owned()), ..DesiredState::default() };
    let key = ItemKey { repo: "apache/superset".into(), pr: (number + 1).to_string().into() };
    Record { key, desired: Ok(desired), generation: None, status: Some(status) }
}

fn median(scene: Scene, size: usize) -> Duration {
    let policy = Policy { caps: scene.caps(), ..policy() };
    let records: Vec<Record> = (0..size).map(|number| scene.record(number)).collect();
    let mut ledger = Ledger::default();
    ledger.observe(&policy, &records, std::iter::empty(), start());
    let newcomers: Vec<Record> = (0..ASKED)
        .map(|number| Record { status: None, ..record(1_000_000 + number, &format!("new-{number}"), false) })
        .collect();
    // The sums are made by the first question after an observation, once for each scan.
    black_box(ask(&mut ledger, &policy, &newcomers[0], 0));
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let began = processor_time();
            for (number, newcomer) in newcomers.iter().enumerate() {
                let at = i64::try_from(round * ASKED + number).expect("a small number");
                let room = black_box(ask(&mut ledger, &policy, newcomer, at));
                assert_eq!(room == Room::Granted, !matches!(scene, Scene::Waiting));
                // It ends again, so that as many are beside the next one.
                let now = start() + TimeDelta::milliseconds(at);
                black_box(ledger.wrote(&policy, newcomer, now));
            }
            (processor_time() - began) / u32::try_from(ASKED).expect("a small number")
        })
        .collect();
    rounds.sort();
    rounds[ROUNDS / 2]
}

fn ask(ledger: &mut Ledger, policy: &Policy, record: &Record, milliseconds: i64) -> Room {
    let now = start() + TimeDelta::milliseconds(milliseconds);
    ledger.ask(policy, record, place(), now + TimeDelta::hours(48), now)
}

/// What this thread has had of a core, so that a busy machine measures the same; the time of day where Linux does not tell.
fn processor_time() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|told| told.split_whitespace().next()?.parse().ok()).map(Duration::from_nanos);
    told.unwrap_or_else(|| BEGAN.get_or_init(Instant::now).elapsed())
}

mod audit;
mod changes;
mod collecting;
mod doctor;
mod logs;
mod memory;
mod reading;
mod usage;
mod wishes;
mod workload;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{Condition, ConditionStatus, Machinery, Phase, Status, Usd};
use bivouac_ports::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cli::output::{Format, Terminal};
use memory::{MemoryStore, Paper};

/// Noon of the day all these tests happen on.
fn now() -> DateTime<Utc> {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

const CONFIGURATION: &str = r#"
[aws]
cluster = "previews"
subnets = ["subnet-1"]
security_groups = ["sg-1"]
[sizes.small]
cpu = 0.5
memory = 1
[[project]]
repo = "apache/superset"
ecr_repository = "superset-ci"
task_definition = "task-definition.json"
containers = ["superset"]
config_allow = ["SUPERSET_*"]
"#;

const SECOND_PROJECT: &str = r#"
[[project]]
repo = "apache/airflow"
ecr_repository = "airflow-ci"
task_definition = "task-definition.json"
containers = ["web"]
service_name = "airflow-{pr}"
"#;

/// A command line, a table, and what was printed.
struct World {
    store: Arc<MemoryStore>,
    cloud: Arc<workload::Cloud>,
    browser: Option<fn(&str) -> std::io::Result<()>>,
    configuration: String,
    interrupt: CancellationToken,
    out: Paper,
    err: Paper,
}

impl World {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            cloud: Arc::default(),
            browser: None,
            configuration: CONFIGURATION.into(),
            interrupt: CancellationToken::new(),
            out: Paper::default(),
            err: Paper::default(),
        }
    }

    /// Runs a command line, and answers the result and what went to standard output.
    async fn run(&mut self, line: &str) -> (Result<(), Failure>, String) {
        (self.out, self.err) = (Paper::default(), Paper::default());
        let words = std::iter::once("bivouac").chain(line.split_whitespace());
        let cli = match Cli::try_parse_from(words) {
            Ok(cli) => cli,
            Err(error) => return (Err(Failure::Usage(error.to_string())), String::new()),
        };
        let outcome = execute(&mut self.session(cli.output, &self.out), cli.command).await;
        (outcome, self.out.text())
    }

    fn session(&self, format: Format, out: &Paper) -> Session {
        let mut workload = self.cloud.workload();
        workload.browser = self.browser.unwrap_or(workload.browser);
        Session {
            config: Config::parse(Path::new("bivouac.toml"), &self.configuration, &Variables::new()).unwrap(),
            store: self.store.clone(),
            journal: self.store.clone(),
            spending: self.store.clone(),
            workload,
            clock: Arc::new(Noon),
            terminal: Terminal::plain(out.clone(), self.err.clone()),
            format,
            user: Some("ada".into()),
            pace: Duration::from_millis(1),
            interrupt: self.interrupt.clone(),
        }
    }

    /// Runs a command line that goes on, and prints to `out`.
    async fn follow(&self, line: &str, out: Paper) -> Result<(), Failure> {
        let cli = Cli::try_parse_from(std::iter::once("bivouac").chain(line.split_whitespace())).unwrap();
        execute(&mut self.session(cli.output, &out), cli.command).await
    }

    async fn done(&mut self, line: &str) -> String {
        let (outcome, text) = self.run(line).await;
        outcome.unwrap_or_else(|failure| panic!("{line}: {failure}"));
        text
    }

    async fn fails(&mut self, line: &str) -> (u8, String) {
        let failure = self.run(line).await.0.expect_err(line);
        (failure.code(), crate::exit::chain(&failure))
    }
}

/// What the controller would have written an hour ago.
fn status(phase: Phase, observed_generation: u64) -> Status {
    let ready = phase == Phase::Ready;
    Status {
        phase,
        reason: Cow::Borrowed(if ready { "Answering" } else { "TaskStarting" }),
        message: if ready { String::new() } else { "a task is starting".into() },
        url: ready.then(|| "http://192.0.2.7:8080".into()),
        public_ip: ready.then(|| "192.0.2.7".parse().unwrap()),
        expires_at: now() + TimeDelta::hours(47),
        hourly_cost_usd: Usd::from_dollars(0.0297),
        cost_usd: Usd::from_dollars(0.01),
        updated_at: now() - TimeDelta::hours(1),
        purge_at: None,
        machinery: Machinery {
            revision: 3,
            observed_generation: Some(observed_generation),
            first_seen_at: Some(now() - TimeDelta::minutes(90)),
            phase_since: Some(now() - TimeDelta::minutes(60)),
            conditions: vec![Condition {
                kind: "Ready".into(),
                status: if ready { ConditionStatus::True } else { ConditionStatus::False },
                reason: if ready { "Answering".into() } else { "TaskStarting".into() },
                message: String::new(),
                last_transition_at: now() - TimeDelta::minutes(60),
            }],
            ..Machinery::default()
        },
    }
}

//! The daemon as a process of its own: what it holds and how long it computed, as Linux counts.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use bivouac::config::Variables;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Set in the environment of a bench that is to be the program `bivouac` instead.
const BE_BIVOUAC: &str = "BIVOUAC_BENCH_BE_BIVOUAC";
/// "USER_HZ", the unit of processor times in `/proc`: 100 a second on every architecture that this runs on (`man 5 proc`,
/// `man 7 time`).
const TICKS_A_SECOND: f64 = 100.0;
/// How long a pass may be waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// To be called first in a bench that starts a [`Daemon`]: runs `bivouac` with this process's arguments if this process
/// was started for that.
#[must_use]
pub fn be_bivouac() -> Option<ExitCode> {
    std::env::var_os(BE_BIVOUAC)?;
    Some(bivouac::process::run())
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    process: Child,
    metrics: String,
    client: reqwest::Client,
}

impl Daemon {
    /// Starts `bivouac run` with this configuration and environment, and waits until it says where it listens.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn start(config: &Path, variables: &Variables) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("the path of this program"))
            .args(["run".as_ref(), "-o".as_ref(), "json".as_ref(), OsStr::new("--config"), config.as_os_str()])
            .env_clear()
            .envs(variables)
            .env(BE_BIVOUAC, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let output = process.stdout.take().expect("piped");
        let first = tokio::task::spawn_blocking(move || BufReader::new(output).lines().next());
        let line = first.await.expect("the reader").expect("the daemon ended before it listened").expect("text");
        let listening: Value = serde_json::from_str(&line).expect("a line of JSON");
        let ops = listening["ops"].as_str().expect("the address of the ops endpoints");
        let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { process, metrics: format!("{ops}/metrics"), client }
    }

    /// The value of a metric, spelled with its labels; 0 while it has none.
    ///
    /// # Panics
    ///
    /// When the daemon does not answer.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.client.get(&self.metrics).send().await.expect("the daemon answers");
        let text = answer.text().await.expect("a whole answer");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until so many passes saw everything since it started.
    ///
    /// # Panics
    ///
    /// When that takes two minutes.
    pub async fn passes(&self, least: u32) {
        let deadline = Instant::now() + PATIENCE;
        while self.metric(r#"pass_total{result="ok"}"#).await < f64::from(least) {
            assert!(Instant::now() < deadline, "the {least}th pass did not end");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// MiB of a line of `/proc/PID/status`, such as `VmRSS`.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    pub fn mebibytes(&self, line: &str) -> f64 {
        let status = self.proc("status");
        let kibibytes =
            status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':')?.strip_suffix("kB"));
        kibibytes.and_then(|number| number.trim().parse::<f64>().ok()).expect("a size in kB") / 1024.0
    }

    /// Processor time since it started, its own and the kernel's for it.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The second field is the name in parentheses, and may hold spaces; utime and stime are the 14th and the 15th.
        let (_, after_name) = stat.rsplit_once(')').expect("a name");
        let ticks: f64 =
            after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Duration::from_secs_f64(ticks / TICKS_A_SECOND)
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("the daemon runs, on Linux")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

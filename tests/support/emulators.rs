//! The way from a test to other people's emulators, which `cargo xtask test` installs and starts.
//!
//! A test that uses this lives in an integration test whose file name begins with `against_`: that is how
//! `cargo xtask test --hermetic` knows what to leave out, and to name. Use it with
//!
//! ```ignore
//! #[path = "support/emulators.rs"]
//! mod emulators;
//! ```
//!
//! moto and DynamoDB Local are shared by all tests of a run, so a test takes names of its own (a table prefix, a
//! cluster) and looks at nothing else. Both take any access key of letters and digits.

// Each integration test is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bivouac_awsmodel::{Judge, MODELS, Proxy, Requests, Side};

/// How long Prism may take to read GitHub's description. Measured: one second on two idle cores.
const READY: Duration = Duration::from_secs(60);

/// Where moto answers for ECS, EC2 and ECR: `http://127.0.0.1:PORT`, as an endpoint URL for the SDK. Calls there are not
/// checked: see [`judged_moto`].
///
/// # Panics
/// If no emulator was started for this run.
pub fn moto_url() -> String {
    required("BIVOUAC_TEST_MOTO_URL")
}

/// Where DynamoDB Local answers for DynamoDB and its streams: `http://127.0.0.1:PORT`. Calls there are not checked: see
/// [`judged_dynamodb`].
///
/// # Panics
/// If no emulator was started for this run.
pub fn dynamodb_url() -> String {
    required("BIVOUAC_TEST_DYNAMODB_URL")
}

/// moto behind a recording that checks every call against AWS's models. moto's own answers are not ours to correct, so only
/// the calls count. The test fails when the recording is dropped.
///
/// # Panics
/// If no emulator was started for this run, or no models were installed.
pub fn judged_moto() -> Proxy {
    judged(&moto_url(), judge().except(|violation| violation.side == Side::Answer))
}

/// DynamoDB Local behind a recording that checks every call and every answer against AWS's models.
///
/// # Panics
/// If no emulator was started for this run, or no models were installed.
pub fn judged_dynamodb() -> Proxy {
    judged(&dynamodb_url(), judge())
}

fn judge() -> Judge {
    let judge = Judge::from_environment(Requests::Conform);
    assert!(judge.is_present(), "{MODELS} is not set: this test needs AWS's models, run it with `cargo xtask test`");
    judge
}

fn judged(url: &str, judge: Judge) -> Proxy {
    Proxy::start(url, judge).expect("a recording in front of the emulator")
}

/// Prism in front of a GitHub: a proxy that holds every request and every answer against GitHub's own description.
///
/// A request or an answer that breaks the description gets an answer of Prism's, `application/problem+json`, instead
/// of the upstream's. It ends when this is dropped, and also when the test process dies without dropping it.
pub struct Prism {
    child: Child,
    url: String,
}

impl Prism {
    /// Starts one in front of `upstream`, an address like `http://127.0.0.1:PORT`, and waits until it listens.
    ///
    /// It blocks the thread for about a second. The upstream is asked nothing before the first request.
    ///
    /// # Panics
    /// If no emulators were installed for this run, or if Prism does not come up within a minute.
    pub fn in_front_of(upstream: &str) -> Self {
        let mut child = Command::new(required("BIVOUAC_TEST_PRISM"))
            .args(["--port", "0", upstream])
            // Prism ends when this pipe closes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the launcher of Prism starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (listening, url) = mpsc::channel();
        // To the end, not to the first address: Prism would stop at a full pipe. A failed test shows what it said.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Prism is listening on ") {
                    let _ = listening.send(url.trim().to_owned());
                }
                println!("prism: {line}");
            }
        });
        match url.recv_timeout(READY) {
            Ok(url) => Self { child, url },
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("Prism does not listen: {error}");
            }
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// GitHub's example deliveries as Octokit has them, signed with `secret` by Octokit: a JSON object a line, of `event`, `body`
/// and `signature`.
///
/// # Panics
/// If Octokit's packages were not installed for this run, or if the program fails.
pub fn octokit_deliveries(secret: &str) -> String {
    let printed = Command::new(required("BIVOUAC_TEST_OCTOKIT")).arg(secret).output().expect("the program starts");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).expect("it prints JSON")
}

fn required(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: this test needs an emulator, run it with `cargo xtask test`"))
}

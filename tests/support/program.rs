//! The program itself, as a process: started, asked, killed.

// Each integration test is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::wait::until;

/// What the contract allows the daemon between SIGTERM and its end.
const DRAIN: Duration = Duration::from_secs(10);

/// The variables that hold what nobody may read.
const SECRETS: [&str; 3] = ["AWS_SECRET_ACCESS_KEY", "BIVOUAC__GITHUB__TOKEN", "BIVOUAC__GITHUB__WEBHOOK_SECRET"];

/// The binary with one configuration. Of the variables of the test's own process it sees none.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where the configuration lies; also the home directory and where it runs.
    pub directory: PathBuf,
    /// Its whole environment.
    pub variables: BTreeMap<String, String>,
}

impl Program {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bivouac"));
        command.args(arguments).current_dir(&self.directory).env_clear().envs(&self.variables);
        command.env("HOME", &self.directory).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, which has to be a good one; answers its standard output.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).stderr(Stdio::inherit()).output().expect("the binary starts");
        assert!(output.status.success(), "bivouac {arguments:?} ended with {}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command to its end, whatever that is: its exit code, standard output and standard error.
    pub async fn outcome(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.command(arguments);
        // The clouds that it talks to run on this runtime.
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it runs");
        let output = output.expect("the binary starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Starts a command that goes on until it is interrupted, and keeps what it prints.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let printed = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                printed.lock().expect("nobody panics while holding it").push(line);
            }
        });
        Running { process: child, lines }
    }

    /// Runs a command that has to be refused: exit code 2, nothing on standard output, and one sentence on standard error,
    /// which is answered. Neither a panic nor one of the program's secrets is in it.
    pub async fn refused(&self, arguments: &[&str]) -> String {
        let child =
            self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut child = Daemon { process: child, listening: Value::Null };
        until("the refusal", async || match child.process.try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        let status = child.process.wait().expect("it ended");
        let (mut output, mut said) = (String::new(), String::new());
        child.process.stdout.take().expect("piped").read_to_string(&mut output).expect("text");
        child.process.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(status.code(), Some(2), "{said}");
        assert_eq!(output, "", "standard output is for answers");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "not one sentence: {said}");
        assert!(!said.contains("panicked"), "{said}");
        for name in SECRETS {
            let secret = self.variables.get(name);
            assert!(secret.is_none_or(|secret| !said.contains(secret.as_str())), "{name} is told: {said}");
        }
        said.trim_end().trim_start_matches("error: ").to_owned()
    }

    /// The same, of a command that answers in JSON.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("bivouac {arguments:?}: {error}: {text}"))
    }

    /// Starts the daemon and waits until it is ready. Its log goes where the test's does.
    pub async fn daemon(&self) -> Daemon {
        Self::ready(self.command(&["run", "-o", "json"])).await
    }

    /// Starts the daemon with at most this many open files, which it cannot raise, and waits until it is ready.
    pub async fn daemon_with_files(&self, files: u32) -> Daemon {
        Self::ready(self.with_files(files, &["run", "-o", "json"])).await
    }

    /// A command with at most this many open files: soft and hard limit.
    pub fn with_files(&self, files: u32, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        // `ulimit -n` without -S or -H sets both limits. The shell is replaced, so the process id is the program's.
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_bivouac")]);
        command.args(arguments).current_dir(&self.directory).env_clear().envs(&self.variables);
        command.env("HOME", &self.directory).stdin(Stdio::null());
        command
    }

    async fn ready(mut command: Command) -> Daemon {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the binary starts");
        let output = child.stdout.take().expect("piped");
        let mut daemon = Daemon { process: child, listening: Value::Null };
        // It says where it listens once its first calls have answered, and closes the pipe if they do not.
        let first = tokio::task::spawn_blocking(move || BufReader::new(output).lines().next());
        let line = first.await.expect("the reader").expect("the daemon ended before it listened").expect("text");
        let listening: Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(listening["event"], "listening", "{line}");
        daemon.listening = listening.clone();
        let ready = format!("{}/readyz", listening["ops"].as_str().expect("the address of the ops endpoints"));
        until("readiness", async || match reqwest::get(&ready).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        daemon
    }
}

/// A command that goes on. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    process: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// What it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics while holding it").clone()
    }

    /// Waits until it has printed a line.
    pub async fn printed(&self, line: &str) {
        until(line, async || {
            let lines = self.lines();
            lines.iter().any(|printed| printed == line).then_some(()).ok_or_else(|| lines.join("\n"))
        })
        .await;
    }

    /// SIGINT, as Ctrl-C sends it. Answers how it ended.
    pub async fn interrupt(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.process), Signal::INT).expect("it still runs");
        until("the end of the command", async || match self.process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    process: Child,
    /// The line that says where it listens.
    pub listening: Value,
}

impl Daemon {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The address of one of its endpoints: `bot` or `ops`, as `127.0.0.1:4711`.
    pub fn address(&self, endpoint: &str) -> &str {
        self.listening[endpoint].as_str().expect("it listens").trim_start_matches("http://")
    }

    /// SIGKILL: it gets no chance to finish anything.
    pub fn kill(mut self) {
        self.process.kill().expect("it still runs");
        let status = self.process.wait().expect("it ends");
        assert_eq!(status.code(), None, "it ended by itself before it was killed: {status}");
    }

    /// SIGSTOP: it does nothing more until [`Daemon::resume`].
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.process), Signal::STOP).expect("it runs");
    }

    /// SIGCONT: it goes on where it was stopped.
    pub fn resume(&self) {
        kill_process(Pid::from_child(&self.process), Signal::CONT).expect("it is stopped");
    }

    /// SIGTERM. Answers how it ended, which it must within ten seconds.
    pub async fn terminate(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).expect("it still runs");
        let asked = Instant::now();
        let status = until("the end of the daemon", async || match self.process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
        .await;
        assert!(asked.elapsed() < DRAIN, "it took {:?} to end", asked.elapsed());
        status
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Copies the files of a directory that has no directories in it.
pub fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

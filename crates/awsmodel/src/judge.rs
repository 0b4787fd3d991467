//! The recording: what was called, how often, and everything that broke a model.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread;

use axum::body::Bytes;
use axum::http::{Request, Response};

use crate::exchange::Checked;
use crate::model::Models;
use crate::violation::{Kind, Side, Violation};

/// The variable that names the directory of the models. `cargo xtask test` sets it.
pub const MODELS: &str = "BIVOUAC_TEST_AWS_MODELS";

/// The variable that names the file to which each judge adds its counts, a line `SERVICE OPERATION CALLS VIOLATIONS` for each
/// operation. `cargo xtask test` sets it and prints the sum.
pub const CALLS: &str = "BIVOUAC_TEST_AWS_MODELS_CALLS";

/// How many violations a failed test shows. The rest is counted.
const SHOWN: usize = 30;

/// The kind of calls that a test sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// Calls of our own clients: each has to be as the model says.
    Conform,
    /// Calls that a test makes wrong on purpose. One that breaks the model has to be refused: success is the violation then.
    MayBeRefused,
}

/// Checks what it is shown and fails the test at its end, in [`Judge::finish`].
///
/// Without models it checks nothing, and says so once on standard error. The tests that begin with `against_` fail then.
#[derive(Debug)]
pub struct Judge {
    models: Option<Arc<Models>>,
    calls: Option<PathBuf>,
    requests: Requests,
    /// Differences of an emulator that are known and lived with.
    known: fn(&Violation) -> bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: BTreeMap<(String, String), Count>,
    violations: BTreeMap<Violation, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    calls: u64,
    violations: u64,
}

impl Judge {
    /// A judge by the models that [`MODELS`] names, or one that checks nothing if the variable is not set.
    ///
    /// # Panics
    /// If the variable names no directory of models: a judge that was asked for is never left out in silence.
    pub fn from_environment(requests: Requests) -> Self {
        static MODELS_OF_PROCESS: OnceLock<Option<Arc<Models>>> = OnceLock::new();
        let models = MODELS_OF_PROCESS.get_or_init(|| {
            let directory = std::env::var_os(MODELS)?;
            let opened = Models::open(Path::new(&directory));
            Some(Arc::new(opened.unwrap_or_else(|error| panic!("{MODELS}: {error}"))))
        });
        if models.is_none() {
            static REPORTED: Once = Once::new();
            REPORTED.call_once(|| {
                eprintln!(
                    "the judge is absent: {MODELS} is not set, so no call is checked against AWS's models; \
                     `cargo xtask test` checks them"
                );
            });
        }
        let mut judge = Self::by(models.clone(), requests);
        judge.calls = std::env::var_os(CALLS).map(PathBuf::from);
        judge
    }

    /// A judge by these models. It writes no counts.
    pub fn of(models: Arc<Models>, requests: Requests) -> Self {
        Self::by(Some(models), requests)
    }

    fn by(models: Option<Arc<Models>>, requests: Requests) -> Self {
        Self { models, calls: None, requests, known: |_| false, seen: Mutex::default() }
    }

    /// The same judge, which adds its counts to this file.
    pub fn counting_in(mut self, file: &Path) -> Self {
        self.calls = Some(file.to_owned());
        self
    }

    /// The same judge, for which these violations are none: the known differences of an emulator.
    pub fn except(mut self, known: fn(&Violation) -> bool) -> Self {
        self.known = known;
        self
    }

    /// Whether there are models to check by.
    pub fn is_present(&self) -> bool {
        self.models.is_some()
    }

    /// Checks one call and its answer, if there was one. Violations are kept for [`Judge::finish`].
    ///
    /// # Panics
    /// If the model of the operation cannot be read.
    pub fn record(&self, request: &Request<Bytes>, answer: Option<&Response<Bytes>>) {
        let Some(models) = &self.models else { return };
        let checked = models.check(request, answer).unwrap_or_else(|error| panic!("{error}"));
        let Some(checked) = checked else { return };
        let violations = self.weighed(&checked);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.calls.entry((checked.service, checked.operation)).or_default();
        count.calls += 1;
        count.violations += violations.len() as u64;
        for violation in violations {
            *seen.violations.entry(violation).or_default() += 1;
        }
    }

    /// Returns the findings that count here.
    fn weighed(&self, checked: &Checked) -> Vec<Violation> {
        let violations = checked.violations.iter().filter(|violation| !(self.known)(violation)).cloned();
        if self.requests == Requests::Conform {
            return violations.collect();
        }
        let (asked, mut counted): (Vec<_>, Vec<_>) = violations.partition(|violation| violation.side == Side::Request);
        if checked.succeeded == Some(true) {
            let accepted = asked.into_iter().map(|violation| Violation {
                side: Side::Answer,
                kind: Kind::Accepted,
                detail: format!("the call succeeded although {:?}: {}", violation.kind, violation.detail),
                ..violation
            });
            counted.extend(accepted);
        }
        counted
    }

    /// The violations so far, with how often each was seen.
    pub fn violations(&self) -> Vec<(Violation, u64)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.violations.iter().map(|(violation, count)| (violation.clone(), *count)).collect()
    }

    /// Writes the counts and fails the test if there were violations. It forgets the recording, so a second call finds nothing.
    ///
    /// # Panics
    /// If there were violations. While the thread is panicking already, it prints them instead, since a second panic would
    /// abort the process and hide the first.
    pub fn finish(&self) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.write_counts(&seen);
        if seen.violations.is_empty() {
            return;
        }
        let text = report(&seen.violations);
        if thread::panicking() {
            eprintln!("{text}");
        } else {
            panic!("{text}");
        }
    }

    fn write_counts(&self, seen: &Seen) {
        let Some(path) = self.calls.as_deref().filter(|_| !seen.calls.is_empty()) else { return };
        let mut lines = String::new();
        for ((service, operation), count) in &seen.calls {
            let _ = writeln!(lines, "{service} {operation} {} {}", count.calls, count.violations);
        }
        // One write to a file opened for appending: the lines of two processes never mix.
        let written = OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = written.and_then(|mut file| file.write_all(lines.as_bytes())) {
            eprintln!("{CALLS}: cannot write {}: {error}", path.display());
        }
    }
}

impl Drop for Judge {
    /// Counts the calls after the last [`Judge::finish`]. A drop can happen anywhere, so it fails nothing.
    fn drop(&mut self) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.write_counts(&seen);
    }
}

fn report(violations: &BTreeMap<Violation, u64>) -> String {
    let mut text = String::from("AWS's models were violated:");
    for (violation, count) in violations.iter().take(SHOWN) {
        let _ = write!(text, "\n  {violation} ({count} times)");
    }
    if violations.len() > SHOWN {
        let _ = write!(text, "\n  and {} more", violations.len() - SHOWN);
    }
    text
}

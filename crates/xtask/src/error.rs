//! What can go wrong in a task, and how it is told.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a task did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something; the text names each thing.
    #[error("{0}")]
    Lacking(String),
    /// The caller asked for something that is not there.
    #[error("{0}")]
    Usage(String),
    /// A command could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A command ended with a failure. It has said why on its own output.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// An emulator could not be brought in; the tail is the end of what the installer said.
    #[error("cannot install {name}: `{command}` failed ({status})\n{tail}\n(all of it: {})", log.display())]
    Install {
        /// The emulator and its version.
        name: String,
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its output.
        tail: String,
        /// Where the whole output is.
        log: PathBuf,
    },
    /// An emulator's package is not the one we pinned.
    #[error("{package} is not the package we pinned: its integrity is {found}, we expect {expected}")]
    Integrity {
        /// Name and version.
        package: String,
        /// What the package manager measured.
        found: String,
        /// What this crate holds.
        expected: String,
    },
    /// An emulator did not come up.
    #[error("{name} {what}\n{tail}\n(all of it: {})", log.display())]
    NotReady {
        /// The emulator.
        name: String,
        /// What was seen instead of an answer.
        what: String,
        /// The last lines of its log.
        tail: String,
        /// Where the whole log is.
        log: PathBuf,
    },
    /// GitHub's description does not have what we want of it.
    #[error("GitHub's OpenAPI description: {0}")]
    Description(String),
    /// A whole run of the tests recorded no call, so the judge was not there.
    #[error("no call was checked against AWS's models: the recording in front of the emulators is gone")]
    NotChecked,
    /// A file could not be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// The verb: read, write, create, …
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something of the system failed that has no file.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `cargo metadata` failed.
    #[error("cannot read the workspace")]
    Metadata(#[source] Box<cargo_metadata::Error>),
    /// A person or the system asked us to stop.
    #[error("stopped by signal {0}")]
    Interrupted(i32),
}

impl Error {
    /// For `map_err` on a file operation.
    pub fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// For `map_err` on an operation of the system.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// 1: failed. 2: the machine or the command line is not right. 128 + n: stopped by signal n, as shells have it.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Lacking(_) | Self::Usage(_) => 2,
            Self::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(1),
            _ => 1,
        }
    }
}

/// Prints the error with its causes, once, and gives the exit code that fits.
pub fn report(error: &Error) -> ExitCode {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        eprint!(": {source}");
        cause = source.source();
    }
    eprintln!();
    ExitCode::from(error.exit_code())
}

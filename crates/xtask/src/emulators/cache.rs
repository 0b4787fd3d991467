//! Installed emulators, kept by version under the repository.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::process::{GLANCE, Group};
use crate::signals::Signals;

/// Written last into an installation, with what it was made from: without it, or with another text, it is made again.
const STAMP: &str = "installed-from";

/// How many lines of a failed command's output go into the error.
const TAIL: usize = 20;

/// `.cache/emulators` of the repository, held by one run at a time while it installs.
#[derive(Debug)]
pub struct Cache {
    home: PathBuf,
    pins: PathBuf,
    signals: Signals,
    /// Another run of this task in the same clone waits for it; the system lets go of it when we end.
    _lock: File,
}

impl Cache {
    /// Opens the cache of the repository at `root`, waiting for another run that installs.
    pub fn open(root: &Path, signals: &Signals) -> Result<Self> {
        let home = root.join(".cache").join("emulators");
        fs::create_dir_all(&home).map_err(Error::file("create", &home))?;
        let path = home.join("lock");
        let lock = File::create(&path).map_err(Error::file("create", &path))?;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(Error::file("lock", path)(source)),
                Err(TryLockError::WouldBlock) if told => {}
                Err(TryLockError::WouldBlock) => {
                    println!("   waiting for another run that installs emulators here");
                    told = true;
                }
            }
            signals.check()?;
            thread::sleep(GLANCE);
        }
        let pins = root.join("tests").join("emulators");
        Ok(Self { home, pins, signals: signals.clone(), _lock: lock })
    }

    /// The text of a file in `tests/emulators`, where the versions are pinned.
    pub fn pin(&self, path: &str) -> Result<String> {
        read(&self.pins.join(path))
    }

    /// The directory of an installation that is made by `make` from `source`, now or in an earlier run.
    ///
    /// `source` is every text that decides what comes out; a change of it, or of the place, makes a new one.
    pub fn install(
        &self,
        name: &str,
        source: &str,
        make: impl FnOnce(&Installation<'_>) -> Result<()>,
    ) -> Result<PathBuf> {
        let directory = self.home.join(name);
        let stamp = directory.join(STAMP);
        // A virtual environment knows its own path, so a moved clone installs anew.
        let source = format!("{}\n{source}", directory.display());
        if fs::read_to_string(&stamp).is_ok_and(|found| found == source) {
            return Ok(directory);
        }
        println!("   installing {name}");
        let started = Instant::now();
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(Error::file("remove", &directory))?;
        }
        fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        make(&Installation { name, directory: &directory, signals: &self.signals })?;
        write(&stamp, &source)?;
        println!("   installed {name} in {:.1} s", started.elapsed().as_secs_f64());
        Ok(directory)
    }

    /// A new file for the output of a server, and its path.
    pub fn log(&self, name: &str) -> Result<(File, PathBuf)> {
        let path = self.home.join(format!("{name}.log"));
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        Ok((file, path))
    }

    /// Whoever waits for an emulator also listens for these.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }
}

/// An installation in the making.
#[derive(Debug)]
pub struct Installation<'a> {
    name: &'a str,
    /// Where it goes; empty at first.
    pub directory: &'a Path,
    signals: &'a Signals,
}

impl Installation<'_> {
    /// Runs a command in the directory and gives what it printed on its standard output.
    /// What it prints otherwise is kept in `install.log` and shown only if it fails.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        self.signals.check()?;
        let (output, log) = (self.directory.join("install.out"), self.directory.join("install.log"));
        let create = |path: &Path| File::create(path).map_err(Error::file("create", path));
        command.current_dir(self.directory).stdin(Stdio::null());
        command.stdout(create(&output)?).stderr(create(&log)?);
        let group = Group::spawn(command)?;
        let line = group.line().to_owned();
        let status = group.wait(self.signals)?;
        if status.success() {
            return read(&output);
        }
        Err(Error::Install { name: self.name.to_owned(), command: line, status, tail: tail(&log), log })
    }

    /// Writes a file into the directory.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        write(&path, text)?;
        Ok(path)
    }
}

/// The last lines of a log, or nothing if there is none.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn cache(root: &Path) -> Cache {
        Cache::open(root, &Signals::deaf()).expect("opens")
    }

    #[test]
    fn what_is_installed_stays_until_its_source_changes() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = cache(root.path());
        let made = Cell::new(0);
        let make = |installation: &Installation<'_>| {
            made.set(made.get() + 1);
            installation.write("it", "here").map(drop)
        };
        for source in ["one", "one", "two"] {
            let directory = cache.install("thing-1", source, make).expect("installs");
            assert_eq!(read(&directory.join("it")).expect("there"), "here");
        }
        assert_eq!(made.get(), 2);
    }

    #[test]
    fn a_half_done_installation_is_done_again_from_nothing() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = cache(root.path());
        let broken = cache.install("thing-1", "one", |installation| {
            installation.write("half", "")?;
            installation.run(Command::new("sh").args(["-c", "echo no such version >&2; exit 1"])).map(drop)
        });
        let message = broken.expect_err("the command failed").to_string();
        assert!(message.contains("cannot install thing-1") && message.contains("no such version"), "{message}");
        let directory = cache.install("thing-1", "one", |_| Ok(())).expect("installs");
        assert!(!directory.join("half").exists());
    }

    #[test]
    fn one_run_installs_at_a_time() {
        let root = tempfile::tempdir().expect("a directory");
        let first = cache(root.path());
        let asked_to_stop = Signals::deaf();
        asked_to_stop.raise(signal_hook::consts::SIGINT);
        let second = Cache::open(root.path(), &asked_to_stop);
        assert!(matches!(second, Err(Error::Interrupted(_))), "it waits, and can be stopped: {second:?}");
        drop(first);
        cache(root.path());
    }

    #[test]
    fn an_error_shows_the_end_of_a_log() {
        let root = tempfile::tempdir().expect("a directory");
        let log = root.path().join("log");
        let text: String = (0..50).map(|n| format!("line {n}\n")).collect();
        write(&log, &text).expect("writes");
        assert!(tail(&log).starts_with("line 30\n") && tail(&log).ends_with("line 49"));
        assert_eq!(tail(&root.path().join("none")), "");
    }
}

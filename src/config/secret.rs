//! Secrets, by path or variable. Nothing here is ever printed: not by `Debug`, not in an error.
//!
//! A secret in a file follows its file while the program runs, so that it can be rotated without a restart. A secret in a
//! variable stays as it is.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bivouac_ports::{CurrentSecret, SecretSource, SharedSecret};
use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox, SecretString};

use super::text;

/// Where a secret is to be had.
#[derive(Clone)]
pub enum Secret {
    /// In a file, which is read when the secret is needed: commands that need none run without it.
    File(PathBuf),
    /// In a variable.
    Value(SecretString),
}

/// Why a secret is not to be had. Names the path, never the content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret {path}", path = .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The file holds nothing.
    #[error("the secret {path} is empty", path = .0.display())]
    Empty(PathBuf),
}

impl Secret {
    pub(super) fn of(text: &str) -> Self {
        Self::Value(SecretString::from(text.trim()))
    }

    /// Whether a text that should be a path is rather a secret by mistake: GitHub's tokens have prefixes of their own
    /// (GitHub, "About authentication to GitHub", token formats), private keys a first line.
    pub(super) fn looks_like_one(text: &str) -> bool {
        let token =
            ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"].iter().any(|prefix| text.starts_with(prefix));
        token || text.contains("-----BEGIN") || text.contains('\n')
    }

    /// With a path that is relative to `dir` made whole.
    pub(super) fn within(self, dir: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(dir.join(path)),
            value => value,
        }
    }

    /// The secret, without the white space around it that editors and `echo` leave.
    ///
    /// # Errors
    /// [`SecretError`] when its file cannot be read or is empty.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => Ok(read(path)?.0),
        }
    }

    /// The secret as it is now and as it will be: one in a file follows the file from now on.
    ///
    /// # Errors
    /// [`SecretError`] when its file cannot be read or is empty now. Later that is logged, and the last value stays.
    pub fn follow(&self) -> Result<SharedSecret, SecretError> {
        match self {
            Self::Value(value) => Ok(SharedSecret::from(value.clone())),
            Self::File(path) => {
                let (value, _) = read(path)?;
                // A pipe can be read only once, and reading it again would wait.
                match path.is_file() {
                    true => Ok(SharedSecret::new(FollowedFile::new(path.clone(), value, Instant::now()))),
                    false => Ok(SharedSecret::from(value)),
                }
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "Secret(in {})", path.display()),
            Self::Value(_) => f.write_str("Secret(in a variable)"),
        }
    }
}

/// What a file holds, and for how long it has held it, if that is known.
fn read(path: &Path) -> Result<(SecretString, Option<Duration>), SecretError> {
    let unreadable = |error| SecretError::Unreadable(path.to_owned(), error);
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let age = file.metadata().and_then(|about| about.modified()).ok().and_then(|modified| modified.elapsed().ok());
    let mut bytes = SecretBox::new(Box::new(Vec::new()));
    let outcome = file.read_to_end(bytes.expose_secret_mut());
    outcome.map_err(unreadable)?;
    let text = text::decode(bytes.expose_secret()).map_err(|error| unreadable(io::Error::other(error)))?;
    let secret = SecretString::from(text.trim());
    // Wiped at the end of its life like every `SecretString`.
    drop(SecretString::from(text));
    if secret.expose_secret().is_empty() { Err(SecretError::Empty(path.to_owned())) } else { Ok((secret, age)) }
}

/// How often the file is read at most. A secret is a few kilobytes at most and mostly in memory (a mounted secret is a
/// `tmpfs`), and what was taken out of it has to be refused within seconds.
const EACH: Duration = Duration::from_secs(1);

/// How long a file has to stay the same before it is believed: whoever writes it in place writes it within a second.
const SETTLED: Duration = Duration::from_secs(1);

/// A secret in a file that may be replaced, also by way of a symbolic link, as Kubernetes and others do with mounted secrets.
struct FollowedFile {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    current: CurrentSecret,
    read_at: Instant,
    /// What the file holds now, and since when that was seen. It may be written still.
    candidate: Option<(SecretString, Instant)>,
    /// Whether it was logged that the file cannot be read.
    told: bool,
}

impl FollowedFile {
    fn new(path: PathBuf, value: SecretString, now: Instant) -> Self {
        let state = State { current: CurrentSecret::new(value, 0), read_at: now, candidate: None, told: false };
        Self { path, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The value is replaced by one assignment, so it is whole also after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, now: Instant) -> CurrentSecret {
        let mut state = self.state();
        if now.saturating_duration_since(state.read_at) >= EACH {
            state.look(&self.path, now, false);
        }
        state.current.clone()
    }

    /// What is in the file was refused, so anything else in it can only be better.
    fn again_at(&self, now: Instant) -> CurrentSecret {
        let mut state = self.state();
        state.look(&self.path, now, true);
        state.current.clone()
    }
}

impl State {
    fn look(&mut self, path: &Path, now: Instant, at_once: bool) {
        self.read_at = now;
        // A file that became a pipe would be waited for.
        let is_pipe = std::fs::metadata(path).is_ok_and(|about| !about.is_file());
        let found = match is_pipe {
            true => Err(SecretError::Unreadable(path.to_owned(), io::Error::other("it is not a file any more"))),
            false => read(path),
        };
        let (found, age) = match found {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a secret cannot be read; its last value stays until it can be");
                }
                self.candidate = None;
                return;
            }
        };
        if std::mem::replace(&mut self.told, false) {
            tracing::info!(path = %path.display(), "a secret can be read again");
        }
        if is_same(&found, self.current.value()) {
            self.candidate = None;
            return;
        }
        let since = match &self.candidate {
            Some((candidate, since)) if is_same(candidate, &found) => *since,
            _ => now,
        };
        let settled = age.is_some_and(|age| age >= SETTLED) || now.saturating_duration_since(since) >= SETTLED;
        if settled || at_once {
            tracing::info!(path = %path.display(), "a secret has changed; the new one is used from now on");
            self.current = CurrentSecret::new(found, self.current.version() + 1);
            self.candidate = None;
        } else {
            self.candidate = Some((found, since));
        }
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

impl SecretSource for FollowedFile {
    fn current(&self) -> CurrentSecret {
        self.at(Instant::now())
    }

    fn look_again(&self) -> CurrentSecret {
        self.again_at(Instant::now())
    }
}

impl fmt::Debug for FollowedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FollowedFile({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A followed file in a directory of its own, and when it began.
    struct Rotated {
        directory: tempfile::TempDir,
        file: FollowedFile,
        began: Instant,
    }

    impl Rotated {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (path, began) = (directory.path().join("secret"), Instant::now());
            std::fs::write(&path, "first\n").unwrap();
            let file = FollowedFile::new(path.clone(), read(&path).unwrap().0, began);
            Self { directory, file, began }
        }

        fn path(&self) -> &Path {
            &self.file.path
        }

        /// Writes the file, which then is so many seconds old.
        fn write(&self, text: &str, age: u64) {
            std::fs::write(self.path(), text).unwrap();
            let file = std::fs::File::options().write(true).open(self.path()).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }

        /// What it is after so many milliseconds.
        fn after(&self, milliseconds: u64) -> String {
            let secret = self.file.at(self.began + Duration::from_millis(milliseconds));
            secret.value().expose_secret().to_owned()
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_followed_and_read_once_a_second_at_most() {
        let rotated = Rotated::new();
        rotated.write("second\n", 60);
        assert_eq!(rotated.after(999), "first", "it was read less than a second ago");
        assert_eq!(rotated.after(1000), "second");
        assert_eq!(rotated.file.at(rotated.began).version(), 1);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_believed_before_it_stays_the_same() {
        let rotated = Rotated::new();
        rotated.write("sec", 0);
        assert_eq!(rotated.after(1000), "first");
        rotated.write("second", 0);
        assert_eq!(rotated.after(2000), "first", "it has changed since");
        assert_eq!(rotated.after(3000), "second", "it has not");
    }

    #[test]
    fn a_file_whose_time_cannot_be_trusted_is_believed_when_it_stays_the_same() {
        let rotated = Rotated::new();
        rotated.write("second", 0);
        let file = std::fs::File::options().write(true).open(rotated.path()).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        assert_eq!(rotated.after(1000), "first");
        assert_eq!(rotated.after(2000), "second");
    }

    #[test]
    fn a_refused_secret_is_looked_for_at_once() {
        let rotated = Rotated::new();
        rotated.write("second", 0);
        let again = rotated.file.again_at(rotated.began);
        assert_eq!((again.value().expose_secret(), again.version()), ("second", 1));
        assert_eq!(rotated.file.again_at(rotated.began).version(), 1, "nothing has changed");
    }

    #[test]
    fn what_is_missing_or_empty_or_no_text_leaves_the_last_value() {
        let rotated = Rotated::new();
        rotated.write(" \n", 60);
        assert_eq!(rotated.after(1000), "first");
        std::fs::write(rotated.path(), [0xff, 0xfe]).unwrap();
        assert_eq!(rotated.after(2000), "first");
        std::fs::remove_file(rotated.path()).unwrap();
        assert_eq!(rotated.after(3000), "first");
        let again = rotated.file.again_at(rotated.began + Duration::from_secs(3));
        assert_eq!(again.value().expose_secret(), "first");
        std::fs::create_dir(rotated.path()).unwrap();
        assert_eq!(rotated.after(4000), "first");
        std::fs::remove_dir(rotated.path()).unwrap();
        rotated.write("second", 60);
        assert_eq!(rotated.after(5000), "second");
    }

    #[test]
    fn a_mounted_secret_is_followed_through_its_links() {
        let rotated = Rotated::new();
        let dir = rotated.directory.path();
        for (version, text) in [("1", "first"), ("2", "second")] {
            std::fs::create_dir(dir.join(version)).unwrap();
            std::fs::write(dir.join(version).join("secret"), text).unwrap();
        }
        let swap = |version: &str| {
            std::os::unix::fs::symlink(version, dir.join("new")).unwrap();
            std::fs::rename(dir.join("new"), dir.join("data")).unwrap();
        };
        std::fs::remove_file(rotated.path()).unwrap();
        swap("1");
        std::os::unix::fs::symlink("data/secret", rotated.path()).unwrap();
        assert_eq!(rotated.after(1000), "first");
        swap("2");
        // The files are as old as this test, so the swap is seen twice.
        rotated.after(2000);
        assert_eq!(rotated.after(3000), "second");
    }

    #[test]
    fn a_value_of_a_variable_stays() {
        let secret = Secret::of(" hush\n").follow().unwrap();
        assert_eq!(secret.look_again().value().expose_secret(), "hush");
        assert_eq!(secret.look_again().version(), secret.current().version());
    }

    #[test]
    fn what_cannot_be_read_at_the_start_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Secret::File(directory.path().join("missing"));
        assert!(matches!(missing.follow(), Err(SecretError::Unreadable(..))));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let rotated = Rotated::new();
        assert!(!format!("{:?}", rotated.file).contains("first"));
    }
}

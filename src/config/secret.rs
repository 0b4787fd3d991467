//! Secrets, by path or variable. Nothing here is ever printed: not by `Debug`, not in an error.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

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
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| SecretError::Unreadable(path.clone(), e))?;
                let secret = SecretString::from(text.trim());
                // Wiped at the end of its life like every `SecretString`.
                drop(SecretString::from(text));
                if secret.expose_secret().is_empty() { Err(SecretError::Empty(path.clone())) } else { Ok(secret) }
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

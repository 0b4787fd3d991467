//! Keys: which environment a record, a service or a command speaks of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest `owner/name`: GitHub allows 39 characters for an owner and 100 for a repository's name.
const MAX_REPO_LENGTH: usize = 39 + 1 + 100;

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The repository is not `owner/name`.
    #[error("repository `{0}` is not of the form owner/name (letters, digits, `.`, `_` and `-`)")]
    Repo(String),
    /// The number is no pull request's.
    #[error("pull request number `{0}` is not a whole number from 1 to {max}", max = PrNumber::MAX)]
    Pr(String),
    /// The text has no `#`.
    #[error("`{0}` is not of the form owner/name#123")]
    Form(String),
}

/// A repository on the forge, `owner/name`, compared as written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName(Box<str>);

impl RepoName {
    /// `owner/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the slash.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

impl FromStr for RepoName {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let part = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner) && part(name) && text.len() <= MAX_REPO_LENGTH => Ok(Self(text.into())),
            _ => Err(InvalidKey::Repo(shown(text))),
        }
    }
}

impl TryFrom<String> for RepoName {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(repo: RepoName) -> Self {
        repo.0.into()
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a pull request, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct PrNumber(u32);

impl PrNumber {
    /// The largest number: GitHub's API describes it as a signed 32-bit integer.
    pub const MAX: u32 = i32::MAX as u32;

    /// A number from 1 to [`PrNumber::MAX`].
    ///
    /// # Errors
    /// [`InvalidKey::Pr`] for anything else.
    pub fn new(number: u64) -> Result<Self, InvalidKey> {
        u32::try_from(number)
            .ok()
            .filter(|n| (1..=Self::MAX).contains(n))
            .map(Self)
            .ok_or_else(|| InvalidKey::Pr(number.to_string()))
    }

    /// The number.
    pub fn get(self) -> u64 {
        u64::from(self.0)
    }
}

impl FromStr for PrNumber {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| text.parse().ok())
            .flatten()
            .and_then(|number| Self::new(number).ok())
            .ok_or_else(|| InvalidKey::Pr(shown(text)))
    }
}

impl TryFrom<u64> for PrNumber {
    type Error = InvalidKey;

    fn try_from(number: u64) -> Result<Self, InvalidKey> {
        Self::new(number)
    }
}

impl From<PrNumber> for u64 {
    fn from(number: PrNumber) -> Self {
        number.get()
    }
}

impl fmt::Display for PrNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The key of an environment: a pull request of a repository. Written `owner/name#123`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvKey {
    /// The repository.
    pub repo: RepoName,
    /// The pull request.
    pub pr: PrNumber,
}

impl FromStr for EnvKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (repo, pr) = text.split_once('#').ok_or_else(|| InvalidKey::Form(shown(text)))?;
        Ok(Self { repo: repo.parse()?, pr: pr.parse()? })
    }
}

impl fmt::Display for EnvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.pr)
    }
}

/// The key of an item as it stands in the table, which anybody may have written: `pr` is any number DynamoDB holds.
///
/// This is what the work queue carries, so that a record with an impossible key gets its answer too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// The attribute `repo`.
    pub repo: Box<str>,
    /// The attribute `pr`, in DynamoDB's own decimal form.
    pub pr: Box<str>,
}

impl ItemKey {
    /// The environment that the item speaks of.
    ///
    /// # Errors
    /// [`InvalidKey`] when the repository or the number is impossible.
    pub fn env(&self) -> Result<EnvKey, InvalidKey> {
        Ok(EnvKey { repo: self.repo.parse()?, pr: self.pr.parse()? })
    }
}

impl From<&EnvKey> for ItemKey {
    fn from(key: &EnvKey) -> Self {
        Self { repo: key.repo.as_str().into(), pr: key.pr.to_string().into() }
    }
}

impl From<EnvKey> for ItemKey {
    fn from(key: EnvKey) -> Self {
        Self::from(&key)
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.pr)
    }
}

/// A text of a stranger, cut and with its control characters escaped, fit to stand in a sentence.
pub(crate) fn shown(text: &str) -> String {
    /// Long enough to recognise the value, short enough for a sentence.
    const MOST: usize = 60;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_is_written() {
        let key: EnvKey = "apache/superset#123".parse().unwrap();
        assert_eq!(key.to_string(), "apache/superset#123");
        assert_eq!((key.repo.owner(), key.repo.name(), key.pr.get()), ("apache", "superset", 123));
    }

    #[test]
    fn impossible_keys_are_refused_with_a_sentence() {
        for bad in ["superset#1", "a/b", "a/b#0", "a/b#-1", "a/b#1.5", "a/b#2147483648", "a/b/c#1", "../b#1", "a/..#1"]
        {
            let error = bad.parse::<EnvKey>().unwrap_err().to_string();
            assert!(error.contains("not"), "{bad}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            if let Ok(key) = text.parse::<EnvKey>() {
                proptest::prop_assert_eq!(key.to_string().parse::<EnvKey>().unwrap(), key);
            }
        }
    }
}

//! The path to a key, and its two spellings: in the file and in the environment.

use std::fmt;

/// What the variables that override keys begin with.
pub const VARIABLE_PREFIX: &str = "BIVOUAC__";
/// What stands between two levels in the name of a variable: names of keys have single underscores themselves.
pub(super) const LEVEL: &str = "__";

/// The path to a key, such as `aws`, `region`. Projects are numbered from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(pub Vec<String>);

impl KeyPath {
    pub fn join(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        path.push(key.to_owned());
        Self(path)
    }

    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.to_vec()))
    }

    pub fn leaf(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// `BIVOUAC__AWS__REGION`.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.0.join(LEVEL).to_uppercase())
    }
}

impl fmt::Display for KeyPath {
    /// `aws.region`, `project[0].port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            let number = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
            match at {
                1 if number && self.0[0] == super::PROJECT => write!(f, "[{segment}]")?,
                0 => f.write_str(&shown(segment))?,
                _ => write!(f, ".{}", shown(segment))?,
            }
        }
        Ok(())
    }
}

/// A text of a stranger, cut and with its control characters escaped, fit to stand in a sentence.
pub(super) fn shown(text: &str) -> String {
    /// Long enough to recognise the value, short enough for a sentence.
    const MOST: usize = 60;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

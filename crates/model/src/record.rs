//! A record: what clients wrote, and what the controller answered.

use std::fmt;

use crate::{DesiredState, ItemKey, Status};

/// What is wrong with an attribute: its name, what it holds, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// `ttl holds "soon"; allowed: a duration such as …`.
    pub fn new(attribute: &str, holds: &str, allowed: &str) -> Self {
        Self(format!("{attribute} holds {holds}; allowed: {allowed}"))
    }

    /// A problem that is a sentence of its own.
    pub fn sentence(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An item of the table of environments, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its key, which may be impossible.
    pub key: ItemKey,
    /// What is desired, or everything that is wrong with it.
    pub desired: Result<DesiredState, Vec<Problem>>,
    /// The number of the newest write, also of an invalid record.
    pub generation: Option<u64>,
    /// What the controller wrote; absent: never seen, overwritten or spoiled.
    pub status: Option<Status>,
}

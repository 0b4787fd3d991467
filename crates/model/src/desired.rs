//! What a client desires of an environment.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The longest name of a flag or a configuration override: generous for an environment variable, and far below the
/// 64 KB that a task definition may take.
pub const MAX_NAME_LENGTH: usize = 128;
/// The longest value of a flag or an override, in bytes, for the same reason.
pub const MAX_VALUE_LENGTH: usize = 4096;
/// The most flags, and the most overrides, of one record.
pub const MAX_VARIABLES: usize = 200;
/// The most bytes that the flags and overrides of one record take together: half of the 64 KB that a task definition
/// may have (Amazon ECS service quotas, "Task definition size"), so that the template has the other half.
pub const MAX_ENVIRONMENT_BYTES: usize = 32 * 1024;

/// The attribute `desired`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// It runs.
    #[default]
    Up,
    /// It is kept, with no task.
    Asleep,
    /// It is gone.
    Down,
}

impl Desired {
    /// The word, as it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Asleep => "asleep",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A tag that ECR accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageTag(Box<str>);

/// A text that ECR would refuse as a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an image tag: 1 to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`")]
pub struct InvalidImageTag(String);

impl ImageTag {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageTag {
    type Err = InvalidImageTag;

    /// The grammar of the OCI distribution specification, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    fn from_str(text: &str) -> Result<Self, InvalidImageTag> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = (1..=128).contains(&text.len())
            && text.bytes().enumerate().all(|(at, b)| word(b) || (at > 0 && matches!(b, b'.' | b'-')));
        if valid { Ok(Self(text.into())) } else { Err(InvalidImageTag(crate::key::shown(text))) }
    }
}

impl TryFrom<String> for ImageTag {
    type Error = InvalidImageTag;

    fn try_from(text: String) -> Result<Self, InvalidImageTag> {
        text.parse()
    }
}

impl From<ImageTag> for String {
    fn from(tag: ImageTag) -> Self {
        tag.0.into()
    }
}

impl fmt::Display for ImageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long an environment may live. Always longer than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(Duration);

impl Ttl {
    /// A time of at least one second.
    pub fn new(duration: Duration) -> Option<Self> {
        (duration.as_secs() > 0).then_some(Self(duration))
    }

    /// The time.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// A desired state that passed every check of its own; what the configuration has to say of it, the planner says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredState {
    /// Up, asleep or down.
    pub desired: Desired,
    /// The tag; absent: the project's pattern.
    pub image_tag: Option<ImageTag>,
    /// Feature flags, by name without the project's prefix.
    pub flags: BTreeMap<String, String>,
    /// Configuration overrides, by the name of the environment variable.
    pub config: BTreeMap<String, String>,
    /// The lifetime; absent: the configuration's.
    pub ttl: Option<Ttl>,
    /// Expiry waits until it is unpinned.
    pub pinned: bool,
    /// A named size.
    pub size: Option<String>,
    /// The commit that was authorised.
    pub head_sha: Option<String>,
    /// Who asked.
    pub requested_by: Option<String>,
    /// When; the lifetime counts from here.
    pub requested_at: Option<DateTime<Utc>>,
    /// The comment or run that asked.
    pub request_url: Option<String>,
    /// When its pull request was closed, of a `down` that nobody asked for but the closing itself. Means nothing of what is
    /// not down.
    pub closed_at: Option<DateTime<Utc>>,
    /// A new value replaces the running task.
    pub restarted_at: Option<String>,
    /// The number of the write.
    pub generation: Option<u64>,
}

//! Phases: where an environment stands, in one word.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The phase of an environment, contract 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Seen, nothing done yet.
    Pending,
    /// The image tag is not in the registry yet.
    WaitingForImage,
    /// A cap holds it back.
    Queued,
    /// The service exists or is being made; no task runs yet.
    Provisioning,
    /// A task runs and does not answer yet.
    Starting,
    /// It answers at its address.
    Ready,
    /// It was ready and is not whole now; it is being mended.
    Degraded,
    /// It stopped for a cause that needs a person.
    Failed,
    /// Scaled to nothing on request.
    Asleep,
    /// Being taken down.
    Terminating,
    /// Gone; the record is a tombstone.
    Terminated,
    /// The record cannot be understood.
    Invalid,
}

impl Phase {
    /// All phases, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::WaitingForImage,
        Self::Queued,
        Self::Provisioning,
        Self::Starting,
        Self::Ready,
        Self::Degraded,
        Self::Failed,
        Self::Asleep,
        Self::Terminating,
        Self::Terminated,
        Self::Invalid,
    ];

    /// The word, as it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::WaitingForImage => "WaitingForImage",
            Self::Queued => "Queued",
            Self::Provisioning => "Provisioning",
            Self::Starting => "Starting",
            Self::Ready => "Ready",
            Self::Degraded => "Degraded",
            Self::Failed => "Failed",
            Self::Asleep => "Asleep",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
            Self::Invalid => "Invalid",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a phase; allowed: Pending, WaitingForImage, Queued, Provisioning, Starting, Ready, Degraded, Failed, Asleep, Terminating, Terminated, Invalid"
)]
pub struct UnknownPhase(String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    /// Without regard to case, as kubectl users type.
    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPhase(crate::key::shown(text)))
    }
}

//! What is decided of one service, and why.

use std::fmt;

/// What is decided of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub service: String,
    /// The environment that its tags speak of, `owner/name#pr`; `None`: they speak of none.
    pub environment: Option<String>,
    /// Whether it goes.
    pub fate: Fate,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub message: String,
}

/// Whether a service goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It is to go, but not in this pass.
    Condemn,
    /// It goes now.
    Reap,
}

/// Why a service stays or goes. Scripts compare the words: never rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It has no tag of ours or of another instance, and is not adopted.
    Unmanaged,
    /// Another instance's tag is on it.
    OtherInstance,
    /// A person protects it.
    Protected,
    /// Nobody knows how old it is.
    AgeUnknown,
    /// Its time is not over.
    NotYetOver,
    /// There is a record that answers for it.
    HasRecord,
    /// Its time is over, but its tags name no environment.
    NoOwner,
    /// Its time is over, but its repository is not configured, so nobody knows what its name should be.
    UnknownRepository,
    /// Its time is over, but its name is not that of its environment.
    NameDiffers,
    /// It would go, if its adoption were not to observe only.
    ObservedOnly,
    /// The table reads empty.
    EmptyTable,
    /// The clock jumped.
    ClockJumped,
    /// The name of the instance seems to have changed.
    InstanceChanged,
    /// It is ours and has no record, and its time is over.
    Orphaned,
    /// An older system made it, the configuration adopts it, and its time is over.
    Adopted,
}

impl Reason {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unmanaged => "Unmanaged",
            Self::OtherInstance => "OtherInstance",
            Self::Protected => "Protected",
            Self::AgeUnknown => "AgeUnknown",
            Self::NotYetOver => "NotYetOver",
            Self::HasRecord => "HasRecord",
            Self::NoOwner => "NoOwner",
            Self::UnknownRepository => "UnknownRepository",
            Self::NameDiffers => "NameDiffers",
            Self::ObservedOnly => "ObservedOnly",
            Self::EmptyTable => "EmptyTable",
            Self::ClockJumped => "ClockJumped",
            Self::InstanceChanged => "InstanceChanged",
            Self::Orphaned => "Orphaned",
            Self::Adopted => "Adopted",
        }
    }

    /// Tags, name and record contradict each other, and the time of the service is over.
    pub const fn is_a_contradiction(self) -> bool {
        matches!(self, Self::NoOwner | Self::UnknownRepository | Self::NameDiffers)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Verdict {
    /// It would go, but an alarm holds.
    pub(super) fn held(&mut self, reason: Reason) {
        self.fate = Fate::Keep;
        self.reason = reason;
        self.message.push_str(" Nothing is deleted while an alarm holds.");
    }
}

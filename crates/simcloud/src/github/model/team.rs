//! Teams of an organization.

use std::collections::BTreeMap;

/// How a user belongs to a team; the `state` field of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// A member.
    Active,
    /// Invited to the organization, and has not answered yet: no member.
    Pending,
}

impl Membership {
    /// The word in the `state` field.
    pub(in crate::github) fn word(self) -> &'static str {
        match self {
            Membership::Active => "active",
            Membership::Pending => "pending",
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Team {
    pub id: u64,
    /// By login, folded.
    pub members: BTreeMap<String, Membership>,
}

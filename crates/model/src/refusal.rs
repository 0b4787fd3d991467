//! What AWS refused for good.

use chrono::{DateTime, Utc};

use crate::ContentHash;

/// A step that AWS refused for good: a person has to change something before it can succeed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What was attempted, as a hash. Another attempt is not held up by this one.
    pub of: ContentHash,
    /// The kind of the step.
    pub step: &'static str,
    /// The account or the configuration is refused, so every other environment would be, too.
    pub account_wide: bool,
    /// How many attempts in a row were refused.
    pub times: u32,
    /// Until when the next attempt waits.
    pub again_at: DateTime<Utc>,
    /// Why, in one PascalCase word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: String,
}

//! An attempt: what has to be remembered of bringing a deployment up, since ECS forgets and phases come and go.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How bringing up what is deployed now has gone so far. Begins anew with another deployment of something else, with a
/// person's retry, and when nothing of it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began; absent once the environment was ready.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<DateTime<Utc>>,
    /// How often the application ended by itself.
    #[serde(skip_serializing_if = "is_none", default)]
    pub crashes: usize,
    /// When the newest of them stopped, as ECS tells, or of those that crashed before it began: what stopped later is
    /// counted still.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted_until: Option<DateTime<Utc>>,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_none(crashes: &usize) -> bool {
    *crashes == 0
}

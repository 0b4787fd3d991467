//! What happened to an environment, for people who ask later: the audit.

use chrono::{DateTime, Utc};

use crate::ItemKey;

/// One line of the audit (contract 1, table of events).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The environment; `owner/name#pr` in the table.
    pub environment: ItemKey,
    /// When it happened: for a command, when it was given.
    pub at: DateTime<Utc>,
    /// Tells apart what happened at the same moment. The same for the same thing, whoever writes it down and however often,
    /// so that an event stands once: made of what caused it (a comment's id and the place in it, a generation and a reason).
    pub tie: String,
    /// Who did it: a login, or `controller`.
    pub actor: String,
    /// What was done, in one word: `up`, `extend`, `push`, `close`, `reconcile`, …
    pub action: String,
    /// Why, or what became of it, in one PascalCase word.
    pub reason: String,
    /// The same in a sentence for people. Holds no secret: values of `config` are never repeated.
    pub message: String,
    /// The commit it was about.
    pub head_sha: Option<String>,
    /// The comment, run or page where it was asked for.
    pub url: Option<String>,
    /// Whether it was allowed, where somebody had to be asked.
    pub decision: Option<Decision>,
}

/// Whether somebody might do what they asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// They might.
    Allowed,
    /// They might not.
    Denied,
}

impl Decision {
    /// The word, as it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

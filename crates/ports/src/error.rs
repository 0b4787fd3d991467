//! One error for all doors, by meaning.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a failure means to the one who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// What was spoken of is not there.
    NotFound,
    /// It changed meanwhile, exists already, or is in a state that forbids it: look again.
    Conflict,
    /// Too many calls: wait.
    Throttled,
    /// We may not: a person has to mend it.
    Denied,
    /// What was asked is refused for good: a person has to change the wish.
    Invalid,
    /// No answer, or the other side is broken: it may have happened or not.
    Unavailable,
}

impl Meaning {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug)]
pub struct Error {
    meaning: Meaning,
    call: &'static str,
    message: String,
    retry_after: Option<Duration>,
    sent: bool,
    credentials: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure of `call` (such as `ECS CreateService`), told in `message` without ids, secrets or times.
    pub fn new(meaning: Meaning, call: &'static str, message: impl Into<String>) -> Self {
        Self { meaning, call, message: message.into(), retry_after: None, sent: true, credentials: false, source: None }
    }

    /// With the error underneath.
    #[must_use]
    pub fn caused_by(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// With the wait that the other side asked for.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// A call that we did not send, to keep the pace that the other side asks for: no trouble, and no news to anybody.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { sent: false, ..self }
    }

    /// Whether it was sent.
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// A refusal of who we are, whatever was asked: the token or key is wrong, expired or revoked. It ends without a change
    /// of what was asked, when the credentials are renewed.
    #[must_use]
    pub fn of_credentials(self) -> Self {
        Self { credentials: true, ..self }
    }

    /// Whether our credentials were refused, and not this call.
    pub fn is_of_credentials(&self) -> bool {
        self.credentials
    }

    /// What it means.
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// Which call failed.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// The other side's words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How long the other side asked us to wait.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.call, self.meaning.as_str(), self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

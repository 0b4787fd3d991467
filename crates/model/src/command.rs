//! The slash commands: what a person may type on a pull request.
//!
//! [`table`] is the one list of the commands; the parser, the answer to `help` and the section of README.md are made from
//! it. A comment becomes readings ([`read_commands`]), a reading a [`Command`] or a [`CommandError`] that says in a
//! sentence what would be right, and the commands of one comment, in order, one change of the record ([`Wish`]).
//!
//! Nothing here knows who may do what, or which flags a project allows: that is the bot's.

mod almost;
mod arguments;
mod described;
mod error;
mod find;
mod hidden;
mod list;
mod mail;
mod markup;
mod nearest;
mod read;
pub mod table;
mod wish;
mod words;

use std::collections::BTreeMap;
use std::fmt;

pub use almost::{Almost, almost};
pub use described::flags_in;
pub use error::{ArgumentProblem, CommandError};
pub use find::{Line, MAX_BODY_CHARACTERS, MAX_COMMANDS, find_commands};
pub use read::{Reading, read_commands};
use serde::{Deserialize, Serialize};
pub use wish::{Change, Request, Wish};

use crate::{Ttl, format_duration};

/// The word after the name: which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "`table::COMMANDS` says what each does")]
pub enum Verb {
    Up,
    Down,
    Status,
    Extend,
    Pin,
    Unpin,
    Sleep,
    Wake,
    Restart,
    Logs,
    Help,
}

impl Verb {
    /// The word, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Status => "status",
            Self::Extend => "extend",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Sleep => "sleep",
            Self::Wake => "wake",
            Self::Restart => "restart",
            Self::Logs => "logs",
            Self::Help => "help",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What `up` asks for. What it does not name is the default again, whatever an earlier `up` asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Up {
    /// Feature flags by name, `FEATURE_` included; within the limits of a record.
    pub flags: BTreeMap<String, String>,
    /// Configuration by the name of the environment variable; `config_allow` is still to be asked.
    pub config: BTreeMap<String, String>,
    /// The lifetime, whole seconds; the planner clamps it at `max_ttl`.
    pub ttl: Option<Ttl>,
    /// The name of a size; the configuration is still to be asked whether it has it.
    pub size: Option<String>,
    /// The commit to start, 7 to 40 hexadecimal digits in lower case; `None`: the newest one. The forge is still to be asked
    /// whether the pull request has it.
    pub sha: Option<String>,
}

/// A command that was understood. [`fmt::Display`] writes what [`std::str::FromStr`] reads back, without the name:
/// `up FEATURE_X=true ttl=24h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Asks for an environment.
    Up(Up),
    /// Takes it away.
    Down,
    /// Says how it is.
    Status,
    /// Lengthens its life by that much, whole seconds.
    Extend(Ttl),
    /// Keeps it beyond its time.
    Pin,
    /// Lets its time count again.
    Unpin,
    /// Stops the task and keeps the environment.
    Sleep,
    /// Starts it again.
    Wake,
    /// Replaces the running task.
    Restart,
    /// Shows its last failure.
    Logs,
    /// Explains the commands.
    Help,
}

impl Command {
    /// Which command it is.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Up(_) => Verb::Up,
            Self::Down => Verb::Down,
            Self::Status => Verb::Status,
            Self::Extend(_) => Verb::Extend,
            Self::Pin => Verb::Pin,
            Self::Unpin => Verb::Unpin,
            Self::Sleep => Verb::Sleep,
            Self::Wake => Verb::Wake,
            Self::Restart => Verb::Restart,
            Self::Logs => Verb::Logs,
            Self::Help => Verb::Help,
        }
    }

    /// Whether it changes the record. The others are answered, and change nothing.
    pub const fn changes(&self) -> bool {
        !matches!(self, Self::Status | Self::Logs | Self::Help)
    }

    /// Adds what the command wants to the wish; see [`Wish`]. One that changes nothing adds nothing.
    ///
    /// # Errors
    /// [`CommandError::Gone`] for what needs an environment when there is none, and [`CommandError::Broken`] when
    /// `extend` meets a record whose lifetime cannot be read. The wish is then what it was before.
    pub fn apply(&self, wish: &mut Wish<'_>) -> Result<(), CommandError> {
        wish.apply(self)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb().as_str())?;
        match self {
            Self::Up(up) => up.fmt(f),
            Self::Extend(by) => write!(f, " {}", word(*by)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Up {
    /// The arguments, each after a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.flags.iter().chain(&self.config) {
            write!(f, " {name}={}", arguments::quoted(value))?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " ttl={}", word(ttl))?;
        }
        if let Some(size) = &self.size {
            write!(f, " size={}", arguments::quoted(size))?;
        }
        match &self.sha {
            Some(sha) => write!(f, " sha={sha}"),
            None => Ok(()),
        }
    }
}

/// A duration without spaces: `2h30m`.
fn word(ttl: Ttl) -> String {
    format_duration(ttl.get()).replace(' ', "")
}

#[cfg(test)]
mod tests;

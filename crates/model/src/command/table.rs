//! The one table of the commands.

use std::fmt::Write as _;

use super::arguments::Arguments;
use super::{Command, CommandError, Verb, read};

/// Who may give a command unless the configuration says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Whoever can comment.
    Everyone,
    /// Who may write to the repository.
    Write,
}

impl Who {
    /// As the help says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Write => "who may write",
        }
    }
}

/// A command: a row of the table.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub verb: Verb,
    /// What may follow the verb, as the help shows it; empty: nothing.
    pub arguments: &'static str,
    /// What it does, in a line.
    pub does: &'static str,
    /// Other words that people try when they mean it. They are not commands, but the answer points here.
    pub(super) meant_by: &'static [&'static str],
    /// A whole command, without the name.
    pub example: &'static str,
    /// Who may give it by default.
    pub who: Who,
    /// Reads what follows the verb.
    pub(super) read: fn(Arguments<'_>) -> Result<Command, CommandError>,
}

/// Every command, in the order of the help.
pub const COMMANDS: &[Row] = &[
    Row {
        verb: Verb::Up,
        arguments: "[FEATURE_X=true …] [KEY=VALUE …] [ttl=24h] [size=small] [sha=COMMIT]",
        does: "starts an environment of the newest commit; again, with other flags, it replaces the wish",
        meant_by: &["start", "deploy", "create", "run"],
        example: "up FEATURE_X=true ttl=24h",
        who: Who::Write,
        read: read::up,
    },
    Row {
        verb: Verb::Down,
        arguments: "",
        does: "takes it away",
        meant_by: &["stop", "delete", "destroy", "remove", "kill"],
        example: "down",
        who: Who::Write,
        read: |arguments| read::plain(Command::Down, arguments),
    },
    Row {
        verb: Verb::Status,
        arguments: "",
        does: "says where it is, what it runs and when it ends",
        meant_by: &["info", "url"],
        example: "status",
        who: Who::Everyone,
        read: |arguments| read::plain(Command::Status, arguments),
    },
    Row {
        verb: Verb::Extend,
        arguments: "24h",
        does: "lets it live that much longer",
        meant_by: &["keep", "prolong", "renew"],
        example: "extend 24h",
        who: Who::Write,
        read: read::extend,
    },
    Row {
        verb: Verb::Pin,
        arguments: "",
        does: "keeps it beyond its time, until the ceiling",
        meant_by: &[],
        example: "pin",
        who: Who::Write,
        read: |arguments| read::plain(Command::Pin, arguments),
    },
    Row {
        verb: Verb::Unpin,
        arguments: "",
        does: "lets its time count again",
        meant_by: &[],
        example: "unpin",
        who: Who::Write,
        read: |arguments| read::plain(Command::Unpin, arguments),
    },
    Row {
        verb: Verb::Sleep,
        arguments: "",
        does: "stops its task and keeps the rest, at no cost",
        meant_by: &["pause", "suspend"],
        example: "sleep",
        who: Who::Write,
        read: |arguments| read::plain(Command::Sleep, arguments),
    },
    Row {
        verb: Verb::Wake,
        arguments: "",
        does: "starts it again, with the flags it had",
        meant_by: &["resume", "wakeup"],
        example: "wake",
        who: Who::Write,
        read: |arguments| read::plain(Command::Wake, arguments),
    },
    Row {
        verb: Verb::Restart,
        arguments: "",
        does: "replaces its running task",
        meant_by: &["reboot", "redeploy", "rebuild"],
        example: "restart",
        who: Who::Write,
        read: |arguments| read::plain(Command::Restart, arguments),
    },
    Row {
        verb: Verb::Logs,
        arguments: "",
        does: "shows its last failure, and the last lines of its log where the project allows it",
        meant_by: &["log"],
        example: "logs",
        who: Who::Write,
        read: |arguments| read::plain(Command::Logs, arguments),
    },
    Row {
        verb: Verb::Help,
        arguments: "",
        does: "explains the commands",
        meant_by: &["commands", "usage"],
        example: "help",
        who: Who::Everyone,
        read: |arguments| read::plain(Command::Help, arguments),
    },
];

/// The row of a verb.
pub fn row(verb: Verb) -> &'static Row {
    let at = COMMANDS.iter().position(|row| row.verb == verb);
    // A test holds that every verb has its row.
    &COMMANDS[at.unwrap_or_default()]
}

/// All verbs, for a sentence: `up`, `down`, ….
pub(super) fn verbs() -> String {
    COMMANDS.iter().map(|row| format!("`{}`", row.verb)).collect::<Vec<_>>().join(", ")
}

/// How a command is written, without the name: `extend 24h`.
pub(super) fn usage(verb: Verb) -> String {
    format!("{verb} {}", row(verb).arguments).trim_end().to_owned()
}

/// The reference in Markdown, a table and the rules, with the name that the commands have (`/testenv`) and who may give them
/// by default. README.md shows the same text.
pub fn reference(name: &str) -> String {
    reference_for(name, |verb| row(verb).who.as_str().to_owned())
}

/// The same, where `who` says who may give a command: Markdown that fits into a cell of a table.
fn reference_for(name: &str, who: impl Fn(Verb) -> String) -> String {
    let mut out = String::from("| command | does | who may |\n|---|---|---|\n");
    for Row { verb, does, .. } in COMMANDS {
        let _ = writeln!(out, "| `{name} {}` | {does} | {} |", usage(*verb), who(*verb));
    }
    out.push_str(RULES);
    out
}

/// The answer to `help`, in Markdown: how a command is given, and the reference, where `who` says who may give a command, as
/// Markdown that fits into a cell of a table. No line of it is a command.
pub fn help(name: &str, who: impl Fn(Verb) -> String) -> String {
    let mut out = format!("A command stands alone on its line, such as `{name} {}`.\n\n", COMMANDS[0].example);
    out.push_str(&reference_for(name, who));
    out
}

/// What the table cannot say. One line each: a comment shows a line break where one is typed.
const RULES: &str = "
- `NAME=value` is a feature flag if the name begins with `FEATURE_`, else configuration.
- A value with spaces, or with a `,`, `;` or full stop that belongs to it, stands in straight quotes: `NAME=\"two words\"`.
- `ttl` is a lifetime such as `90m`, `48h` or `2d`, and `size` a size of the configuration.
- `sha` is a commit of the pull request, 7 to 40 digits: exactly this commit is approved. Without it, `up` takes the newest.
- An `up` is a whole new wish: what it does not name is the default again.
- In a reply by e-mail, nothing below the separator of the history is read, such as `On … wrote:` or `From: …`.
";

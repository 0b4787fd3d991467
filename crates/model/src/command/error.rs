//! What is wrong with a command, in a sentence for the person who typed it.

use crate::{MAX_ENVIRONMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUE_LENGTH, MAX_VARIABLES};

use super::hidden::is_hidden;
use super::{MAX_BODY_CHARACTERS, MAX_COMMANDS, Verb, table};

/// Why a command is not obeyed. Each is one sentence of Markdown: what was understood, what is allowed, and the nearest
/// command. What a stranger typed stands in it cut, inside code spans, so that it can neither mention nor link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The name stands alone.
    #[error("there is no command after the name; the commands are {}", table::verbs())]
    NoVerb,
    /// No such command.
    #[error("there is no command `{given}`; {}the commands are {}", meant(*nearest), table::verbs())]
    Unknown {
        /// What was typed, cut.
        given: String,
        /// The command that is spelled alike.
        nearest: Option<Verb>,
    },
    /// Something is wrong with what follows the verb.
    #[error("{problem}; {}it is written `{}`", understood(*verb, names), table::usage(*verb))]
    Argument {
        /// The command it belongs to.
        verb: Verb,
        /// What was understood before: names of flags, configuration and settings. No values: they may be secrets that
        /// their author deletes again.
        names: Vec<String>,
        /// What is wrong.
        problem: ArgumentProblem,
    },
    /// A character that nobody sees stands in the line.
    #[error("the line holds the invisible character U+{:04X}; type the command again by hand, without it", u32::from(*character))]
    Hidden {
        /// The first of them.
        character: char,
    },
    /// The comment has more commands than anybody would type; none is obeyed.
    #[error("there are {count} commands in one comment, and at most {MAX_COMMANDS} are obeyed, so none was")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// The comment is longer than the forge allows.
    #[error("the comment is longer than {MAX_BODY_CHARACTERS} characters, so no command of it was read")]
    TooLong,
    /// Quotes and lists in the comment are nested as no person does it.
    #[error("the comment is nested too deeply to be read; write the command in a comment of its own")]
    TooNested,
    /// A command stands below the separator of an e-mail's history, where others wrote it.
    #[error(
        "`{verb}` was not obeyed, since it stands in the history of an e-mail; write it above the history, or in a comment of \
         its own"
    )]
    BelowMailHistory {
        /// The command.
        verb: Verb,
    },
    /// There is no environment that the command could change.
    #[error("there is no environment that `{verb}` could change; `up` starts one")]
    Gone {
        /// The command.
        verb: Verb,
    },
    /// The record cannot be read, so its lifetime is not known.
    #[error(
        "the record of this environment cannot be read, so nobody knows what `{verb}` would change; `up` writes a new one"
    )]
    Broken {
        /// The command.
        verb: Verb,
    },
}

/// What is wrong with the arguments of a command. Texts of the person are cut, without line breaks and backticks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentProblem {
    /// A command without arguments has one.
    #[error("nothing may follow, and `{given}` does")]
    Trailing {
        /// All that follows.
        given: String,
    },
    /// A word that is no `name=value`.
    #[error("`{given}` is not of the form NAME=value")]
    Positional {
        /// The word.
        given: String,
    },
    /// A name in lower case that is no setting.
    #[error(
        "there is no setting `{given}`, perhaps `{nearest}` was meant; names of flags and configuration have capitals"
    )]
    Setting {
        /// The name.
        given: String,
        /// A setting, or the flag in capitals.
        nearest: String,
    },
    /// No environment variable is called so.
    #[error("`{given}` is no name: letters, digits and `_`, not beginning with a digit, at most {MAX_NAME_LENGTH}")]
    Name {
        /// The name.
        given: String,
    },
    /// A value is too long.
    #[error("the value of `{name}` has {bytes} bytes, and at most {MAX_VALUE_LENGTH} are allowed")]
    Value {
        /// Whose.
        name: String,
        /// How long it is.
        bytes: usize,
    },
    /// Too many flags, or too many of configuration.
    #[error("there are more than {MAX_VARIABLES} flags, or more than {MAX_VARIABLES} names of configuration")]
    Variables,
    /// All of it together is too much.
    #[error("flags and configuration hold {bytes} bytes together, and at most {MAX_ENVIRONMENT_BYTES} are allowed")]
    Environment {
        /// How much it is.
        bytes: usize,
    },
    /// A name is given twice.
    #[error("`{name}` is given twice")]
    Twice {
        /// Which.
        name: String,
    },
    /// There is none.
    #[error("the duration is missing, such as 90m, 48h or 2d")]
    NoDuration,
    /// No duration, or not of whole seconds.
    #[error("`{given}` is not a duration of whole seconds such as 90m, 48h or 2d")]
    Duration {
        /// What was typed.
        given: String,
    },
    /// A duration of nothing, or of less.
    #[error("`{given}` is not longer than nothing")]
    NoTime {
        /// What was typed.
        given: String,
    },
    /// Empty, or longer than any name of a size.
    #[error("`{given}` names no size")]
    Size {
        /// The argument.
        given: String,
    },
    /// No commit, or too few digits of one.
    #[error("`{given}` names no commit: write 7 to 40 hexadecimal digits")]
    Sha {
        /// The argument.
        given: String,
    },
    /// A quote has no end.
    #[error("the quote that begins at `{given}` has no end")]
    Unclosed {
        /// From the quote on.
        given: String,
    },
    /// It may be a value with a mark in it, or a list.
    #[error(
        "`{given}` may be a list or one value; write a blank between two settings, and put a value with such a mark in straight \
         quotes, as in NAME=\"a,b.\""
    )]
    List {
        /// The argument.
        given: String,
    },
    /// A quote where none may be.
    #[error("a quote has to be straight and around a whole value, as in NAME=\"two words\", and not as in `{given}`")]
    Quote {
        /// The argument.
        given: String,
    },
}

fn meant(nearest: Option<Verb>) -> String {
    nearest.map(|verb| format!("perhaps `{}` was meant; ", table::row(verb).example)).unwrap_or_default()
}

fn understood(verb: Verb, names: &[String]) -> String {
    match names {
        [] => format!("understood was `{verb}`, and "),
        names => format!("understood was `{verb} {}`, and ", excerpt(&names.join(" "))),
    }
}

/// A text of a stranger, cut and fit to stand between backticks.
pub(super) fn excerpt(text: &str) -> String {
    /// Long enough to recognise what was typed, short enough for a sentence.
    const MOST: usize = 60;
    let mut out = String::new();
    for character in text.chars().take(MOST) {
        match character {
            '`' => out.push('\''),
            // A blank is all that it is, and a sentence has no other.
            '\t' => out.push(' '),
            other if is_hidden(other) => out.extend(other.escape_unicode()),
            other => out.push(other),
        }
    }
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

//! From a line to a command.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use super::arguments::{Arguments, Pair, blank, boolean};
use super::error::excerpt;
use super::find::{Found, Line, find};
use super::nearest::nearest;
use super::{ArgumentProblem, Command, CommandError, Up, Verb, hidden, table};
use crate::decode::is_variable_name;
use crate::{MAX_ENVIRONMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUE_LENGTH, MAX_VARIABLES, Ttl, parse_duration};

/// What makes a variable a flag (DESIGN, "Settled questions"), and what every flag of Superset begins with.
pub(super) const FLAG: &str = "FEATURE_";

/// The settings of `up`, as they are named in lower case.
const SETTINGS: [&str; 3] = ["ttl", "size", "sha"];

/// How many digits of a commit are enough: those that git shows (git-config, `core.abbrev`), and all of SHA-1.
const SHA_DIGITS: std::ops::RangeInclusive<usize> = 7..=40;

/// A line of a comment and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The line; of an error of the whole comment, the first line that looks like a command.
    pub line: Line<'a>,
    /// The command, or what is wrong with it.
    pub command: Result<Command, CommandError>,
}

/// Every command of a comment, in order, those that cannot be obeyed among them. `name` is what commands begin with
/// (`/testenv`); with an empty one there are none. A comment that is refused as a whole is one reading, an error. Commands in
/// the history of an e-mail are one reading together, the last, and an error.
///
/// The time it takes grows with the length of the comment, whatever stands in it.
pub fn read_commands<'a>(body: &'a str, name: &str) -> Vec<Reading<'a>> {
    match find(body, name) {
        Ok(Found { lines, below }) => {
            let own = lines.into_iter().map(|line| Reading { line, command: read(line, name) });
            own.chain(below_history(&below, name)).collect()
        }
        Err((line, error)) => vec![Reading { line, command: Err(error) }],
    }
}

/// What is said of the commands in a history: one of them stands for all, first of all one that would change something. What
/// is no command is not its author's mistake.
fn below_history<'a>(lines: &[Line<'a>], name: &str) -> Option<Reading<'a>> {
    let commands = || lines.iter().filter_map(|line| Some((*line, read(*line, name).ok()?)));
    let (line, command) = commands().find(|(_, command)| command.changes()).or_else(|| commands().next())?;
    Some(Reading { line, command: Err(CommandError::BelowMailHistory { verb: command.verb() }) })
}

fn read(line: Line<'_>, name: &str) -> Result<Command, CommandError> {
    // Before anything else: with such a character even the name may not be what it looks like.
    if let Some(character) = hidden::first(line.text) {
        return Err(CommandError::Hidden { character });
    }
    line.text.get(name.len()..).unwrap_or_default().parse()
}

impl FromStr for Command {
    type Err = CommandError;

    /// Reads what follows the name: `up FEATURE_X=true`.
    fn from_str(text: &str) -> Result<Self, CommandError> {
        if let Some(character) = hidden::first(text) {
            return Err(CommandError::Hidden { character });
        }
        let text = text.trim_matches(blank);
        let (verb, arguments) = text.split_once(blank).unwrap_or((text, ""));
        if verb.is_empty() {
            return Err(CommandError::NoVerb);
        }
        let row = table::COMMANDS.iter().find(|row| verb.eq_ignore_ascii_case(row.verb.as_str()));
        let row = row.ok_or_else(|| CommandError::Unknown { given: excerpt(verb), nearest: meant(verb) })?;
        (row.read)(Arguments::new(arguments))
    }
}

fn meant(verb: &str) -> Option<Verb> {
    let words = |row: &'static table::Row| {
        std::iter::once(row.verb.as_str()).chain(row.meant_by.iter().copied()).map(|word| (word, row.verb))
    };
    nearest(verb, table::COMMANDS.iter().flat_map(words))
}

/// A command that stands alone.
pub(super) fn plain(command: Command, arguments: Arguments<'_>) -> Result<Command, CommandError> {
    match arguments.text() {
        "" => Ok(command),
        given => Err(wrong(command.verb(), ArgumentProblem::Trailing { given: excerpt(given) })),
    }
}

/// `extend 24h`, `extend 1h 30m`.
pub(super) fn extend(arguments: Arguments<'_>) -> Result<Command, CommandError> {
    time(arguments.text()).map(Command::Extend).map_err(|problem| wrong(Verb::Extend, problem))
}

/// `up` with flags, configuration and settings, in any order.
pub(super) fn up(arguments: Arguments<'_>) -> Result<Command, CommandError> {
    let mut reader = UpReader::default();
    match arguments.pairs().try_for_each(|pair| reader.add(pair?)).and_then(|()| reader.fits()) {
        Ok(()) => Ok(Command::Up(reader.up)),
        Err(problem) => Err(CommandError::Argument { verb: Verb::Up, names: reader.names, problem }),
    }
}

fn wrong(verb: Verb, problem: ArgumentProblem) -> CommandError {
    CommandError::Argument { verb, names: Vec::new(), problem }
}

#[derive(Default)]
pub(super) struct UpReader {
    pub up: Up,
    /// In the order in which they were understood.
    names: Vec<String>,
    seen: BTreeSet<String>,
}

impl UpReader {
    pub fn add(&mut self, pair: Pair<'_>) -> Result<(), ArgumentProblem> {
        let Pair { name, value, quoted } = pair;
        let kind = kind(name)?;
        let name = if let Kind::Setting(setting) = kind { setting } else { name };
        if !self.seen.insert(name.to_owned()) {
            return Err(ArgumentProblem::Twice { name: name.to_owned() });
        }
        let bytes = value.len();
        if bytes > MAX_VALUE_LENGTH {
            return Err(ArgumentProblem::Value { name: name.to_owned(), bytes });
        }
        match kind {
            Kind::Setting("ttl") => self.up.ttl = Some(time(&value)?),
            Kind::Setting("sha") => self.up.sha = Some(sha(&value)?),
            Kind::Setting(_) => self.up.size = Some(size(&value)?),
            Kind::Flag => {
                let value = boolean(&value).filter(|_| !quoted).map_or(value.into_owned(), str::to_owned);
                self.up.flags.insert(name.to_owned(), value);
            }
            Kind::Configuration => {
                self.up.config.insert(name.to_owned(), value.into_owned());
            }
        }
        self.names.push(name.to_owned());
        Ok(())
    }

    /// What would make the record invalid is said here, while its author looks.
    pub fn fits(&self) -> Result<(), ArgumentProblem> {
        let maps: [&BTreeMap<_, _>; 2] = [&self.up.flags, &self.up.config];
        if maps.iter().any(|map| map.len() > MAX_VARIABLES) {
            return Err(ArgumentProblem::Variables);
        }
        let bytes = maps.into_iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_ENVIRONMENT_BYTES { Err(ArgumentProblem::Environment { bytes }) } else { Ok(()) }
    }
}

/// Whether a name is that of a flag.
pub(super) fn is_flag(name: &str) -> bool {
    name.starts_with(FLAG)
}

/// Whether a name is that of a setting of `up`: `TTL` is a variable like any other.
pub(super) fn is_setting(name: &str) -> bool {
    let has_lower = name.bytes().any(|byte| byte.is_ascii_lowercase());
    has_lower && SETTINGS.iter().any(|setting| name.eq_ignore_ascii_case(setting))
}

#[derive(Clone, Copy)]
enum Kind {
    Flag,
    Configuration,
    Setting(&'static str),
}

/// What a name stands for. The flags and configuration of applications have capitals; a name without any is a setting,
/// as is `Ttl`, which phones make of `ttl`, and `TTL` is a variable like any other.
fn kind(name: &str) -> Result<Kind, ArgumentProblem> {
    let given = || excerpt(name);
    if !is_variable_name(name) {
        // `feature-x=true` and `time-to-live=3h` are not names, and are answered as such.
        return Err(ArgumentProblem::Name { given: given() });
    }
    if is_flag(name) {
        return Ok(Kind::Flag);
    }
    if name.get(..FLAG.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(FLAG)) {
        return Err(ArgumentProblem::Setting { given: given(), nearest: excerpt(&name.to_ascii_uppercase()) });
    }
    let capitals = name.bytes().filter(u8::is_ascii_uppercase).count();
    let lower = name.bytes().any(|byte| byte.is_ascii_lowercase());
    let setting = SETTINGS.into_iter().find(|setting| is_setting(name) && name.eq_ignore_ascii_case(setting));
    match setting {
        Some(setting) => Ok(Kind::Setting(setting)),
        None if capitals > 0 || !lower => Ok(Kind::Configuration),
        None => {
            let known = SETTINGS.into_iter().map(|setting| (setting, setting));
            let nearest = nearest(name, known).map_or_else(|| name.to_ascii_uppercase(), str::to_owned);
            Err(ArgumentProblem::Setting { given: given(), nearest: excerpt(&nearest) })
        }
    }
}

/// A duration of whole seconds, longer than nothing: the record holds nothing finer.
fn time(text: &str) -> Result<Ttl, ArgumentProblem> {
    let given = || excerpt(text);
    if text.trim_matches(blank).is_empty() {
        return Err(ArgumentProblem::NoDuration);
    }
    if text.strip_prefix('-').is_some_and(|rest| parse_duration(rest).is_ok()) {
        return Err(ArgumentProblem::NoTime { given: given() });
    }
    let time = parse_duration(text).ok().filter(|time| time.subsec_nanos() == 0);
    let time: Duration = time.ok_or_else(|| ArgumentProblem::Duration { given: given() })?;
    Ttl::new(time).ok_or_else(|| ArgumentProblem::NoTime { given: given() })
}

/// The rule of the record.
fn size(text: &str) -> Result<String, ArgumentProblem> {
    if text.is_empty() || text.len() > MAX_NAME_LENGTH {
        return Err(ArgumentProblem::Size { given: excerpt(&format!("size={text}")) });
    }
    Ok(text.to_owned())
}

/// A commit, or the beginning of its name.
fn sha(text: &str) -> Result<String, ArgumentProblem> {
    if !SHA_DIGITS.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ArgumentProblem::Sha { given: excerpt(&format!("sha={text}")) });
    }
    Ok(text.to_ascii_lowercase())
}

//! Reads the merged tree section by section, and remembers everything that is wrong instead of stopping at it.

use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use bivouac_model::{format_duration, parse_duration};
use figment::Figment;
use figment::value::{Dict, Value};

use super::PROJECT;
use super::environment::{self, Environment, Variables};
use super::key_path::{KeyPath, shown};
use super::locate::{File, Locations};
use super::nearest::nearest;
use super::problem::{ConfigErrors, Place, Problem};
use super::retired;
use super::secret::Secret;

/// File and environment, merged, with what was found wrong so far.
pub(super) struct Reader {
    figment: Figment,
    values: Dict,
    locations: Locations,
    problems: RefCell<Vec<Problem>>,
    known: RefCell<BTreeSet<KeyPath>>,
    /// The allowed values of each key, for the document.
    #[cfg(test)]
    allowed: RefCell<BTreeMap<KeyPath, String>>,
    unknown: RefCell<Vec<(KeyPath, Place)>>,
}

impl Reader {
    pub fn new(file: File, variables: &Variables) -> Self {
        let locations = file.locations().clone();
        let figment = Figment::from(file).merge(Environment::new(variables));
        // The providers cannot fail: both hold what they give.
        let mut data = figment::Provider::data(&figment).unwrap_or_default();
        let values = data.remove(&figment::Profile::Default).unwrap_or_default();
        Self {
            figment,
            values,
            locations,
            problems: RefCell::default(),
            known: RefCell::default(),
            #[cfg(test)]
            allowed: RefCell::default(),
            unknown: RefCell::default(),
        }
    }

    pub fn root(&self) -> Section<'_> {
        let (path, asked) = (KeyPath::default(), RefCell::default());
        Section { reader: self, path, dict: Some(&self.values), broken: false, asked }
    }

    /// Ends when all sections were read. Returns the places of the keys, and a warning for each key that has no effect any
    /// more.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn finish(self, variables: &Variables) -> Result<(Locations, Vec<String>), ConfigErrors> {
        let mut problems = self.problems.into_inner();
        let mut warnings = Vec::new();
        let known = self.known.into_inner();
        problems.extend(environment::misspelled(variables, &known));
        for (path, place) in self.unknown.into_inner() {
            if let Some(warning) = retired::warning(&path, &place) {
                warnings.push(warning);
                continue;
            }
            let sentence = match nearest(&path, &known) {
                Some(near) => format!("`{path}` is not a key; did you mean `{near}`?"),
                None => format!("`{path}` is not a key"),
            };
            problems.push(Problem { place, sentence });
        }
        ConfigErrors::check(problems)?;
        Ok((self.locations, warnings))
    }

    /// Every key that was asked for, in dotted form.
    #[cfg(test)]
    pub fn known_keys(&self) -> Vec<String> {
        self.known.borrow().iter().map(ToString::to_string).collect()
    }

    /// The allowed values of every key that has a rule, by dotted form.
    #[cfg(test)]
    pub fn allowed(&self) -> BTreeMap<String, String> {
        self.allowed.borrow().iter().map(|(path, allowed)| (path.to_string(), allowed.clone())).collect()
    }

    fn is_variable(&self, value: &Value) -> bool {
        self.figment.get_metadata(value.tag()).is_some_and(|source| source.name == environment::NAME)
    }
}

/// A table of the configuration. Every key that is asked for is a known one.
pub(super) struct Section<'r> {
    reader: &'r Reader,
    path: KeyPath,
    dict: Option<&'r Dict>,
    /// What stands in its place is no table, which was said: that its keys are missing need not be said too.
    broken: bool,
    asked: RefCell<BTreeSet<String>>,
}

/// A value and who wrote it: variables are always texts, and read as the key wants them.
enum Raw<'v> {
    Variable(&'v str),
    File(&'v Value),
}

impl Raw<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Variable(text) => Some(text),
            Self::File(value) => value.as_str(),
        }
    }

    fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::Variable(text) => environment::list(text),
            Self::File(value) => value.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect(),
        }
    }

    fn integer(&self) -> Option<u64> {
        match self {
            Self::Variable(text) => text.trim().parse().ok(),
            Self::File(Value::Num(_, number)) => number.to_i128()?.try_into().ok(),
            Self::File(_) => None,
        }
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Variable(text) => text.trim().parse().ok(),
            Self::File(value) => value.to_bool(),
        }
    }

    fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Variable(text) => text.trim().parse().ok()?,
            // A whole number is a number too. No key takes one above 2^53.
            #[allow(clippy::cast_precision_loss)]
            Self::File(Value::Num(_, number)) => number.to_f64().or_else(|| Some(number.to_i128()? as f64))?,
            Self::File(_) => return None,
        };
        Some(number).filter(|number: &f64| number.is_finite())
    }
}

impl<'r> Section<'r> {
    /// A table inside this one; an absent one is empty.
    pub fn section(&self, key: &str) -> Section<'r> {
        let path = self.ask(key);
        let value = self.dict.and_then(|dict| dict.get(key));
        let dict = value.and_then(|value| match value {
            Value::Dict(_, dict) => Some(dict),
            other => {
                self.problem(key, format!("`{path}` is {}; it has to be a table", kind(other)));
                None
            }
        });
        let broken = self.broken || (value.is_some() && dict.is_none());
        Section { reader: self.reader, path, dict, broken, asked: RefCell::default() }
    }

    /// The names in this section, for one whose names are free.
    pub fn names(&self) -> Vec<&'r str> {
        self.dict.map(|dict| dict.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Whether what stands in its place is no table, which was said by then.
    pub fn broken(&self) -> bool {
        self.broken
    }

    pub fn has(&self, key: &str) -> bool {
        self.dict.is_some_and(|dict| dict.contains_key(key))
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.read(key, "a text", |raw| raw.text().map(str::to_owned))
    }

    /// A text that `valid` says yes to.
    pub fn text_of(&self, key: &str, allowed: &str, valid: impl Fn(&str) -> bool) -> Option<String> {
        self.read(key, allowed, |raw| raw.text().filter(|text| valid(text)).map(str::to_owned))
    }

    /// A text that `parse` understands; what it does not understand, it says in a sentence.
    pub fn parsed<T, E: Display>(&self, key: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.text(key)?) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problem(key, format!("`{}`: {error}", self.path.join(key)));
                None
            }
        }
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let allowed = choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        self.read(key, &format!("one of {allowed}"), |raw| {
            let text = raw.text()?;
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        })
    }

    /// A list of texts, each of which `valid` says yes to.
    pub fn list(&self, key: &str, allowed: &str, valid: impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
        self.read(key, allowed, |raw| raw.list().filter(|list| valid(list)))
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |raw| raw.boolean())
    }

    /// A whole number within bounds.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(key, &allowed, |raw| raw.integer().filter(|number| range.contains(number)))
    }

    /// A number within bounds.
    pub fn number(&self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        self.read(key, &allowed, |raw| raw.number().filter(|number| range.contains(number)))
    }

    /// A duration within bounds.
    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let (least, most) = (format_duration(*range.start()), format_duration(*range.end()));
        self.read(key, &format!("a duration such as 90s, 30m or 48h, from {least} to {most}"), |raw| {
            raw.text().and_then(|text| parse_duration(text).ok()).filter(|time| range.contains(time))
        })
    }

    /// A secret: `NAME` from a variable, or a path in `NAME_file`. Its value is never shown, and never taken from the
    /// file. Of both, the variable counts.
    pub fn secret(&self, key: &str, file_key: &str) -> Option<Secret> {
        let (path, file_path) = (self.ask(key), self.ask(file_key));
        #[cfg(test)]
        self.reader.allowed.borrow_mut().insert(file_path.clone(), "the path to a file".to_owned());
        let file = self.raw(file_key).and_then(|raw| match raw.text() {
            Some(text) if Secret::looks_like_one(text) => {
                self.problem(file_key, format!("`{file_path}` seems to hold the secret itself; it takes a path to it"));
                None
            }
            Some("") => None,
            Some(text) => Some(Secret::File(text.into())),
            None => {
                self.problem(file_key, format!("`{file_path}` has to be a text: the path to a file with the secret"));
                None
            }
        });
        match self.raw(key) {
            Some(Raw::Variable("")) | None => file,
            Some(Raw::Variable(text)) => Some(Secret::of(text)),
            Some(Raw::File(_)) => {
                let variable = path.variable();
                self.problem(
                    key,
                    format!("`{path}` does not belong in the file; set {variable}, or `{file_path}` to a path"),
                );
                None
            }
        }
    }

    /// Complains when a key that `value` was read from is absent.
    pub fn required<T>(&self, key: &str, what: &str, value: Option<T>) -> Option<T> {
        if !self.has(key) && !self.broken {
            self.problem(key, format!("`{}` is missing: {what}", self.path.join(key)));
        }
        value
    }

    /// Something wrong with a key, in a sentence without secrets.
    pub fn problem(&self, key: &str, sentence: impl Into<String>) {
        let problem = Problem { place: self.place(key), sentence: sentence.into() };
        self.reader.problems.borrow_mut().push(problem);
    }

    /// The key's name in a sentence.
    pub fn name(&self, key: &str) -> KeyPath {
        self.path.join(key)
    }

    /// The keys that nobody asked for are unknown ones.
    pub fn done(self) {
        let asked = self.asked.borrow();
        for name in self.names().into_iter().filter(|name| !asked.contains(*name)) {
            self.reader.unknown.borrow_mut().push((self.path.join(name), self.place(name)));
        }
    }

    fn place(&self, key: &str) -> Place {
        let path = self.path.join(key);
        let value = self.dict.and_then(|dict| dict.get(key));
        // A table that a variable made has no mark of its own; what it holds has.
        let made = matches!(value, Some(Value::Dict(..))) && !self.reader.locations.has(&path);
        match value.and_then(|value| innermost(value, path.clone())) {
            Some((leaf, leaf_path)) if self.reader.is_variable(leaf) && (made || leaf_path == path) => {
                Place::Variable(leaf_path.variable())
            }
            _ => match self.made_by_variable() {
                Some(variable) => Place::Variable(variable),
                None => self.reader.locations.place(&path),
            },
        }
    }

    /// The variable that made this project, where the file does not have it.
    fn made_by_variable(&self) -> Option<String> {
        let is_absent = matches!(self.path.0.as_slice(), [root, _, ..] if root == PROJECT)
            && !self.reader.locations.has(&self.path);
        let (leaf, path) = self.dict?.iter().find_map(|(name, value)| innermost(value, self.path.join(name)))?;
        (is_absent && self.reader.is_variable(leaf)).then(|| path.variable())
    }

    fn ask(&self, key: &str) -> KeyPath {
        let path = self.path.join(key);
        self.asked.borrow_mut().insert(key.to_owned());
        self.reader.known.borrow_mut().insert(path.clone());
        path
    }

    fn raw(&self, key: &str) -> Option<Raw<'r>> {
        let value = self.dict?.get(key)?;
        Some(match value {
            Value::String(_, text) if self.reader.is_variable(value) => Raw::Variable(text),
            value => Raw::File(value),
        })
    }

    fn read<T>(&self, key: &str, allowed: &str, read: impl FnOnce(&Raw<'r>) -> Option<T>) -> Option<T> {
        let path = self.ask(key);
        #[cfg(test)]
        self.reader.allowed.borrow_mut().insert(path.clone(), allowed.to_owned());
        let raw = self.raw(key)?;
        let value = read(&raw);
        if value.is_none() {
            let holds = match raw {
                Raw::Variable(text) => format!("\"{}\"", shown(text)),
                Raw::File(value) => holds(value),
            };
            self.problem(key, format!("`{path}` holds {holds}; allowed: {allowed}"));
        }
        value
    }
}

/// The first value below, and its path; the value itself if it is no table.
fn innermost(value: &Value, path: KeyPath) -> Option<(&Value, KeyPath)> {
    match value {
        Value::Dict(_, dict) => dict.iter().find_map(|(name, value)| innermost(value, path.join(name))),
        leaf => Some((leaf, path)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "a text",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "a number",
        Value::Empty(..) => "a date",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    }
}

fn holds(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("\"{}\"", shown(text)),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Array(_, list) => match list.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(texts) => format!("[{}]", shown(&texts.join(", "))),
            None => format!("a list of {}", list.len()),
        },
        other => kind(other).to_owned(),
    }
}

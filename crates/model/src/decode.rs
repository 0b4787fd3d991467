//! From an item of the table to a record: every attribute is read for itself, and what is wrong is said by name.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::desired::{MAX_ENVIRONMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUE_LENGTH, MAX_VARIABLES};
use crate::status::decode_status;
use crate::value::shortest_decimal;
use crate::{Desired, DesiredState, ItemKey, Problem, Record, Ttl, Value};

/// The attributes of an item, by name, the key included.
pub type Item = BTreeMap<String, Value>;

/// Reads an item. Never fails: what a client wrote wrongly becomes [`Record::desired`]`= Err`, naming each attribute;
/// what the controller wrote and somebody spoiled counts as lost.
pub fn decode_record(key: ItemKey, item: &Item) -> Record {
    let mut reader = Reader { item, problems: Vec::new() };
    if let Err(error) = key.env() {
        reader.problems.push(Problem::sentence(error.to_string()));
    }
    let desired = reader.desired_state();
    let desired = if reader.problems.is_empty() { Ok(desired) } else { Err(reader.problems) };
    // Even of a record that is invalid elsewhere the number of the write is wanted: newest wins.
    let generation = item.get("generation").and_then(Value::as_u64);
    Record { key, desired, generation, status: decode_status(item) }
}

/// What an attribute that is a time may hold.
const TIME: &str = "a time such as 2026-11-23T12:00:00Z (RFC 3339)";

struct Reader<'a> {
    item: &'a Item,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn desired_state(&mut self) -> DesiredState {
        let state = DesiredState {
            desired: self
                .text("desired", "one of up, asleep, down", |text| match text {
                    "up" => Some(Desired::Up),
                    "asleep" => Some(Desired::Asleep),
                    "down" => Some(Desired::Down),
                    _ => None,
                })
                .unwrap_or_default(),
            image_tag: self.text(
                "image_tag",
                "a tag of 1 to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`",
                |text| text.parse().ok(),
            ),
            flags: self.variables("flags"),
            config: self.variables("config"),
            ttl: self.ttl(),
            pinned: self.pinned(),
            size: self.text("size", "the name of a size of the configuration", |text| {
                let name = !text.is_empty() && text.len() <= MAX_NAME_LENGTH && !text.chars().any(char::is_control);
                name.then(|| text.to_owned())
            }),
            head_sha: self.text("head_sha", "a commit: 7 to 64 hexadecimal digits", |text| {
                let hex = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
                hex.then(|| text.to_owned())
            }),
            requested_by: self.free_text("requested_by", MAX_NAME_LENGTH),
            requested_at: self.text("requested_at", TIME, timestamp),
            request_url: self.free_text("request_url", 2048),
            closed_at: self.text("closed_at", TIME, timestamp),
            restarted_at: self.free_text("restarted_at", MAX_NAME_LENGTH),
            generation: self.generation(),
        };
        let bytes: usize =
            [&state.flags, &state.config].into_iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_ENVIRONMENT_BYTES {
            self.problems.push(Problem::sentence(format!(
                "flags and config hold {bytes} bytes together; allowed: at most {MAX_ENVIRONMENT_BYTES}"
            )));
        }
        state
    }

    fn wrong(&mut self, attribute: &str, value: &Value, allowed: &str) {
        self.problems.push(Problem::new(attribute, &value.to_string(), allowed));
    }

    /// An S that `read` understands. Absent and NULL are the default.
    fn text<T>(&mut self, attribute: &str, allowed: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = match self.item.get(attribute) {
            None | Some(Value::Null) => return None,
            Some(value) => value,
        };
        let read = value.as_str().and_then(read);
        if read.is_none() {
            self.wrong(attribute, value, allowed);
        }
        read
    }

    fn free_text(&mut self, attribute: &str, most: usize) -> Option<String> {
        self.text(attribute, &format!("a text of at most {most} bytes without control characters"), |text| {
            (text.len() <= most && !text.chars().any(char::is_control)).then(|| text.to_owned())
        })
    }

    fn ttl(&mut self) -> Option<Ttl> {
        const ALLOWED: &str = "a duration such as 48h, 90m or 2d, or a whole number of seconds, longer than nothing";
        let value = match self.item.get("ttl") {
            None | Some(Value::Null) => return None,
            Some(value) => value,
        };
        let ttl = match value {
            Value::String(text) => crate::parse_duration(text).ok(),
            Value::Number(_) => value.as_u64().map(Duration::from_secs),
            _ => None,
        };
        let ttl = ttl.and_then(Ttl::new);
        if ttl.is_none() {
            self.wrong("ttl", value, ALLOWED);
        }
        ttl
    }

    fn pinned(&mut self) -> bool {
        match self.item.get("pinned") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(yes)) => *yes,
            Some(other) => {
                self.wrong("pinned", other, "true or false (BOOL)");
                false
            }
        }
    }

    fn generation(&mut self) -> Option<u64> {
        let value = match self.item.get("generation") {
            None | Some(Value::Null) => return None,
            Some(value) => value,
        };
        let generation = value.as_u64();
        if generation.is_none() {
            self.wrong("generation", value, "a whole number from 0 (N)");
        }
        generation
    }

    /// A map of names to texts; BOOL becomes `true` / `false`, N its shortest decimal form.
    fn variables(&mut self, attribute: &'static str) -> BTreeMap<String, String> {
        let map = match self.item.get(attribute) {
            None | Some(Value::Null) => return BTreeMap::new(),
            Some(Value::Map(map)) => map,
            Some(other) => {
                self.wrong(attribute, other, "a map (M) of names to texts (S, BOOL or N)");
                return BTreeMap::new();
            }
        };
        if map.len() > MAX_VARIABLES {
            self.problems.push(Problem::new(
                attribute,
                &format!("{} entries", map.len()),
                &format!("at most {MAX_VARIABLES}"),
            ));
            return BTreeMap::new();
        }
        let mut variables = BTreeMap::new();
        for (name, value) in map {
            let path = format!("{attribute}.{}", crate::key::shown(name));
            if !is_variable_name(name) {
                self.problems.push(Problem::new(
                    attribute,
                    &format!("the name `{}`", crate::key::shown(name)),
                    "names of letters, digits and `_`, not beginning with a digit, of at most 128 characters",
                ));
                continue;
            }
            let text = match value {
                Value::String(text) => Some(text.clone()),
                Value::Bool(yes) => Some(yes.to_string()),
                Value::Number(number) => shortest_decimal(number),
                _ => None,
            };
            match text {
                Some(text) if text.len() <= MAX_VALUE_LENGTH && !text.contains('\0') => {
                    variables.insert(name.clone(), text);
                }
                _ => {
                    self.wrong(&path, value, "a text of at most 4096 bytes (S), true or false (BOOL), or a number (N)")
                }
            }
        }
        variables
    }
}

/// A portable name of an environment variable (POSIX.1-2017, 8.1), lower case included.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LENGTH
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(crate) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

#[cfg(test)]
mod tests;

//! A JSON document against a shape.

use serde_json::{Map, Value};

use crate::constraint;
use crate::model::{Operation, Patterns, Reference, Shape, Type};
use crate::violation::{Findings, Kind, member, shown};

/// A document of awsJson 1.0 or 1.1, which write a structure alike.
pub(crate) struct Json<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) patterns: &'a Patterns,
}

impl Json<'_> {
    /// Checks a value at a path against the shape it stands for. A `null` is an absent value, and the caller's.
    pub(crate) fn check(&self, reference: &Reference, value: &Value, path: &str, found: &mut Findings<'_>) {
        let Some(shape) = self.operation.shape(reference) else {
            found.add(path, Kind::Protocol, format!("the model has no shape {}", reference.shape));
            return;
        };
        if shape.document {
            return;
        }
        let expected = match (shape.kind, value) {
            (Type::Structure, Value::Object(members)) => return self.structure(shape, members, path, found),
            (Type::Structure, _) => "a structure",
            (Type::List, Value::Array(items)) => return self.list(shape, items, path, found),
            (Type::List, _) => "a list",
            (Type::Map, Value::Object(entries)) => return self.map(shape, entries, path, found),
            (Type::Map, _) => "a map",
            (Type::String | Type::Character, Value::String(text)) => {
                return constraint::text(shape, self.patterns, text, path, found);
            }
            (Type::String | Type::Character, _) => "a text",
            (Type::Blob, Value::String(text)) => match constraint::base64_length(text) {
                Some(bytes) => return constraint::length(shape, bytes, "bytes", path, found),
                None => "bytes in base64",
            },
            (Type::Blob, _) => "bytes in base64",
            (Type::Boolean, Value::Bool(_)) => return,
            (Type::Boolean, _) => "a boolean",
            (Type::Integer, Value::Number(number)) => match number.as_i64().and_then(|n| i32::try_from(n).ok()) {
                Some(number) => return constraint::range(shape, f64::from(number), path, found),
                None => "an integer of 32 bits",
            },
            (Type::Integer, _) => "an integer of 32 bits",
            (Type::Long, Value::Number(number)) => match number.as_i64() {
                Some(number) => return constraint::range(shape, number as f64, path, found),
                None => "an integer of 64 bits",
            },
            (Type::Long, _) => "an integer of 64 bits",
            (Type::Float | Type::Double | Type::BigDecimal, Value::Number(number)) => {
                return constraint::range(shape, number.as_f64().unwrap_or(f64::NAN), path, found);
            }
            // As the protocol writes what JSON has no number for.
            (Type::Float | Type::Double, Value::String(text))
                if ["NaN", "Infinity", "-Infinity"].contains(&text.as_str()) =>
            {
                return;
            }
            (Type::Float | Type::Double | Type::BigDecimal, _) => "a number",
            (Type::Timestamp, value) => match self.timestamp(reference, shape, value) {
                Some(expected) => expected,
                None => return,
            },
        };
        found.add(path, Kind::WrongType, format!("{} is not {expected}", shown(value)));
    }

    /// The members of a structure. `named` maps a name on the wire to its member.
    pub(crate) fn structure(&self, shape: &Shape, given: &Map<String, Value>, path: &str, found: &mut Findings<'_>) {
        for (name, value) in given {
            let path = member(path, name);
            match shape.members.iter().find(|(key, member)| wire_name(key, member) == name) {
                None => {
                    found.add(&path, Kind::UnknownMember, format!("the shape has no such member: {}", shown(value)))
                }
                Some(_) if value.is_null() => {}
                Some((_, reference)) => self.check(reference, value, &path, found),
            }
        }
        let present = |name: &str| given.get(name).is_some_and(|value| !value.is_null());
        for name in &shape.required {
            let wire = shape.members.get(name).map_or(name.as_str(), |member| wire_name(name, member));
            if !present(wire) {
                found.add(&member(path, wire), Kind::MissingMember, "the member is required");
            }
        }
        let set = shape.members.iter().filter(|(key, member)| present(wire_name(key, member))).count();
        if shape.union && set != 1 {
            found.add(path, Kind::Union, format!("{set} members are set, exactly one is allowed"));
        }
    }

    fn list(&self, shape: &Shape, items: &[Value], path: &str, found: &mut Findings<'_>) {
        constraint::length(shape, items.len(), "items", path, found);
        let path = format!("{path}[]");
        let items = items.iter().filter(|item| !item.is_null());
        if let Some(reference) = &shape.member {
            items.for_each(|item| self.check(reference, item, &path, found));
        }
    }

    fn map(&self, shape: &Shape, entries: &Map<String, Value>, path: &str, found: &mut Findings<'_>) {
        constraint::length(shape, entries.len(), "entries", path, found);
        let path = format!("{path}{{}}");
        for (key, value) in entries {
            if let Some(reference) = &shape.key {
                self.check(reference, &Value::String(key.clone()), &path, found);
            }
            if let (Some(reference), false) = (&shape.value, value.is_null()) {
                self.check(reference, value, &path, found);
            }
        }
    }

    /// Returns the expectation if the value is no such time.
    fn timestamp(&self, reference: &Reference, shape: &Shape, value: &Value) -> Option<&'static str> {
        // Seconds since the epoch are what awsJson writes where the model says nothing else.
        let format = reference.timestamp_format.as_ref().or(shape.timestamp_format.as_ref());
        match format.map_or("unixTimestamp", String::as_str) {
            "iso8601" if value.as_str().is_some_and(constraint::is_rfc3339) => None,
            "iso8601" => Some("a time as RFC 3339 has it"),
            "rfc822" if value.is_string() => None,
            "rfc822" => Some("a time as HTTP has it"),
            _ if value.is_number() => None,
            _ => Some("a time in seconds since the epoch"),
        }
    }
}

fn wire_name<'a>(key: &'a str, member: &'a Reference) -> &'a str {
    member.location_name.as_deref().unwrap_or(key)
}

//! What another release wrote into a status. It is carried through every write of ours.
//!
//! Releases run side by side for a while: in a rolling upgrade, and after a downgrade. Each decodes what it knows. The rest
//! is kept as the values that DynamoDB sent, so that no release loses what another one remembers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::encode::{from_json, to_json};
use crate::{Condition, Machinery, Value};

/// The entry that is a list, whose elements are read one by one.
const CONDITIONS: &str = "conditions";
/// The key of a condition.
const TYPE: &str = "type";

/// The entries of the map `status` that this release knows: the fields of [`Machinery`], which a test compares.
pub(crate) const KNOWN: [&str; 22] = [
    "attempt",
    "before_month",
    "bk",
    "capacity",
    "comment",
    "commit",
    "conditions",
    "deployment",
    "eni",
    "failed_spec",
    "first_seen_at",
    "idle",
    "image_digest",
    "image_revision",
    "observed_generation",
    "phase_since",
    "place",
    "reacted",
    "revision",
    "spec",
    "task_definition",
    "tk",
];

/// What another release wrote that this one does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreign {
    /// The word of a phase that this release does not know. Empty: the item has no phase.
    pub phase: Option<String>,
    /// Entries of the map `status` that are unknown, or hold what cannot be read.
    whole: BTreeMap<String, Value>,
    /// What is unknown within entries that can be read.
    parts: BTreeMap<String, Value>,
    /// Conditions that cannot be read.
    conditions: Vec<Value>,
    /// What is unknown within conditions that can be read, by their type.
    of_conditions: BTreeMap<String, Value>,
}

impl Foreign {
    /// Puts everything back into a map that was encoded from what is known. An entry that has a value of ours keeps it.
    pub(crate) fn put_back(&self, entries: &mut BTreeMap<String, Value>) {
        for (name, value) in &self.whole {
            entries.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for (name, part) in &self.parts {
            if let Some(known) = entries.get_mut(name) {
                complete(known, part);
            }
        }
        if !self.conditions.is_empty() {
            entries.entry(CONDITIONS.to_owned()).or_insert_with(|| Value::List(Vec::new()));
        }
        let Some(Value::List(list)) = entries.get_mut(CONDITIONS) else { return };
        for known in list.iter_mut() {
            if let Some(part) = kind(known).and_then(|kind| self.of_conditions.get(kind)) {
                complete(known, part);
            }
        }
        let said: Vec<String> = list.iter().filter_map(kind).map(str::to_owned).collect();
        let is_said = |value: &&Value| kind(value).is_some_and(|kind| said.iter().any(|said| said == kind));
        list.extend(self.conditions.iter().filter(|value| !is_said(value)).cloned());
    }

    /// Forgets the word of the phase, and all of it if there is nothing else.
    pub(crate) fn forget_phase(foreign: &mut Option<Box<Self>>) {
        if let Some(known) = foreign {
            known.phase = None;
            if known.is_empty() {
                *foreign = None;
            }
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn kind(condition: &Value) -> Option<&str> {
    condition.as_map()?.get(TYPE)?.as_str()
}

/// Adds what a value lacks.
fn complete(known: &mut Value, part: &Value) {
    let (Value::Map(known), Value::Map(part)) = (known, part) else { return };
    for (name, value) in part {
        match known.get_mut(name) {
            Some(there) => complete(there, value),
            None => drop(known.insert(name.clone(), value.clone())),
        }
    }
}

/// What a value has beyond what is known of it.
fn beyond(value: &Value, known: &Value) -> Option<Value> {
    let (Value::Map(value), Value::Map(known)) = (value, known) else { return None };
    let rest = value.iter().filter_map(|(name, value)| match known.get(name) {
        Some(known) => Some((name.clone(), beyond(value, known)?)),
        None => Some((name.clone(), value.clone())),
    });
    let rest: BTreeMap<_, _> = rest.collect();
    (!rest.is_empty()).then_some(Value::Map(rest))
}

/// Reads the map `status`: what can be read, and the rest as it is.
pub(crate) fn decode_machinery(map: &BTreeMap<String, Value>) -> Machinery {
    let json = Json::Object(map.iter().map(|(name, value)| (name.clone(), to_json(value))).collect());
    // What this release wrote, which is nearly everything there is.
    if let Ok(machinery) = Machinery::deserialize(&json)
        && written(&machinery).as_map() == Some(map)
    {
        return machinery;
    }
    let (mut readable, mut foreign) = (serde_json::Map::new(), Foreign::default());
    for (name, value) in map {
        if name == CONDITIONS
            && let Value::List(list) = value
        {
            readable.insert(name.clone(), Json::Array(conditions(list, &mut foreign)));
            continue;
        }
        let alone = serde_json::Map::from_iter([(name.clone(), to_json(value))]);
        match Machinery::deserialize(Json::Object(alone.clone())) {
            Ok(machinery) if KNOWN.contains(&name.as_str()) => {
                let known = written(&machinery);
                let part = known.as_map().and_then(|known| beyond(value, known.get(name)?));
                foreign.parts.extend(part.map(|part| (name.clone(), part)));
                readable.extend(alone);
            }
            _ => drop(foreign.whole.insert(name.clone(), value.clone())),
        }
    }
    let mut machinery = Machinery::deserialize(Json::Object(readable)).unwrap_or_default();
    machinery.foreign = (!foreign.is_empty()).then(|| Box::new(foreign));
    machinery
}

fn conditions(list: &[Value], foreign: &mut Foreign) -> Vec<Json> {
    let mut readable = Vec::new();
    for value in list {
        let json = to_json(value);
        let Ok(condition) = Condition::deserialize(&json) else {
            foreign.conditions.push(value.clone());
            continue;
        };
        let known = serde_json::to_value(&condition).map_or(Value::Null, from_json);
        if let Some(part) = beyond(value, &known) {
            foreign.of_conditions.insert(condition.kind.into_owned(), part);
        }
        readable.push(json);
    }
    readable
}

fn written(machinery: &Machinery) -> Value {
    serde_json::to_value(machinery).map_or(Value::Null, from_json)
}

#[cfg(test)]
mod tests;

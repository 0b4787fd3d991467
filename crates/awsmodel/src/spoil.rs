//! Calls that break one rule of a model each: what an embedded cloud has to refuse as AWS does.

use serde_json::{Map, Value, json};

use crate::model::{ModelError, Models, Operation, Reference, Shape, Type};
use crate::violation::{Kind, member};

/// A task definition in order, with most members that Fargate allows: what there is to be spoiled.
pub const TASK_DEFINITION: &str = include_str!("task-definition.json");

/// A call with one fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoiled {
    /// The member that is wrong.
    pub path: String,
    /// The rule that is broken.
    pub kind: Kind,
    /// The body.
    pub body: Value,
}

impl Models {
    /// Every way to break one rule in a correct body of awsJson: a required member left out, a value of another type, a value
    /// outside an enumeration, one too long or too large. Unknown members are left out, since AWS ignores them.
    ///
    /// # Errors
    /// If the model of the operation cannot be read. An operation that is not in the models has no rule to break.
    pub fn spoil(&self, service: &str, operation: &str, body: &Value) -> Result<Vec<Spoiled>, ModelError> {
        let Some(operation) = self.operation(service, operation)? else { return Ok(Vec::new()) };
        let Some(input) = &operation.signature.input else { return Ok(Vec::new()) };
        let mut faults = Vec::new();
        spoil(&operation, input, body, "", &mut faults);
        Ok(faults.into_iter().map(|(path, kind, body)| Spoiled { path, kind, body }).collect())
    }
}

type Fault = (String, Kind, Value);

fn spoil(operation: &Operation, reference: &Reference, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let Some(shape) = operation.shape(reference) else { return };
    if !path.is_empty() {
        own_faults(shape, value, path, faults);
    }
    match value {
        Value::Object(given) if shape.kind == Type::Structure => structure(operation, shape, given, path, faults),
        Value::Array(items) => {
            let Some(reference) = &shape.member else { return };
            for (index, item) in items.iter().enumerate() {
                let mut inner = Vec::new();
                spoil(operation, reference, item, &format!("{path}[]"), &mut inner);
                faults.extend(inner.into_iter().map(|(path, kind, spoiled)| {
                    let mut items = items.clone();
                    items[index] = spoiled;
                    (path, kind, Value::Array(items))
                }));
            }
        }
        _ => {}
    }
}

fn structure(operation: &Operation, shape: &Shape, given: &Map<String, Value>, path: &str, faults: &mut Vec<Fault>) {
    let with = |name: &str, value: Option<Value>| {
        let mut body = given.clone();
        match value {
            Some(value) => body.insert(name.to_owned(), value),
            None => body.remove(name),
        };
        Value::Object(body)
    };
    for name in shape.required.iter().filter(|name| given.contains_key(*name)) {
        faults.push((member(path, name), Kind::MissingMember, with(name, None)));
    }
    for (name, value) in given {
        let Some(reference) = shape.members.get(name) else { continue };
        let mut inner = Vec::new();
        spoil(operation, reference, value, &member(path, name), &mut inner);
        faults.extend(inner.into_iter().map(|(path, kind, spoiled)| (path, kind, with(name, Some(spoiled)))));
    }
}

/// Adds the faults of the value itself.
fn own_faults(shape: &Shape, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let mut add = |kind, value| faults.push((path.to_owned(), kind, value));
    match shape.kind {
        // The two mistakes of templates: numbers for texts, texts for numbers.
        Type::String | Type::Character => add(Kind::WrongType, json!(1)),
        Type::List | Type::Map | Type::Structure => add(Kind::WrongType, json!("text")),
        Type::Boolean | Type::Integer | Type::Long | Type::Float | Type::Double | Type::BigDecimal => {
            add(Kind::WrongType, json!("1"));
        }
        Type::Timestamp | Type::Blob => add(Kind::WrongType, json!({})),
    }
    if !shape.values.is_empty() {
        add(Kind::Enumeration, json!("NONE_OF_THEM"));
    }
    // The models' bounds are whole numbers and small. A longer text than a million characters proves nothing more.
    let Some(max) = shape.max.filter(|max| *max < 1e6) else { return };
    match (shape.kind, value) {
        (Type::String, _) if shape.values.is_empty() => add(Kind::Length, json!("a".repeat(max as usize + 1))),
        (Type::List, Value::Array(items)) if !items.is_empty() => {
            add(Kind::Length, Value::Array(items.iter().cycle().take(max as usize + 1).cloned().collect()));
        }
        (Type::Integer | Type::Long, _) => add(Kind::Range, json!(max as i64 + 1)),
        _ => {}
    }
}

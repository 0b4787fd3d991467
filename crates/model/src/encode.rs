//! From a status to the attributes that hold it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value as Json;

use crate::{Machinery, Status, Value};

/// The attributes that the controller alone writes, contract 1.
pub const STATUS_ATTRIBUTES: [&str; 11] = [
    "phase",
    "reason",
    "message",
    "url",
    "public_ip",
    "expires_at",
    "hourly_cost_usd",
    "cost_usd",
    "updated_at",
    "purge_at",
    "status",
];

/// The attributes of a status: `Some` is to be set, `None` to be removed. Exactly [`STATUS_ATTRIBUTES`], so a
/// write of them never touches what a client wrote.
pub fn encode_status(status: &Status) -> Vec<(&'static str, Option<Value>)> {
    let text = |text: &str| Some(Value::String(text.to_owned()));
    let machinery = encode_machinery(&status.machinery);
    vec![
        ("phase", text(status.phase_word())),
        ("reason", text(&status.reason)),
        ("message", text(&status.message)),
        ("url", status.url.as_deref().and_then(text)),
        ("public_ip", status.public_ip.and_then(|ip| text(&ip.to_string()))),
        ("expires_at", text(&rfc3339(status.expires_at))),
        ("hourly_cost_usd", Some(Value::Number(status.hourly_cost_usd.decimal()))),
        ("cost_usd", Some(Value::Number(status.cost_usd.decimal()))),
        ("updated_at", text(&rfc3339(status.updated_at))),
        ("purge_at", status.purge_at.map(|time| Value::Number(time.timestamp().to_string()))),
        ("status", Some(machinery)),
    ]
}

/// The map `status`, with what another release wrote into it.
fn encode_machinery(machinery: &Machinery) -> Value {
    let mut encoded = serde_json::to_value(machinery).map_or(Value::Null, from_json);
    if let (Some(foreign), Value::Map(entries)) = (&machinery.foreign, &mut encoded) {
        foreign.put_back(entries);
    }
    encoded
}

/// RFC 3339 in UTC with whole seconds: all of one length, so that they sort as texts.
fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(crate) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => Value::Number(number.to_string()),
        Json::String(text) => Value::String(text),
        Json::Array(list) => Value::List(list.into_iter().map(from_json).collect()),
        Json::Object(map) => {
            Value::Map(map.into_iter().map(|(name, value)| (name, from_json(value))).collect::<BTreeMap<_, _>>())
        }
    }
}

pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::String(text.clone()),
        Value::Number(number) => number.parse().map_or(Json::Null, Json::Number),
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Null
        | Value::Binary(_)
        | Value::StringSet(_)
        | Value::NumberSet(_)
        | Value::BinarySet(_)
        | Value::Other(_) => Json::Null,
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => Json::Object(map.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()),
    }
}

#[cfg(test)]
mod tests;

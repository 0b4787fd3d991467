//! What a record says, for a person.

use std::fmt::Write as _;

use bivouac_model::{Desired, Record, Status};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{prose, quoted};

/// The answer to `status`. Values of configuration may be secret, so only names are told.
pub(crate) fn status(record: Option<&Record>, command: &str, now: DateTime<Utc>) -> String {
    let Some(record) = record else {
        return format!("There is no environment of this pull request. `{command} up` starts one.");
    };
    let mut out = match &record.status {
        None => "The record is written, and the controller has not seen it yet.\n".to_owned(),
        Some(status) => seen(status, record.generation),
    };
    // Writing to a String cannot fail.
    match &record.desired {
        Err(problems) => {
            for problem in problems.iter().take(10) {
                let _ = writeln!(out, "- {}", prose(&problem.to_string()));
            }
        }
        Ok(wish) => {
            let _ = writeln!(out, "- desired: {}{}", wish.desired, if wish.pinned { ", pinned" } else { "" });
            if let Some(sha) = &wish.head_sha {
                let _ = writeln!(out, "- commit: {}", quoted(sha.get(..12).unwrap_or(sha)));
            }
            let flags = wish.flags.iter().map(|(name, value)| quoted(&format!("{name}={value}")));
            let names = wish.config.keys().map(|name| quoted(name));
            let variables: Vec<_> = flags.chain(names).take(50).collect();
            if !variables.is_empty() {
                let _ = writeln!(out, "- with {}", variables.join(", "));
            }
            if let Some(status) = record.status.as_ref().filter(|_| wish.desired != Desired::Down) {
                let ends = status.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                let _ = writeln!(out, "- ends: {ends}");
            }
        }
    }
    if let Some(status) = &record.status {
        let (hourly, cost) = (status.hourly_cost_usd.decimal(), status.cost_at(now).decimal());
        let _ = writeln!(out, "- cost: ${cost} so far, ${hourly} an hour");
    }
    out
}

fn seen(status: &Status, generation: Option<u64>) -> String {
    let mut out = format!("**{}**", status.phase);
    let _ = match status.message.as_str() {
        "" => writeln!(out),
        message => writeln!(out, ": {}", prose(message)),
    };
    if status.machinery.observed_generation < generation {
        out.push_str("- a newer wish is written, and the controller has not seen it yet\n");
    }
    // The address is the controller's own, made of an IP address and a port.
    if let Some(url) = status.url.as_deref().filter(|url| is_plain(url)) {
        let _ = writeln!(out, "- at {url}");
    }
    out
}

/// A web address of which nothing is a mark of Markdown.
fn is_plain(url: &str) -> bool {
    let web = url.starts_with("http://") || url.starts_with("https://");
    web && url.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bivouac_model::{Item, ItemKey, Value, decode_record};

    use super::*;

    fn record(attributes: &[(&str, Value)]) -> Record {
        let item: Item = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        decode_record(ItemKey { repo: "apache/superset".into(), pr: "7".into() }, &item)
    }

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn values_of_configuration_are_not_told() {
        let config = BTreeMap::from([("SECRET_KEY".to_owned(), text("hunter2"))]);
        let flags = BTreeMap::from([("FEATURE_X".to_owned(), Value::Bool(true))]);
        let record = record(&[("config", Value::Map(config)), ("flags", Value::Map(flags))]);
        let said = status(Some(&record), "/testenv", DateTime::UNIX_EPOCH);
        assert!(said.contains("`SECRET_KEY`") && said.contains("`FEATURE_X=true`"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn where_it_is_and_when_it_ends() {
        let record = record(&[
            ("phase", text("Ready")),
            ("expires_at", text("2026-11-25T12:00:00Z")),
            ("url", text("http://198.51.100.7:8080")),
            ("message", text("it answers @everyone")),
            ("head_sha", text("0123456789abcdef")),
        ]);
        let said = status(Some(&record), "/testenv", DateTime::UNIX_EPOCH);
        for part in ["**Ready**", "http://198.51.100.7:8080", "2026-11-25T12:00:00Z", "`0123456789ab`"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!said.contains("@everyone"), "{said}");
    }

    #[test]
    fn without_a_record_it_says_how_to_begin() {
        assert!(status(None, "/preview", DateTime::UNIX_EPOCH).contains("`/preview up`"));
    }
}

//! CloudWatch Logs on awsJson 1.1: groups, streams, writing, and FilterLogEvents.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::logs::{Event, Group, no_group, no_stream};
use crate::model::page::{last_key, take};
use crate::model::{Refusal, World};

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "Logs_20140328.";

/// "The maximum number of items returned. If you don't specify a value, the default is up to 50 items."
const MOST_GROUPS: usize = 50;
/// "The maximum number of events to return. The default is 10,000 events."
const MOST_EVENTS: i64 = 10_000;
/// `FilterLogEventsRequest.logStreamNames`: "Array Members: Minimum number of 1 item. Maximum number of 100 items."
const MOST_STREAMS: usize = 100;

/// Answers one call.
pub(crate) fn answer(world: &mut World, operation: &str, input: Value) -> Result<Value, Refusal> {
    match operation {
        "CreateLogGroup" => create_group(world, read(input)?),
        "CreateLogStream" => create_stream(world, read(input)?),
        "DeleteLogGroup" => {
            let Named { log_group_name } = read(input)?;
            world.logs.groups.remove(&log_group_name).map(|_| json!({})).ok_or_else(no_group)
        }
        "PutLogEvents" => put_events(world, read(input)?),
        "DescribeLogGroups" => describe_groups(world, read(input)?),
        "FilterLogEvents" => filter_events(world, read(input)?),
        _ => Err(super::unknown_operation()),
    }
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| Refusal::new("SerializationException", error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    log_group_name: String,
}

/// `LogGroupName`: 1 to 512 of these characters.
fn check_group_name(name: &str) -> Result<(), Refusal> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    match (1..=512).contains(&name.len()) && name.chars().all(letter) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        ))),
    }
}

fn create_group(world: &mut World, input: Named) -> Result<Value, Refusal> {
    check_group_name(&input.log_group_name)?;
    match world.logs.create_group(&input.log_group_name, world.now) {
        true => Ok(json!({})),
        false => Err(Refusal::new("ResourceAlreadyExistsException", "The specified log group already exists")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedStream {
    log_group_name: String,
    log_stream_name: String,
}

fn create_stream(world: &mut World, input: NamedStream) -> Result<Value, Refusal> {
    let name = &input.log_stream_name;
    // `LogStreamName`: 1 to 512 characters, and neither `:` nor `*`.
    if !(1..=512).contains(&name.len()) || name.contains([':', '*']) {
        return Err(Refusal::invalid(format!("Value '{name}' at 'logStreamName' failed to satisfy constraint")));
    }
    let group = world.logs.groups.get_mut(&input.log_group_name).ok_or_else(no_group)?;
    if group.streams.contains_key(name) {
        return Err(Refusal::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    group.streams.insert(name.clone(), crate::model::logs::Stream::default());
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<PutEvent>,
}

#[derive(Deserialize)]
struct PutEvent {
    timestamp: i64,
    message: String,
}

fn put_events(world: &mut World, input: Put) -> Result<Value, Refusal> {
    let group = world.logs.groups.get(&input.log_group_name).ok_or_else(no_group)?;
    if !group.streams.contains_key(&input.log_stream_name) {
        return Err(no_stream());
    }
    if input.log_events.is_empty() {
        return Err(Refusal::invalid(
            "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    // "The log events in the batch must be in chronological order by their timestamp."
    if input.log_events.windows(2).any(|pair| pair[1].timestamp < pair[0].timestamp) {
        return Err(Refusal::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    for PutEvent { timestamp, message } in input.log_events {
        world.logs.put(&input.log_group_name, &input.log_stream_name, timestamp, world.now, message)?;
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeGroups {
    log_group_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

fn describe_groups(world: &World, input: DescribeGroups) -> Result<Value, Refusal> {
    let prefix = input.log_group_name_prefix.unwrap_or_default();
    let limit = match input.limit {
        None => MOST_GROUPS,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=MOST_GROUPS).contains(limit))
            .ok_or_else(|| Refusal::invalid("Value at 'limit' failed to satisfy constraint"))?,
    };
    let listing = format!("DescribeLogGroups {prefix}");
    let after = continues(&listing, input.next_token.as_deref())?;
    let groups = world.logs.groups.iter().filter(|(name, _)| name.starts_with(&prefix));
    let groups = groups.filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
    let page = take(&listing, limit, groups, |(name, _)| (*name).clone());
    let show = |(name, group): (&String, &Group)| {
        let arn = world.scope.arn("logs", &format!("log-group:{name}"));
        let stored: usize =
            group.streams.values().flat_map(|stream| &stream.events).map(|event| event.message.len()).sum();
        json!({
            "logGroupName": name,
            "creationTime": group.created_at.timestamp_millis(),
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "logGroupArn": arn,
            "logGroupClass": "STANDARD",
            "storedBytes": stored,
        })
    };
    let shown: Vec<Value> = page.items.into_iter().map(show).collect();
    Ok(paged(json!({ "logGroups": shown }), page.next))
}

fn continues(listing: &str, token: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    last_key(listing, token).map(Some).ok_or_else(|| Refusal::invalid("The specified nextToken is invalid."))
}

fn paged(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
}

impl Filter {
    /// The group, by its name or the last part of its ARN.
    fn group<'a>(&self, world: &'a World) -> Result<&'a Group, Refusal> {
        let name = match (&self.log_group_name, &self.log_group_identifier) {
            (Some(name), None) => name.as_str(),
            (None, Some(identifier)) => {
                identifier.rsplit_once("log-group:").map_or(identifier.as_str(), |(_, name)| name)
            }
            _ => return Err(Refusal::invalid("Exactly one of logGroupName and logGroupIdentifier has to be given.")),
        };
        world.logs.groups.get(name).ok_or_else(no_group)
    }

    /// "Terms" of "Filter pattern syntax": each has to be in the message. Nothing else of it is understood here.
    fn matches(&self, message: &str) -> bool {
        self.filter_pattern.iter().flat_map(|pattern| pattern.split_whitespace()).all(|term| message.contains(term))
    }
}

fn filter_events(world: &World, input: Filter) -> Result<Value, Refusal> {
    let limit = input.limit.unwrap_or(MOST_EVENTS);
    if !(1..=MOST_EVENTS).contains(&limit) {
        return Err(Refusal::invalid(
            "Value at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
        ));
    }
    let limit = usize::try_from(limit).unwrap_or(1);
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(Refusal::invalid("LogStreamNamePrefix and LogStreamNames are mutually exclusive."));
    }
    if input.log_stream_names.as_ref().is_some_and(|names| !(1..=MOST_STREAMS).contains(&names.len())) {
        return Err(Refusal::invalid("Value at 'logStreamNames' failed to satisfy constraint"));
    }
    // `Timestamp`: "Valid Range: Minimum value of 0."
    if [input.start_time, input.end_time].into_iter().flatten().any(|time| time < 0) {
        return Err(Refusal::invalid(
            "Value at 'startTime' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ));
    }
    let group = input.group(world)?;
    if let Some(missing) = input.log_stream_names.iter().flatten().find(|name| !group.streams.contains_key(*name)) {
        tracing::debug!(stream = missing, "no such stream");
        return Err(no_stream());
    }
    let searched = |name: &str| match (&input.log_stream_names, &input.log_stream_name_prefix) {
        (Some(names), _) => names.iter().any(|wanted| wanted == name),
        (None, Some(prefix)) => name.starts_with(prefix.as_str()),
        (None, None) => true,
    };
    let (from, to) = (input.start_time.unwrap_or(0), input.end_time.unwrap_or(i64::MAX));
    let of_stream = |(name, stream): (&'_ String, &'_ crate::model::logs::Stream)| {
        let events = stream.events.iter().filter(|event| (from..=to).contains(&event.timestamp));
        let events = events.filter(|event| input.matches(&event.message));
        events.map(|event| (name.clone(), event.clone())).collect::<Vec<_>>()
    };
    let mut found: Vec<(String, Event)> =
        group.streams.iter().filter(|(name, _)| searched(name)).flat_map(of_stream).collect();
    let key = |(_, event): &(String, Event)| format!("{:020} {}", event.timestamp, event.id);
    found.sort_by_key(key);
    let backwards = input.start_from_head == Some(false);
    if backwards {
        found.reverse();
    }
    let listing = format!("FilterLogEvents {backwards}");
    let after = continues(&listing, input.next_token.as_deref())?;
    let is_after = |event: &(String, Event)| match &after {
        None => true,
        Some(after) if backwards => key(event) < *after,
        Some(after) => key(event) > *after,
    };
    let page = take(&listing, limit, found.into_iter().filter(is_after), key);
    let show = |(stream, event): &(String, Event)| {
        json!({
            "logStreamName": stream,
            "timestamp": event.timestamp,
            "message": event.message,
            "ingestionTime": event.ingested,
            "eventId": event.id,
        })
    };
    let shown: Vec<Value> = page.items.iter().map(show).collect();
    // "As of May 15, 2020, this parameter is no longer supported. This parameter returns an empty list."
    Ok(paged(json!({ "events": shown, "searchedLogStreams": [] }), page.next))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::Scope;
    use crate::{Quotas, Timings};

    fn world() -> World {
        let scope = Scope { region: "us-west-2".into(), account: "123456789012".into() };
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        World::new(now, 1, scope, Timings::default(), Quotas::default(), 9)
    }

    /// A group with two streams of three lines each, one late.
    fn written() -> World {
        let mut world = world();
        answer(&mut world, "CreateLogGroup", json!({ "logGroupName": "/ecs/web" })).unwrap();
        for stream in ["ecs/web/1", "ecs/web/2"] {
            answer(&mut world, "CreateLogStream", json!({ "logGroupName": "/ecs/web", "logStreamName": stream }))
                .unwrap();
            for batch in [
                json!([{ "timestamp": 10, "message": "a" }, { "timestamp": 30, "message": "c" }]),
                json!([{ "timestamp": 20, "message": "late" }]),
            ] {
                let input = json!({ "logGroupName": "/ecs/web", "logStreamName": stream, "logEvents": batch });
                answer(&mut world, "PutLogEvents", input).unwrap();
            }
        }
        world
    }

    fn messages(world: &mut World, more: Value) -> Vec<String> {
        let (mut messages, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({ "logGroupName": "/ecs/web" });
            for (name, value) in more.as_object().unwrap() {
                input[name] = value.clone();
            }
            if !token.is_null() {
                input["nextToken"] = token;
            }
            let page = answer(world, "FilterLogEvents", input).unwrap();
            messages.extend(
                page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()),
            );
            token = page["nextToken"].clone();
            if token.is_null() {
                return messages;
            }
        }
    }

    #[test]
    fn events_come_in_the_order_of_their_times_page_by_page() {
        let mut world = written();
        for limit in [1, 2, 100] {
            assert_eq!(messages(&mut world, json!({ "limit": limit })), ["a", "a", "late", "late", "c", "c"]);
            let one = json!({ "logStreamNames": ["ecs/web/1"], "limit": limit });
            assert_eq!(messages(&mut world, one), ["a", "late", "c"]);
            let window = json!({ "startTime": 20, "endTime": 30, "logStreamNamePrefix": "ecs/web/2", "limit": limit });
            assert_eq!(messages(&mut world, window), ["late", "c"]);
            let backwards = json!({ "logStreamNames": ["ecs/web/1"], "startFromHead": false, "limit": limit });
            assert_eq!(messages(&mut world, backwards), ["c", "late", "a"]);
        }
        assert_eq!(messages(&mut world, json!({ "filterPattern": "late" })), ["late", "late"]);
    }

    #[test]
    fn what_is_not_there_is_refused_and_so_is_what_aws_does_not_take() {
        let mut world = written();
        for (operation, input, code) in [
            ("FilterLogEvents", json!({ "logGroupName": "/ecs/none" }), "ResourceNotFoundException"),
            (
                "FilterLogEvents",
                json!({ "logGroupName": "/ecs/web", "logStreamNames": ["x"] }),
                "ResourceNotFoundException",
            ),
            ("FilterLogEvents", json!({ "logGroupName": "/ecs/web", "limit": 0 }), "InvalidParameterException"),
            ("FilterLogEvents", json!({ "logGroupName": "/ecs/web", "limit": 10_001 }), "InvalidParameterException"),
            ("FilterLogEvents", json!({ "logGroupName": "/ecs/web", "startTime": -1 }), "InvalidParameterException"),
            ("FilterLogEvents", json!({ "logGroupName": "/ecs/web", "nextToken": "x" }), "InvalidParameterException"),
            (
                "FilterLogEvents",
                json!({ "logGroupName": "/ecs/web", "logStreamNames": ["ecs/web/1"], "logStreamNamePrefix": "e" }),
                "InvalidParameterException",
            ),
            ("FilterLogEvents", json!({}), "InvalidParameterException"),
            ("FilterLogEvents", json!({ "logGroupName": 7 }), "SerializationException"),
            ("CreateLogGroup", json!({ "logGroupName": "/ecs/web" }), "ResourceAlreadyExistsException"),
            ("CreateLogGroup", json!({ "logGroupName": "a b" }), "InvalidParameterException"),
            ("DescribeLogGroups", json!({ "limit": 51 }), "InvalidParameterException"),
            (
                "PutLogEvents",
                json!({ "logGroupName": "/ecs/web", "logStreamName": "x", "logEvents": [] }),
                "ResourceNotFoundException",
            ),
            ("GetLogEvents", json!({}), "UnknownOperationException"),
        ] {
            let refused = answer(&mut world, operation, input.clone()).expect_err("refused");
            assert_eq!(refused.code, code, "{operation} {input}");
        }
    }

    #[test]
    fn groups_are_listed_by_prefix() {
        let mut world = world();
        for name in ["/ecs/a", "/ecs/b", "/other"] {
            world.logs.create_group(name, world.now);
        }
        let first =
            answer(&mut world, "DescribeLogGroups", json!({ "logGroupNamePrefix": "/ecs/", "limit": 1 })).unwrap();
        assert_eq!(first["logGroups"][0]["logGroupName"], "/ecs/a");
        let next = json!({ "logGroupNamePrefix": "/ecs/", "limit": 1, "nextToken": first["nextToken"] });
        let second = answer(&mut world, "DescribeLogGroups", next).unwrap();
        assert_eq!(second["logGroups"][0]["logGroupName"], "/ecs/b");
        assert!(second.get("nextToken").is_none(), "{second}");
        assert_eq!(second["logGroups"][0]["arn"], "arn:aws:logs:us-west-2:123456789012:log-group:/ecs/b:*");
    }
}

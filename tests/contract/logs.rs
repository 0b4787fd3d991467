//! The promises of the port to the logs.

use std::collections::BTreeSet;

use bivouac_model::LogStream;
use bivouac_ports::{LogEvent, LogStore as _, Meaning, Tail, tail};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::differences::Gap;
use super::place::{Place, unique};

/// Hands the names of all promises to the macro `$with`.
#[macro_export]
macro_rules! logs_promises {
    ($with:ident) => {
        $with! {
            logs:
            events_come_in_the_order_in_which_they_were_written,
            both_bounds_belong_to_a_window,
            an_event_that_comes_late_has_its_place_and_an_id_of_its_own,
            the_last_lines_are_those_of_one_stream,
            what_is_not_there_is_not_found,
            a_group_is_there_by_its_whole_name,
        }
    };
}

/// A stream of a group of its own, and the moment of its first line.
struct Written {
    stream: LogStream,
    began: DateTime<Utc>,
}

async fn written(place: &Place, lines: i64) -> Written {
    let (group, stream) = (format!("/contract/{}", unique("group")), "ecs/web/1".to_owned());
    place.logs("CreateLogGroup", json!({ "logGroupName": group })).await;
    place.logs("CreateLogStream", json!({ "logGroupName": group, "logStreamName": stream })).await;
    // CloudWatch Logs takes milliseconds, and nothing that is far from now.
    let began = DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).expect("a time") - TimeDelta::minutes(1);
    let written = Written { stream: LogStream { region: None, group, stream }, began };
    for line in 0..lines {
        put(place, &written, line, &format!("line {line}")).await;
    }
    written
}

/// Writes a line, so many milliseconds after the first.
async fn put(place: &Place, written: &Written, after: i64, message: &str) {
    let event = json!({ "timestamp": written.began.timestamp_millis() + after, "message": message });
    let LogStream { group, stream, .. } = &written.stream;
    let input = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": [event] });
    place.logs("PutLogEvents", input).await;
}

fn messages(events: &[LogEvent]) -> Vec<&str> {
    events.iter().map(|event| event.message.as_str()).collect()
}

pub async fn events_come_in_the_order_in_which_they_were_written(place: &Place) {
    let written = written(place, 5).await;
    let now = written.began + TimeDelta::hours(1);
    let events = place.log_store().await.events(&written.stream, DateTime::UNIX_EPOCH, now).await.expect("an answer");
    assert_eq!(messages(&events), ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    assert_eq!(events[3].at, written.began + TimeDelta::milliseconds(3));
}

pub async fn both_bounds_belong_to_a_window(place: &Place) {
    let written = written(place, 5).await;
    let at = |after| written.began + TimeDelta::milliseconds(after);
    let events = place.log_store().await.events(&written.stream, at(1), at(3)).await.expect("an answer");
    assert_eq!(messages(&events), ["line 1", "line 2", "line 3"]);
}

pub async fn an_event_that_comes_late_has_its_place_and_an_id_of_its_own(place: &Place) {
    let written = written(place, 1).await;
    put(place, &written, 20, "later").await;
    let (store, to) = (place.log_store().await, written.began + TimeDelta::hours(1));
    let before = store.events(&written.stream, written.began, to).await.expect("an answer");
    put(place, &written, 10, "late").await;
    // The same text at the same time is another line.
    put(place, &written, 10, "late").await;
    let events = store.events(&written.stream, written.began, to).await.expect("an answer");
    assert_eq!(messages(&events), ["line 0", "late", "late", "later"]);
    let ids: BTreeSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), 4, "{events:?}");
    assert!(before.iter().all(|event| ids.contains(event.id.as_str())), "an event keeps its id");
}

pub async fn the_last_lines_are_those_of_one_stream(place: &Place) {
    let written = written(place, 30).await;
    let group = &written.stream.group;
    place.logs("CreateLogStream", json!({ "logGroupName": group, "logStreamName": "ecs/web/2" })).await;
    let other = json!({ "timestamp": written.began.timestamp_millis() + 100, "message": "another task's" });
    place
        .logs("PutLogEvents", json!({ "logGroupName": group, "logStreamName": "ecs/web/2", "logEvents": [other] }))
        .await;
    let store = place.log_store().await;
    let read =
        tail(&store, &written.stream, Tail { since: None, lines: Some(2) }, Utc::now()).await.expect("an answer");
    assert_eq!(messages(&read), ["line 28", "line 29"]);
}

pub async fn what_is_not_there_is_not_found(place: &Place) {
    let Written { stream, began } = written(place, 1).await;
    let store = place.log_store().await;
    let none = LogStream { group: format!("{}-none", stream.group), ..stream.clone() };
    let missing = store.events(&none, began, began).await.expect_err("there is no such group");
    assert_eq!(missing.meaning(), Meaning::NotFound, "{missing}");
    let none = LogStream { stream: "ecs/web/none".into(), ..stream };
    let events = store.events(&none, began, began).await;
    if place.emulator.has(Gap::MissingStreamIsEmpty) {
        assert!(events.expect("no stream, and no refusal").is_empty());
    } else {
        assert_eq!(events.expect_err("there is no such stream").meaning(), Meaning::NotFound);
    }
}

pub async fn a_group_is_there_by_its_whole_name(place: &Place) {
    let Written { stream, .. } = written(place, 0).await;
    let store = place.log_store().await;
    assert!(store.has_group(None, &stream.group).await.expect("an answer"));
    // A prefix of it is none.
    let prefix = &stream.group[..stream.group.len() - 1];
    assert!(!store.has_group(None, prefix).await.expect("an answer"));
}

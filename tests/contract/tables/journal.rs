//! Events.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_aws::{DynamoInbox, DynamoJournal};
use bivouac_model::{Decision, Event};
use bivouac_ports::{Inbox as _, Journal as _, Letter, Meaning};
use chrono::TimeDelta;

use super::{Tables, key, promises, text, time};

promises![
    an_event_is_read_back_as_it_was_written,
    the_newest_come_first_and_no_more_than_asked,
    an_event_stands_once_and_as_it_was_first_written,
    one_written_twice_at_once_stands_once,
    more_than_a_page_is_read,
    an_unreadable_item_hides_no_other,
    what_is_in_the_inbox_is_no_event,
    events_are_kept_for_their_time,
    what_is_refused_is_told,
];

fn journal(tables: &Tables) -> DynamoJournal {
    DynamoJournal::new(&tables.sdk, &tables.prefix, DynamoJournal::KEEP)
}

fn event(number: i64) -> Event {
    Event {
        environment: key("7"),
        at: time("2026-11-23T12:00:00Z") + TimeDelta::seconds(number),
        tie: format!("revision-{number}"),
        actor: "controller".into(),
        action: "reconcile".into(),
        reason: "Answering".into(),
        message: "It answers.".into(),
        head_sha: None,
        url: None,
        decision: None,
    }
}

async fn an_event_is_read_back_as_it_was_written(tables: &Tables) {
    let journal = journal(tables);
    let plain = event(1);
    let whole = Event {
        at: time("2026-11-23T12:00:00.123456789Z"),
        // The mark that ends the time, and what sorts last.
        tie: "issuecomment-1#2 é \u{10ffff}".into(),
        head_sha: Some("0123456789abcdef0123456789abcdef01234567".into()),
        url: Some("https://github.com/apache/superset/pull/7#issuecomment-1".into()),
        decision: Some(Decision::Denied),
        reason: String::new(),
        message: String::new(),
        ..event(0)
    };
    journal.append(&[plain.clone(), whole.clone()]).await.expect("written");
    assert_eq!(journal.newest(&key("7"), 10).await.expect("read"), [plain, whole]);
    assert_eq!(journal.newest(&key("8"), 10).await.expect("read"), []);
    journal.append(&[]).await.expect("nothing is written");

    let items = tables.events_table().await;
    let item = &items[&("apache/superset#7".into(), "2026-11-23T12:00:01.000000000Z#revision-1".into())];
    let names: std::collections::BTreeSet<&str> = item.keys().map(String::as_str).collect();
    assert_eq!(names, ["action", "actor", "at", "environment", "message", "purge_at", "reason"].into());
}

async fn the_newest_come_first_and_no_more_than_asked(tables: &Tables) {
    let journal = journal(tables);
    // In no order, and more than are written at once.
    let mut events: Vec<Event> = (0..25).map(|n| event(n * 7 % 25)).collect();
    // Of the same second and not at the same time: nanoseconds count.
    events.push(Event { at: event(24).at + TimeDelta::nanoseconds(1), ..event(99) });
    journal.append(&events).await.expect("written");
    events.sort_by(|one, other| (other.at, &other.tie).cmp(&(one.at, &one.tie)));
    for most in [0, 1, 3, 26, 100] {
        let newest = journal.newest(&key("7"), most).await.expect("read");
        assert_eq!(newest, events[..most.min(26)], "{most}");
    }
}

async fn an_event_stands_once_and_as_it_was_first_written(tables: &Tables) {
    let journal = journal(tables);
    journal.append(&[event(1), event(2)]).await.expect("written");
    // The first answer was lost, or another process writes down the same thing.
    journal.append(&[event(2), event(1)]).await.expect("written again");
    let otherwise = Event { message: "It never did.".into(), ..event(1) };
    journal.append(&[otherwise]).await.expect("no error");
    assert_eq!(journal.newest(&key("7"), 10).await.expect("read"), [event(2), event(1)]);
    // The same moment and another tie is another event.
    let other = Event { tie: "revision-1b".into(), ..event(1) };
    journal.append(std::slice::from_ref(&other)).await.expect("written");
    assert_eq!(journal.newest(&key("7"), 10).await.expect("read"), [event(2), other, event(1)]);
}

async fn one_written_twice_at_once_stands_once(tables: &Tables) {
    let (one, other) = (journal(tables), journal(tables));
    let events: Vec<Event> = (0..10).map(event).collect();
    let (first, second) = tokio::join!(one.append(&events), other.append(&events));
    first.and(second).expect("both are told that it stands");
    assert_eq!(one.newest(&key("7"), 100).await.expect("read").len(), 10);
}

/// A page of a Query ends at 1 MB.
async fn more_than_a_page_is_read(tables: &Tables) {
    let journal = journal(tables);
    let events: Vec<Event> = (0..24).map(|n| Event { message: "x".repeat(100_000), ..event(n) }).collect();
    journal.append(&events).await.expect("written");
    let newest = journal.newest(&key("7"), 100).await.expect("read");
    assert!(newest.iter().eq(events.iter().rev()), "{} of 24", newest.len());
    assert!(journal.newest(&key("7"), 20).await.expect("read").iter().eq(events.iter().rev().take(20)));
}

async fn an_unreadable_item_hides_no_other(tables: &Tables) {
    let journal = journal(tables);
    journal.append(&[event(1), event(2)]).await.expect("written");
    let environment = "apache/superset#7";
    let who = [("actor", text("ada")), ("action", text("up"))];
    for at in ["", "zzz", "2026-11-24T12:00:00Z", "2026-13-99T12:00:00Z#1", "#", "tomorrow#1"] {
        // DynamoDB takes no empty key.
        tables.put_event(environment, if at.is_empty() { " " } else { at }, &who).await;
    }
    for (n, attributes) in
        [&[("actor", text("ada"))][..], &[("actor", AttributeValue::N("1".into())), ("action", text("up"))], &[]]
            .into_iter()
            .enumerate()
    {
        tables.put_event(environment, &format!("2026-11-24T12:00:00.000000000Z#{n}"), attributes).await;
    }
    assert_eq!(journal.newest(&key("7"), 10).await.expect("read"), [event(2), event(1)]);
    assert_eq!(journal.newest(&key("7"), 1).await.expect("read"), [event(2)]);

    // What a person wrote by hand, with less than ours has, is an event; what is spoiled in it is not there.
    let spoiled = [("decision", text("perhaps")), ("url", AttributeValue::Bool(true))];
    tables.put_event(environment, "2026-11-24T12:00:00+01:00#by hand", &[&who[..], &spoiled].concat()).await;
    let newest = journal.newest(&key("7"), 1).await.expect("read");
    assert_eq!((newest[0].actor.as_str(), newest[0].reason.as_str(), newest[0].decision), ("ada", "", None));
    assert_eq!((newest[0].at, &newest[0].url), (time("2026-11-24T11:00:00Z"), &None));
}

async fn what_is_in_the_inbox_is_no_event(tables: &Tables) {
    let (journal, inbox) = (journal(tables), DynamoInbox::new(&tables.sdk, &tables.prefix));
    let letter = Letter { id: "5".into(), received_at: time("2026-11-23T12:00:00Z"), content: "{}".into() };
    inbox.take(&letter).await.expect("taken");
    // The one record's key that falls into a partition of the inbox.
    let odd = bivouac_model::ItemKey { repo: "delivery".into(), pr: "5".into() };
    assert_eq!(journal.newest(&odd, 10).await.expect("read"), []);
    let event = Event { environment: odd.clone(), ..event(1) };
    journal.append(std::slice::from_ref(&event)).await.expect("written");
    assert_eq!(journal.newest(&odd, 10).await.expect("read"), [event]);
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter]);
}

async fn events_are_kept_for_their_time(tables: &Tables) {
    let day = DynamoJournal::new(&tables.sdk, &tables.prefix, Duration::from_secs(24 * 60 * 60));
    day.append(&[event(0)]).await.expect("written");
    journal(tables).append(&[event(1)]).await.expect("written");
    let mut until: Vec<String> = tables
        .events_table()
        .await
        .into_values()
        .map(|item| item["purge_at"].as_n().expect("seconds, as time-to-live wants them").clone())
        .collect();
    until.sort();
    let seconds = |text: &str| time(text).timestamp().to_string();
    assert_eq!(until, [seconds("2026-11-24T12:00:00Z"), seconds("2027-02-21T12:00:01Z")]);
}

async fn what_is_refused_is_told(tables: &Tables) {
    let large = Event { message: "x".repeat(450 * 1024), ..event(1) };
    let refused = journal(tables).append(&[event(0), large]).await.expect_err("over 400 KB");
    assert_eq!(refused.meaning(), Meaning::Invalid, "{refused}");

    let nowhere = DynamoJournal::new(&tables.sdk, "nobody-made-this", DynamoJournal::KEEP);
    for refused in [nowhere.append(&[event(0)]).await, nowhere.newest(&key("7"), 1).await.map(drop)] {
        let refused = refused.expect_err("there is no table");
        assert_eq!(refused.meaning(), Meaning::NotFound);
        assert!(refused.message().contains("nobody-made-this-events: `bivouac init` makes it"), "{refused}");
    }
}

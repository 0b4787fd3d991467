//! Wishes that are made out of what stood there.

use std::borrow::Cow;

use bivouac_model::{Desired, Machinery, Phase, Record, Status, Usd, Value};
use bivouac_ports::{DesiredChange, Meaning, RecordStore as _};
use futures::future::join_all;

use super::{Tables, key, promises, text, time};

promises![
    a_wish_over_what_was_read_is_counted,
    a_wish_over_nothing_creates,
    of_two_who_create_one_loses,
    a_client_who_wrote_meanwhile_is_not_undone,
    a_status_written_meanwhile_is_no_conflict,
    a_record_deleted_meanwhile_stays_deleted,
    a_lost_answer_is_a_conflict_and_done,
    of_many_who_try_until_they_win_none_is_lost,
    what_the_store_counts_is_no_part_of_a_wish,
];

fn wish(name: &'static str, value: &str) -> DesiredChange {
    vec![(name, Some(Value::String(value.into())))]
}

/// Of one flag more, keeping those that are there.
fn flag(seen: Option<&Record>, name: &str) -> DesiredChange {
    let flags = seen.and_then(|seen| seen.desired.as_ref().ok()).map(|wish| wish.flags.clone()).unwrap_or_default();
    let flags = flags.into_iter().map(|(name, value)| (name, Value::String(value)));
    vec![("flags", Some(Value::Map(flags.chain([(name.to_owned(), Value::String("true".into()))]).collect())))]
}

async fn read(tables: &Tables) -> Record {
    tables.records().get(&key("7")).await.expect("read").expect("a record")
}

async fn conflicts(tables: &Tables, seen: Option<&Record>, change: &DesiredChange) {
    let refused = tables.records().write_desired_over(&key("7"), seen, change).await.expect_err("an old view");
    assert_eq!(refused.meaning(), Meaning::Conflict, "{refused}");
    assert!(refused.message().contains("apache/superset#7"), "{refused}");
}

async fn a_wish_over_what_was_read_is_counted(tables: &Tables) {
    let records = tables.records();
    records.write_desired(&key("7"), &wish("image_tag", "a")).await.expect("written");
    let seen = read(tables).await;
    let change = vec![("image_tag", None), ("ttl", Some(Value::String("24h".into())))];
    assert_eq!(records.write_desired_over(&key("7"), Some(&seen), &change).await.expect("written"), 2);
    let now = read(tables).await;
    let wish = now.desired.expect("a wish");
    assert_eq!((now.generation, wish.image_tag, wish.ttl.is_some()), (Some(2), None, true));
}

async fn a_wish_over_nothing_creates(tables: &Tables) {
    let records = tables.records();
    let down = wish("desired", "down");
    assert_eq!(records.write_desired_over(&key("7"), None, &down).await.expect("written"), 1);
    let now = read(tables).await;
    assert_eq!((now.generation, now.desired.expect("a wish").desired), (Some(1), Desired::Down));
    conflicts(tables, None, &down).await;
    assert_eq!(read(tables).await.generation, Some(1));
}

async fn of_two_who_create_one_loses(tables: &Tables) {
    for pr in 1..=10 {
        let key = key(&pr.to_string());
        let (one, other) = (tables.records(), tables.records());
        let (up, down) = (wish("desired", "up"), wish("desired", "down"));
        let answers =
            tokio::join!(one.write_desired_over(&key, None, &up), other.write_desired_over(&key, None, &down));
        let winner = match answers {
            (Ok(1), Err(lost)) if lost.meaning() == Meaning::Conflict => Desired::Up,
            (Err(lost), Ok(1)) if lost.meaning() == Meaning::Conflict => Desired::Down,
            other => panic!("one wins and one loses: {other:?}"),
        };
        let record = one.get(&key).await.expect("read").expect("a record");
        assert_eq!((record.generation, record.desired.expect("a wish").desired), (Some(1), winner));
    }
}

async fn a_client_who_wrote_meanwhile_is_not_undone(tables: &Tables) {
    let records = tables.records();
    records.write_desired(&key("7"), &wish("image_tag", "a")).await.expect("written");
    let seen = read(tables).await;
    records.write_desired(&key("7"), &wish("size", "small")).await.expect("written");
    conflicts(tables, Some(&seen), &wish("size", "large")).await;

    // One who writes the whole item, without counting, has made a new wish all the same.
    let seen = read(tables).await;
    let request = tables.client.put_item().table_name(format!("{}-environments", tables.prefix));
    let pr = aws_sdk_dynamodb::types::AttributeValue::N("7".into());
    request.item("repo", text("apache/superset")).item("pr", pr).send().await.expect("put");
    conflicts(tables, Some(&seen), &wish("size", "large")).await;

    let seen = read(tables).await;
    assert_eq!(seen.generation, None);
    let answer = records.write_desired_over(&key("7"), Some(&seen), &wish("size", "large")).await;
    assert_eq!(answer.expect("over what was read"), 1);
}

async fn a_status_written_meanwhile_is_no_conflict(tables: &Tables) {
    let records = tables.records();
    records.write_desired(&key("7"), &wish("image_tag", "a")).await.expect("written");
    let seen = read(tables).await;
    let status = Status {
        phase: Phase::Ready,
        reason: Cow::Borrowed("Answering"),
        message: "It answers.".into(),
        url: None,
        public_ip: None,
        expires_at: time("2026-11-25T12:00:00Z"),
        hourly_cost_usd: Usd::ZERO,
        cost_usd: Usd::ZERO,
        updated_at: time("2026-11-23T12:00:00Z"),
        purge_at: None,
        machinery: Machinery { observed_generation: Some(1), ..Machinery::default() },
    };
    records.write_status(&seen, &status).await.expect("written");
    let answer = records.write_desired_over(&key("7"), Some(&seen), &wish("size", "large")).await;
    assert_eq!(answer.expect("no client wrote"), 2);
    assert_eq!(read(tables).await.status.map(|status| status.phase), Some(Phase::Ready), "and nothing of it is lost");
}

async fn a_record_deleted_meanwhile_stays_deleted(tables: &Tables) {
    let records = tables.records();
    for counted in [true, false] {
        records.write_desired(&key("7"), &wish("image_tag", "a")).await.expect("written");
        let seen = read(tables).await;
        let seen = if counted { seen } else { Record { generation: None, ..seen } };
        let request = tables.client.delete_item().table_name(format!("{}-environments", tables.prefix));
        let pr = aws_sdk_dynamodb::types::AttributeValue::N("7".into());
        request.key("repo", text("apache/superset")).key("pr", pr).send().await.expect("deleted");
        conflicts(tables, Some(&seen), &wish("size", "large")).await;
        assert_eq!(records.get(&key("7")).await.expect("read"), None);
    }
}

async fn a_lost_answer_is_a_conflict_and_done(tables: &Tables) {
    let records = tables.records();
    for (generation, seen) in [(1, None), (2, Some(()))] {
        let seen = match seen {
            None => None,
            Some(()) => Some(read(tables).await),
        };
        let change = wish("requested_by", &format!("ada-{generation}"));
        records.write_desired_over(&key("7"), seen.as_ref(), &change).await.expect("its answer is lost");
        conflicts(tables, seen.as_ref(), &change).await;
        let now = read(tables).await;
        let by = now.desired.expect("a wish").requested_by;
        assert_eq!((now.generation, by), (Some(generation), Some(format!("ada-{generation}"))));
    }
}

async fn of_many_who_try_until_they_win_none_is_lost(tables: &Tables) {
    const MANY: usize = 8;
    let writers = (0..MANY).map(|n| async move {
        let records = tables.records();
        // Of so many, each round lets one through.
        for _ in 0..=MANY {
            let seen = records.get(&key("7")).await.expect("read");
            let change = flag(seen.as_ref(), &format!("FEATURE_{n}"));
            match records.write_desired_over(&key("7"), seen.as_ref(), &change).await {
                Ok(_) => return,
                Err(error) => assert_eq!(error.meaning(), Meaning::Conflict, "{error}"),
            }
        }
        panic!("{n} lost to more than there are");
    });
    join_all(writers).await;
    let now = read(tables).await;
    let flags: Vec<String> = now.desired.expect("a wish").flags.into_keys().collect();
    let all: Vec<String> = (0..MANY).map(|n| format!("FEATURE_{n}")).collect();
    assert_eq!((now.generation, flags), (Some(MANY as u64), all));
}

async fn what_the_store_counts_is_no_part_of_a_wish(tables: &Tables) {
    for name in ["generation", "repo", "pr"] {
        let refused = tables.records().write_desired_over(&key("7"), None, &wish(name, "7")).await;
        assert_eq!(refused.expect_err("not a client's").meaning(), Meaning::Invalid, "{name}");
    }
    assert_eq!(tables.records().get(&key("7")).await.expect("read"), None);
}

//! The ledger of spending.

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_aws::{DynamoJournal, DynamoSpending};
use bivouac_model::{ItemKey, Month, SpendingEntry, Usd};
use bivouac_ports::{Journal as _, Meaning, SpendingStore as _};

use super::{Tables, key, promises, text, time};

promises![
    an_entry_is_read_back_as_it_was_written,
    an_entry_from_an_old_view_is_refused,
    of_two_who_begin_an_entry_one_wins,
    a_month_is_read_whole_and_alone,
    what_another_release_adds_to_an_entry_stays,
    an_unreadable_entry_hides_no_other,
    an_entry_is_no_event_and_no_event_an_entry,
    an_entry_is_kept_for_a_year,
    a_ledger_without_its_table_names_it,
];

fn ledger(tables: &Tables) -> DynamoSpending {
    DynamoSpending::new(&tables.sdk, &tables.prefix)
}

fn november() -> Month {
    Month::of(time("2026-11-23T12:00:00Z"))
}

fn entry(pr: &str) -> SpendingEntry {
    SpendingEntry {
        environment: key(pr),
        month: november(),
        before: Usd::from_dollars(1.000_001),
        spent: Usd::from_dollars(0.25),
        hourly: Usd::from_dollars(0.029_685),
        as_of: time("2026-11-23T12:00:00Z"),
        requested_by: Some("ada".into()),
        revision: 0,
    }
}

async fn read(tables: &Tables, month: Month) -> Vec<SpendingEntry> {
    let mut entries = ledger(tables).months(&[month]).await.expect("a month");
    entries.sort_by(|one, other| one.environment.cmp(&other.environment));
    entries
}

async fn an_entry_is_read_back_as_it_was_written(tables: &Tables) {
    let ledger = ledger(tables);
    assert_eq!(read(tables, november()).await, []);
    ledger.write(&entry("1"), None).await.expect("the first");
    assert_eq!(read(tables, november()).await, [SpendingEntry { revision: 1, ..entry("1") }]);
    let closed = entry("1").closed().expect("it has not ended");
    let closed = SpendingEntry { requested_by: None, ..closed };
    ledger.write(&closed, Some(1)).await.expect("the second");
    assert_eq!(read(tables, november()).await, [SpendingEntry { revision: 2, ..closed }]);
}

async fn an_entry_from_an_old_view_is_refused(tables: &Tables) {
    let ledger = ledger(tables);
    ledger.write(&entry("1"), None).await.expect("the first");
    // Also the second try of a write whose answer was lost.
    for seen in [None, Some(0), Some(2)] {
        let error = ledger.write(&entry("1"), seen).await.expect_err("an old view");
        assert_eq!(error.meaning(), Meaning::Conflict, "{seen:?}: {error}");
    }
    ledger.write(&entry("1"), Some(1)).await.expect("the newest view");
    assert_eq!(read(tables, november()).await[0].revision, 2);
}

async fn of_two_who_begin_an_entry_one_wins(tables: &Tables) {
    let (one, other) = (ledger(tables), ledger(tables));
    let (first, second) = (entry("1"), SpendingEntry { hourly: Usd::ZERO, ..entry("1") });
    let (first, second) = tokio::join!(one.write(&first, None), other.write(&second, None));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
}

async fn a_month_is_read_whole_and_alone(tables: &Tables) {
    let ledger = ledger(tables);
    let december = november().next();
    let in_december = |pr: &str| SpendingEntry { month: december, as_of: december.begins(), ..entry(pr) };
    // A page holds 1 MB.
    let long = "x".repeat(60_000);
    for pr in 1..=20 {
        let entry = SpendingEntry { requested_by: Some(long.clone()), ..entry(&pr.to_string()) };
        ledger.write(&entry, None).await.expect("an entry");
    }
    ledger.write(&in_december("7"), None).await.expect("an entry");
    assert_eq!(read(tables, november()).await.len(), 20);
    assert_eq!(read(tables, december).await, [SpendingEntry { revision: 1, ..in_december("7") }]);
    assert_eq!(ledger.months(&[november(), december]).await.expect("both").len(), 21);
    assert_eq!(ledger.months(&[]).await.expect("none"), []);
}

async fn what_another_release_adds_to_an_entry_stays(tables: &Tables) {
    let ledger = ledger(tables);
    ledger.write(&entry("1"), None).await.expect("the first");
    let set = AttributeValue::Ss(vec!["eu".into()]);
    tables
        .client
        .update_item()
        .table_name(format!("{}-events", tables.prefix))
        .key("environment", text("spending#2026-11"))
        .key("at", text("apache/superset#1"))
        .update_expression("SET regions = :set")
        .expression_attribute_values(":set", set.clone())
        .send()
        .await
        .expect("an attribute");
    ledger.write(&SpendingEntry { spent: Usd::from_dollars(2.0), ..entry("1") }, Some(1)).await.expect("the second");
    let items = tables.events_table().await;
    let item = &items[&("spending#2026-11".to_owned(), "apache/superset#1".to_owned())];
    assert_eq!((&item["regions"], item["spent_usd"].as_n().map(String::as_str)), (&set, Ok("2")));
}

async fn an_unreadable_entry_hides_no_other(tables: &Tables) {
    let number = |number: &str| AttributeValue::N(number.into());
    for (at, attributes) in [
        ("apache/superset#2", vec![]),
        ("unnamed", vec![("revision", number("1"))]),
        ("apache/superset#3", vec![("revision", number("1")), ("spent_usd", text("much"))]),
    ] {
        tables.put_event("spending#2026-11", at, &attributes).await;
    }
    ledger(tables).write(&entry("1"), None).await.expect("an entry");
    assert_eq!(read(tables, november()).await, [SpendingEntry { revision: 1, ..entry("1") }]);
}

async fn an_entry_is_no_event_and_no_event_an_entry(tables: &Tables) {
    let journal = DynamoJournal::new(&tables.sdk, &tables.prefix, DynamoJournal::KEEP);
    ledger(tables).write(&entry("1"), None).await.expect("an entry");
    assert_eq!(journal.newest(&key("1"), 10).await.expect("events"), []);
    // A client may choose any text for a repository.
    let odd = ItemKey { repo: "spending".into(), pr: "2026".into() };
    assert_eq!(journal.newest(&odd, 10).await.expect("events"), []);
    let odd = SpendingEntry { environment: ItemKey { repo: "a#b/c".into(), pr: "1.5".into() }, ..entry("1") };
    ledger(tables).write(&odd, None).await.expect("an entry");
    assert!(read(tables, november()).await.iter().any(|entry| entry.environment == odd.environment));
}

async fn an_entry_is_kept_for_a_year(tables: &Tables) {
    ledger(tables).write(&entry("1"), None).await.expect("an entry");
    let items = tables.events_table().await;
    let item = &items[&("spending#2026-11".to_owned(), "apache/superset#1".to_owned())];
    let purge_at: i64 = item["purge_at"].as_n().expect("a number").parse().expect("a number");
    let year = time("2027-12-31T00:00:00Z").timestamp();
    assert!((year..year + 86_400 * 31).contains(&purge_at), "{purge_at}");
}

async fn a_ledger_without_its_table_names_it(tables: &Tables) {
    let none = DynamoSpending::new(&tables.sdk, "unnamed");
    let read = none.months(&[november()]).await.expect_err("no table");
    let write = none.write(&entry("1"), None).await.expect_err("no table");
    for error in [read, write] {
        assert_eq!(error.meaning(), Meaning::NotFound);
        assert!(error.message().contains("unnamed-events") && error.message().contains("bivouac init"), "{error}");
    }
}

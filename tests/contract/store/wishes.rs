//! What clients write: counted, told when it is wrong, and read to the last record.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{Phase, Value};
use bivouac_ports::{Meaning, RecordStore as _};
use futures::future::join_all;

use super::{Installation, Store, key, map, number, status, text};

pub(super) async fn wishes_are_counted(store: &Store) {
    let one = Installation::made(store).await;
    let wish = |tag: &str| vec![("image_tag", Some(Value::String(tag.into())))];
    assert_eq!(one.records.write_desired(&key("1"), &wish("a")).await.expect("a wish"), 1);
    assert_eq!(one.records.write_desired(&key("1"), &wish("b")).await.expect("a wish"), 2);
    assert_eq!(one.records.write_desired(&key("1"), &Vec::new()).await.expect("the same wish again"), 3);
    let record = one.get(&key("1")).await;
    assert_eq!(record.generation, Some(3));
    let desired = record.desired.expect("a wish");
    assert_eq!(desired.image_tag.expect("a tag").as_str(), "b");
    let error =
        one.records.write_desired(&key("1"), &vec![("generation", None)]).await.expect_err("not part of a wish");
    assert_eq!(error.meaning(), Meaning::Invalid);
}

pub(super) async fn wishes_written_at_once_are_all_counted(store: &Store) {
    let one = Installation::made(store).await;
    let one_key = key("1");
    let nothing = Vec::new();
    let written = join_all((0..20).map(|_| one.records.write_desired(&one_key, &nothing))).await;
    let generations: BTreeSet<u64> = written.into_iter().map(|generation| generation.expect("a wish")).collect();
    assert_eq!(generations, (1..=20).collect());
}

pub(super) async fn a_generation_that_is_no_number_is_told(store: &Store) {
    let one = Installation::made(store).await;
    let change = vec![("image_tag", Some(Value::String("new".into())))];
    let unwhole = ["1.5", "-3", "1000000000000000000000000000000", "18446744073709551615"].map(number);
    for generation in [text("two"), AttributeValue::Bool(true), AttributeValue::Null(true)].into_iter().chain(unwhole) {
        one.put(&key("1"), &[("generation", generation.clone()), ("image_tag", text("old"))]).await;
        let (before, seen) = (one.raw(&key("1")).await, one.get(&key("1")).await);
        let wished = one.records.write_desired(&key("1"), &change).await;
        let wished_over = one.records.write_desired_over(&key("1"), Some(&seen), &change).await;
        for refused in [wished, wished_over] {
            let error = refused.expect_err("no whole number");
            assert_eq!(error.meaning(), Meaning::Invalid, "{generation:?}: {error}");
            assert!(error.message().starts_with("generation of apache/superset#1 holds"), "{error}");
            assert!(error.message().ends_with("allowed: a whole number from 0 (N), or nothing"), "{error}");
        }
        assert_eq!(one.raw(&key("1")).await, before, "{generation:?}: a refusal means that nothing was written");
    }
}

pub(super) async fn every_type_in_every_attribute_is_told_by_name(store: &Store) {
    let one = Installation::made(store).await;
    let attributes = [
        "desired",
        "image_tag",
        "flags",
        "config",
        "ttl",
        "pinned",
        "size",
        "head_sha",
        "requested_by",
        "requested_at",
        "request_url",
        "restarted_at",
        "generation",
    ];
    let values = [
        text("\u{7}"),
        number("-5"),
        AttributeValue::Bool(true),
        AttributeValue::L(vec![]),
        map([("0", AttributeValue::L(vec![]))]),
        AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([1])),
        AttributeValue::Ss(vec!["a".into()]),
        AttributeValue::Ns(vec!["1".into()]),
        AttributeValue::Bs(vec![aws_sdk_dynamodb::primitives::Blob::new([1])]),
    ];
    let mut expected = HashMap::new();
    for (row, attribute) in attributes.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let key = key(&(1 + row * values.len() + column).to_string());
            one.put(&key, &[(attribute, value.clone())]).await;
            let right = *attribute == "pinned" && matches!(value, AttributeValue::Bool(_));
            expected.insert(key, (*attribute, right));
        }
    }
    let all = one.records.all().await.expect("all");
    assert_eq!(all.len(), expected.len());
    for record in all {
        let (attribute, right) = expected[&record.key];
        match record.desired {
            Ok(_) => assert!(right, "{attribute} of {} was taken", record.key),
            Err(problems) => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                let sentence = problems[0].to_string();
                assert!(!right && sentence.starts_with(attribute) && sentence.contains("; allowed: "), "{sentence}");
            }
        }
    }
}

pub(super) async fn an_item_that_grows_too_large_is_told(store: &Store) {
    let one = Installation::made(store).await;
    // Within 400 KB (409,600 bytes) with its key, and without room for a status.
    let nearly = 409_600 - 100;
    one.put(&key("1"), &[("note", text(&"x".repeat(nearly)))]).await;
    let seen = one.get(&key("1")).await;
    let error = one.records.write_status(&seen, &status(Phase::Ready)).await.expect_err("no room");
    assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
    assert!(error.message().contains("apache/superset#1 leaves no room for its status"), "{error}");
    let change = vec![("requested_by", Some(Value::String("x".repeat(500_000))))];
    let error = one.records.write_desired(&key("2"), &change).await.expect_err("no room");
    assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
    assert!(error.message().contains("400 KB"), "{error}");
    assert_eq!(one.records.all().await.expect("all").len(), 1, "and the rest goes on");
}

async fn all_are_read(store: &Store, count: usize) {
    let one = Installation::made(store).await;
    // So that they take more than one page of 1 MB.
    one.put_many(count, 1_200).await;
    let all = one.records.all().await.expect("all");
    let keys: BTreeSet<_> = all.iter().map(|record| record.key.pr.clone()).collect();
    assert_eq!((all.len(), keys.len()), (count, count));
}

pub(super) async fn a_thousand_and_one_records_are_all_read(store: &Store) {
    all_are_read(store, 1_001).await;
}

pub(super) async fn two_thousand_five_hundred_records_are_all_read(store: &Store) {
    all_are_read(store, 2_500).await;
}

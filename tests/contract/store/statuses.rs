//! What the controller answers: read back as it was written, and never over what it did not see.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{ItemKey, Phase, Record, Value};
use bivouac_ports::{Meaning, RecordStore as _};

use super::{Installation, PATIENCE, Store, key, map, number, status, text, time};

pub(super) async fn a_status_is_read_back_as_it_was_written(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    assert_eq!(one.records.get(&key("2")).await.expect("get"), None);
    let mut written = status(Phase::Ready);
    for revision in 1..=3 {
        one.records.write_status(&one.get(&key("1")).await, &written).await.expect("a status");
        written.machinery.revision = revision;
        assert_eq!(one.get(&key("1")).await.status.as_ref(), Some(&written));
    }
    // What has no value is removed.
    written.url = None;
    written.purge_at = Some(time("2026-12-23T12:00:00Z"));
    one.records.write_status(&one.get(&key("1")).await, &written).await.expect("a status");
    let raw = one.raw(&key("1")).await;
    assert!(!raw.contains_key("url"));
    assert_eq!(raw["purge_at"], number(&time("2026-12-23T12:00:00Z").timestamp().to_string()));
}

pub(super) async fn a_status_touches_nothing_that_clients_wrote(store: &Store) {
    let one = Installation::made(store).await;
    let theirs = [
        ("image_tag", text("t")),
        ("generation", number("3")),
        ("flags", map([("A", AttributeValue::Bool(true)), ("N", number("1.5"))])),
        ("team", AttributeValue::Ss(vec!["a".into(), "b".into()])),
        ("blob", AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0, 255]))),
        ("ttl", AttributeValue::Null(true)),
    ];
    one.put(&key("1"), &theirs).await;
    one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
    let raw = one.raw(&key("1")).await;
    for (name, value) in theirs {
        assert_eq!(raw[name], value, "{name}");
    }
    let change = vec![("image_tag", Some(Value::String("u".into()))), ("flags", None)];
    assert_eq!(one.records.write_desired(&key("1"), &change).await.expect("a wish"), 4);
    let raw = one.raw(&key("1")).await;
    assert_eq!((&raw["image_tag"], raw.get("flags")), (&text("u"), None));
    assert_eq!(raw["phase"], text("Ready"), "a wish leaves the status");
    assert_eq!(raw["team"], AttributeValue::Ss(vec!["a".into(), "b".into()]));
}

pub(super) async fn a_status_keeps_what_another_release_wrote(store: &Store) {
    let one = Installation::made(store).await;
    let blob = |bytes: &[u8]| aws_sdk_dynamodb::primitives::Blob::new(bytes);
    let theirs = [
        ("regions", AttributeValue::Ss(vec!["eu-west-1".into(), "us-west-2".into()])),
        ("weights", AttributeValue::Ns(vec!["1".into(), "2.5".into()])),
        ("seal", AttributeValue::B(blob(&[0, 255]))),
        ("seals", AttributeValue::Bs(vec![blob(&[1]), blob(&[2, 3])])),
        ("nested", map([("list", AttributeValue::L(vec![AttributeValue::Null(true), number("0.1")]))])),
        ("capacity", text("managed-instances")),
    ];
    let mut machinery: std::collections::HashMap<String, AttributeValue> =
        theirs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    machinery.insert("revision".into(), number("7"));
    machinery.insert("comment".into(), map([("id", number("42")), ("said", text("x")), ("thread", number("9"))]));
    one.put(
        &key("1"),
        &[
            ("phase", text("Hibernating")),
            ("expires_at", text("2026-11-25T12:00:00Z")),
            ("cost_usd", number("42.5")),
            ("status", AttributeValue::M(machinery)),
            ("snapshot", AttributeValue::Bs(vec![blob(&[9])])),
        ],
    )
    .await;
    // As every write of the controller: made out of what was read.
    for (phase, word) in [(None, "Hibernating"), (Some(Phase::Ready), "Ready")] {
        let seen = one.get(&key("1")).await;
        let mut next = seen.status.clone().expect("nothing is lost");
        assert_eq!(next.cost_usd.to_string(), "$42.50");
        assert_eq!(next.machinery.comment.as_ref().and_then(|comment| comment.id), Some(42));
        if let Some(phase) = phase {
            next.set_phase(phase);
        }
        next.message = format!("Written as {word}.");
        one.records.write_status(&seen, &next).await.expect("a status");
        let raw = one.raw(&key("1")).await;
        assert_eq!(raw["phase"], text(word));
        assert_eq!(raw["snapshot"], AttributeValue::Bs(vec![blob(&[9])]));
        let status = raw["status"].as_m().expect("a map");
        for (name, value) in &theirs {
            assert_eq!(sorted(&status[*name]), sorted(value), "{name}");
        }
        assert_eq!(status["comment"].as_m().expect("a map")["thread"], number("9"));
    }
}

/// A set has no order.
fn sorted(value: &AttributeValue) -> AttributeValue {
    let mut value = value.clone();
    match &mut value {
        AttributeValue::Ss(set) | AttributeValue::Ns(set) => set.sort(),
        AttributeValue::Bs(set) => set.sort_by(|one, other| one.as_ref().cmp(other.as_ref())),
        _ => {}
    }
    value
}

async fn conflict(one: &Installation, seen: &Record) {
    let error = one.records.write_status(seen, &status(Phase::Failed)).await.expect_err("an old view");
    assert_eq!(error.meaning(), Meaning::Conflict, "{error}");
}

pub(super) async fn a_status_from_an_old_view_is_refused(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let fresh = one.get(&key("1")).await;
    one.records.write_status(&fresh, &status(Phase::Pending)).await.expect("the first");
    let pending = one.get(&key("1")).await;
    one.records.write_status(&pending, &status(Phase::Ready)).await.expect("the second");
    conflict(&one, &fresh).await;
    conflict(&one, &pending).await;
    assert_eq!(one.get(&key("1")).await.status.expect("a status").phase, Phase::Ready);
}

pub(super) async fn a_wish_written_meanwhile_comes_first(store: &Store) {
    let one = Installation::made(store).await;
    for generation in [None, Some(number("1"))] {
        let attributes: Vec<_> = generation.into_iter().map(|generation| ("generation", generation)).collect();
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        let down = vec![("desired", Some(Value::String("down".into())))];
        one.records.write_desired(&key("1"), &down).await.expect("a wish");
        conflict(&one, &seen).await;
        one.records.write_status(&one.get(&key("1")).await, &status(Phase::Terminating)).await.expect("a new view");
    }
}

pub(super) async fn a_lost_answer_is_seen_by_reading_again(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let seen = one.get(&key("1")).await;
    one.records.write_status(&seen, &status(Phase::Ready)).await.expect("done, and the answer is lost");
    conflict(&one, &seen).await;
    let status_now = one.get(&key("1")).await.status.expect("a status");
    assert!(status_now.says_the_same(&status(Phase::Ready)));
}

pub(super) async fn a_deleted_record_stays_deleted(store: &Store) {
    let one = Installation::made(store).await;
    for answered in [false, true] {
        one.put(&key("1"), &[]).await;
        if answered {
            one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
        }
        let seen = one.get(&key("1")).await;
        one.delete(&key("1")).await;
        conflict(&one, &seen).await;
        assert_eq!(one.records.get(&key("1")).await.expect("get"), None);
    }
}

pub(super) async fn a_record_that_was_overwritten_whole_is_answered_anew(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[("generation", number("1"))]).await;
    one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
    let seen = one.get(&key("1")).await;
    one.put(&key("1"), &[("image_tag", text("new"))]).await;
    conflict(&one, &seen).await;
    let fresh = one.get(&key("1")).await;
    assert_eq!((fresh.generation, &fresh.status), (None, &None));
    one.records.write_status(&fresh, &status(Phase::Starting)).await.expect("a status");
    assert_eq!(one.get(&key("1")).await.status.expect("a status").machinery.revision, 1);
}

/// What people, and clients with a mistake, make of what only the store should count.
fn spoiled() -> Vec<(&'static str, Vec<(&'static str, AttributeValue)>)> {
    let revision = |value| ("status", map([("revision", value)]));
    vec![
        ("a generation in words", vec![("generation", text("two"))]),
        ("a negative generation", vec![("generation", number("-5"))]),
        ("half a generation", vec![("generation", number("1.5"))]),
        ("a null generation", vec![("generation", AttributeValue::Null(true))]),
        ("a status without a phase", vec![revision(number("7"))]),
        ("a phase that is none", vec![("phase", text("Happy")), ("expires_at", text("soon")), revision(number("7"))]),
        ("a status in words", vec![("status", text("fine"))]),
        ("a revision in words", vec![revision(text("seven"))]),
        ("a revision in words, with a phase", {
            vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z")), revision(text("seven"))]
        }),
        ("a status in words, with a phase", {
            vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z")), ("status", text("fine"))]
        }),
        ("a phase and no status", vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z"))]),
        ("everything at once", vec![("generation", map([])), revision(AttributeValue::Bool(true))]),
    ]
}

pub(super) async fn spoiled_records_are_answered_too(store: &Store) {
    let one = Installation::made(store).await;
    for (what, attributes) in spoiled() {
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        one.records.write_status(&seen, &status(Phase::Invalid)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let after = one.get(&key("1")).await;
        assert!(after.status.as_ref().is_some_and(|status| status.phase == Phase::Invalid), "{what}");
        one.records.write_status(&after, &status(Phase::Ready)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
}

pub(super) async fn of_two_who_answer_a_spoiled_record_one_loses(store: &Store) {
    let one = Installation::made(store).await;
    for (what, attributes) in spoiled() {
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        let (first, second) = (status(Phase::Invalid), status(Phase::Failed));
        let (first, second) =
            tokio::join!(one.records.write_status(&seen, &first), one.records.write_status(&seen, &second));
        let won = usize::from(first.is_ok()) + usize::from(second.is_ok());
        assert_eq!(won, 1, "{what}: {first:?} {second:?}");
    }
}

pub(super) async fn impossible_keys_are_answered_too(store: &Store) {
    let one = Installation::made(store).await;
    let keys =
        [("a/b", "0"), ("a/b", "-1"), ("a/b", "1.5"), ("a/b", "99999999999999999999"), ("nobody", "1"), ("🚀", "1")];
    for (repo, pr) in keys {
        one.put(&ItemKey { repo: repo.into(), pr: pr.into() }, &[]).await;
    }
    let all = one.records.all().await.expect("all");
    assert_eq!(all.len(), keys.len());
    for record in all {
        assert!(record.desired.is_err(), "{}", record.key);
        one.records.write_status(&record, &status(Phase::Invalid)).await.expect("a status");
        assert!(one.get(&record.key).await.status.is_some(), "{}", record.key);
    }
}

pub(super) async fn records_are_found_by_their_phase(store: &Store) {
    let one = Installation::made(store).await;
    for (pr, phase) in [("1", Phase::Ready), ("2", Phase::WaitingForImage), ("3", Phase::WaitingForImage)] {
        one.put(&key(pr), &[]).await;
        one.records.write_status(&one.get(&key(pr)).await, &status(phase)).await.expect("a status");
    }
    one.put(&key("4"), &[]).await;
    let found = one.found_in(Phase::WaitingForImage, 2).await;
    assert_eq!(found, [one.get(&key("2")).await, one.get(&key("3")).await], "whole records");
    one.records.write_status(&one.get(&key("2")).await, &status(Phase::Starting)).await.expect("a status");
    assert_eq!(one.found_in(Phase::WaitingForImage, 1).await, [one.get(&key("3")).await]);
    assert_eq!(one.found_in(Phase::Failed, 0).await, []);
}

impl Installation {
    /// The records of a phase in order, as soon as they are so many: the index follows the table a moment later.
    async fn found_in(&self, phase: Phase, count: usize) -> Vec<Record> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let mut found = self.records.in_phase(phase).await.expect("an answer");
            if found.len() == count || tokio::time::Instant::now() > until {
                found.sort_by_key(|record| record.key.to_string());
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

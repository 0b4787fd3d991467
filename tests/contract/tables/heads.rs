//! The heads that were seen, and the commits that were named.

use std::time::Duration;

use bivouac_aws::{DynamoHeads, DynamoJournal};
use bivouac_model::EnvKey;
use bivouac_ports::{Journal as _, Meaning, NamedCommit, SeenHead, SeenHeads as _};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Tables, promises, text, time};

promises![
    the_newest_before_a_moment_is_found,
    what_was_seen_in_the_same_second_was_not_seen_before,
    whether_a_commit_was_seen_is_known,
    a_commit_that_was_named_is_remembered_with_its_first_head,
    what_is_recorded_twice_stands_once,
    a_spoiled_sighting_is_none,
    heads_are_no_events_and_no_letters,
    heads_are_kept_for_months,
    without_a_table_it_says_so,
];

fn heads(tables: &Tables) -> DynamoHeads {
    DynamoHeads::new(&tables.sdk, &tables.prefix)
}

fn key(pr: u64) -> EnvKey {
    format!("apache/superset#{pr}").parse().expect("a key")
}

fn second(number: i64) -> DateTime<Utc> {
    time("2026-11-23T12:00:00Z") + TimeDelta::seconds(number)
}

fn commit(number: u8) -> String {
    format!("{number:040x}")
}

fn head(number: u8, at: i64) -> SeenHead {
    SeenHead { sha: commit(number), at: second(at) }
}

fn named(number: u8, command: &str, head: u8) -> NamedCommit {
    NamedCommit { sha: commit(number), command: command.into(), at: second(5), head: commit(head) }
}

async fn the_newest_before_a_moment_is_found(tables: &Tables) {
    let heads = heads(tables);
    assert_eq!(heads.newest_seen(&key(7), second(100)).await.expect("read"), None);
    // In whichever order they are recorded.
    for (number, at) in [(2, 20), (1, 10), (3, 30), (1, 40)] {
        heads.record_seen(&key(7), &head(number, at)).await.expect("recorded");
    }
    heads.record_seen(&key(70), &head(9, 15)).await.expect("recorded");
    for (before, newest) in [(10, None), (11, Some(head(1, 10))), (25, Some(head(2, 20))), (31, Some(head(3, 30)))] {
        assert_eq!(heads.newest_seen(&key(7), second(before)).await.expect("read"), newest, "{before}");
    }
    let far = time("9999-12-31T23:59:59Z");
    assert_eq!(heads.newest_seen(&key(7), far).await.expect("read"), Some(head(1, 40)));
}

async fn what_was_seen_in_the_same_second_was_not_seen_before(tables: &Tables) {
    let heads = heads(tables);
    heads.record_seen(&key(7), &head(1, 10)).await.expect("recorded");
    assert_eq!(heads.newest_seen(&key(7), second(10)).await.expect("read"), None);
    assert!(!heads.was_seen(&key(7), &commit(1), second(10)).await.expect("read"));
    assert!(heads.was_seen(&key(7), &commit(1), second(11)).await.expect("read"));
}

async fn whether_a_commit_was_seen_is_known(tables: &Tables) {
    let heads = heads(tables);
    for number in 0..100 {
        heads.record_seen(&key(7), &head(number, i64::from(number))).await.expect("recorded");
    }
    for (number, before, was_seen) in [(0, 100, true), (99, 100, true), (99, 99, false), (100, 200, false)] {
        let answer = heads.was_seen(&key(7), &commit(number), second(before)).await.expect("read");
        assert_eq!(answer, was_seen, "{number} before {before}");
    }
    assert!(!heads.was_seen(&key(8), &commit(1), second(100)).await.expect("read"), "another pull request's");
}

async fn a_commit_that_was_named_is_remembered_with_its_first_head(tables: &Tables) {
    let heads = heads(tables);
    assert_eq!(heads.named(&key(7), &commit(1)).await.expect("read"), []);
    heads.record_named(&key(7), &named(1, "comment-5", 2)).await.expect("recorded");
    // Handled again, when the head is another one.
    heads.record_named(&key(7), &named(1, "comment-5", 3)).await.expect("recorded");
    heads.record_named(&key(7), &named(1, "comment-6", 3)).await.expect("recorded");
    heads.record_named(&key(7), &named(4, "comment-7", 3)).await.expect("recorded");
    let mut found = heads.named(&key(7), &commit(1)).await.expect("read");
    found.sort_by(|one, other| one.command.cmp(&other.command));
    assert_eq!(found, [named(1, "comment-5", 2), named(1, "comment-6", 3)]);
    assert_eq!(heads.newest_seen(&key(7), second(100)).await.expect("read"), None, "what is named was not seen");
}

async fn what_is_recorded_twice_stands_once(tables: &Tables) {
    let heads = heads(tables);
    for _ in 0..2 {
        heads.record_seen(&key(7), &head(1, 10)).await.expect("recorded");
        heads.record_named(&key(7), &named(1, "comment-5", 2)).await.expect("recorded");
    }
    assert_eq!(tables.events_table().await.len(), 2);
}

async fn a_spoiled_sighting_is_none(tables: &Tables) {
    let heads = heads(tables);
    heads.record_seen(&key(7), &head(1, 10)).await.expect("recorded");
    tables.put_event("heads#apache/superset#7", "seen#2026-11-23T12:00", &[("sha", text("x"))]).await;
    tables.put_event("heads#apache/superset#7", &format!("named#{}#x", commit(1)), &[]).await;
    assert!(heads.was_seen(&key(7), &commit(1), second(11)).await.expect("read"));
    assert_eq!(heads.named(&key(7), &commit(1)).await.expect("read"), []);
}

async fn heads_are_no_events_and_no_letters(tables: &Tables) {
    heads(tables).record_seen(&key(7), &head(1, 10)).await.expect("recorded");
    let journal = DynamoJournal::new(&tables.sdk, &tables.prefix, Duration::from_secs(60));
    let environment = bivouac_model::ItemKey::from(&key(7));
    assert_eq!(journal.newest(&environment, 10).await.expect("read"), []);
}

async fn heads_are_kept_for_months(tables: &Tables) {
    let heads = heads(tables);
    heads.record_seen(&key(7), &head(1, 0)).await.expect("recorded");
    heads.record_named(&key(7), &named(1, "comment-5", 2)).await.expect("recorded");
    for (place, item) in tables.events_table().await {
        let until: i64 = item["purge_at"].as_n().expect("seconds").parse().expect("whole ones");
        assert!(until - second(0).timestamp() >= 180 * 24 * 60 * 60, "{place:?}");
    }
}

async fn without_a_table_it_says_so(tables: &Tables) {
    let nowhere = DynamoHeads::new(&tables.sdk, "nobody-made-this");
    for refused in [
        nowhere.record_seen(&key(7), &head(1, 10)).await,
        nowhere.newest_seen(&key(7), second(1)).await.map(drop),
        nowhere.named(&key(7), &commit(1)).await.map(drop),
    ] {
        let refused = refused.expect_err("there is no table");
        assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
        assert!(refused.message().contains("nobody-made-this-events: `bivouac init` makes it"), "{refused}");
    }
}

//! The leases: of two who claim one, one has it.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_aws::DynamoLeases;
use bivouac_ports::{LeaseView, Leases as _, Meaning};

use super::{Installation, Store};

fn lease(holder: Option<&str>, version: u64) -> LeaseView {
    LeaseView { holder: holder.map(Into::into), version, period: Duration::from_millis(15_250), spoiled: None }
}

pub(super) async fn of_two_claimants_one_wins(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    assert_eq!(leases.read("leader").await.expect("read"), None);
    for (seen, version) in [(None, 1), (Some(1), 2)] {
        let (a, b) = (lease(Some("a"), version), lease(Some("b"), version));
        let (first, second) = tokio::join!(leases.write("leader", &a, seen), leases.write("leader", &b, seen));
        let (winner, loser) = if first.is_ok() { (a, second) } else { (b, first) };
        assert_eq!(loser.expect_err("one loses").meaning(), Meaning::Conflict);
        assert_eq!(leases.read("leader").await.expect("read"), Some(winner));
    }
    assert_eq!(leases.read("another").await.expect("read"), None, "each name is a lease of its own");
}

pub(super) async fn a_lease_is_renewed_and_given_back(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    let mut seen = None;
    for version in 1..=3 {
        leases.write("leader", &lease(Some("a"), version), seen).await.expect("claimed, then renewed");
        seen = Some(version);
    }
    for stale in [None, Some(1), Some(2), Some(4)] {
        let error = leases.write("leader", &lease(Some("b"), 9), stale).await.expect_err("an old view");
        assert_eq!(error.meaning(), Meaning::Conflict, "{stale:?}: {error}");
    }
    leases.write("leader", &lease(None, 4), Some(3)).await.expect("given back");
    assert_eq!(leases.read("leader").await.expect("read"), Some(lease(None, 4)));
    leases.write("leader", &lease(Some("b"), 5), Some(4)).await.expect("taken by the next");
}

/// What somebody may make of the attributes of a lease.
fn spoils() -> Vec<(&'static str, Vec<(&'static str, AttributeValue)>)> {
    let (s, n) = (|text: &str| AttributeValue::S(text.into()), |number: &str| AttributeValue::N(number.into()));
    let map = AttributeValue::M([("b".to_owned(), n("2")), ("a".to_owned(), s("x")), ("c".to_owned(), s("y"))].into());
    vec![
        ("nothing but the name", vec![]),
        ("a version that is a text", vec![("holder", s("a")), ("version", s("7")), ("period_ms", n("1000"))]),
        ("no version", vec![("holder", s("a")), ("period_ms", n("1000"))]),
        ("a fraction", vec![("holder", s("a")), ("version", n("1.5"))]),
        ("a negative version", vec![("version", n("-1"))]),
        ("the largest number of 64 bits", vec![("holder", s("a")), ("version", n("18446744073709551615"))]),
        ("38 digits", vec![("version", n("99999999999999999999999999999999999999"))]),
        ("a map", vec![("holder", map.clone()), ("version", map), ("period_ms", s("soon"))]),
        (
            "bytes and sets",
            vec![
                ("version", AttributeValue::B(Blob::new([1, 2, 3]))),
                ("period_ms", AttributeValue::Ss(vec!["b".into(), "a".into(), "c".into()])),
            ],
        ),
        ("a list and null", vec![("version", AttributeValue::L(vec![n("1")])), ("holder", AttributeValue::Null(true))]),
        ("a holder that is a number", vec![("holder", n("3")), ("version", n("12")), ("period_ms", n("1000"))]),
        ("no holder's name", vec![("holder", s("")), ("version", n("12")), ("period_ms", n("1000"))]),
        ("a million years", vec![("holder", s("a")), ("version", n("12")), ("period_ms", n("31557600000000000"))]),
    ]
}

pub(super) async fn a_spoiled_lease_is_replaced_by_one_who_saw_it_as_it_is(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    for (what, attributes) in spoils() {
        let put = async |more: &[(&str, AttributeValue)]| {
            let all = attributes.iter().map(|(name, value)| (*name, value.clone())).chain(more.iter().cloned());
            let item = all.map(|(name, value)| (name.to_owned(), value));
            let item = item.chain([("name".to_owned(), AttributeValue::S("leader".into()))]).collect();
            let table = format!("{}-leases", one.prefix);
            one.client.put_item().table_name(table).set_item(Some(item)).send().await.expect("put");
        };
        put(&[]).await;
        let seen = leases.read("leader").await.expect("it is no error").expect("a lease");
        assert!(seen.spoiled.is_some() && seen.holder.is_some(), "{what}: somebody may hold it: {seen:?}");
        assert!(seen.period <= Duration::from_secs(300), "{what}: {seen:?}");
        assert_eq!(leases.read("leader").await.expect("read").as_ref(), Some(&seen), "{what}: it reads the same twice");
        // Somebody wrote since: what was seen is no more.
        put(&[
            ("renewed_at", AttributeValue::S("2026-11-30T12:00:00Z".into())),
            ("version", AttributeValue::Bool(true)),
        ])
        .await;
        let error = leases.write("leader", &lease(Some("b"), seen.version + 1), Some(seen.version)).await;
        assert_eq!(error.expect_err("an old view").meaning(), Meaning::Conflict, "{what}");
        put(&[]).await;
        let error = leases.write("leader", &lease(Some("b"), 1), None).await.expect_err("there is one");
        assert_eq!(error.meaning(), Meaning::Conflict, "{what}");
        let (a, b) = (lease(Some("a"), seen.version + 1), lease(Some("b"), seen.version + 1));
        let (first, second) = tokio::join!(
            leases.write("leader", &a, Some(seen.version)),
            leases.write("leader", &b, Some(seen.version))
        );
        let (winner, loser) = if first.is_ok() { (a, second) } else { (b, first) };
        assert_eq!(loser.expect_err("one loses").meaning(), Meaning::Conflict, "{what}");
        assert_eq!(leases.read("leader").await.expect("read"), Some(winner.clone()), "{what}");
        let renewed = LeaseView { version: winner.version + 1, ..winner.clone() };
        leases.write("leader", &renewed, Some(winner.version)).await.expect("it is renewed as any other");
    }
}

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{
    AtHead, Attempt, BoundCommit, Capacity, CommandOutcome, ConditionStatus, ContentHash, ImageDigest, ImageRevision,
    Item, ItemKey, Phase, Place, Reacted, SaidComment, Status, TaskDefinitionName, Usd, decode_record, encode_status,
};

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn decode(item: &Item) -> Status {
    decode_record(ItemKey { repo: "a/b".into(), pr: "1".into() }, item).status.expect("a status")
}

/// The item after this release wrote it.
fn rewritten(status: &Status) -> Item {
    encode_status(status).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Every field has a value.
fn full() -> Machinery {
    let at = "2026-11-23T12:00:00Z".parse().unwrap();
    let hash = || Some(ContentHash::from_stored("0123456789abcdef0123456789abcdef"));
    let digest = || ImageDigest::new("sha256:00");
    Machinery {
        revision: 7,
        observed_generation: Some(3),
        conditions: vec![Condition {
            kind: Cow::Borrowed("Ready"),
            status: ConditionStatus::True,
            reason: Cow::Borrowed("Healthy"),
            message: "It answers.".into(),
            last_transition_at: at,
        }],
        first_seen_at: Some(at),
        phase_since: Some(at),
        spec: hash(),
        failed_spec: hash(),
        attempt: Some(Attempt { since: Some(at), crashes: 2, counted_until: Some(at) }),
        task_definition: Some(TaskDefinitionName::from_arn("a:1")),
        deployment: Some("ecs-svc/1".into()),
        tasks: vec!["0123".into()],
        network_interface: Some("eni-1".into()),
        image_digest: Some(digest()),
        idle: hash(),
        capacity: Some(Capacity::Spot),
        place: Some(Place { cpu: 512, hourly: Usd::from_dollars(0.03) }),
        before_month: Usd::from_dollars(1.0),
        booked: true,
        comment: Some(SaidComment { id: Some(42), said: "0123".into() }),
        commit: Some(BoundCommit {
            sha: "0123".into(),
            approved_at: Some(at),
            left_at: Some(at),
            newer: None,
            ahead: None,
            at_head: Some(AtHead { since: Some(at), until: Some(at), missing_at: Some(at) }),
            proven: Some(digest()),
        }),
        image_revision: Some(ImageRevision { digest: digest(), commit: None }),
        reacted: Some(Reacted { comment: 41, outcome: CommandOutcome::Done }),
        foreign: None,
    }
}

#[test]
fn every_field_is_known_by_its_name() {
    let written = written(&full());
    let names: Vec<&str> = written.as_map().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, KNOWN);
}

#[test]
fn what_this_release_wrote_has_nothing_foreign() {
    let map = written(&full());
    assert_eq!(decode_machinery(map.as_map().unwrap()), full());
}

/// An item as a release of next year writes it.
fn of_next_year() -> Item {
    let mut machinery = written(&full()).as_map().unwrap().clone();
    let Some(Value::List(conditions)) = machinery.get_mut("conditions") else { panic!("a list") };
    let Value::Map(ready) = &mut conditions[0] else { panic!("a map") };
    ready.insert("severity".into(), text("Info"));
    conditions.push(map([("type", text("Mirrored")), ("status", text("Partly")), ("since", text("noon"))]));
    for (name, value) in [
        ("capacity", text("managed-instances")),
        ("snapshot", map([("id", text("snap-1")), ("of", Value::BinarySet(vec![vec![0, 1]]))])),
        ("regions", Value::StringSet(vec!["eu-west-1".into(), "us-west-2".into()])),
        ("reacted", map([("to", Value::Number("41".into())), ("as", text("postponed"))])),
        ("nothing", Value::Null),
    ] {
        machinery.insert(name.into(), value);
    }
    let Some(Value::Map(comment)) = machinery.get_mut("comment") else { panic!("a map") };
    comment.insert("thread".into(), Value::Number("7".into()));
    [
        ("phase", text("Hibernating")),
        ("reason", text("Snapshotted")),
        ("message", text("Its disk is kept.")),
        ("expires_at", text("2026-11-25T12:00:00Z")),
        ("hourly_cost_usd", Value::Number("0.001".into())),
        ("cost_usd", Value::Number("42.5".into())),
        ("updated_at", text("2026-11-23T12:00:00Z")),
        ("status", Value::Map(machinery)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[test]
fn a_phase_of_a_newer_release_takes_nothing_with_it() {
    let item = of_next_year();
    let status = decode(&item);
    assert_eq!(status.cost_usd, Usd::from_dollars(42.5));
    let machinery = &status.machinery;
    assert_eq!(machinery.comment.as_ref().and_then(|comment| comment.id), Some(42));
    assert_eq!(machinery.attempt, full().attempt);
    assert_eq!((status.phase, status.phase_word()), (Phase::Pending, "Hibernating"));
    assert_eq!(machinery.conditions, full().conditions, "what can be read of the conditions");
    assert_eq!((machinery.capacity, machinery.reacted), (None, None), "values that this release does not know");
    // Written back with nothing of ours to say, it is what it was, byte for byte.
    assert_eq!(rewritten(&status), item);
}

#[test]
fn what_this_release_has_to_say_stands_beside_the_rest() {
    let item = of_next_year();
    let mut status = decode(&item);
    status.phase = Phase::Ready;
    status.machinery.foreign.as_mut().unwrap().phase = None;
    status.machinery.revision = 8;
    status.machinery.capacity = Some(Capacity::OnDemand);
    status.machinery.comment = Some(SaidComment { id: Some(42), said: "4567".into() });
    status.machinery.attempt = None;
    status.machinery.conditions[0].status = ConditionStatus::False;
    let written = rewritten(&status);
    assert_eq!(written["phase"], text("Ready"));
    let (before, after) = (item["status"].as_map().unwrap(), written["status"].as_map().unwrap());
    for name in ["snapshot", "regions", "nothing", "reacted"] {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    assert_eq!((&after["capacity"], after.get("attempt")), (&text("on-demand"), None));
    let comment = after["comment"].as_map().unwrap();
    assert_eq!((&comment["said"], &comment["thread"]), (&text("4567"), &Value::Number("7".into())));
    let (Value::List(before), Value::List(after)) = (&before["conditions"], &after["conditions"]) else {
        panic!("lists")
    };
    assert_eq!(after[1], before[1]);
    let ready = after[0].as_map().unwrap();
    assert_eq!((&ready["status"], &ready["severity"]), (&text("False"), &text("Info")));
    // And it is read back as it was meant.
    assert_eq!(decode(&written).machinery.attempt, None);
}

/// A condition that cannot be read gives way to one of ours of the same type.
#[test]
fn no_condition_stands_twice() {
    let mut status = decode(&of_next_year());
    let ours = Condition { kind: Cow::Borrowed("Mirrored"), ..full().conditions[0].clone() };
    status.machinery.conditions.push(ours);
    let written = rewritten(&status);
    let Value::List(conditions) = &written["status"].as_map().unwrap()["conditions"] else { panic!("a list") };
    let mirrored: Vec<_> = conditions.iter().filter(|one| kind(one) == Some("Mirrored")).collect();
    assert_eq!(mirrored.len(), 1);
    assert_eq!(mirrored[0].as_map().unwrap()["status"], text("True"));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::String),
        any::<i32>().prop_map(|number| Value::Number(number.to_string())),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Binary),
        prop::collection::vec("[a-z]{1,3}", 1..4).prop_map(Value::StringSet),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

proptest! {
    /// Whatever a release writes, what this one does not know of it survives a write of this one unchanged.
    #[test]
    fn nothing_unknown_is_lost(
        unknown in prop::collection::btree_map("[a-z_]{1,8}", values(), 0..6),
        spoiled in prop::collection::btree_map(prop::sample::select(KNOWN.to_vec()), values(), 0..4),
        phase in "[A-Z][a-z]{2,12}",
    ) {
        let mut machinery = written(&full()).as_map().unwrap().clone();
        machinery.extend(spoiled.into_iter().map(|(name, value)| (name.to_owned(), value)));
        machinery.extend(unknown);
        let item: Item = [
            ("phase", text(&phase)),
            ("expires_at", text("2026-11-25T12:00:00Z")),
            ("cost_usd", Value::Number("42.5".into())),
            ("status", Value::Map(machinery.clone())),
        ].map(|(name, value)| (name.to_owned(), value)).into();
        let status = decode(&item);
        prop_assert_eq!(status.cost_usd, Usd::from_dollars(42.5));
        let after = rewritten(&status);
        prop_assert_eq!(&after["phase"], &text(&phase));
        let after = after["status"].as_map().unwrap();
        for (name, value) in &machinery {
            let is_known = KNOWN.contains(&name.as_str());
            prop_assert!(is_known || after.get(name) == Some(value), "{name}");
        }
        // A second round changes nothing more.
        let again = rewritten(&decode(&rewritten(&status)));
        prop_assert_eq!(again, rewritten(&status));
    }
}

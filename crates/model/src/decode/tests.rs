use proptest::prelude::*;

use super::*;
use crate::Phase;

/// The attributes that clients write.
const DESIRED: [&str; 14] = [
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
    "closed_at",
    "restarted_at",
    "generation",
];

fn key() -> ItemKey {
    ItemKey { repo: "apache/superset".into(), pr: "1".into() }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn decode<const N: usize>(attributes: [(&str, Value); N]) -> Record {
    decode_record(key(), &attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn problems<const N: usize>(attributes: [(&str, Value); N]) -> Vec<String> {
    decode(attributes).desired.expect_err("a problem").iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_is_all_that_it_takes() {
    let record = decode([]);
    assert_eq!(record.desired, Ok(DesiredState::default()));
    assert_eq!((record.generation, record.status), (None, None));
}

#[test]
fn null_is_as_good_as_absent() {
    let nulls = DESIRED.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    assert_eq!(decode_record(key(), &nulls).desired, Ok(DesiredState::default()));
}

#[test]
fn a_whole_wish_is_understood() {
    let flags = BTreeMap::from([
        ("FEATURE_X".to_owned(), Value::Bool(true)),
        ("WORKERS".to_owned(), Value::Number("4.0".into())),
        ("NAME".to_owned(), text("a = b")),
    ]);
    let state = decode([
        ("desired", text("asleep")),
        ("image_tag", text("pr-1-ci")),
        ("flags", Value::Map(flags)),
        ("ttl", text("48h")),
        ("pinned", Value::Bool(true)),
        ("size", text("small")),
        ("head_sha", text("0123abc")),
        ("requested_by", text("octocat")),
        ("requested_at", text("2026-11-23T13:00:00+01:00")),
        ("generation", Value::Number("7".into())),
        ("team", Value::StringSet(vec!["a".into()])),
    ])
    .desired
    .unwrap();
    assert_eq!(state.desired, Desired::Asleep);
    assert_eq!(state.flags["FEATURE_X"], "true");
    assert_eq!(state.flags["WORKERS"], "4");
    assert_eq!(state.ttl, Ttl::new(Duration::from_secs(172_800)));
    assert_eq!(state.requested_at.unwrap().to_rfc3339(), "2026-11-23T12:00:00+00:00");
    assert_eq!(state.generation, Some(7));
}

#[test]
fn a_sentence_names_the_attribute_what_it_holds_and_what_is_allowed() {
    for (attribute, value, sentence) in [
        ("desired", text("on"), r#"desired holds "on"; allowed: one of up, asleep, down"#),
        (
            "ttl",
            text("soon"),
            r#"ttl holds "soon"; allowed: a duration such as 48h, 90m or 2d, or a whole number of seconds, longer than nothing"#,
        ),
        ("pinned", text("yes"), r#"pinned holds "yes"; allowed: true or false (BOOL)"#),
        ("generation", Value::Number("-5".into()), "generation holds -5; allowed: a whole number from 0 (N)"),
        (
            "flags",
            Value::List(vec![Value::Null]),
            "flags holds a list of 1; allowed: a map (M) of names to texts (S, BOOL or N)",
        ),
        (
            "size",
            Value::StringSet(vec!["a".into()]),
            "size holds a value of type SS; allowed: the name of a size of the configuration",
        ),
    ] {
        assert_eq!(problems([(attribute, value)]), [sentence]);
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let told = problems([("ttl", Value::Number("0".into())), ("pinned", text("no")), ("image_tag", text("-x"))]);
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn too_many_and_too_large_variables_are_refused() {
    let map = |count: usize, bytes: usize| {
        Value::Map((0..count).map(|at| (format!("F{at}"), text(&"x".repeat(bytes)))).collect())
    };
    assert_eq!(problems([("flags", map(10_000, 1))]), ["flags holds 10000 entries; allowed: at most 200"]);
    assert!(decode([("flags", map(200, 4)), ("config", map(200, 4))]).desired.is_ok());
    let together = problems([("flags", map(5, 4_000)), ("config", map(5, 4_000))]);
    assert!(together[0].starts_with("flags and config hold 40020 bytes together"), "{together:?}");
    let value = problems([("config", map(1, 4_097))]);
    assert!(value[0].starts_with("config.F0 holds \"xxx"), "{value:?}");
    assert!(value[0].len() < 250, "a sentence stays a sentence: {value:?}");
}

#[test]
fn names_that_are_no_variables_are_refused() {
    for name in ["", "1A", "A-B", "A B", "Ä", "A=B"] {
        let told = problems([("flags", Value::Map(BTreeMap::from([(name.to_owned(), text("x"))])))]);
        assert!(told[0].starts_with(&format!("flags holds the name `{name}`; allowed: ")), "{told:?}");
    }
}

#[test]
fn a_generation_is_read_from_an_invalid_record_too() {
    let record = decode([("generation", Value::Number("9".into())), ("ttl", text("soon"))]);
    assert!(record.desired.is_err());
    assert_eq!(record.generation, Some(9));
}

#[test]
fn an_impossible_key_is_a_problem_of_its_own() {
    for (repo, pr) in [("superset", "1"), ("apache/superset", "0"), ("apache/superset", "1.5")] {
        let record = decode_record(ItemKey { repo: repo.into(), pr: pr.into() }, &Item::new());
        assert_eq!(record.desired.unwrap_err().len(), 1, "{repo}#{pr}");
    }
}

#[test]
fn spoiled_parts_of_a_status_are_lost_one_by_one() {
    let item = |phase: &str, expires_at: &str| {
        [
            ("phase", text(phase)),
            ("expires_at", text(expires_at)),
            ("public_ip", text("nowhere")),
            ("cost_usd", text("much")),
            ("purge_at", Value::Number("1e99".into())),
            ("updated_at", Value::Bool(true)),
            ("status", text("fine")),
        ]
    };
    let status = decode(item("Ready", "2026-11-25T12:00:00Z")).status.unwrap();
    assert_eq!((status.phase, status.public_ip, status.purge_at), (Phase::Ready, None, None));
    assert_eq!(status.machinery, crate::Machinery::default());
    let foreign = decode(item("Happy", "2026-11-25T12:00:00Z")).status.unwrap();
    assert_eq!((foreign.phase, foreign.phase_word(), foreign.knows_its_phase()), (Phase::Pending, "Happy", false));
    let endless = decode(item("Ready", "soon")).status.unwrap();
    assert_eq!((endless.phase, endless.known_expiry()), (Phase::Ready, None));
}

/// One entry that nobody can read does not take the rest of the map with it: least of all the revision.
#[test]
fn a_spoiled_entry_of_the_machinery_is_lost_alone() {
    let machinery = Value::Map(BTreeMap::from([
        ("revision".to_owned(), Value::Number("7".into())),
        ("observed_generation".to_owned(), text("three")),
        ("comment".to_owned(), Value::Bool(true)),
        ("deployment".to_owned(), text("ecs-svc/1")),
        ("capacity".to_owned(), text("free")),
        ("attempt".to_owned(), Value::Map(BTreeMap::from([("crashes".to_owned(), text("many"))]))),
        ("conditions".to_owned(), Value::List(vec![Value::Null])),
        ("of_a_newer_version".to_owned(), Value::Null),
    ]));
    let record =
        decode([("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z")), ("status", machinery)]);
    let read = record.status.unwrap().machinery;
    assert_eq!((read.revision, read.deployment.as_deref()), (7, Some("ecs-svc/1")));
    assert_eq!((read.observed_generation, read.comment, read.capacity), (None, None, None));
    assert!(read.conditions.is_empty() && read.attempt.is_none());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        ".{0,80}".prop_map(Value::String),
        "(-?[0-9]{1,40}(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?)|.{0,8}".prop_map(Value::Number),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::sample::select(vec![
            Value::Binary(vec![0, 255]),
            Value::StringSet(vec!["a".into()]),
            Value::NumberSet(vec!["1".into()]),
            Value::BinarySet(vec![vec![1]]),
            Value::Other("newer"),
        ]),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map(".{0,8}|[A-Z]{1,6}", inner, 0..6).prop_map(Value::Map),
        ]
    })
}

fn names() -> impl Strategy<Value = String> {
    let known: Vec<String> =
        DESIRED.iter().chain(crate::STATUS_ATTRIBUTES.iter()).map(|name| (*name).to_owned()).collect();
    prop_oneof![9 => prop::sample::select(known), 1 => ".{1,8}"]
}

proptest! {
    #[test]
    fn no_item_panics_and_every_problem_is_a_sentence(
        repo in ".{0,40}|[a-z]{1,5}/[a-z]{1,5}",
        pr in "-?[0-9]{1,12}(\\.[0-9]{1,3})?",
        item in prop::collection::btree_map(names(), values(), 0..12),
    ) {
        let record = decode_record(ItemKey { repo: repo.into(), pr: pr.into() }, &item);
        for problem in record.desired.err().into_iter().flatten() {
            let sentence = problem.to_string();
            prop_assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
            prop_assert!(sentence.chars().count() < 600, "{sentence}");
        }
    }

    #[test]
    fn a_wrong_value_makes_one_problem_of_its_attribute_and_spoils_no_other(
        attribute in prop::sample::select(DESIRED.to_vec()),
        value in values(),
    ) {
        let mut item = Item::from([("image_tag".to_owned(), text("t")), ("size".to_owned(), text("small"))]);
        item.insert(attribute.to_owned(), value.clone());
        if let Err(problems) = decode_record(key(), &item).desired {
            for problem in &problems {
                prop_assert!(problem.to_string().starts_with(attribute), "{}", problem);
            }
            if !matches!(value, Value::Map(_)) {
                prop_assert_eq!(problems.len(), 1);
            }
        }
    }
}

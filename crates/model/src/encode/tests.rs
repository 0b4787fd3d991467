use std::borrow::Cow;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    Attempt, Capacity, CommandOutcome, Condition, ConditionStatus, ContentHash, ImageDigest, Item, ItemKey, Machinery,
    Phase, Place, Reacted, SaidComment, TaskDefinitionName, Usd, decode_record,
};

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    // From 1970 to 2100.
    (0..4_102_444_800i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

fn usd() -> impl Strategy<Value = Usd> {
    (0..10_000_000u32).prop_map(|hundredths| Usd::from_dollars(f64::from(hundredths) / 10_000.0))
}

fn condition() -> impl Strategy<Value = Condition> {
    let status = prop::sample::select(vec![ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown]);
    ("[A-Z][A-Za-z]{0,12}", status, "[A-Z][A-Za-z]{0,12}", ".{0,40}", time()).prop_map(
        |(kind, status, reason, message, last_transition_at)| Condition {
            kind: Cow::Owned(kind),
            status,
            reason: Cow::Owned(reason),
            message,
            last_transition_at,
        },
    )
}

fn machinery() -> impl Strategy<Value = Machinery> {
    let hash = || prop::option::of("[0-9a-f]{32}".prop_map(|text| ContentHash::from_stored(&text)));
    let numbers = (any::<u64>(), prop::option::of(any::<u64>()));
    let times = (prop::option::of(time()), prop::option::of(time()));
    let what = (hash(), hash(), hash(), prop::option::of(".{1,30}"));
    let capacity = prop::option::of(prop::sample::select(vec![Capacity::OnDemand, Capacity::Spot]));
    let place = prop::option::of((any::<u32>(), usd()).prop_map(|(cpu, hourly)| Place { cpu, hourly }));
    let caps = (capacity, place, usd());
    let comment = prop::option::of((prop::option::of(any::<u64>()), "[0-9a-f]{16}"));
    let attempt = (prop::option::of(time()), any::<u32>(), prop::option::of(time()));
    let attempt =
        attempt.prop_map(|(since, crashes, counted_until)| Attempt { since, crashes: crashes as usize, counted_until });
    let attempt = prop::option::of(attempt);
    (numbers, prop::collection::vec(condition(), 0..4), times, what, caps, (comment, attempt)).prop_map(
        |(
            (revision, observed_generation),
            conditions,
            times,
            (spec, failed_spec, idle, deployment),
            (capacity, place, before_month),
            (comment, attempt),
        )| {
            Machinery {
                revision,
                observed_generation,
                conditions,
                first_seen_at: times.0,
                phase_since: times.1,
                spec,
                failed_spec,
                attempt,
                idle,
                network_interface: deployment.clone(),
                deployment,
                capacity,
                place,
                before_month,
                comment: comment.map(|(id, said)| SaidComment { id, said }),
                ..Machinery::default()
            }
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    let words = ("[A-Z][A-Za-z]{0,20}", ".{0,80}", prop::option::of(".{1,40}"));
    let ip = prop::option::of(any::<[u8; 4]>().prop_map(Into::into));
    let times = (time(), time(), prop::option::of(time()));
    let phase = prop::sample::select(Phase::ALL.to_vec());
    (phase, words, ip, times, usd(), usd(), machinery()).prop_map(
        |(phase, (reason, message, url), public_ip, (expires_at, updated_at, purge_at), hourly, cost, machinery)| {
            Status {
                phase,
                reason: Cow::Owned(reason),
                message,
                url,
                public_ip,
                expires_at,
                hourly_cost_usd: hourly,
                cost_usd: cost,
                updated_at,
                purge_at,
                machinery,
            }
        },
    )
}

fn item_of(status: &Status) -> Item {
    encode_status(status).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

proptest! {
    #[test]
    fn a_status_is_read_back_as_it_was_written(status in status()) {
        let key = ItemKey { repo: "a/b".into(), pr: "1".into() };
        prop_assert_eq!(decode_record(key, &item_of(&status)).status, Some(status));
    }

    #[test]
    fn exactly_the_controllers_attributes_are_written(status in status()) {
        let names: Vec<&str> = encode_status(&status).into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, STATUS_ATTRIBUTES);
        // DynamoDB refuses an item whose index key is empty.
        prop_assert!(matches!(&item_of(&status)["phase"], Value::String(phase) if !phase.is_empty()));
    }
}

/// Bytes of a value by the rules of the developer guide, "DynamoDB item sizes and formats".
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(number) => number.bytes().filter(u8::is_ascii_digit).count().div_ceil(2) + 1,
        Value::Bool(_) | Value::Null => 1,
        Value::List(list) => 3 + list.iter().map(|value| 1 + bytes(value)).sum::<usize>(),
        Value::Map(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + bytes(value)).sum::<usize>(),
        other => panic!("a status holds no {other}"),
    }
}

/// A thousand settled records have to fit one page of a Scan, which is 1 MB (API reference, Scan).
#[test]
fn a_settled_record_is_written_with_two_units_at_most() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let ready = at("2026-11-23T12:01:10Z");
    let condition = |kind: &'static str, reason: &'static str| Condition {
        kind: Cow::Borrowed(kind),
        status: ConditionStatus::True,
        reason: Cow::Borrowed(reason),
        message: String::new(),
        last_transition_at: ready,
    };
    let status = Status {
        phase: Phase::Ready,
        reason: "Answering".into(),
        message: String::new(),
        url: Some("http://203.0.113.117:8080".into()),
        public_ip: Some([203, 0, 113, 117].into()),
        expires_at: at("2026-11-25T12:00:00Z"),
        hourly_cost_usd: Usd::from_dollars(0.017_343),
        cost_usd: Usd::from_dollars(0.832_416).per_hour_over(Duration::from_secs(3600)),
        updated_at: ready,
        purge_at: None,
        machinery: Machinery {
            revision: 7,
            observed_generation: Some(3),
            conditions: vec![condition("Ready", "Answering")],
            first_seen_at: Some(at("2026-11-23T12:00:01Z")),
            phase_since: Some(ready),
            spec: Some(ContentHash::from_stored("0123456789abcdef0123456789abcdef")),
            failed_spec: None,
            attempt: None,
            task_definition: Some(TaskDefinitionName::from_arn("superset-pr-40123:17")),
            deployment: Some("ecs-svc/1234567890123456789".into()),
            tasks: vec!["0123456789abcdef0123456789abcdef".into()],
            network_interface: Some("9abcdef0".into()),
            image_digest: Some(ImageDigest::new(&format!("sha256:{}", "0".repeat(64)))),
            idle: None,
            capacity: Some(Capacity::Spot),
            place: Some(Place { cpu: 512, hourly: Usd::from_dollars(0.029_685) }),
            before_month: Usd::ZERO,
            booked: true,
            comment: Some(SaidComment { id: Some(2_912_345_678), said: "0123456789abcdef".into() }),
            commit: None,
            image_revision: None,
            reacted: Some(Reacted { comment: 2_912_345_677, outcome: CommandOutcome::Done }),
            foreign: None,
        },
    };
    let text = |text: &str| Value::String(text.to_owned());
    let flags = ["FEATURE_DASHBOARD_RBAC", "FEATURE_ALERT_REPORTS"].map(|name| (name.to_owned(), text("true")));
    let mut item = item_of(&status);
    item.extend(
        [
            ("repo", text("apache/superset")),
            ("pr", Value::Number("40123".into())),
            ("desired", text("up")),
            ("image_tag", text("pr-40123-ci")),
            ("flags", Value::Map(flags.into())),
            ("head_sha", text("0123456789abcdef0123456789abcdef01234567")),
            ("requested_by", text("michael-s-molina")),
            ("requested_at", text("2026-11-23T12:00:00Z")),
            ("request_url", text("https://github.com/apache/superset/pull/40123#issuecomment-2912345677")),
            ("generation", Value::Number("3".into())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let size: usize = item.iter().map(|(name, value)| name.len() + bytes(value)).sum();
    // "One write request unit represents one write for an item up to 1 KB in size" (DynamoDB developer guide). The ids of its
    // tasks make a record of usual size a little larger than one.
    assert!(size <= 1_152, "{size} bytes");
}

/// "Conditions have all the fields that Kubernetes requires": type, status, reason, message, and the time of the transition.
#[test]
fn every_condition_has_the_fields_that_kubernetes_requires() {
    let condition = Condition {
        kind: "Ready".into(),
        status: ConditionStatus::True,
        reason: "Answering".into(),
        message: String::new(),
        last_transition_at: DateTime::UNIX_EPOCH,
    };
    let written = serde_json::to_value(&condition).unwrap();
    let mut names: Vec<&String> = written.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["last_transition_at", "message", "reason", "status", "type"]);
    // A record of a release that left it out is read.
    let mut before = written.clone();
    before.as_object_mut().unwrap().remove("message");
    assert_eq!(serde_json::from_value::<Condition>(before).unwrap(), condition);
}

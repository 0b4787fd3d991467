//! Several commands, one change.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::decode::Item;
use crate::{Desired, DesiredState, ItemKey, Phase, Record, Status, Value, decode_record};

const DEFAULT_TTL: Duration = Duration::from_secs(48 * 3600);

pub(super) fn request() -> Request {
    Request {
        by: Some("octocat".into()),
        at: time("2026-11-23T12:00:00Z"),
        url: Some("https://github.example/acme/hello/pull/1#issuecomment-1".into()),
        head_sha: Some("0123456789abcdef0123456789abcdef01234567".into()),
        image_tag: None,
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn record(item: &Item) -> Record {
    decode_record(ItemKey { repo: "acme/hello".into(), pr: "1".into() }, item)
}

/// What a table holds after the change.
pub(super) fn written(mut item: Item, change: Change) -> Item {
    for (attribute, value) in change {
        match value {
            Some(value) => item.insert(attribute.to_owned(), value),
            None => item.remove(attribute),
        };
    }
    item
}

fn item(attributes: &[(&str, &str)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned()))).collect()
}

/// The desired state after some commands on a record, and what each was answered.
fn after(before: Option<&Item>, commands: &[&str]) -> (DesiredState, Vec<Result<(), CommandError>>) {
    let request = request();
    let record_before = before.map(record);
    let mut wish = Wish::new(record_before.as_ref(), DEFAULT_TTL, &request);
    let answers = commands.iter().map(|text| text.parse::<Command>().unwrap().apply(&mut wish)).collect();
    let item = written(before.cloned().unwrap_or_default(), wish.into_change());
    (record(&item).desired.unwrap(), answers)
}

fn gone(verb: Verb) -> Result<(), CommandError> {
    Err(CommandError::Gone { verb })
}

#[test]
fn up_is_a_new_wish_for_the_commit_it_was_given_for() {
    let old =
        item(&[("image_tag", "old"), ("ttl", "2h"), ("size", "large"), ("requested_by", "other"), ("desired", "down")]);
    let (wish, answers) = after(Some(&old), &["up FEATURE_X=true SUPERSET_A=b"]);
    assert_eq!(answers, [Ok(())]);
    let expected = DesiredState {
        desired: Desired::Up,
        flags: [("FEATURE_X".to_owned(), "true".to_owned())].into(),
        config: [("SUPERSET_A".to_owned(), "b".to_owned())].into(),
        head_sha: request().head_sha,
        requested_by: Some("octocat".into()),
        requested_at: Some(request().at),
        request_url: request().url,
        ..DesiredState::default()
    };
    assert_eq!(wish, expected);
    let (wish, _) = after(None, &["up ttl=3h size=small"]);
    assert_eq!((wish.ttl, wish.size.as_deref(), wish.flags.len()), (Some(ttl(3 * 3600)), Some("small"), 0));
}

#[test]
fn a_new_wish_ends_a_closing() {
    let closed = item(&[("desired", "down"), ("closed_at", "2026-11-23T00:00:00Z")]);
    let (wish, _) = after(Some(&closed), &["up"]);
    assert_eq!((wish.desired, wish.closed_at), (Desired::Up, None));
    let (wish, _) = after(Some(&closed), &["down"]);
    assert!(wish.closed_at.is_some(), "it was down already, and this is why");
}

#[test]
fn what_an_up_does_not_name_stays_with_its_own_commands() {
    let old = written(item(&[("restarted_at", "then")]), vec![("pinned", Some(Value::Bool(true)))]);
    let (wish, _) = after(Some(&old), &["up"]);
    assert!(wish.pinned);
    assert_eq!(wish.restarted_at.as_deref(), Some("then"));
}

#[test]
fn extend_moves_the_end_by_what_it_says() {
    let asked = ("requested_at", "2026-11-23T00:00:00Z");
    for (before, commands, hours) in [
        (vec![asked, ("ttl", "2h")], vec!["extend 24h"], 26),
        (vec![asked], vec!["extend 24h"], 72),
        (vec![("ttl", "2h")], vec!["extend 1h", "extend 1h"], 4),
        (vec![asked, ("ttl", "90h")], vec!["up ttl=3h", "extend 1h"], 4),
        (vec![asked, ("ttl", "90h")], vec!["up", "extend 1h"], 49),
        (vec![asked, ("desired", "asleep")], vec!["extend 1h"], 49),
    ] {
        let (wish, answers) = after(Some(&item(&before)), &commands);
        assert!(answers.iter().all(Result::is_ok), "{before:?} {commands:?}");
        assert_eq!(wish.ttl, Some(ttl(hours * 3600)), "{before:?} {commands:?}");
        let signed = commands[0].starts_with("up");
        assert_eq!(wish.requested_at == Some(request().at), signed, "only an up begins a lifetime: {commands:?}");
    }
    let forever = format!("extend {}s", u64::MAX);
    let (wish, _) = after(Some(&item(&[])), &[&forever, &forever]);
    assert_eq!(wish.ttl, Some(ttl(u64::MAX)), "it ends where the numbers end");
}

#[test]
fn what_needs_an_environment_is_refused_without_one() {
    let down = item(&[("desired", "down")]);
    let commands = ["extend 1h", "pin", "unpin", "sleep", "wake", "restart"];
    let verbs = [Verb::Extend, Verb::Pin, Verb::Unpin, Verb::Sleep, Verb::Wake, Verb::Restart];
    for before in [None, Some(&down)] {
        assert_eq!(after(before, &commands).1, verbs.map(gone));
    }
    // Refused ones leave nothing behind, and do not hold up the others.
    let (wish, answers) = after(Some(&down), &["pin", "up", "pin", "down", "extend 1h"]);
    assert_eq!(answers, [gone(Verb::Pin), Ok(()), Ok(()), Ok(()), gone(Verb::Extend)]);
    assert_eq!((wish.desired, wish.pinned, wish.ttl), (Desired::Down, true, None));
}

#[test]
fn down_is_signed_and_of_what_is_down_nothing_is_written() {
    let (wish, _) = after(Some(&item(&[("requested_by", "other")])), &["down"]);
    assert_eq!((wish.desired, wish.requested_by.as_deref()), (Desired::Down, Some("octocat")));
    assert_eq!(after(None, &["down"]).1, [gone(Verb::Down)]);
    let (request, down) = (request(), record(&item(&[("desired", "down")])));
    let mut wish = Wish::new(Some(&down), DEFAULT_TTL, &request);
    for command in [Command::Down, Command::Status, Command::Logs, Command::Help] {
        command.apply(&mut wish).unwrap();
    }
    assert!(wish.is_empty());
}

#[test]
fn sleep_and_wake_and_restart_keep_what_was_asked() {
    let asked = written(
        item(&[("ttl", "2h"), ("requested_by", "other")]),
        vec![("flags", Some(Value::Map([("FEATURE_X".to_owned(), Value::Bool(true))].into())))],
    );
    let (asleep, _) = after(Some(&asked), &["sleep"]);
    let (awake, _) = after(Some(&asked), &["sleep", "wake", "restart", "unpin"]);
    assert_eq!((asleep.desired, awake.desired), (Desired::Asleep, Desired::Up));
    for wish in [&asleep, &awake] {
        assert_eq!((wish.flags["FEATURE_X"].as_str(), wish.ttl), ("true", Some(ttl(7_200))));
        assert_eq!(wish.requested_by.as_deref(), Some("other"), "they ask for no environment");
    }
    assert_eq!(awake.restarted_at.as_deref(), Some("2026-11-23T12:00:00Z"));
}

#[test]
fn what_is_over_stays_over_until_an_up() {
    let at = time("2026-11-23T12:00:00Z");
    let status = |phase, observed| Status {
        phase,
        reason: "Expired".into(),
        message: String::new(),
        url: None,
        public_ip: None,
        expires_at: at,
        hourly_cost_usd: crate::Usd::default(),
        cost_usd: crate::Usd::default(),
        updated_at: at,
        purge_at: None,
        machinery: crate::Machinery { observed_generation: Some(observed), ..Default::default() },
    };
    let request = request();
    let over = |phase, observed| {
        let generation = vec![("generation", Some(Value::Number("7".into())))];
        let record = Record { status: Some(status(phase, observed)), ..record(&written(Item::new(), generation)) };
        let mut wish = Wish::new(Some(&record), DEFAULT_TTL, &request);
        let first = Command::Extend(ttl(60)).apply(&mut wish);
        Command::Up(Up::default()).apply(&mut wish).unwrap();
        assert_eq!(Command::Extend(ttl(60)).apply(&mut wish), Ok(()));
        let mut wish = Wish::new(Some(&record), DEFAULT_TTL, &request);
        Command::Down.apply(&mut wish).unwrap();
        assert!(!wish.is_empty(), "a longer lifetime must not bring it back");
        first
    };
    assert_eq!(over(Phase::Terminated, 7), gone(Verb::Extend));
    assert_eq!(over(Phase::Terminating, 7), gone(Verb::Extend));
    assert_eq!(over(Phase::Terminated, 6), Ok(()), "the status speaks of an older wish");
    assert_eq!(over(Phase::Ready, 7), Ok(()));
}

#[test]
fn a_record_that_cannot_be_read_is_changed_but_not_extended() {
    let broken = item(&[("ttl", "soon")]);
    let (request, record_before) = (request(), record(&broken));
    let mut wish = Wish::new(Some(&record_before), DEFAULT_TTL, &request);
    assert_eq!(Command::Extend(ttl(60)).apply(&mut wish), Err(CommandError::Broken { verb: Verb::Extend }));
    assert!(wish.is_empty());
    Command::Up(Up::default()).apply(&mut wish).unwrap();
    Command::Extend(ttl(60)).apply(&mut wish).unwrap();
    assert!(record(&written(broken, wish.into_change())).desired.is_ok(), "an up mends it");
}

#[test]
fn an_up_binds_the_commit_that_it_names_and_else_that_of_the_request() {
    let (wish, _) = after(None, &["up sha=89abcdef0123456789abcdef0123456789abcdef"]);
    assert_eq!(wish.head_sha.as_deref(), Some("89abcdef0123456789abcdef0123456789abcdef"));
    let (wish, _) = after(None, &["up sha=89abcdef0123456789abcdef0123456789abcdef", "up"]);
    assert_eq!(wish.head_sha, request().head_sha, "the last `up` counts");
}

//! What the command line tells the audit, and shows of it.

use bivouac_model::{Decision, Event};
use bivouac_ports::Meaning;

use super::memory::item_key;
use super::*;

fn event(minutes: i64, actor: &str, action: &str, reason: &str, message: &str) -> Event {
    Event {
        environment: item_key("apache/superset#7"),
        at: now() - TimeDelta::minutes(minutes),
        tie: String::new(),
        actor: actor.into(),
        action: action.into(),
        reason: reason.into(),
        message: message.into(),
        head_sha: None,
        url: None,
        decision: None,
    }
}

/// A life of which somebody else wanted a part.
fn life() -> Vec<Event> {
    let command = |event: Event, decision| Event {
        head_sha: Some("0123456".into()),
        url: Some("https://github.com/apache/superset/pull/7#issuecomment-1".into()),
        decision: Some(decision),
        ..event
    };
    vec![
        event(3, "controller", "reconcile", "Answering", "It answers."),
        command(event(5, "ada", "up", "Accepted", "It is on its way."), Decision::Allowed),
        event(4, "controller", "reconcile", "TaskStarting", "ECS is starting the task.\u{1b}[2J"),
        command(event(1, "mallory", "down", "NotAllowed", "mallory has no write permission."), Decision::Denied),
    ]
}

#[tokio::test]
async fn describe_shows_what_happened_and_who_was_refused() {
    let mut world = World::new();
    world.done("up 7").await;
    *world.store.events.lock().unwrap() = life();
    let said = world.done("describe 7").await;
    let (_, events) = said.split_once("Events:\n").expect("events");
    insta::assert_snapshot!(events, @r"
      AGE   ACTOR        ACTION          REASON         MESSAGE
      5m    ada          up              Accepted       It is on its way.
      4m    controller   reconcile       TaskStarting   ECS is starting the task.\u{1b}[2J
      3m    controller   reconcile       Answering      It answers.
      60s   mallory      down (denied)   NotAllowed     mallory has no write permission.
    ");
    let json: serde_json::Value = serde_json::from_str(&world.done("describe 7 -o json").await).unwrap();
    assert_eq!(json["environment"], "apache/superset#7");
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["events"][3]).unwrap(), @r#"
    {
      "action": "down",
      "actor": "mallory",
      "at": "2026-11-23T11:59:00Z",
      "decision": "denied",
      "head_sha": "0123456",
      "message": "mallory has no write permission.",
      "reason": "NotAllowed",
      "url": "https://github.com/apache/superset/pull/7#issuecomment-1"
    }
    "#);
    let yaml: serde_json::Value = serde_saphyr::from_str(&world.done("describe 7 -o yaml").await).unwrap();
    assert_eq!(yaml, json);
}

#[tokio::test]
async fn a_refusal_is_shown_where_there_is_no_environment() {
    let mut world = World::new();
    *world.store.events.lock().unwrap() = life();
    world.store.events.lock().unwrap().retain(|event| event.decision == Some(Decision::Denied));
    let (code, said) = world.fails("describe 7").await;
    assert_eq!((code, said.as_str()), (1, "environment apache/superset#7 not found"));
    assert!(world.out.text().contains("down (denied)"), "{}", world.out.text());
    assert_eq!(world.fails("describe 7 -o json").await.0, 1);
    assert_eq!(world.out.text(), "");
    assert_eq!(world.fails("describe 8").await.0, 1);
    assert_eq!(world.out.text(), "");
}

#[tokio::test]
async fn events_that_cannot_be_read_hide_nothing_else() {
    let mut world = World::new();
    world.done("up 7").await;
    *world.store.journal_fails.lock().unwrap() = Some(Meaning::Denied);
    let said = world.done("describe 7").await;
    assert!(said.starts_with("Name: ") && said.ends_with("Events:   <unknown>\n"), "{said}");
    assert_eq!(world.err.text(), "note: the events cannot be read: DynamoDB Query denied: somebody pulled the plug\n");
    let json: serde_json::Value = serde_json::from_str(&world.done("describe 7 -o json").await).unwrap();
    assert_eq!(json["events"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_wish_is_told_to_the_audit() {
    let mut world = World::new();
    world.done("up 7 --tag pr-7-ci --flag FEATURE_X=true --set SUPERSET_KEY=hunter2 --ttl 24h").await;
    world.done("down 7").await;
    let events = world.store.events.lock().unwrap().clone();
    let told: Vec<_> =
        events.iter().map(|event| (event.actor.as_str(), event.action.as_str(), event.tie.as_str())).collect();
    assert_eq!(told, [("ada", "up", "generation-1"), ("ada", "down", "generation-2")]);
    assert!(events.iter().all(|event| event.at == now() && event.url.is_none()));
    assert!(events.iter().all(|event| !event.message.contains("hunter2")), "{events:?}");
}

#[tokio::test]
async fn a_wish_stands_without_the_audit_and_says_so() {
    let mut world = World::new();
    *world.store.journal_fails.lock().unwrap() = Some(Meaning::Unavailable);
    assert_eq!(world.done("up 7").await, "apache/superset#7 is desired up (generation 1)\n");
    insta::assert_snapshot!(world.err.text(), @"note: apache/superset#7 is asked for, but the audit does not say so: DynamoDB Query unavailable: somebody pulled the plug");
    assert!(world.store.item("apache/superset#7").contains_key("desired"));
}

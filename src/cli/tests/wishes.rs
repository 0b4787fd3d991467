//! `up` and `down`, and waiting for them.

use bivouac_model::Value;
use bivouac_ports::Meaning;

use super::memory::{answer, apply, item_key};
use super::*;

const KEY: &str = "apache/superset#7";

fn text(text: &str) -> Value {
    Value::String(text.into())
}

#[tokio::test]
async fn up_writes_a_wish_as_every_client_does() {
    let mut world = World::new();
    let said = world.done("up 7 --tag pr-7-ci --flag FEATURE_X=true --set SUPERSET_A=b=c --ttl 24h --size small").await;
    assert_eq!(said, "apache/superset#7 is desired up (generation 1)\n");
    let item = world.store.item(KEY);
    for (name, value) in [
        ("desired", text("up")),
        ("image_tag", text("pr-7-ci")),
        ("flags", Value::Map([("FEATURE_X".into(), text("true"))].into())),
        ("config", Value::Map([("SUPERSET_A".into(), text("b=c"))].into())),
        ("ttl", text("24h")),
        ("size", text("small")),
        ("requested_by", text("ada")),
        ("requested_at", text("2026-11-23T12:00:00Z")),
        ("generation", Value::Number("1".into())),
    ] {
        assert_eq!(item.get(name), Some(&value), "{name}");
    }
}

#[tokio::test]
async fn a_second_up_replaces_the_wish_and_leaves_the_pin() {
    let mut world = World::new();
    world.done("up 7 --flag FEATURE_X=true --ttl 24h --size small --tag a").await;
    let mut item = world.store.item(KEY);
    apply(
        &mut item,
        vec![
            ("pinned", Some(Value::Bool(true))),
            ("head_sha", Some(text("0123456"))),
            ("request_url", Some(text("https://example.org/1"))),
        ],
    );
    world.store.put(KEY, item);
    let said = world.done("up APACHE/Superset#7 -o json").await;
    insta::assert_snapshot!(said, @r#"
    {
      "environment": "apache/superset#7",
      "desired": "up",
      "generation": 2
    }
    "#);
    let item = world.store.item(KEY);
    let names: Vec<&str> = item.keys().map(String::as_str).collect();
    assert_eq!(names, ["desired", "generation", "head_sha", "pinned", "requested_at", "requested_by"]);
}

#[tokio::test]
async fn what_the_controller_would_refuse_is_refused_before_it_is_written() {
    let mut world = World::new();
    let mut said = Vec::new();
    for line in [
        "up 7 --size huge",
        "up 7 --set PATH=x",
        "up 7 --flag DEBUG=x",
        "up 7 --ttl soon",
        "up 7 --ttl 0s",
        "up 7 --tag -x",
        "up 7 --flag 1X=y",
        "up other/repo#7",
    ] {
        let (code, text) = world.fails(line).await;
        assert_eq!(code, 2, "{line}: {text}");
        said.push(text);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    there is no size `huge`; known: small
    config holds the name `PATH`; allowed: `SUPERSET_*`
    flags holds the name `DEBUG`; allowed: `FEATURE_*`
    ttl holds "soon"; allowed: a duration such as 48h, 90m or 2d, or a whole number of seconds, longer than nothing
    ttl holds "0s"; allowed: a duration such as 48h, 90m or 2d, or a whole number of seconds, longer than nothing
    error: unexpected argument '-x' found

      tip: to pass '-x' as a value, use '-- -x'

    Usage: bivouac up [OPTIONS] <ENV>

    For more information, try '--help'.

    flags holds the name `1X`; allowed: names of letters, digits and `_`, not beginning with a digit, of at most 128 characters
    other/repo is not configured; configured: apache/superset
    "#);
    assert!(world.store.items.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_secret_of_the_template_is_refused_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let template = directory.path().join("template.json");
    let text = r#"{"family": "f", "cpu": "512", "memory": "1024", "containerDefinitions": [
        {"name": "superset", "secrets": [{"name": "SUPERSET_KEY", "valueFrom": "arn"}]}
    ]}"#;
    std::fs::write(&template, text).unwrap();
    let mut world = World::new();
    let configuration = world.configuration.replace("task-definition.json", &template.display().to_string());
    world.configuration.clone_from(&configuration);
    let (code, said) = world.fails("up 7 --set SUPERSET_KEY=hunter2").await;
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"config holds the name `SUPERSET_KEY`, which is a secret of the task definition; allowed: only secrets that `secrets_override` lists");
    assert!(world.store.items.lock().unwrap().is_empty());
    // The last project of the file may replace it.
    world.configuration = format!("{configuration}secrets_override = [\"SUPERSET_KEY\"]\n");
    world.done("up 7 --set SUPERSET_KEY=hunter2").await;
}

#[tokio::test]
async fn a_lifetime_above_the_ceiling_is_written_and_said() {
    let mut world = World::new();
    world.done("up 7 --ttl 900h").await;
    assert_eq!(world.err.text(), "note: the longest lifetime is 168h; it will live as long as that\n");
    assert_eq!(world.store.item(KEY).get("ttl"), Some(&text("900h")));
}

#[tokio::test]
async fn up_waits_through_every_phase_until_it_answers() {
    let mut world = World::new();
    world.done("up 7").await;
    let mut item = world.store.item(KEY);
    // Ready of the wish before: says nothing of this one.
    apply(&mut item, bivouac_model::encode_status(&status(Phase::Ready, 1)));
    world.store.put(KEY, item);
    world.store.then(|_| {});
    for phase in [Phase::Provisioning, Phase::Provisioning, Phase::Starting, Phase::Ready] {
        world.store.then(move |items| answer(items, KEY, &status(phase, 2)));
    }
    let said = world.done("up 7 --wait").await;
    assert_eq!(said, "apache/superset#7 is Ready at http://192.0.2.7:8080\n");
    insta::assert_snapshot!(world.err.text(), @r"
    apache/superset#7 Ready: the controller has not come to this wish yet
    apache/superset#7 Provisioning: a task is starting
    apache/superset#7 Starting: a task is starting
    ");
}

#[tokio::test]
async fn a_wait_ends_where_the_wish_cannot_come_true() {
    let mut said = Vec::new();
    let mut fail = async |scene: memory::Scene| {
        let mut world = World::new();
        world.store.scenes.lock().unwrap().push_back(scene);
        let (code, text) = world.fails("up 7 --wait").await;
        assert_eq!(code, 1);
        said.push(text);
    };
    fail(Box::new(|items| {
        let failed = Status { message: "the image could not be pulled".into(), ..status(Phase::Failed, 1) };
        answer(items, KEY, &failed);
    }))
    .await;
    fail(Box::new(|items| {
        let item = items.get_mut(&item_key(KEY)).unwrap();
        apply(item, vec![("pinned", Some(text("maybe"))), ("generation", Some(Value::Number("2".into())))]);
    }))
    .await;
    fail(Box::new(|items| {
        let item = items.get_mut(&item_key(KEY)).unwrap();
        apply(item, vec![("desired", Some(text("down"))), ("requested_by", Some(text("bob")))]);
    }))
    .await;
    fail(Box::new(|items| drop(items.remove(&item_key(KEY))))).await;
    insta::assert_snapshot!(said.join("\n"), @r#"
    apache/superset#7 is Failed: the image could not be pulled
    apache/superset#7 is Invalid: pinned holds "maybe"; allowed: true or false (BOOL)
    apache/superset#7 is desired down by bob meanwhile
    apache/superset#7 lost its record: somebody deleted it
    "#);
}

#[tokio::test]
async fn a_wait_has_an_end_and_an_interruption_leaves_the_wish() {
    let mut world = World::new();
    let (code, said) = world.fails("up 7 --wait --timeout 20ms").await;
    assert_eq!(
        (code, said.as_str()),
        (1, "apache/superset#7 after 20ms: the controller has not seen it yet; the wish stands")
    );

    world.interrupt.cancel();
    let (code, said) = world.fails("up 7 --wait").await;
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"stopped waiting for apache/superset#7; the wish stands: `bivouac get apache/superset#7 --watch` shows what becomes of it");
    assert_eq!(world.store.item(KEY).get("generation"), Some(&Value::Number("2".into())));
}

#[tokio::test]
async fn a_table_that_does_not_answer_for_a_moment_is_waited_for() {
    let mut world = World::new();
    world.store.failures.lock().unwrap().extend([Meaning::Throttled, Meaning::Unavailable]);
    world.store.then(|items| answer(items, KEY, &status(Phase::Ready, 1)));
    world.done("up 7 --wait").await;
    assert!(world.err.text().contains("the table does not answer (throttled)"), "{}", world.err.text());

    world.store.failures.lock().unwrap().push_back(Meaning::Denied);
    let (code, said) = world.fails("up 7 --wait").await;
    assert_eq!((code, said.as_str()), (1, "DynamoDB GetItem denied: somebody pulled the plug"));
}

#[tokio::test]
async fn down_waits_until_it_is_gone_and_does_not_ask_twice() {
    let mut world = World::new();
    world.done("up 7").await;
    world.store.then(|_| {});
    world.store.then(|items| answer(items, KEY, &status(Phase::Terminating, 2)));
    world.store.then(|items| answer(items, KEY, &status(Phase::Terminated, 2)));
    assert_eq!(world.done("down 7 --wait").await, "apache/superset#7 is gone\n");
    assert_eq!(world.store.item(KEY).get("desired"), Some(&text("down")));
    assert_eq!(world.done("down 7").await, "apache/superset#7 is gone already\n");
    assert_eq!(world.store.item(KEY).get("generation"), Some(&Value::Number("2".into())));
}

#[tokio::test]
async fn down_of_nothing_is_said() {
    let mut world = World::new();
    assert_eq!(world.fails("down 9").await, (1, "environment apache/superset#9 not found".into()));
    assert!(world.store.items.lock().unwrap().is_empty());
}

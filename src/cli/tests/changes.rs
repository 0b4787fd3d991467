//! `extend`, `pin`, `unpin`, `sleep`, `wake` and `restart`.

use bivouac_model::{Item, Value};

use super::memory::{answer, apply, item_key};
use super::*;

const KEY: &str = "apache/superset#7";

fn text(text: &str) -> Value {
    Value::String(text.into())
}

/// One that runs.
async fn running() -> World {
    let mut world = World::new();
    world.done("up 7 --ttl 24h").await;
    let mut items = world.store.items.lock().unwrap();
    answer(&mut items, KEY, &status(Phase::Ready, 1));
    drop(items);
    world
}

fn item(world: &World) -> Item {
    world.store.item(KEY)
}

#[tokio::test]
async fn each_is_one_write_with_a_number_and_a_line_of_the_audit() {
    let mut world = running().await;
    let mut said = String::new();
    for line in ["extend 7 90m", "pin 7", "pin 7", "unpin 7", "unpin 7", "sleep 7", "sleep 7", "wake 7", "restart 7"] {
        said.push_str(&world.done(line).await);
    }
    insta::assert_snapshot!(said, @r"
    apache/superset#7 is extended by 1h 30m (generation 2)
    apache/superset#7 is pinned: it stays until it is unpinned, or for guardrails.max_ttl (generation 3)
    apache/superset#7 is pinned already
    apache/superset#7 is unpinned: its time counts again (generation 4)
    apache/superset#7 is not pinned
    apache/superset#7 is desired asleep (generation 5)
    apache/superset#7 is desired asleep already
    apache/superset#7 is desired up (generation 6)
    apache/superset#7 is to be restarted (generation 7)
    ");
    let item = item(&world);
    assert_eq!(item["ttl"], text("25h 30m"));
    assert_eq!((&item["pinned"], &item["desired"]), (&Value::Bool(false), &text("up")));
    assert_eq!(item["restarted_at"], text("2026-11-23T12:00:00Z"));
    assert_eq!(item["requested_at"], text("2026-11-23T12:00:00Z"));
    let events = world.store.events.lock().unwrap();
    let told: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(told, ["up", "extend", "pin", "unpin", "sleep", "wake", "restart"]);
}

#[tokio::test]
async fn json_says_what_is_desired_now() {
    let mut world = running().await;
    insta::assert_snapshot!(world.done("sleep 7 -o json").await, @r#"
    {
      "environment": "apache/superset#7",
      "desired": "asleep",
      "generation": 2
    }
    "#);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let mut world = World::new();
    for verb in ["extend 7 1h", "pin 7", "unpin 7", "sleep 7", "wake 7", "restart 7"] {
        assert_eq!(world.fails(verb).await, (1, "environment apache/superset#7 not found".to_owned()), "{verb}");
    }
    let mut world = running().await;
    world.done("down 7").await;
    let before = item(&world);
    for verb in ["extend 7 1h", "pin 7", "unpin 7", "sleep 7", "wake 7", "restart 7"] {
        let (code, said) = world.fails(verb).await;
        let name = verb.split(' ').next().unwrap();
        let sentence = format!("{KEY}: there is no environment that `{name}` could change; `up` starts one");
        assert_eq!((code, said), (1, sentence));
    }
    assert_eq!(item(&world), before);
}

#[tokio::test]
async fn a_duration_is_one() {
    let mut world = running().await;
    for wrong in ["soon", "0s", "-5m", "1.5"] {
        let (code, said) = world.fails(&format!("extend 7 {wrong}")).await;
        assert_eq!(code, 2, "{said}");
    }
    world.done("extend 7 1000h").await;
    assert_eq!(world.err.text(), "note: the longest lifetime is 168h; it will live as long as that\n");
}

#[tokio::test]
async fn what_somebody_wrote_meanwhile_is_not_undone() {
    let mut world = running().await;
    // Between the read and the write of this one another extends it.
    world.store.then(|_| {});
    world.store.then(|items| {
        let item = items.get_mut(&item_key(KEY)).unwrap();
        apply(item, vec![("ttl", Some(text("30h"))), ("generation", Some(Value::Number("2".into())))]);
    });
    world.done("extend 7 1h").await;
    assert_eq!(item(&world)["ttl"], text("31h"));
    assert_eq!(item(&world)["generation"], Value::Number("3".into()));
}

#[tokio::test]
async fn an_answer_that_was_lost_extends_once() {
    let mut world = running().await;
    world.store.then(|_| {});
    // The write is done by the time it is found in conflict with itself.
    world.store.then(|items| {
        let item = items.get_mut(&item_key(KEY)).unwrap();
        apply(item, vec![("ttl", Some(text("25h"))), ("generation", Some(Value::Number("2".into())))]);
    });
    assert_eq!(world.done("extend 7 1h").await, "apache/superset#7 is extended by 1h (generation 2)\n");
    assert_eq!((&item(&world)["ttl"], &item(&world)["generation"]), (&text("25h"), &Value::Number("2".into())));
    let told = world.store.events.lock().unwrap().iter().filter(|event| event.action == "extend").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn waiting_ends_when_it_sleeps() {
    let mut world = running().await;
    // Read by the change, by its write, and then by who waits.
    world.store.then(|_| {});
    world.store.then(|_| {});
    world.store.then(|_| {});
    world.store.then(|items| answer(items, KEY, &status(Phase::Asleep, 2)));
    assert_eq!(world.done("sleep 7 --wait").await, "apache/superset#7 is asleep\n");
    world.store.then(|_| {});
    world.store.then(|_| {});
    world.store.then(|items| answer(items, KEY, &status(Phase::Ready, 3)));
    assert_eq!(world.done("wake 7 --wait").await, "apache/superset#7 is Ready at http://192.0.2.7:8080\n");
}

#[tokio::test]
async fn wake_is_written_again_where_nobody_used_it() {
    let mut world = running().await;
    assert_eq!(world.done("wake 7").await, "apache/superset#7 is desired up already\n");
    let mut asleep = status(Phase::Asleep, 1);
    asleep.machinery.idle = Some(bivouac_model::ContentHash::of([]));
    answer(&mut world.store.items.lock().unwrap(), KEY, &asleep);
    assert_eq!(world.done("wake 7").await, "apache/superset#7 is desired up (generation 2)\n");
}

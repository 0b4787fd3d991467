//! `get`, `describe`, `init` and `plan`.

use bivouac_model::{Month, SpendingEntry, Value, encode_status};

use super::memory::{Items, answer, apply, item_key};
use super::*;
use crate::cli::output::Format;
use crate::cli::plan::PlanItem;

fn text(text: &str) -> Value {
    Value::String(text.into())
}

/// One that is ready, one that nobody has seen, one that is broken.
async fn three() -> World {
    let mut world = World::new();
    world.done("up 12 --flag FEATURE_X=true --flag FEATURE_Y=2 --set SUPERSET_SECRET_KEY=hunter2 --size small").await;
    world.done("up 3 --tag latest").await;
    let mut item = world.store.item("apache/superset#12");
    apply(&mut item, encode_status(&status(Phase::Ready, 1)));
    world.store.put("apache/superset#12", item);
    let broken = Status { message: "ttl holds \"soon\"\u{1b}[2J".into(), ..status(Phase::Invalid, 1) };
    let mut item: bivouac_model::Item =
        encode_status(&broken).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    item.insert("ttl".into(), text("soon"));
    world.store.put("apache/airflow#1", item);
    world
}

#[tokio::test]
async fn get_lists_what_is_there() {
    let mut world = three().await;
    insta::assert_snapshot!(world.done("get").await, @r"
    ENVIRONMENT          PHASE     AGE   EXPIRES   URL
    apache/airflow#1     Invalid   90m   in 47h    -
    apache/superset#3    -         0s    -         -
    apache/superset#12   Ready     90m   in 47h    http://192.0.2.7:8080
    ");
    insta::assert_snapshot!(world.done("get -o wide").await, @r#"
    ENVIRONMENT          PHASE     AGE   EXPIRES                URL                     IMAGE      COST      $/H       MONTH     PROJECTED   REQUESTED-BY   USER-MONTH   REASON         MESSAGE
    apache/airflow#1     Invalid   90m   2026-11-25T11:00:00Z   -                       -          $0.0397   $0.0297   $0.0397   $1.44       -              -            TaskStarting   ttl holds "soon"\u{1b}[2J
    apache/superset#3    -         0s    -                      -                       latest     -         -         -         -           ada            $0.0397      -              -
    apache/superset#12   Ready     90m   2026-11-25T11:00:00Z   http://192.0.2.7:8080   pr-12-ci   $0.0397   $0.0297   $0.0397   $1.44       ada            $0.0397      Answering      -
    "#);
    insta::assert_snapshot!(world.done("get 12").await, @r"
    ENVIRONMENT          PHASE   AGE   EXPIRES   URL
    apache/superset#12   Ready   90m   in 47h    http://192.0.2.7:8080
    ");
    insta::assert_snapshot!(world.done("get --phase invalid").await, @r"
    ENVIRONMENT        PHASE     AGE   EXPIRES   URL
    apache/airflow#1   Invalid   90m   in 47h    -
    ");
    assert_eq!(world.done("get --phase Asleep").await, "");
    assert_eq!(world.err.text(), "No environments are Asleep.\n");
    assert_eq!(world.fails("get 99").await, (1, "environment apache/superset#99 not found".into()));
    assert_eq!(world.fails("get 12 --phase Failed").await, (1, "apache/superset#12 is not Failed".into()));
}

#[tokio::test]
async fn a_persons_month_counts_environments_whose_record_was_deleted() {
    let mut world = three().await;
    let entry = |key: &str| SpendingEntry {
        environment: item_key(key),
        month: Month::of(now()),
        before: Usd::ZERO,
        spent: Usd::from_dollars(2.0),
        hourly: Usd::ZERO,
        as_of: now(),
        requested_by: Some("Ada".into()),
        revision: 1,
    };
    // The first has a record still, which says what it cost.
    world.store.spending.lock().unwrap().extend([entry("apache/superset#12"), entry("apache/superset#99")]);
    let shown = world.done("get 12 -o wide").await;
    let row = shown.lines().nth(1).unwrap();
    assert!(row.contains("ada            $2.04"), "{shown}");
}

#[tokio::test]
async fn a_phase_of_a_newer_release_is_shown_by_its_word() {
    let mut world = three().await;
    let mut item = world.store.item("apache/superset#12");
    item.insert("phase".into(), text("Hibernating"));
    world.store.put("apache/superset#12", item);
    let shown = world.done("get 12").await;
    assert!(shown.contains("Hibernating   90m"), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&world.done("get 12 -o json").await).unwrap();
    assert_eq!((&json["phase"], &json["cost_usd"]), (&"Hibernating".into(), &0.0397.into()));
    assert!(world.done("describe 12").await.contains("Hibernating"));
    assert_eq!(world.fails("get 12 --phase Pending").await, (1, "apache/superset#12 is not Pending".into()));
}

#[tokio::test]
async fn json_and_yaml_say_the_same_and_have_the_names_of_the_table() {
    let mut world = three().await;
    let json = world.done("get 12 -o json").await;
    insta::assert_snapshot!(json, @r#"
    {
      "environment": "apache/superset#12",
      "repo": "apache/superset",
      "pr": 12,
      "desired": "up",
      "problems": [],
      "image_tag": null,
      "flags": {
        "FEATURE_X": "true",
        "FEATURE_Y": "2"
      },
      "config": {
        "SUPERSET_SECRET_KEY": "hunter2"
      },
      "ttl": null,
      "pinned": false,
      "size": "small",
      "head_sha": null,
      "requested_by": "ada",
      "requested_at": "2026-11-23T12:00:00Z",
      "request_url": null,
      "generation": 1,
      "phase": "Ready",
      "reason": "Answering",
      "message": "",
      "url": "http://192.0.2.7:8080",
      "public_ip": "192.0.2.7",
      "expires_at": "2026-11-25T11:00:00Z",
      "hourly_cost_usd": 0.0297,
      "cost_usd": 0.0397,
      "month_cost_usd": 0.0397,
      "projected_cost_usd": 1.4356,
      "updated_at": "2026-11-23T11:00:00Z",
      "purge_at": null,
      "status": {
        "observed_generation": 1,
        "conditions": [
          {
            "type": "Ready",
            "status": "True",
            "reason": "Answering",
            "message": "",
            "last_transition_at": "2026-11-23T11:00:00Z"
          }
        ],
        "first_seen_at": "2026-11-23T10:30:00Z",
        "phase_since": "2026-11-23T11:00:00Z",
        "task_definition": null,
        "image_digest": null,
        "capacity": null,
        "comment_id": null
      }
    }
    "#);
    let list: serde_json::Value = serde_json::from_str(&world.done("get -o json").await).unwrap();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["environment"].clone()).collect();
    assert_eq!(names, ["apache/airflow#1", "apache/superset#3", "apache/superset#12"]);
    assert!(list["items"][0]["problems"][0].as_str().unwrap().starts_with("ttl holds \"soon\""));
    assert_eq!(list["items"][1]["phase"], serde_json::Value::Null);

    let yaml = world.done("get 12 -o yaml").await;
    let from_yaml: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(from_yaml, serde_json::from_str::<serde_json::Value>(&json).unwrap());
}

#[tokio::test]
async fn describe_tells_a_person_everything_but_secrets() {
    let mut world = three().await;
    let said = world.done("describe 12").await;
    assert!(!said.contains("hunter2"));
    insta::assert_snapshot!(said, @r"
    Name:           apache/superset#12
    Since:          2026-11-23T10:30:00Z (90m ago)
    Desired:        up
    Generation:     1 (observed)
    Requested by:   ada
    Requested at:   2026-11-23T12:00:00Z (0s ago)
    Image tag:      pr-12-ci
    Commit:         <none>
    Size:           small
    Lifetime:       the default
    Pinned:         no
    Flags:          FEATURE_X=true
                    FEATURE_Y=2
    Config:         SUPERSET_SECRET_KEY  (7 bytes)
    Phase:          Ready (for 60m)
    Reason:         Answering
    Message:        <none>
    URL:            http://192.0.2.7:8080
    Expires:        2026-11-25T11:00:00Z (in 47h)
    Cost:           $0.0397 so far ($0.0397 this month), $0.0297 an hour, $1.44 when its time is over
    Conditions:
      TYPE    STATUS   SINCE   REASON      MESSAGE
      Ready   True     60m     Answering
    Events:
      AGE   ACTOR   ACTION   REASON      MESSAGE
      0s    ada     up       Requested   Wish 1: desired up, flags FEATURE_X=true FEATURE_Y=2, config SUPERSET_SECRET_KEY, size small.
    ");
    insta::assert_snapshot!(world.done("describe apache/airflow#1").await, @r#"
    Name:         apache/airflow#1
    Since:        2026-11-23T10:30:00Z (90m ago)
    Generation:   <none>
    Problems:     ttl holds "soon"; allowed: a duration such as 48h, 90m or 2d, or a whole number of seconds, longer than nothing
    Phase:        Invalid (for 60m)
    Reason:       TaskStarting
    Message:      ttl holds "soon"\u{1b}[2J
    URL:          <none>
    Expires:      2026-11-25T11:00:00Z (in 47h)
    Cost:         $0.0397 so far ($0.0397 this month), $0.0297 an hour, $1.44 when its time is over
    Conditions:
      TYPE    STATUS   SINCE   REASON         MESSAGE
      Ready   False    60m     TaskStarting
    Events:   <none>
    "#);
    insta::assert_snapshot!(world.done("describe 3").await, @r"
    Name:           apache/superset#3
    Since:          2026-11-23T12:00:00Z (0s ago)
    Desired:        up
    Generation:     1 (not observed yet)
    Requested by:   ada
    Requested at:   2026-11-23T12:00:00Z (0s ago)
    Image tag:      latest
    Commit:         <none>
    Size:           <none>
    Lifetime:       the default
    Pinned:         no
    Flags:          <none>
    Config:         <none>
    Phase:          none: the controller has not seen it yet
    Events:
      AGE   ACTOR   ACTION   REASON      MESSAGE
      0s    ada     up       Requested   Wish 1: desired up, image_tag latest.
    ");
    assert_eq!(world.fails("describe 4").await, (1, "environment apache/superset#4 not found".into()));
}

/// Four things happen while somebody watches: nothing, a change, one more, one less; then he goes.
fn happenings(world: &World) {
    world.store.then(|_| {});
    world.store.then(|items: &mut Items| {
        // A write that says the same is no change.
        let same = Status { updated_at: now(), ..status(Phase::Ready, 1) };
        answer(items, "apache/superset#12", &same);
    });
    world.store.then(|items| answer(items, "apache/superset#3", &status(Phase::Starting, 1)));
    world.store.then(|items| drop(items.insert(item_key("apache/superset#4"), bivouac_model::Item::new())));
    world.store.then(|items| drop(items.remove(&item_key("apache/airflow#1"))));
    let stop = world.interrupt.clone();
    world.store.then(move |_| stop.cancel());
}

#[tokio::test]
async fn a_watch_prints_what_changes_and_nothing_else() {
    let mut world = three().await;
    happenings(&world);
    insta::assert_snapshot!(world.done("get --watch").await, @r"
    ENVIRONMENT          PHASE             AGE     EXPIRES    URL
    apache/airflow#1     Invalid           90m     in 47h     -
    apache/superset#3    -                 0s      -          -
    apache/superset#12   Ready             90m     in 47h     http://192.0.2.7:8080
    apache/superset#3    Starting          90m     in 47h     -
    apache/superset#4    -                 -       -          -
    apache/airflow#1     (deleted)         90m     in 47h     -
    ");

    let mut world = three().await;
    happenings(&world);
    let lines = world.done("get --watch -o json").await;
    let events: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            format!("{} {}", line["event"].as_str().unwrap(), line["environment"]["environment"].as_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!(events.join("\n"), @r"
    present apache/airflow#1
    present apache/superset#3
    present apache/superset#12
    modified apache/superset#3
    added apache/superset#4
    deleted apache/airflow#1
    ");
}

#[tokio::test]
async fn init_says_what_it_did() {
    let mut world = World::new();
    assert_eq!(world.done("init").await, "created the table bivouac-environments\n");
    insta::assert_snapshot!(world.done("init -o json").await, @r#"
    {
      "done": [
        "created the table bivouac-environments"
      ]
    }
    "#);
}

#[test]
fn a_plan_explains_itself() {
    let items = [
        PlanItem {
            key: "apache/superset#12".into(),
            phase: Phase::Ready,
            next: "nothing".into(),
            why: "all is as desired".into(),
            requeue_after: None,
        },
        PlanItem {
            key: "apache/superset#3".into(),
            phase: Phase::WaitingForImage,
            next: "wait for the image".into(),
            why: "`latest` is not in superset-ci yet".into(),
            requeue_after: Some(Duration::from_millis(20_400)),
        },
    ];
    let print = |format: Format, items: &[PlanItem]| {
        let (out, err) = (Paper::default(), Paper::default());
        let mut session = Session {
            config: Config::parse(Path::new("bivouac.toml"), CONFIGURATION, &Variables::new()).unwrap(),
            store: Arc::new(MemoryStore::default()),
            journal: Arc::new(MemoryStore::default()),
            spending: Arc::new(MemoryStore::default()),
            workload: Arc::new(workload::Cloud::default()).workload(),
            clock: Arc::new(Noon),
            terminal: Terminal::plain(out.clone(), err.clone()),
            format,
            user: Some("ada".into()),
            pace: Duration::from_millis(1),
            interrupt: CancellationToken::new(),
        };
        plan::print(&mut session, items, None, None).unwrap();
        out.text() + &err.text()
    };
    insta::assert_snapshot!(print(Format::Table, &items), @r"
    ENVIRONMENT          PHASE             NEXT                 REQUEUE   WHY
    apache/superset#12   Ready             nothing              resync    all is as desired
    apache/superset#3    WaitingForImage   wait for the image   20s       `latest` is not in superset-ci yet
    ");
    insta::assert_snapshot!(print(Format::Json, &items), @r#"
    {
      "items": [
        {
          "environment": "apache/superset#12",
          "phase": "Ready",
          "next": "nothing",
          "why": "all is as desired",
          "requeue_after_seconds": null
        },
        {
          "environment": "apache/superset#3",
          "phase": "WaitingForImage",
          "next": "wait for the image",
          "why": "`latest` is not in superset-ci yet",
          "requeue_after_seconds": 20.4
        }
      ]
    }
    "#);
    assert_eq!(print(Format::Table, &[]), "No environments.\n");
}

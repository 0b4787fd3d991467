//! GitHub's own example of every webhook, through the endpoint, signed by Octokit.

// The bot's doors in memory, not all of them.
#[allow(dead_code)]
#[path = "../crates/bot/tests/bot/doors.rs"]
mod doors;
#[path = "support/emulators.rs"]
mod emulators;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bivouac_bot::{Bot, Doors, ProjectRules, Secrets, Settings};
use bivouac_model::{EnvKey, PullRequest};
use bivouac_ports::{NoMeter, Permission, SystemClock, WrittenComment};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use doors::{Book, Hub, Memory, Shelf, Table, Tray, locked};

const SECRET: &str = "It's a Secret to Everybody";
/// The repository of most examples, and the issue that the derived comment stands on.
const REPO: &str = "Codertocat/Hello-World";
const HEAD: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

/// How long a letter may take from the endpoint to its end: memory is quick, and machines may be busy.
const SOON: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Delivery {
    event: String,
    body: String,
    signature: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    message: String,
}

struct World {
    table: Arc<Table>,
    hub: Arc<Hub>,
    tray: Arc<Tray>,
    url: String,
    stop: CancellationToken,
    _tasks: tokio::task::JoinSet<()>,
}

async fn world() -> World {
    let (table, hub, tray) = (Arc::new(Table::default()), Arc::new(Hub::default()), Arc::new(Tray::default()));
    let doors = Doors {
        records: Arc::<Table>::clone(&table),
        forge: Arc::<Hub>::clone(&hub),
        conversation: Arc::<Hub>::clone(&hub),
        journal: Arc::new(Book::default()),
        inbox: Arc::<Tray>::clone(&tray),
        logs: Arc::new(Shelf::default()),
        heads: Arc::new(Memory::default()),
        clock: Arc::new(SystemClock),
        meter: Arc::new(NoMeter),
        nudge: Arc::new(|_| {}),
    };
    let rules = ProjectRules {
        repo: REPO.parse().expect("a repository"),
        variables: bivouac_policy::VariableRules::default(),
        secrets: BTreeSet::new(),
        sizes: BTreeSet::new(),
        logs: bivouac_bot::ProjectLogs::default(),
    };
    let settings = Settings {
        projects: vec![rules],
        secrets: Secrets::new([SECRET.to_owned().into()]),
        label: Some("bug".into()),
        ..Settings::new()
    };
    let bot = Bot::new(doors, settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhooks/github", listener.local_addr().expect("an address"));
    let service = bot.router().into_make_service_with_connect_info::<SocketAddr>();
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    let running = stop.clone();
    tasks.spawn(async move { bot.run(running).await });
    tasks.spawn(async move { axum::serve(listener, service).await.expect("it serves") });
    World { table, hub, tray, url, stop, _tasks: tasks }
}

impl World {
    async fn send(&self, number: usize, delivery: &Delivery) -> (StatusCode, String) {
        let response = Client::new()
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-github-event", &delivery.event)
            .header("x-github-delivery", format!("72d3162e-cc78-11e3-81ab-{number:012x}"))
            .header("x-hub-signature-256", &delivery.signature)
            .body(delivery.body.clone())
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        (status, response.text().await.expect("a whole answer"))
    }

    async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let wait = async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            while !reached(self) {
                look.tick().await;
            }
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{what}"));
    }
}

fn deliveries() -> Vec<Delivery> {
    let printed = emulators::octokit_deliveries(SECRET);
    let deliveries: Vec<Delivery> =
        printed.lines().map(|line| serde_json::from_str(line).expect("a delivery")).collect();
    let events: BTreeSet<&str> = deliveries.iter().map(|delivery| &*delivery.event).collect();
    assert!(deliveries.len() > 300 && events.len() >= 58, "{} of {} events", deliveries.len(), events.len());
    deliveries
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_every_event_has_its_answer() {
    let world = world().await;
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (number, delivery) in deliveries().iter().enumerate() {
        let (status, answer) = world.send(number, delivery).await;
        let expected = if delivery.event == "ping" { StatusCode::OK } else { StatusCode::ACCEPTED };
        assert_eq!(status, expected, "{}: {answer} to {}", delivery.event, delivery.body);
        let answer: Answer = serde_json::from_str(&answer).expect("every answer is JSON with a message");
        let kind = answer.message.split(':').next().unwrap_or_default();
        said.entry(delivery.event.clone()).or_default().insert(kind.to_owned());
    }
    for event in ["issue_comment", "pull_request"] {
        assert!(said[event].contains("taken") && said[event].contains("ignored"), "{event}: {:?}", said[event]);
    }
    let taken = said.values().filter(|kinds| kinds.contains("taken")).count();
    assert_eq!(taken, 2, "of other events nothing is kept: {said:?}");
    world.until("every letter is handled", |world| locked(&world.tray.letters).is_empty()).await;
    world.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_on_a_pull_request_becomes_a_wish() {
    let world = world().await;
    let deliveries = deliveries();
    let comment = deliveries.last().expect("the derived one is the last");
    let payload: serde_json::Value = serde_json::from_str(&comment.body).expect("JSON");
    let number = payload["issue"]["number"].as_u64().expect("a number");
    let author = payload["comment"]["user"]["login"].as_str().expect("a login").to_ascii_lowercase();
    let key: EnvKey = format!("{REPO}#{number}").parse().expect("a key");
    let pull = PullRequest {
        number: key.pr,
        is_open: true,
        head_sha: HEAD.into(),
        is_from_fork: false,
        branch: None,
        author: author.clone(),
        labels: BTreeSet::new(),
        seen_at: None,
    };
    let text = |name: &str| payload["comment"][name].as_str().expect("text").to_owned();
    let written = WrittenComment {
        number: key.pr,
        author: author.clone(),
        body: text("body"),
        created_at: text("created_at").parse().expect("a time"),
    };
    locked(&world.hub.comments).insert(payload["comment"]["id"].as_u64().expect("a number"), written);
    locked(&world.hub.pulls).insert(key.clone(), pull);
    locked(&world.hub.permissions).insert(author, Permission::Write);
    let (status, answer) = world.send(1, comment).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    world.until("the wish is written", |world| world.table.record(&(&key).into()).is_some()).await;
    let wish = world.table.record(&(&key).into()).expect("a record").desired.expect("a wish");
    assert_eq!((wish.head_sha.as_deref(), &*wish.flags["FEATURE_X"]), (Some(HEAD), "true"));
    world.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_signature_or_another_byte_is_refused() {
    let world = world().await;
    let mut deliveries = deliveries();
    deliveries.truncate(50);
    for (number, delivery) in deliveries.iter_mut().enumerate() {
        delivery.body.insert(1, ' ');
        assert_eq!(world.send(number, delivery).await.0, StatusCode::UNAUTHORIZED, "{}", delivery.event);
    }
    assert!(locked(&world.tray.seen).is_empty());
    world.stop.cancel();
}

//! A bot and everything around it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bivouac_bot::{Bot, Doors, ProjectLogs, ProjectRules, Secrets, Settings};
use bivouac_model::{Branch, DesiredState, EnvKey, Event, ItemKey, PrNumber, PullRequest, Record};
use bivouac_ports::{LabelChange, NoMeter, Permission, Push, RecordStore as _, TextId, WrittenComment};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::doors::{Book, Faults, Hub, Memory, Shelf, Table, TokioClock, Tray, locked};
use crate::payloads::{Mail, REPO, SECRET, at};

/// The head of every pull request at first.
pub const HEAD: &str = "1111111111111111111111111111111111111111";
/// Another commit.
pub const NEXT: &str = "2222222222222222222222222222222222222222";

pub struct World {
    pub settings: Settings,
    pub faults: Arc<Faults>,
    pub table: Arc<Table>,
    pub hub: Arc<Hub>,
    pub book: Arc<Book>,
    pub tray: Arc<Tray>,
    pub memory: Arc<Memory>,
    pub shelf: Arc<Shelf>,
    pub nudged: Arc<Mutex<BTreeSet<ItemKey>>>,
    doors: Doors,
}

pub fn key(pr: u64) -> EnvKey {
    EnvKey { repo: REPO.parse().unwrap(), pr: PrNumber::new(pr).unwrap() }
}

/// Where the container of the project writes its log.
fn log() -> bivouac_policy::ContainerLog {
    let options = serde_json::json!({ "awslogs-group": "/ecs/superset-ci", "awslogs-stream-prefix": "ecs" });
    let log = serde_json::json!({ "logDriver": "awslogs", "options": options });
    bivouac_policy::ContainerLog::of(&serde_json::json!({ "name": "superset", "logConfiguration": log })).unwrap()
}

impl World {
    /// Pull request 7 is open and by Ada, who may write; Eve may not. By default the forge answers at the
    /// beginning of the story.
    pub fn new() -> Self {
        let faults = Arc::new(Faults::default());
        let table = Arc::new(Table { faults: Arc::clone(&faults), ..Table::default() });
        let hub = Arc::new(Hub { faults: Arc::clone(&faults), ..Hub::default() });
        let book = Arc::new(Book { faults: Arc::clone(&faults), ..Book::default() });
        let tray = Arc::new(Tray { faults: Arc::clone(&faults), ..Tray::default() });
        let memory = Arc::new(Memory { faults: Arc::clone(&faults), ..Memory::default() });
        let shelf = Arc::new(Shelf { faults: Arc::clone(&faults), ..Shelf::default() });
        let nudged = Arc::new(Mutex::new(BTreeSet::new()));
        let ear = Arc::clone(&nudged);
        let doors = Doors {
            records: Arc::<Table>::clone(&table),
            forge: Arc::<Hub>::clone(&hub),
            conversation: Arc::<Hub>::clone(&hub),
            journal: Arc::<Book>::clone(&book),
            inbox: Arc::<Tray>::clone(&tray),
            logs: Arc::<Shelf>::clone(&shelf),
            heads: Arc::<Memory>::clone(&memory),
            clock: Arc::new(TokioClock::new("2026-11-23T12:30:00Z".parse().unwrap())),
            meter: Arc::new(NoMeter),
            nudge: Arc::new(move |key: &ItemKey| {
                locked(&ear).insert(key.clone());
            }),
        };
        let rules = ProjectRules {
            repo: REPO.parse().unwrap(),
            variables: bivouac_policy::VariableRules {
                config_allow: vec![wildmatch::WildMatch::new("SUPERSET_*")],
                ..bivouac_policy::VariableRules::default()
            },
            secrets: BTreeSet::new(),
            sizes: BTreeSet::from(["small".to_owned()]),
            logs: ProjectLogs { containers: vec![log()], ..ProjectLogs::default() },
        };
        let secrets = Secrets::new([SECRET.to_owned().into()]);
        let settings = Settings {
            projects: vec![rules],
            secrets,
            label: Some("testenv-up".into()),
            // Out of the way of the other tests.
            compare_every: Duration::from_secs(7 * 24 * 3600),
            ..Settings::new()
        };
        let world = Self { settings, faults, table, hub, book, tray, memory, shelf, nudged, doors };
        world.date(0);
        world.pull(7, |_| {});
        locked(&world.hub.permissions).insert("ada".into(), Permission::Write);
        locked(&world.hub.permissions).insert("eve".into(), Permission::Read);
        world
    }

    pub fn bot(&self) -> Bot {
        Bot::new(self.doors.clone(), self.settings.clone())
    }

    /// Makes or changes a pull request.
    pub fn pull(&self, pr: u64, change: impl FnOnce(&mut PullRequest)) {
        let mut pulls = locked(&self.hub.pulls);
        let pull = pulls.entry(key(pr)).or_insert_with(|| PullRequest {
            number: PrNumber::new(pr).unwrap(),
            is_open: true,
            head_sha: HEAD.into(),
            is_from_fork: false,
            branch: Some(branch(pr)),
            author: "ada".into(),
            labels: BTreeSet::new(),
            seen_at: None,
        });
        change(pull);
    }

    /// The time of the forge's answers from now on: the `number`th second of the story.
    pub fn date(&self, number: u64) {
        *locked(&self.hub.date) = Some(at(number).parse().unwrap());
    }

    /// Pushes as this person, in this second of the story. The forge knows who it was.
    pub fn push(&self, pr: u64, by: &str, after: &str, number: u64) {
        let mut before = String::new();
        self.pull(pr, |pull| before = std::mem::replace(&mut pull.head_sha, after.to_owned()));
        let push = Push { before, after: after.into(), actor: Some(by.into()), at: at(number).parse().unwrap() };
        locked(&self.hub.pushes).entry(branch(pr)).or_default().insert(0, push);
    }

    pub fn label(&self, pr: u64, is_on: bool, actor: &str, at: &str) {
        let change = LabelChange { is_on, actor: actor.into(), at: at.parse().unwrap() };
        locked(&self.hub.labels).insert(key(pr), change);
        self.pull(pr, |pull| {
            if is_on {
                pull.labels.insert("testenv-up".into());
            } else {
                pull.labels.clear();
            }
        });
    }

    /// Delivers to a bot that handles nothing, so that it is another one that does.
    pub async fn post(&self, mail: &Mail) -> (StatusCode, String) {
        self.write(mail);
        send(&self.bot(), mail.request()).await
    }

    /// Has the forge know the comment of a delivery, which it does before it delivers it.
    pub fn write(&self, mail: &Mail) {
        write(&self.hub, mail);
    }

    /// Delivers one after the other, then lets a bot handle all of it.
    pub async fn deliver(&self, mails: &[Mail]) {
        for mail in mails {
            let (status, said) = self.post(mail).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{said}");
        }
        self.settle().await;
    }

    /// Runs a bot until nothing is left in the inbox.
    pub async fn settle(&self) {
        let living = self.live();
        self.until(|world| locked(&world.tray.letters).is_empty()).await;
        living.end().await;
    }

    /// A bot that runs, and hears what is posted to it.
    pub fn live(&self) -> Living {
        let bot = Arc::new(self.bot());
        let stop = CancellationToken::new();
        let (running, stopped) = (Arc::clone(&bot), stop.clone());
        let task = tokio::spawn(async move { running.run(stopped).await });
        Living { bot, hub: Arc::clone(&self.hub), stop, task }
    }

    /// Waits for a state, in paused time, for hours at most.
    pub async fn until(&self, reached: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if reached(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the state was not reached");
    }

    pub fn record(&self, pr: u64) -> Option<Record> {
        self.table.record(&key(pr).into())
    }

    pub fn wish(&self, pr: u64) -> DesiredState {
        self.record(pr).expect("there is a record").desired.expect("it can be read")
    }

    /// Somebody writes one attribute of the wish with a client of their own.
    pub async fn client_writes(&self, pr: u64, name: &'static str, value: &str) {
        let change = vec![(name, Some(bivouac_model::Value::String(value.to_owned())))];
        self.table.write_desired(&key(pr).into(), &change).await.unwrap();
    }

    /// The controller says something.
    pub async fn status(&self, pr: u64, change: impl FnOnce(&mut bivouac_model::Status)) {
        let seen = self.record(pr).expect("there is a record");
        let mut status = seen.status.clone().unwrap_or_else(|| bivouac_model::Status {
            phase: bivouac_model::Phase::Ready,
            reason: "Ready".into(),
            message: String::new(),
            url: None,
            public_ip: None,
            expires_at: "2026-11-25T12:00:00Z".parse().unwrap(),
            hourly_cost_usd: bivouac_model::Usd::ZERO,
            cost_usd: bivouac_model::Usd::ZERO,
            updated_at: "2026-11-23T12:00:00Z".parse().unwrap(),
            purge_at: None,
            machinery: bivouac_model::Machinery::default(),
        });
        status.machinery.observed_generation = seen.generation;
        change(&mut status);
        self.table.write_status(&seen, &status).await.unwrap();
    }

    /// The reactions to a comment.
    pub fn reactions(&self, id: u64) -> Vec<&'static str> {
        locked(&self.hub.reactions).iter().filter(|(comment, _)| *comment == id).map(|(_, word)| *word).collect()
    }

    /// The reply to somebody; `None`: there is none, or it is folded away.
    pub fn reply(&self, pr: u64, login: &str) -> Option<String> {
        locked(&self.hub.replies).get(&(key(pr), login.to_owned())).cloned().flatten()
    }

    /// The audit of a pull request: who, what, what became of it.
    pub fn audit(&self, pr: u64) -> Vec<String> {
        let line = |event: &Event| format!("{} {} {}", event.actor, event.action, event.reason);
        let key = ItemKey::from(key(pr));
        locked(&self.book.events).values().filter(|event| event.environment == key).map(line).collect()
    }
}

/// A bot that runs.
pub struct Living {
    pub bot: Arc<Bot>,
    hub: Arc<Hub>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Living {
    /// Delivers to this bot.
    pub async fn post(&self, mail: &Mail) -> (StatusCode, String) {
        write(&self.hub, mail);
        send(&self.bot, mail.request()).await
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("it ends well");
    }

    /// The process dies where it stands.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

/// Where the commits of a pull request are pushed to.
fn branch(pr: u64) -> Branch {
    Branch { repo: "eve/superset".parse().unwrap(), name: format!("change-{pr}") }
}

fn write(hub: &Hub, mail: &Mail) {
    let Ok(payload) = serde_json::from_slice::<serde_json::Value>(&mail.body) else { return };
    let comment = &payload["comment"];
    let pull = &payload["pull_request"];
    if payload["action"] == "closed"
        && let (Some(number), Some(at)) = (pull["number"].as_u64(), pull["updated_at"].as_str())
    {
        locked(&hub.closings).insert(key(number), at.parse().unwrap());
    }
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let written = |on: &serde_json::Value, text: &serde_json::Value, time: &str| {
        let number = PrNumber::new(on["number"].as_u64()?).ok()?;
        let created_at = text[time].as_str()?.parse().ok()?;
        let author = text["user"]["login"].as_str()?.to_owned();
        Some(WrittenComment { number, author, body: text["body"].as_str()?.to_owned(), created_at })
    };
    let review = &payload["review"];
    let texts = [
        (review["id"].as_u64().map(TextId::Review), written(pull, review, "submitted_at")),
        (comment["id"].as_u64().map(TextId::ReviewComment), written(pull, comment, "created_at")),
        (Some(TextId::Description), written(pull, pull, "created_at")),
    ];
    for (id, text) in texts {
        if let (Some(id), Some(text)) = (id, text) {
            locked(&hub.texts).insert((key(text.number.get()), id), text);
        }
    }
    let number = payload["issue"]["number"].as_u64().and_then(|number| PrNumber::new(number).ok());
    let created_at = text(&comment["created_at"]).parse().ok();
    if let (Some(id), Some(number), Some(created_at)) = (comment["id"].as_u64(), number, created_at) {
        let (author, body) = (text(&comment["user"]["login"]), text(&comment["body"]));
        locked(&hub.comments).insert(id, WrittenComment { number, author, body, created_at });
    }
}

/// Sends a delivery whose comment the forge has.
pub async fn deliver(world: &World, bot: &Bot, mail: &Mail) -> (StatusCode, String) {
    write(&world.hub, mail);
    send(bot, mail.request()).await
}

pub async fn send(bot: &Bot, request: Request<Body>) -> (StatusCode, String) {
    let service = TowerToHyperService::new(bot.router());
    let response = service.call(request).await.expect("a router always answers");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).expect("every answer is JSON");
    (status, body["message"].as_str().expect("with a message").to_owned())
}

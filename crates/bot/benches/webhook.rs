//! From a signed webhook over HTTP to the record, with every door in memory, on one core: 200 deliveries a second.
//!
//! `cargo bench -p bivouac-bot`. It fails when one in a hundred takes longer than 50 ms.

// The doors of the tests, not all of them.
#[allow(dead_code)]
#[path = "../tests/bot/doors.rs"]
mod doors;
#[allow(dead_code)]
#[path = "../tests/bot/payloads.rs"]
mod payloads;
#[allow(dead_code)]
#[path = "../tests/bot/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bivouac_model::ItemKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::payloads::{Mail, says, signature};
use crate::world::{World, key};

/// The load of the issue, and for how long.
const EACH_SECOND: u64 = 200;
const SECONDS: u64 = 5;
/// What one in a hundred may take.
const MOST: Duration = Duration::from_millis(50);
/// A delivery that is not in the record by then is lost.
const LOST: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut took = runtime.block_on(measure());
    took.sort();
    let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "{} deliveries, {EACH_SECOND} a second: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
    if at(99) > MOST.as_secs_f64() * 1e3 {
        eprintln!("more than {MOST:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Each delivery is an `up` on a pull request of its own, by one of many people, on a connection of its own. Sender, bot and
/// doors share the core.
async fn measure() -> Vec<Duration> {
    let world = Arc::new(World::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let living = world.live();
    let router = living.bot.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut deliveries = JoinSet::new();
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(EACH_SECOND).expect("a small number"));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for pr in 1..=EACH_SECOND * SECONDS {
        tick.tick().await;
        world.pull(pr, |_| {});
        let login = format!("person-{}", pr % 97);
        doors::locked(&world.hub.permissions).insert(login.clone(), bivouac_ports::Permission::Write);
        let mail = says(pr, pr, &login, "Please.\n\n/testenv up FEATURE_X=true ttl=24h");
        let world = Arc::clone(&world);
        deliveries.spawn(async move {
            let bytes = wire(&mail);
            let began = Instant::now();
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(&bytes).await.expect("it is read");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.contains(StatusCode::ACCEPTED.as_str()), "{answer}");
            written(&world, pr, began).await
        });
    }
    let took = deliveries.join_all().await;
    server.abort();
    living.end().await;
    took
}

/// How long it took until the record was there, to a fifth of a millisecond.
async fn written(world: &World, pr: u64, began: Instant) -> Duration {
    let key = ItemKey::from(key(pr));
    let mut look = interval(Duration::from_micros(200));
    while !doors::locked(&world.table.items).contains_key(&key) {
        assert!(began.elapsed() < LOST, "delivery {pr} is lost");
        look.tick().await;
    }
    began.elapsed()
}

fn wire(mail: &Mail) -> Vec<u8> {
    let Mail { event, guid, body } = mail;
    let signature = signature(payloads::SECRET, body);
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: bot\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nx-github-delivery: {guid}\r\nx-github-event: {event}\r\nx-hub-signature-256: {signature}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

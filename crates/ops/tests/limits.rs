//! The limits of a listener: who is dropped for another, who never is, and how long anybody may take.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use bivouac_ops::{Limits, serve_router};
use support::{BOUND, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n";

fn limits(connections: usize) -> Limits {
    Limits {
        connections,
        head_within: Duration::from_secs(5),
        idle: Duration::from_secs(30),
        answer_within: Duration::from_secs(20),
    }
}

/// Asks on an open connection; the status line, or `None` when it is closed.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<String> {
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    let read = async {
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            answer.push(stream.read_u8().await.ok()?);
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        text.lines().next().map(str::to_owned)
    };
    timeout(BOUND, read).await.expect("an answer or an end in time")
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    // A reset is an end too.
    timeout(BOUND, stream.read_u8()).await.expect("the server closes it").is_err()
}

/// A server whose `/slow` answers when it is allowed to, and whose `/large` never fits into the buffers of a socket.
struct Slow {
    address: SocketAddr,
    /// One permit for each request to `/slow` that has begun.
    begun: Arc<Semaphore>,
    /// One permit for each that may end.
    allowed: Arc<Semaphore>,
    _task: JoinHandle<()>,
}

impl Slow {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let allowed = Arc::new(Semaphore::new(0));
        let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::clone(&allowed));
        let begins = Arc::clone(&begun);
        let slow = move || async move {
            begins.add_permits(1);
            permits.acquire().await.map(|permit| permit.forget()).map_or("closed", |()| "done")
        };
        let router = Router::new()
            .route("/slow", get(slow))
            .route("/large", get(async || "x".repeat(64 << 20)))
            .route("/body", post(async |body: String| body))
            .fallback(async || "ok");
        let task = tokio::spawn(serve_router(listener, router, limits, CancellationToken::new()));
        Self { address, begun, allowed, _task: task }
    }

    /// Waits until a request to `/slow` has begun.
    async fn until_begun(&self) {
        timeout(BOUND, self.begun.acquire()).await.expect("it begins").expect("never closed").forget();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

#[tokio::test]
async fn the_connection_that_is_idle_for_longest_makes_room() {
    let server = Server::within(limits(3), &[]).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        assert!(ask(&mut stream, ASK).await.is_some());
        open.push(stream);
    }
    // The first is used again, so the second is the oldest.
    assert!(ask(&mut open[0], ASK).await.is_some());
    let mut another = server.connect().await;
    assert!(ask(&mut another, ASK).await.is_some(), "the new one is served");
    assert!(is_closed(&mut open[1]).await);
    for kept in [0, 2] {
        assert!(ask(&mut open[kept], ASK).await.is_some(), "number {kept} is still there");
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_flood_of_idle_connections_and_half_heads_keeps_nobody_out() {
    let server = Server::within(limits(8), &[]).await;
    let mut flood = Vec::new();
    for number in 0..200 {
        let mut stream = server.connect().await;
        if number % 2 == 0 {
            // Dropped already, perhaps.
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: o").await;
        }
        flood.push(stream);
    }
    for path in ["/healthz", "/metrics"] {
        assert_eq!(server.get(path).await.status, 200);
    }
    let closed = async {
        for stream in &mut flood[..190] {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    timeout(BOUND, closed).await.expect("all but a few are closed at once, and not when their time is over");
    server.stopped().await;
}

#[tokio::test]
async fn a_request_under_way_is_never_dropped_for_another() {
    let server = Slow::start(limits(2)).await;
    let ask_slowly = |mut stream: TcpStream| {
        tokio::spawn(async move { ask(&mut stream, b"GET /slow HTTP/1.1\r\nhost: ops\r\n\r\n").await })
    };
    let first = ask_slowly(server.connect().await);
    server.until_begun().await;
    // One that has sent all but the end of its body is under way as well.
    let mut second = server.connect().await;
    second
        .write_all(b"POST /body HTTP/1.1\r\nhost: ops\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    let mut go_on = [0; 25];
    timeout(BOUND, second.read_exact(&mut go_on)).await.expect("it is asked for its body").expect("it is asked");
    let mut third = server.connect().await;
    third.write_all(ASK).await.expect("the kernel takes it");
    server.allowed.add_permits(1);
    assert_eq!(first.await.expect("it ends").as_deref(), Some("HTTP/1.1 200 OK"));
    // The first is gone, so there is room.
    assert_eq!(ask(&mut third, b"").await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert_eq!(ask(&mut second, b"hello").await.as_deref(), Some("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_new_connection_waits_for_one_that_becomes_idle() {
    let server = Slow::start(limits(1)).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /slow HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
    server.until_begun().await;
    let mut second = server.connect().await;
    second.write_all(ASK).await.expect("the kernel takes it");
    server.allowed.add_permits(1);
    // The first gets its answer, stays open, and is dropped as the idle one that it is now.
    assert_eq!(ask(&mut first, b"").await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert_eq!(ask(&mut second, b"").await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert!(is_closed(&mut first).await);
}

#[tokio::test]
async fn half_a_head_has_five_seconds_and_an_idle_connection_thirty() {
    let server = Server::within(limits(8), &[]).await;
    let mut nothing = server.connect().await;
    let mut half = server.connect().await;
    assert!(ask(&mut half, ASK).await.is_some());
    let mut scraper = server.connect().await;
    // From here on the clock jumps to the next timer whenever nothing else is left to do.
    tokio::time::pause();
    let began = Instant::now();
    for _ in 0..4 {
        assert!(ask(&mut scraper, ASK).await.is_some(), "a scrape every 15 seconds keeps its connection");
        tokio::time::sleep(Duration::from_secs(15)).await;
        if began.elapsed() < Duration::from_secs(16) {
            half.write_all(b"GET /healthz HTTP/1.1\r\nho").await.expect("still open");
        }
    }
    assert!(is_closed(&mut nothing).await && is_closed(&mut half).await);

    let mut nothing = server.connect().await;
    let began = Instant::now();
    assert!(is_closed(&mut nothing).await);
    assert_eq!(began.elapsed().as_secs(), 5, "without a byte");
    let mut half = server.connect().await;
    assert!(ask(&mut half, ASK).await.is_some());
    tokio::time::sleep(Duration::from_secs(12)).await;
    let began = Instant::now();
    half.write_all(b"GET /he").await.expect("still open");
    assert!(is_closed(&mut half).await);
    assert_eq!(began.elapsed().as_secs(), 5, "from the first byte of the head");
    tokio::time::resume();
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let server = Slow::start(Limits { answer_within: Duration::from_secs(8), ..limits(1) }).await;
    let mut greedy = server.connect().await;
    greedy.write_all(b"GET /large HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
    timeout(BOUND, greedy.peek(&mut [0])).await.expect("an answer begins").expect("an answer begins");
    tokio::time::pause();
    let began = Instant::now();
    let mut waits = server.connect().await;
    assert_eq!(ask(&mut waits, ASK).await.as_deref(), Some("HTTP/1.1 200 OK"));
    assert!((7..=9).contains(&began.elapsed().as_secs()), "after its time, not before: {:?}", began.elapsed());
    drop(greedy);
}

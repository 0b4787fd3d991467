//! A server on a free port and a client of few lines, so that the tests speak to it as others do.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::SocketAddr;
use std::time::Duration;

use bivouac_ops::{Limits, Metrics, Ops, Readiness, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; only a test that fails waits for it.
pub const BOUND: Duration = Duration::from_secs(10);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub ops: Ops,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Server {
    /// Starts one on loopback.
    pub async fn start(conditions: &[&'static str]) -> Self {
        Self::within(Limits::OPS, conditions).await
    }

    /// Starts one with other limits.
    pub async fn within(limits: Limits, conditions: &[&'static str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let ops = Ops { metrics: Metrics::new("1.2.3"), readiness: Readiness::new(conditions) };
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, ops.clone(), limits, stop.clone()));
        Self { address, ops, stop, task }
    }

    /// A GET of a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// A request on a connection of its own.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// These bytes, and what comes back until the server closes.
    pub async fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        timeout(BOUND, stream.read_to_string(&mut answer)).await.expect("an answer in time").expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A connection and nothing more.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Stops it and waits for its end.
    pub async fn stopped(self) {
        self.stop.cancel();
        timeout(BOUND, self.task).await.expect("it stops in time").expect("it does not panic");
    }
}

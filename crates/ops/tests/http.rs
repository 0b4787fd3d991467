//! The endpoints over real HTTP.

mod support;

use std::time::{Duration, Instant};

use support::{BOUND, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest a stop may take: the grace of one second, and as much again for a busy machine.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_live_process_is_healthy_before_it_is_ready() {
    let server = Server::start(&["tables", "first-observation"]).await;
    let health = server.get("/healthz").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    assert_eq!(server.get("/readyz").await.status, 503);
    server.stopped().await;
}

#[tokio::test]
async fn readiness_lists_what_is_missing_until_nothing_is() {
    let server = Server::start(&["tables", "first-observation"]).await;
    server.ops.readiness.set("tables", true);
    let answer = server.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "[+]tables ok\n[-]first-observation not yet\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    server.ops.readiness.set("first-observation", true);
    let answer = server.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[+]tables ok\n[+]first-observation ok\n"));
    server.ops.readiness.set("tables", false);
    assert_eq!(server.get("/readyz").await.status, 503, "what no longer holds counts again");
    server.stopped().await;
}

#[tokio::test]
async fn metrics_come_with_the_content_type_of_openmetrics() {
    let server = Server::start(&[]).await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    server.stopped().await;
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405_in_plain_text() {
    let server = Server::start(&[]).await;
    for path in ["/", "/metrics/", "/Healthz", "/healthz/../metrics", "/%00", "/debug/pprof"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
        assert!(answer.body.contains("/metrics"), "{path}: {}", answer.body);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let answer = server.ask(method, path, "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{method} {path}");
        }
        let answer = server.ask("HEAD", path, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "HEAD {path}");
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_query_and_a_body_change_nothing() {
    let server = Server::start(&[]).await;
    assert_eq!(server.get("/readyz?verbose&exclude=tables").await.status, 200);
    let answer = server.ask("GET", "/healthz", &"x".repeat(10_000)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    // The announced gigabyte never comes; the answer does not wait for it.
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /metrics HTTP/1.1\r\nhost: ops\r\ncontent-length: 1000000000\r\n\r\n")
        .await
        .expect("written");
    assert!(head_of_answer(&mut stream).await.starts_with("HTTP/1.1 405 "));
    server.stopped().await;
}

#[tokio::test]
async fn what_is_no_http_gets_no_further() {
    let server = Server::start(&[]).await;
    assert_eq!(server.send("\x16\x03\x01 a TLS hello, perhaps\r\n\r\n").await.status, 400);
    let long = format!("GET /healthz HTTP/1.1\r\nhost: ops\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = server.connect().await;
    // The server may close before all of it is written.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("it closes");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.get("/healthz").await.status, 200, "the server goes on");
    server.stopped().await;
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::start(&[]).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
        let answer = head_of_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.stopped().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_half_a_minute() {
    let server = Server::start(&[]).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
    head_of_answer(&mut idle).await;
    // From here on the clock jumps to the next timer whenever nothing else is left to do.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let end = timeout(Duration::from_secs(60), idle.read_u8()).await.expect("it is closed");
    assert!(end.is_err(), "closed without a word");
    assert!(began.elapsed() >= Duration::from_secs(29), "not before its time: {:?}", began.elapsed());
    tokio::time::resume();
    assert_eq!(server.get("/healthz").await.status, 200);
    server.stopped().await;
}

#[tokio::test]
async fn stop_closes_the_port_and_idle_connections_at_once() {
    let server = Server::start(&[]).await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
    head_of_answer(&mut idle).await;
    let began = Instant::now();
    server.stopped().await;
    assert!(began.elapsed() < Duration::from_millis(900), "no need to use up the grace: {:?}", began.elapsed());
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
    assert_closed(&mut idle).await;
}

#[tokio::test]
async fn slow_clients_cannot_hold_the_stop() {
    let server = Server::start(&[]).await;
    let mut silent = server.connect().await;
    let mut half_a_head = server.connect().await;
    half_a_head.write_all(b"GET /metrics HTTP/1.1\r\nhost: o").await.expect("written");
    let mut half_a_body = server.connect().await;
    half_a_body.write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\ncontent-length: 9\r\n\r\nx").await.expect("written");
    head_of_answer(&mut half_a_body).await;
    // This one asks for more than the sockets' buffers hold, and reads none of it.
    for operation in 0..400 {
        let operation: &'static str = Box::leak(format!("Operation{operation}").into_boxed_str());
        bivouac_ports::Meter::api_call(&server.ops.metrics, "ECS", operation, "ok", Duration::ZERO);
    }
    let mut reads_nothing = server.connect().await;
    let greedy = "GET /metrics HTTP/1.1\r\nhost: ops\r\n\r\n".repeat(200);
    reads_nothing.write_all(greedy.as_bytes()).await.expect("written");
    let mut first = [0];
    timeout(BOUND, reads_nothing.peek(&mut first)).await.expect("an answer begins").expect("an answer begins");

    let began = Instant::now();
    server.stopped().await;
    assert!(began.elapsed() < STOPS_WITHIN, "{:?}", began.elapsed());
    for slow in [&mut silent, &mut half_a_head, &mut half_a_body, &mut reads_nothing] {
        assert_closed(slow).await;
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_cuts_its_connections() {
    let server = Server::start(&[]).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n").await.expect("written");
    head_of_answer(&mut idle).await;
    server.task.abort();
    assert!(timeout(BOUND, server.task).await.expect("it ends").expect_err("it was aborted").is_cancelled());
    assert_closed(&mut idle).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_token_cancelled_before_the_start_stops_it_too() {
    let server = Server::start(&[]).await;
    server.stop.cancel();
    server.stop.cancel();
    server.stopped().await;
}

/// Reads one answer with a short body.
async fn head_of_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"\n") || !answer.windows(4).any(|end| end == b"\r\n\r\n") || answer.ends_with(b"\r\n")
        {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
    };
    timeout(BOUND, read).await.expect("an answer in time");
    String::from_utf8(answer).expect("text")
}

/// Waits until the other side has closed, reading what it had sent before.
async fn assert_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = timeout(BOUND, stream.read_to_end(&mut rest)).await.expect("the server closed it");
}

//! The endpoints, asked over real HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use bivouac_ops::{Error, Liveness, Metrics, Ops, Readiness};
use bivouac_ports::Meter as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far longer than any answer takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    ops: Ops,
    cancel: CancellationToken,
    serving: JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ops = Ops {
            liveness: Liveness::new(),
            readiness: Readiness::new(["tables", "first-observation"]),
            metrics: Metrics::new("1.2.3"),
        };
        let cancel = CancellationToken::new();
        let serving = tokio::spawn(ops.clone().serve(listener, cancel.clone()));
        Self { address, ops, cancel, serving }
    }

    /// The status and the whole text of the answer, its head included.
    async fn get(&self, path: &str) -> (u16, String) {
        let asking = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        };
        let text = tokio::time::timeout(PATIENCE, asking).await.unwrap();
        (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
    }

    async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn it_is_ready_once_every_condition_holds() {
    let running = Running::start().await;
    running.ops.readiness.set("tables", true);
    let (status, text) = running.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.ends_with("[+]tables ok\n[-]first-observation not yet\nreadyz check failed\n"), "{text}");

    running.ops.readiness.set("first-observation", true);
    let (status, text) = running.get("/readyz").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("[+]tables ok\n[+]first-observation ok\nreadyz check passed\n"), "{text}");

    running.ops.readiness.set("tables", false);
    assert_eq!(running.get("/readyz").await.0, 503);
    running.stop().await;
}

#[tokio::test]
async fn it_is_alive_while_its_loops_tick() {
    let running = Running::start().await;
    assert_eq!(running.get("/healthz").await.0, 200);
    let _resync = running.ops.liveness.watch("resync", Duration::from_secs(3600));
    assert_eq!(running.get("/healthz").await.0, 200);
    let stuck = running.ops.liveness.watch("stream", Duration::ZERO);
    let (status, text) = running.get("/healthz").await;
    assert_eq!(status, 503);
    assert!(text.contains("[+]resync ok\n[-]stream silent for 0s"), "{text}");
    drop(stuck);
    assert_eq!(running.get("/healthz").await.0, 200);
    running.stop().await;
}

#[tokio::test]
async fn the_metrics_have_the_names_of_the_field() {
    let running = Running::start().await;
    let metrics = &running.ops.metrics;
    metrics.api_call("ecs", "ListServices", "ok", Duration::from_millis(20));
    metrics.api_call("ecs", "ListServices", "ThrottlingException", Duration::from_millis(20));
    metrics.reconciled("done", Duration::from_millis(3));
    metrics.queue_depth("environments", 4);
    metrics.passed("ok", 7, Duration::from_millis(300));
    metrics.phases(&[("Ready", 5), ("Failed", 2)]);
    metrics.phases(&[("Ready", 6)]);
    metrics.lease_held(true);
    metrics.forge_quota(4999);
    let (status, text) = running.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{text}");
    for line in [
        "aws_api_calls_total{service=\"ecs\",operation=\"ListServices\",code=\"ok\"} 1",
        "aws_api_calls_total{service=\"ecs\",operation=\"ListServices\",code=\"ThrottlingException\"} 1",
        "aws_api_call_duration_seconds_count{service=\"ecs\",operation=\"ListServices\"} 2",
        "reconcile_total{result=\"done\"} 1",
        "reconcile_duration_seconds_count 1",
        "workqueue_depth{name=\"environments\"} 4",
        "pass_duration_seconds_count 1",
        "passes_total{result=\"ok\"} 1",
        "pass_environments 7",
        "environments{phase=\"Ready\"} 6",
        "environments{phase=\"Failed\"} 0",
        "environments{phase=\"Terminated\"} 0",
        "lease_held 1",
        "forge_quota_remaining 4999.0",
        "build_info{version=\"1.2.3\"} 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn codes_from_outside_cannot_grow_the_metrics_without_end() {
    let running = Running::start().await;
    for number in 0..1000 {
        running.ops.metrics.api_call("ecs", "ListServices", &format!("Code{number}"), Duration::ZERO);
    }
    for strange in ["", "with a \"quote\"\n", &"x".repeat(500)] {
        running.ops.metrics.api_call("ecs", "ListServices", strange, Duration::ZERO);
    }
    let (_, text) = running.get("/metrics").await;
    let series = text.lines().filter(|line| line.starts_with("aws_api_calls_total{")).count();
    assert_eq!(series, 65);
    assert!(text.contains("code=\"other\"} 939"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn other_paths_are_told_where_to_go_and_a_silent_client_cannot_hold_the_stop_up() {
    let running = Running::start().await;
    assert_eq!(running.get("/").await.0, 404);
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    silent.write_all(b"GET /metr").await.unwrap();
    running.stop().await;
}

//! Strangers at the daemon's ports, and a process that is short of sockets or of its table. Everything is on loopback and
//! bounded: the limits of the daemon are lowered, so that few connections show what many would.

use std::time::Duration;

use bivouac_simcloud::{Fault, Rule, Service};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::Daemon;
use crate::sockets_scene::{MAINTAINER, REPO, Scene};
use crate::wait::until;

/// How long an endpoint may take that answers from memory. Only a test that fails waits for it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Asks an ops endpoint: the status and the body.
async fn asked(daemon: &Daemon, path: &str) -> Result<(u16, String), String> {
    let url = format!("http://{}{path}", daemon.address("ops"));
    let answer = timeout(ANSWERS_WITHIN, async {
        let answer = reqwest::get(&url).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    });
    let answer: Result<_, reqwest::Error> = answer.await.map_err(|_| format!("{path} does not answer in time"))?;
    answer.map_err(|error| format!("{path}: {error}"))
}

/// Opens a connection to the bot and writes these bytes, as many of them as the other side takes.
async fn knock(address: &str, bytes: &[u8]) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).await.ok()?;
    let mut written = 0;
    while written < bytes.len() {
        stream.writable().await.ok()?;
        match stream.try_write(&bytes[written..]) {
            Ok(more) => written += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_strangers_end_no_environment() {
    // More connections than the daemon may have open files: the same as 1,400 at the usual 1,024.
    const FILES: u32 = 64;
    const STRANGERS: usize = 300;
    let scene = Scene::new(&[("BIVOUAC__DEADLINES__HEALTH", "3s")]).await;
    let daemon = scene.program.daemon_with_files(FILES).await;
    scene.deliver_to(&daemon);
    let mut prs = Vec::new();
    for _ in 0..4 {
        prs.push(scene.environment().await);
    }
    scene.until_ready(&prs, &[]).await;
    let before: Vec<String> = scene.tasks().into_values().flatten().collect();

    // Half of them send nothing, the others a part of a head.
    let mut strangers = Vec::new();
    for number in 0..STRANGERS {
        let bytes: &[u8] = if number % 2 == 0 { b"" } else { b"POST /webhooks/github HTTP/1.1\r\nhost: bivouac\r\n" };
        strangers.push(knock(daemon.address("bot"), bytes).await);
    }

    // Two are left alone, and two are started again: their tasks have to be asked in the middle of the flood.
    for pr in &prs[2..] {
        scene.set(*pr, "restarted_at", "2026-11-30T12:00:00Z").await;
    }
    scene.until_ready(&prs[2..], &before).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let (status, body) = asked(&daemon, path).await.expect("an answer in the middle of the flood");
        assert_eq!(status, 200, "{path}: {body}");
    }
    // A signed delivery gets through.
    scene.hub.person(MAINTAINER).comment(REPO, prs[3], "/testenv down").expect("a comment");
    until("the end of one environment", async || match scene.item(prs[3]).await.get("phase").map(String::as_str) {
        Some("Terminated") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    scene.until_ready(&prs[..3], &[]).await;
    let tasks = scene.tasks();
    for pr in &prs[..2] {
        let kept = &tasks[&format!("pr-{pr}-service")];
        assert!(kept.iter().all(|task| before.contains(task)), "#{pr} was started again: {kept:?}");
    }
    drop(strangers);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_records_converge_with_sixty_four_open_files() {
    const FILES: u32 = 64;
    let scene = Scene::new(&[]).await;
    let daemon = scene.program.daemon_with_files(FILES).await;
    let mut prs = Vec::new();
    for _ in 0..30 {
        prs.push(scene.environment().await);
    }
    scene.until_ready(&prs, &[]).await;
    assert_eq!(asked(&daemon, "/readyz").await.map(|(status, _)| status), Ok(200));
    drop(daemon);
    // The doctor says that the limit is too low, and what would be enough.
    let mut doctor = scene.program.with_files(FILES, &["doctor", "-o", "json"]);
    let output = tokio::task::spawn_blocking(move || doctor.output()).await.expect("it runs").expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["check"] == "open files").expect("a check of the limit");
    assert_eq!(check["result"], "warning", "{check:#}");
    assert!(check["message"].as_str().is_some_and(|message| message.contains("64")), "{check:#}");
}

/// Kilobytes of a line of `/proc/<pid>/status`.
fn kilobytes(daemon: &Daemon, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of it");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn unsigned_bodies_take_no_more_memory_than_their_budget() {
    const STRANGERS: usize = 400;
    const CLAIMED: usize = 1024 * 1024;
    // Almost all of it, so that each waits for its end.
    const SENT: usize = 900 * 1024;
    // The budget of 64 MiB, the read buffers of the connections, and what the allocator keeps besides.
    const MOST_MORE: u64 = 130 * 1024;
    let scene = Scene::new(&[]).await;
    let daemon = scene.program.daemon().await;
    scene.deliver_to(&daemon);
    let before = kilobytes(&daemon, "VmHWM");
    let mut bytes = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: bivouac\r\ncontent-type: application/json\r\n\
         content-length: {CLAIMED}\r\nx-github-event: ping\r\n\
         x-github-delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\nx-hub-signature-256: sha256={}\r\n\r\n",
        "0".repeat(64)
    )
    .into_bytes();
    bytes.resize(bytes.len() + SENT, b' ');
    let bytes: std::sync::Arc<[u8]> = bytes.into();
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..STRANGERS {
        let (address, bytes) = (daemon.address("bot").to_owned(), std::sync::Arc::clone(&bytes));
        sending.spawn(async move { knock(&address, &bytes).await });
    }
    // Each has sent its part, or was refused in the middle of it. Those that were taken stay open.
    let mut open = Vec::new();
    timeout(Duration::from_secs(60), async {
        while let Some(sent) = sending.join_next().await {
            open.extend(sent.expect("it sends"));
        }
    })
    .await
    .expect("every stranger has sent its part or was refused");
    let more = kilobytes(&daemon, "VmHWM") - before;
    assert!(more < MOST_MORE, "it grew by {more} KB");
    // A signed delivery gets through as soon as the slow ones are cut off.
    let pr = scene.hub.open_pull_request(REPO, "Another", MAINTAINER, &"a".repeat(40), None).expect("a pull request");
    until("a reaction to a command", async || {
        scene.hub.person(MAINTAINER).comment(REPO, pr, "/testenv status").expect("a comment");
        let comments = scene.hub.comments(REPO, pr).expect("comments");
        if comments.iter().any(|comment| !comment.reactions.is_empty()) { Ok(()) } else { Err(format!("{comments:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_answers_of_the_table() {
    let scene = Scene::new(&[]).await;
    let leader = scene.program.daemon().await;
    // The second waits for the lease, and answers for itself.
    let standby = scene.program.daemon().await;
    for (round, fault) in [Fault::DropBefore, Fault::Deny].into_iter().enumerate() {
        scene.cloud.faults().add(Rule::service(Service::DynamoDb, fault));
        for (name, daemon) in [("leader", &leader), ("standby", &standby)] {
            until("a daemon that is not ready", async || match asked(daemon, "/readyz").await {
                Ok((503, body)) if body.contains("[-]tables") => Ok(()),
                other => Err(format!("{name}, round {round}: {other:?}")),
            })
            .await;
            assert_eq!(asked(daemon, "/healthz").await.map(|(status, _)| status), Ok(200), "it lives");
        }
        scene.cloud.faults().clear();
        for daemon in [&leader, &standby] {
            until("a daemon that is ready again", async || match asked(daemon, "/readyz").await {
                Ok((200, _)) => Ok(()),
                other => Err(format!("round {round}: {other:?}")),
            })
            .await;
        }
    }
}

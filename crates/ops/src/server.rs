//! The HTTP server of the ops endpoints, and of whatever else listens beside them.

use std::pin::pin;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Metrics, Ops, Readiness};

/// How long answers under way may take once the server has to stop. All are made from memory, so only a slow client
/// needs longer; the process as a whole has ten seconds between SIGTERM and its end.
const GRACE: Duration = Duration::from_secs(1);

/// How long a connection may stay without a whole request, so that idle clients do not use up the process's sockets.
/// It is hyper's own default, and twice the usual scrape interval of 15 seconds, whose connections stay open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The content type of the OpenMetrics text format, by its specification 1.0, section "Overall Structure".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop`.
///
/// On `stop` it takes no more connections, closes the idle ones, finishes the answers under way for a second at most,
/// and cuts off the rest. Called twice with the same [`Ops`] and two listeners, both show the same. Dropped half-way,
/// it closes its listener and cuts off all connections.
///
/// It does not fail: a broken connection ends alone, and when there are no sockets left it waits a second and goes on.
pub async fn serve(listener: TcpListener, ops: Ops, stop: CancellationToken) {
    serve_router(listener, routes(ops), stop).await;
}

/// Serves any routes in the same way: with a time limit for each request's head, and an orderly end. A request finds the
/// address of its peer in [`ConnectInfo`].
pub async fn serve_router(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            (stream, peer) = Listener::accept(&mut listener) => {
                let router = router.clone().layer(Extension(ConnectInfo(peer)));
                connections.spawn(answer(stream, router, stop.clone()));
            }
            Some(ended) = connections.join_next() => note(ended),
        }
    }
    drop(listener);
    let finished = timeout(GRACE, async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    });
    if finished.await.is_err() {
        tracing::debug!(connections = connections.len(), "cut off slow clients");
        connections.shutdown().await;
    }
}

/// Answers the requests of one connection, and only the one under way after `stop`.
///
/// hyper is used directly, since `axum::serve` has no time limits and leaves its connections behind when it is dropped.
async fn answer(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client's affair: it went away, was too slow, or spoke no HTTP.
        tracing::trace!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "answering a request panicked");
    }
}

fn routes(ops: Ops) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz).with_state(ops.readiness))
        .route("/metrics", get(metrics).with_state(ops.metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let (ready, lines) = readiness.report();
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, lines)
}

async fn metrics(State(metrics): State<Metrics>) -> Result<([(HeaderName, &'static str); 1], String), StatusCode> {
    match metrics.scrape() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the metrics could not be written");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found; here are /healthz, /readyz and /metrics\n")
}

async fn method_not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET\n")
}

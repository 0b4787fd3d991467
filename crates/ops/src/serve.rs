//! The HTTP server.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Liveness, Metrics, Readiness};

/// How long answers under way may take once the process is to stop: an answer here is made from memory, so who has not
/// taken his by then is not reading.
const DRAIN: Duration = Duration::from_secs(1);

/// What is served. Clones share one state.
#[derive(Clone, Debug)]
pub struct Ops {
    /// Behind `/healthz`.
    pub liveness: Liveness,
    /// Behind `/readyz`.
    pub readiness: Readiness,
    /// Behind `/metrics`.
    pub metrics: Metrics,
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener broke.
    #[error("the ops endpoints cannot be served")]
    Serve(#[source] std::io::Error),
}

impl Ops {
    /// Serves until `cancel`, as [`serve`] does.
    ///
    /// # Errors
    /// As [`serve`].
    pub async fn serve(self, listener: TcpListener, cancel: CancellationToken) -> Result<(), Error> {
        serve(listener, self, cancel).await
    }
}

/// Serves `/healthz`, `/readyz` and `/metrics` on `listener` until `cancel`, then finishes the answers under way for at
/// most a second. Dropped half-way, it stops at once.
///
/// # Errors
/// [`Error::Serve`] when the listener breaks.
pub async fn serve(listener: TcpListener, state: Ops, cancel: CancellationToken) -> Result<(), Error> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n") })
        .with_state(state);
    let stop = cancel.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    let drained = async {
        cancel.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = async { serving.await } => ended.map_err(Error::Serve),
        () = drained => Ok(()),
    }
}

async fn healthz(State(ops): State<Ops>) -> Response {
    report(ops.liveness.report(Instant::now()))
}

async fn readyz(State(ops): State<Ops>) -> Response {
    report(ops.readiness.report())
}

fn report((well, text): (bool, String)) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

async fn metrics(State(ops): State<Ops>) -> Response {
    /// OpenMetrics 1.0, "Overall Structure".
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match ops.metrics.openmetrics() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

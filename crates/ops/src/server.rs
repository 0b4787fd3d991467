//! The HTTP server of the ops endpoints, and of whatever else listens beside them.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Watched};
use crate::connections::Connections;
use crate::{Limits, Metrics, Ops, Readiness};

/// How long answers under way may take once the server has to stop. All are made from memory, so only a slow client
/// needs longer; the process as a whole has ten seconds between SIGTERM and its end.
const GRACE: Duration = Duration::from_secs(1);

/// The read and the write buffer of a connection: twice hyper's least. The heads of GitHub and of browsers have 1 to 4 KB.
const BUFFER: usize = 16 * 1024;

/// How long the listener waits after it got no connection for want of open files or memory.
const REST: Duration = Duration::from_secs(1);

/// The content type of the OpenMetrics text format, by its specification 1.0, section "Overall Structure".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop`.
///
/// On `stop` it takes no more connections, closes the idle ones, finishes the answers under way for a second at most,
/// and cuts off the rest. Called twice with the same [`Ops`] and two listeners, both show the same. Dropped half-way,
/// it closes its listener and cuts off all connections.
///
/// It does not fail: a broken connection ends alone. If there are no open files left it drops an idle connection, waits a
/// second and goes on.
pub async fn serve(listener: TcpListener, ops: Ops, limits: Limits, stop: CancellationToken) {
    serve_router(listener, routes(ops), limits, stop).await;
}

/// Serves any routes in the same way: within limits, and with an orderly end. A request finds the address of its peer in
/// [`ConnectInfo`].
pub async fn serve_router(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let mut connections = Connections::new(limits.connections);
    let mut rests_until: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = connections.one_ended() => {}
            () = async { sleep_until(rests_until.unwrap_or_else(Instant::now)).await }, if rests_until.is_some() => {
                rests_until = None;
            }
            accepted = listener.accept(), if rests_until.is_none() => match accepted {
                Ok((stream, peer)) => {
                    // Without room, the new connection waits here and others in the queue of the kernel.
                    if stop.run_until_cancelled(connections.room()).await.is_none() {
                        break;
                    }
                    let router = router.clone().layer(Extension(ConnectInfo(peer)));
                    let stop = stop.clone();
                    connections.serve(peer.ip(), move |activity| answer(stream, router, activity, limits, stop));
                }
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "no connection can be accepted");
                    connections.drop_idle();
                    rests_until = Some(Instant::now() + REST);
                }
            }
        }
    }
    drop(listener);
    if timeout(GRACE, connections.all_ended()).await.is_err() {
        tracing::debug!(connections = connections.len(), "cut off slow clients");
        connections.cut_off().await;
    }
}

/// Whether only the one connection failed that was to be accepted (accept(2), "Error handling").
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection, and only the one under way after `stop`.
///
/// hyper is used directly, since `axum::serve` has no limits and leaves its connections behind when it is dropped.
async fn answer(stream: TcpStream, router: Router, activity: Arc<Activity>, limits: Limits, stop: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let requests = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let answering = requests.begin();
        let answer = hyper::service::Service::call(&router, request);
        async move {
            let answering = answering.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
            // A router always answers.
            let answer = answer.await.unwrap_or_else(|never| match never {});
            Ok::<_, io::Error>(answer.map(|body| answering.until_end_of(body)))
        }
    });
    let stream = Watched { stream, activity: Arc::clone(&activity) };
    let connection = http1::Builder::new().max_buf_size(BUFFER).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    let ended = loop {
        // Bytes may bring the end nearer at any moment, and never nearer than the time for a head.
        let look = activity.deadline(&limits).min(Instant::now() + limits.head_within);
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(look) => if activity.deadline(&limits) <= Instant::now() {
                tracing::trace!("a connection used up its time");
                return;
            }
        }
    };
    if let Err(error) = ended {
        // The client's affair: it went away, was too slow, or spoke no HTTP.
        tracing::trace!(error = &error as &dyn std::error::Error, "a connection broke");
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

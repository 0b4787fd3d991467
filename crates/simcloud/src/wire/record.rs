//! A recording of the wire: every call and its answer, as they crossed it.

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use super::MAX_BODY;
use super::answer::dropped;

/// Sees every call that reaches the ports of AWS and of DynamoDB.
pub trait Recorder: fmt::Debug + Send + Sync {
    /// Records a call and its answer. There is no answer if the connection was closed instead, or if the answer is a stream of events.
    ///
    /// It runs before the caller gets the answer, on the thread that serves the call.
    fn record(&self, request: &Request<Bytes>, answer: Option<&Response<Bytes>>);

    /// The cloud ended: it is called once, when the [`SimCloud`](crate::SimCloud) is dropped, on the thread that drops it.
    /// A recorder for tests may panic here to fail the test.
    fn finish(&self);
}

/// The content type of an answer that goes on for as long as the caller listens.
const EVENTS: &str = "application/vnd.amazon.eventstream";

/// A layer of the routers.
pub(crate) async fn record(
    State(recorder): State<Arc<dyn Recorder>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, MAX_BODY).await {
        Ok(body) => body,
        Err(error) => return (axum::http::StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response(),
    };
    let request = Request::from_parts(parts, body);
    let answer = next.run(request.clone().map(Body::from)).await;
    if answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == EVENTS) {
        recorder.record(&request, None);
        return answer;
    }
    let (parts, body) = answer.into_parts();
    // Nothing of ours ends a body early but an answer that is dropped.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        recorder.record(&request, None);
        return dropped();
    };
    let answer = Response::from_parts(parts, body);
    recorder.record(&request, Some(&answer));
    answer.map(Body::from)
}

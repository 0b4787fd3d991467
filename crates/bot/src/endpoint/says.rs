//! The answers: JSON with a sentence, as GitHub's page of deliveries shows it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// When the store may be there again; nobody but a person redelivers, so it is only a word to them.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

#[derive(Serialize)]
struct Said<'a> {
    message: &'a str,
}

/// An answer.
pub(super) fn says(status: StatusCode, message: &str) -> Response {
    (status, Json(Said { message })).into_response()
}

/// The store is not there.
pub(super) fn unavailable() -> Response {
    let message = "this delivery could not be kept, since the store does not answer; redeliver it in a minute";
    let mut response = says(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

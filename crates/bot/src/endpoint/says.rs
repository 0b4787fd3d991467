//! The answers: JSON with a sentence, as GitHub's page of deliveries shows it.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// When the store may be there again; nobody but a person redelivers, so it is only a word to them.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// An answer.
#[derive(Debug)]
pub(super) struct Said {
    status: StatusCode,
    message: Cow<'static, str>,
}

#[derive(Serialize)]
struct Words<'a> {
    message: &'a str,
}

/// An answer.
pub(super) fn says(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Said {
    Said { status, message: message.into() }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let Self { status, message } = self;
        let mut response = (status, Json(Words { message: &message })).into_response();
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

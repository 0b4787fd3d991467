//! The front of the DynamoDB engine: counts calls, delays them and lets them fail.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde::Deserialize;

use super::answer::{self, dropped};
use super::{Gate, MAX_BODY};
use crate::calls::Service;
use crate::faults::Fault;
use crate::model::Refusal;

const TABLES: &str = "DynamoDB_20120810.";
const STREAMS: &str = "DynamoDBStreams_20120810.";

/// The engine behind the front.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) gate: Arc<Gate>,
    pub(crate) client: reqwest::Client,
    pub(crate) url: String,
}

/// The router of the DynamoDB port.
pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new().fallback(handle).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(engine)
}

async fn handle(
    State(engine): State<Arc<Engine>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let named = target.and_then(|target| {
        let tables = target.strip_prefix(TABLES).map(|name| (Service::DynamoDb, name));
        let streams = || target.strip_prefix(STREAMS).map(|name| (Service::DynamoDbStreams, name));
        let (service, operation) = tables.or_else(streams)?;
        Some((service, operation.to_owned()))
    });
    let Some((service, operation)) = named else {
        return engine.forward(method, &uri, &headers, body).await.0;
    };
    let gate = Arc::clone(&engine.gate);
    let fault = gate.admit(service, &operation).await;
    let (response, code) = match fault {
        None | Some(Fault::Delay(_)) => engine.forward(method, &uri, &headers, body).await,
        Some(Fault::DropBefore) => lost(),
        Some(Fault::DropAfter) => {
            engine.forward(method, &uri, &headers, body).await;
            lost()
        }
        Some(Fault::FailAfter) => {
            engine.forward(method, &uri, &headers, body).await;
            refused(&answer::server_error(service))
        }
        Some(Fault::FailBefore) => refused(&answer::server_error(service)),
        Some(Fault::Throttle) => refused(&answer::throttled(service)),
        Some(Fault::Deny) => refused(&answer::denied(service, &operation)),
        Some(Fault::Refuse(code)) => refused(&Refusal::new(code, "")),
    };
    gate.calls.record(service, &operation, &code);
    response
}

fn lost() -> (Response, String) {
    (dropped(), "ConnectionDropped".to_owned())
}

fn refused(refusal: &Refusal) -> (Response, String) {
    let body = serde_json::json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{}", refusal.code),
        "message": refusal.message,
    });
    let body = body.to_string();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    *response.body_mut() = Body::from(body);
    (response, refusal.code.to_owned())
}

impl Engine {
    async fn forward(&self, method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> (Response, String) {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| !is_of_connection(name)) {
            request = request.header(name, value);
        }
        match self.exchange(request).await {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(%error, "the DynamoDB engine did not answer");
                refused(&answer::server_error(Service::DynamoDb))
            }
        }
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<(Response, String), reqwest::Error> {
        let answered = request.send().await?;
        let status = answered.status();
        let headers = answered.headers().clone();
        let body = answered.bytes().await?;
        let code = if status.is_success() { "OK".to_owned() } else { error_code(&body) };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        for (name, value) in headers.iter().filter(|(name, _)| !is_of_connection(name)) {
            response.headers_mut().append(name.clone(), value.clone());
        }
        Ok((response, code))
    }
}

/// Headers that belong to one connection and not to the message (RFC 9110, 7.6.1), and those
/// that each side computes for itself.
fn is_of_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::CONTENT_LENGTH, header::HOST, header::TRANSFER_ENCODING].contains(name)
}

/// The short name of the error in `__type`.
fn error_code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "__type")]
        code: String,
    }
    serde_json::from_slice::<Typed>(body)
        .map_or_else(|_| "Unknown".to_owned(), |typed| typed.code.rsplit('#').next().unwrap_or_default().to_owned())
}

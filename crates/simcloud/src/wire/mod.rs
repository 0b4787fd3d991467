//! The wire: HTTP in, one call of the model, HTTP out.
//!
//! All of ECS, ECR, EC2, Service Quotas and CloudWatch Logs is on one port, as each call says what it is for: awsJson by its
//! `X-Amz-Target`, the query protocol by the `Action` of its form.

mod answer;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
mod families;
pub(crate) mod logs;
mod record;
pub(crate) mod service_quotas;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::calls::{Calls, Service};
use crate::faults::{Fault, Faults};
use crate::model::Refusal;
use crate::options::Latency;
use crate::quotas::Buckets;
use crate::shared::Shared;

use answer::Answer;
use ec2::Form;
pub(crate) use families::Families;
pub use record::Recorder;
pub(crate) use record::record;

/// The largest request that is read. AWS's own limits are far below.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The content types of both versions of awsJson begin so.
const AWS_JSON: &[u8] = b"application/x-amz-json-1.";

/// What every listener needs.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) shared: Arc<Shared>,
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    pub(crate) latency: Latency,
    pub(crate) buckets: Buckets,
    pub(crate) families: Families,
}

impl Gate {
    /// Waits as long as the call is to take; gives the fault that hits it, if any.
    async fn admit(&self, service: Service, operation: &str) -> Option<Fault> {
        let verdict = self.faults.decide(service, operation);
        let jitter = self.latency.jitter.mul_f64(self.shared.jitter());
        let wait = self.latency.base + jitter + verdict.delay;
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
        if verdict.fault.is_some() {
            return verdict.fault;
        }
        let admitted = self.buckets.admit(service, operation, self.shared.clock().now());
        (!admitted).then_some(Fault::Throttle)
    }
}

/// The router of the AWS port.
pub(crate) fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route(ecr::BLOB_ROUTE, axum::routing::get(blob))
        .fallback(handle)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(gate)
}

/// What the targets of each service of awsJson begin with.
const TARGETS: [(Service, &str); 4] = [
    (Service::Ecs, ecs::TARGET),
    (Service::Ecr, ecr::TARGET),
    (Service::ServiceQuotas, service_quotas::TARGET),
    (Service::Logs, logs::TARGET),
];

/// One call, as it came over the wire.
enum Request {
    Json { service: Service, operation: String, body: Bytes },
    Query { form: Form },
}

impl Request {
    fn read(headers: &HeaderMap, body: Bytes) -> Option<Self> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let json =
            |service, operation: &str| Self::Json { service, operation: operation.to_owned(), body: body.clone() };
        match target {
            None => {
                let form = Form::read(&body);
                form.get("Action")?;
                Some(Self::Query { form })
            }
            Some(target) => TARGETS
                .into_iter()
                .find_map(|(service, prefix)| target.strip_prefix(prefix).map(|operation| json(service, operation))),
        }
    }

    fn names(&self) -> (Service, String) {
        match self {
            Self::Json { service, operation, .. } => (*service, operation.clone()),
            Self::Query { form } => (Service::Ec2, form.get("Action").unwrap_or_default().to_owned()),
        }
    }

    /// A registration keeps its family to itself for as long as the call takes.
    fn hold_family(&self, gate: &Gate) -> Result<Option<families::Held>, Refusal> {
        match self {
            Self::Json { service: Service::Ecs, operation, body } if operation == "RegisterTaskDefinition" => {
                gate.families.hold(body).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn perform(&self, gate: &Gate) -> Answer {
        let lag = gate.faults.lag();
        match self {
            Self::Json { service, operation, body } => {
                let result = decode(body).and_then(|input| {
                    gate.shared.with(|world| match service {
                        Service::Ecr => ecr::answer(world, operation, input),
                        Service::ServiceQuotas => service_quotas::answer(world, operation, input),
                        Service::Logs => logs::answer(world, operation, input),
                        _ => ecs::answer(world, operation, input, lag),
                    })
                });
                Answer::json(*service, result)
            }
            Self::Query { form } => Answer::xml(gate.shared.with(|world| ec2::answer(world, form))),
        }
    }
}

async fn handle(State(gate): State<Arc<Gate>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(request) = Request::read(&headers, body) else {
        let mut answer = Answer::json(Service::Ecs, Err(unknown_operation())).into_response();
        // In the protocol of the call: a service that speaks awsJson 1.0 can be asked here by mistake.
        if let Some(kind) = headers.get(header::CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(AWS_JSON)) {
            answer.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        return answer;
    };
    let (service, operation) = request.names();
    let held = request.hold_family(&gate);
    let fault = gate.admit(service, &operation).await;
    let answer = match fault {
        None | Some(Fault::Delay(_)) if held.is_err() => Answer::json(service, held.map(|_| Value::Null)),
        None | Some(Fault::Delay(_)) => request.perform(&gate),
        Some(Fault::FailAfter) => {
            request.perform(&gate);
            Answer::refused(service, &answer::server_error(service))
        }
        Some(Fault::DropAfter) => {
            request.perform(&gate);
            Answer::Dropped
        }
        Some(Fault::DropBefore) => Answer::Dropped,
        Some(Fault::FailBefore) => Answer::refused(service, &answer::server_error(service)),
        Some(Fault::Throttle) => Answer::refused(service, &answer::throttled(service)),
        Some(Fault::Deny) => Answer::refused(service, &answer::denied(service, &operation)),
        Some(Fault::Refuse(code)) => Answer::refused(service, &Refusal::new(code, "")),
    };
    tracing::debug!(%service, operation, code = answer.code(), "answered");
    gate.calls.record(service, &operation, answer.code());
    answer.into_response()
}

/// What S3 answers to the address of a blob.
async fn blob(State(gate): State<Arc<Gate>>, Path((repository, digest)): Path<(String, String)>) -> Response {
    let found = gate.shared.with(|world| {
        let repositories = &world.ecr.repositories;
        repositories.values().find(|held| held.blob_path() == repository)?.blobs.get(&digest).cloned()
    });
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

/// The input of an awsJson call. AWS takes an empty body for an empty structure.
fn decode(body: &[u8]) -> Result<Value, Refusal> {
    let malformed = || Refusal::new("SerializationException", "");
    let input = match body {
        [] => Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body).map_err(|_| malformed())?,
    };
    if input.is_object() { Ok(input) } else { Err(malformed()) }
}

/// What AWS answers to an operation that it does not have.
pub(crate) fn unknown_operation() -> Refusal {
    Refusal::new("UnknownOperationException", "")
}

//! Answers in the shape of each protocol.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::ec2;
use crate::calls::Service;
use crate::model::Refusal;

/// What goes back to the caller.
pub(super) enum Answer {
    Sent {
        status: u16,
        content_type: &'static str,
        body: String,
        code: String,
    },
    /// The connection closes without an answer.
    Dropped,
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml;charset=UTF-8";

impl Answer {
    pub(super) fn json(service: Service, result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(value) => Self::Sent { status: 200, content_type: JSON, body: value.to_string(), code: "OK".to_owned() },
            Err(refusal) => {
                let mut body = json!({ "__type": refusal.code });
                if !refusal.message.is_empty() {
                    // As the model of each service spells it.
                    let key = if service == Service::ServiceQuotas { "Message" } else { "message" };
                    body[key] = refusal.message.into();
                }
                Self::Sent {
                    status: refusal.status,
                    content_type: JSON,
                    body: body.to_string(),
                    code: refusal.code.to_owned(),
                }
            }
        }
    }

    pub(super) fn xml(result: Result<String, Refusal>) -> Self {
        let (status, code, body) = match result {
            Ok(body) => (200, "OK", body),
            Err(refusal) => (refusal.status, refusal.code, ec2::error(&refusal)),
        };
        Self::Sent { status, content_type: XML, body, code: code.to_owned() }
    }

    pub(super) fn refused(service: Service, refusal: &Refusal) -> Self {
        match service {
            Service::Ec2 => Self::xml(Err(refusal.clone())),
            _ => Self::json(service, Err(refusal.clone())),
        }
    }

    pub(super) fn code(&self) -> &str {
        match self {
            Self::Sent { code, .. } => code,
            Self::Dropped => "ConnectionDropped",
        }
    }

    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Dropped => dropped(),
            Self::Sent { status, content_type, body, .. } => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let value = HeaderValue::from_static(content_type);
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                response
            }
        }
    }
}

/// A response whose body fails at once: the server then closes the connection with nothing
/// of the response sent.
pub(super) fn dropped() -> Response {
    let lost = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "dropped by a fault");
    let body = futures::stream::once(async move { Err::<Vec<u8>, _>(lost) });
    Response::new(Body::from_stream(body))
}

/// A throttled call, in the words of the service.
pub(super) fn throttled(service: Service) -> Refusal {
    match service {
        Service::Ec2 => Refusal::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503),
        Service::ServiceQuotas => Refusal::new("TooManyRequestsException", "Rate exceeded"),
        _ => Refusal::new("ThrottlingException", "Rate exceeded"),
    }
}

/// A failure of the service's own.
pub(super) fn server_error(service: Service) -> Refusal {
    let (code, message) = match service {
        Service::Ec2 => ("InternalError", "An internal error has occurred"),
        Service::DynamoDb | Service::DynamoDbStreams => {
            ("InternalServerError", "The request processing has failed because of an unknown error.")
        }
        Service::ServiceQuotas => ("ServiceException", "Something went wrong."),
        Service::Logs => ("ServiceUnavailableException", "The service cannot complete the request."),
        Service::Ecs | Service::Ecr => ("ServerException", "Service Unavailable. Please try again later."),
    };
    Refusal::new(code, message).with_status(500)
}

/// A call that the caller's policies do not allow.
pub(super) fn denied(service: Service, operation: &str) -> Refusal {
    match service {
        Service::Ec2 => Refusal::new(
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation: ec2:{operation}"),
        )
        .with_status(403),
        _ => Refusal::new("AccessDeniedException", format!("User is not authorized to perform: {service}:{operation}")),
    }
}

//! From the SDK's errors to what they mean.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bivouac_ports::{Error, Meaning, is_local, refused_by_guard};

use crate::calls::Call;

/// Codes that ask for patience: the union of the codes that the SDK's own retry policy calls throttling and those that
/// EC2 and DynamoDB document. ECS models none of them, so only the code tells.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes that a person has to mend: "Common errors" of each API reference. A clock that is off shows as `RequestExpired` or
/// `InvalidSignatureException`.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "BlockedException",
    "Blocked",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Codes that say "look again": the thing changed meanwhile or is in a state that forbids the call.
const CONFLICT: &[&str] = &[
    "ConditionalCheckFailedException",
    "ConflictException",
    "IdempotentParameterMismatchException",
    "ReplicatedWriteConflictException",
    "ResourceInUseException",
    "ServiceNotActiveException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "UpdateInProgressException",
];

/// Codes that are the other side's own fault and come with a status of 400 as well.
const UNAVAILABLE: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServerException",
    "ServiceException",
    "ServiceUnavailable",
    "Unavailable",
];

/// What only the words tell, since the code is a general one: the code, words of its message in small letters, the
/// meaning. The words of ECS are in its API reference (CreateService, "not idempotent", "still Draining") and in what
/// it answers to concurrent registrations in one family.
const BY_MESSAGE: &[(&str, &str, Meaning)] = &[
    ("InvalidParameterException", "not idempotent", Meaning::Conflict),
    ("InvalidParameterException", "still draining", Meaning::Conflict),
    ("ClientException", "too many concurrent attempts", Meaning::Conflict),
    ("ClientException", "task definition does not exist", Meaning::NotFound),
    ("ClientException", "unable to describe task definition", Meaning::NotFound),
];

/// The header by which a server asks for a wait, in seconds.
const RETRY_AFTER: &str = "retry-after";

/// The meaning of a failed call, with AWS's words.
pub(crate) fn from_sdk<E>(call: &Call, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if let Some(refusal) = refused_by_guard(&error) {
        return refusal;
    }
    let code = error.code().unwrap_or_default().to_owned();
    let raw = error.raw_response();
    let wait = raw.and_then(|raw| raw.headers().get(RETRY_AFTER)?.trim().parse().ok()).map(Duration::from_secs);
    let (meaning, message) = match &error {
        SdkError::ServiceError(service) => {
            let words = service.err().message().map(without_request_ids).unwrap_or_default();
            let status = service.raw().status().as_u16();
            let message = match (words.is_empty(), code.is_empty()) {
                (false, _) => words,
                (true, false) => code.clone(),
                (true, true) => format!("HTTP status {status}"),
            };
            (meaning(call, &code, &message, status), message)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            (by_status(status), format!("the answer (HTTP status {status}) could not be understood"))
        }
        SdkError::TimeoutError(_) => (Meaning::Unavailable, "no answer in time".to_owned()),
        // A process without open files finds no credentials and builds no request either. That is no refusal.
        _ if is_starved(&error) => (Meaning::Unavailable, format!("no connection: {}", innermost(&error))),
        SdkError::ConstructionFailure(_) if credentials_error(&error).is_none() => {
            (Meaning::Invalid, format!("the request could not be built: {}", innermost(&error)))
        }
        _ => match credentials_error(&error) {
            // Everything else about credentials passes by itself: a slow metadata service, a broken answer of it.
            Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)) => (
                Meaning::Denied,
                "no AWS credentials were found, neither in the environment nor in a profile or role".into(),
            ),
            Some(other) => {
                (Meaning::Unavailable, format!("the AWS credentials could not be loaded: {}", innermost(other)))
            }
            None => (Meaning::Unavailable, format!("no connection: {}", innermost(&error))),
        },
    };
    let told = Error::new(meaning, call.name, message);
    let told = match wait {
        Some(wait) => told.retry_after(wait),
        None => told,
    };
    // Without the raw response, which holds headers and a body that nobody should find in a log.
    match error.into_source() {
        Ok(source) => told.caused_by(Cause(source)),
        Err(_) => told,
    }
}

/// The meaning of an error that a service answered.
pub(crate) fn meaning(call: &Call, code: &str, message: &str, status: u16) -> Meaning {
    let words = message.to_lowercase();
    if let Some((_, _, meaning)) = BY_MESSAGE.iter().find(|(told, part, _)| *told == code && words.contains(part)) {
        return *meaning;
    }
    match code {
        // DynamoDB: too many tables are being made at once. ECS and ECR: a quota that only a person can raise.
        "LimitExceededException" if call.service.starts_with("DynamoDB") => Meaning::Throttled,
        "LimitExceededException" => Meaning::Invalid,
        _ if THROTTLED.contains(&code) => Meaning::Throttled,
        _ if DENIED.contains(&code) => Meaning::Denied,
        _ if CONFLICT.contains(&code) => Meaning::Conflict,
        _ if UNAVAILABLE.contains(&code) => Meaning::Unavailable,
        // `ClusterNotFoundException` of ECS, `InvalidNetworkInterfaceID.NotFound` of EC2.
        _ if code.ends_with("NotFoundException") || code.ends_with(".NotFound") => Meaning::NotFound,
        // Service Quotas.
        "NoSuchResourceException" => Meaning::NotFound,
        _ => by_status(status),
    }
}

fn by_status(status: u16) -> Meaning {
    match status {
        401 | 403 => Meaning::Denied,
        404 => Meaning::NotFound,
        408 => Meaning::Unavailable,
        409 | 412 => Meaning::Conflict,
        429 => Meaning::Throttled,
        400..=499 => Meaning::Invalid,
        _ => Meaning::Unavailable,
    }
}

/// AWS's words without what differs from one call to the next: a message that says the same must be the same, since
/// it ends up in a record. Removed are the `(Service: …; Request ID: …)` of some services, a `Request ID: …` at
/// large, and the encoded part of an EC2 refusal, which is a page long and opens only to whoever may decode it.
pub(crate) fn without_request_ids(message: &str) -> String {
    let mut words = message.to_owned();
    if let Some(at) = words.find("Encoded authorization failure message") {
        words.truncate(at);
    }
    if let Some(from) = words.find("(Service: ")
        && let Some(length) = words[from..].find(')')
    {
        words.replace_range(from..=from + length, "");
    }
    for label in ["Request ID:", "RequestId:", "RequestID:", "request id:"] {
        while let Some(from) = words.find(label) {
            let value = from + label.len();
            let rest = &words[value..];
            let begin = rest.len() - rest.trim_start().len();
            let length = rest[begin..].find(|c: char| !(c.is_alphanumeric() || c == '-')).unwrap_or(rest.len() - begin);
            words.replace_range(from..value + begin + length, "");
        }
    }
    words.trim().trim_end_matches([';', ',']).trim().to_owned()
}

/// What lies at the bottom of an error, in its own words, such as `Connection refused (os error 111)`.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Whether this machine could not even ask. A file of credentials that may not be read is for a person to change.
fn is_starved(error: &(dyn StdError + 'static)) -> bool {
    let is_denied = |cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    is_local(error) && !chain(error).any(is_denied)
}

fn credentials_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a CredentialsError> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// The SDK's boxed error as a type of its own, which [`Error::caused_by`] needs.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Box<dyn StdError + Send + Sync>);

#[cfg(test)]
mod tests;

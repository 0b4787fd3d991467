//! What a failure of DynamoDB means.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use bivouac_ports::{Error, Meaning};

/// The meaning of an error by its code, as the service models of DynamoDB and its streams have them.
pub(super) fn meaning(code: &str) -> Meaning {
    match code {
        "ResourceNotFoundException" | "TableNotFoundException" => Meaning::NotFound,
        "ConditionalCheckFailedException" | "ResourceInUseException" | "TransactionConflictException" => {
            Meaning::Conflict
        }
        "ThrottlingException" | "ProvisionedThroughputExceededException" | "RequestLimitExceeded"
        | "LimitExceededException" => Meaning::Throttled,
        "AccessDeniedException" | "UnrecognizedClientException" | "MissingAuthenticationTokenException"
        | "InvalidSignatureException" | "IncompleteSignatureException" | "ExpiredTokenException" => Meaning::Denied,
        "ValidationException" | "SerializationException" | "ItemCollectionSizeLimitExceededException" => {
            Meaning::Invalid
        }
        _ => Meaning::Unavailable,
    }
}

/// The port's error for a failed call.
pub(super) fn failed<E, R>(call: &'static str, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let (meaning, message) = match error.as_service_error() {
        Some(service) => {
            let code = service.code().unwrap_or("no error code");
            (meaning(code), format!("{code}: {}", service.message().unwrap_or("no message")))
        }
        None => (Meaning::Unavailable, DisplayErrorContext(&error).to_string()),
    };
    Error::new(meaning, call, message).caused_by(error)
}

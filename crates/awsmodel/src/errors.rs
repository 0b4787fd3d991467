//! The errors that every operation can answer, beside those that its model declares.
//!
//! awsJson: the page "Common Errors" (CommonErrors.html), which is the same in the API references of ECS, ECR, CloudWatch
//! Logs and Service Quotas. DynamoDB: also "Error handling with DynamoDB" in its developer guide. Smithy's awsJson protocols
//! answer an unreadable body with SerializationException and an unknown target with UnknownOperationException.
//!
//! EC2: the page "Error codes for the Amazon EC2 API" (errors-overview.html): common client errors, server errors, and
//! those of the resources that are described here. EC2's model declares no error at all.

/// Common errors of awsJson.
pub const JSON: [&str; 25] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InternalFailure",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MalformedHttpRequestException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestAbortedException",
    "RequestEntityTooLargeException",
    "RequestExpired",
    "RequestTimeoutException",
    "SerializationException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationError",
    "ValidationException",
    "InternalServerError",
];

/// Errors of EC2.
pub const EC2: [&str; 40] = [
    "AuthFailure",
    "Blocked",
    "DryRunOperation",
    "IdempotentParameterMismatch",
    "IncompleteSignature",
    "InternalError",
    "InternalFailure",
    "InvalidAction",
    "InvalidCharacter",
    "InvalidClientTokenId",
    "InvalidFilter",
    "InvalidGroup.NotFound",
    "InvalidGroupId.Malformed",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNextToken",
    "InvalidPaginationToken",
    "InvalidParameter",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidQueryParameter",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.Malformed",
    "InvalidSecurityGroupID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidVpcID.NotFound",
    "MalformedQueryString",
    "MissingAction",
    "MissingAuthenticationToken",
    "MissingParameter",
    "OptInRequired",
    "PendingVerification",
    "RequestExpired",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Unavailable",
    "UnauthorizedOperation",
    "UnknownParameter",
    "UnsupportedOperation",
    "UnsupportedProtocol",
];

/// The name of an error as it stands in `__type` or in `x-amzn-errortype`: without a namespace before `#` and without what
/// follows `:` (awsJson 1.1, "Operation error serialization").
pub(crate) fn short(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

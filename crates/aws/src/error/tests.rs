use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use proptest::prelude::*;

use super::*;
use crate::calls::{CREATE_SERVICE, CREATE_TABLE, DESCRIBE_NETWORK_INTERFACES};

/// An operation's error of which only the metadata matters.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl StdError for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn refused(code: &str, message: &str, status: u16) -> SdkError<Refused, HttpResponse> {
    let metadata = ErrorMetadata::builder().code(code).message(message).build();
    SdkError::service_error(Refused(metadata), response(status))
}

fn response(status: u16) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status"), SdkBody::empty())
}

#[test]
fn codes_have_meanings() {
    let cases = [
        ("ThrottlingException", 400, Meaning::Throttled),
        ("RequestLimitExceeded", 503, Meaning::Throttled),
        ("AccessDeniedException", 400, Meaning::Denied),
        ("UnauthorizedOperation", 403, Meaning::Denied),
        ("ExpiredTokenException", 400, Meaning::Denied),
        ("ClusterNotFoundException", 400, Meaning::NotFound),
        ("InvalidNetworkInterfaceID.NotFound", 400, Meaning::NotFound),
        ("NoSuchResourceException", 400, Meaning::NotFound),
        ("ServiceNotActiveException", 400, Meaning::Conflict),
        ("ConditionalCheckFailedException", 400, Meaning::Conflict),
        ("InvalidParameterException", 400, Meaning::Invalid),
        ("SomethingNew", 400, Meaning::Invalid),
        ("SomethingNew", 500, Meaning::Unavailable),
        ("ServerException", 400, Meaning::Unavailable),
        ("ServiceException", 400, Meaning::Unavailable),
        ("LimitExceededException", 400, Meaning::Invalid),
    ];
    for (code, status, expected) in cases {
        assert_eq!(from_sdk(&CREATE_SERVICE, refused(code, "words", status)).meaning(), expected, "{code} {status}");
    }
    assert_eq!(meaning(&CREATE_TABLE, "LimitExceededException", "", 400), Meaning::Throttled);
}

#[test]
fn where_the_code_is_a_general_one_the_words_tell() {
    for (code, words, expected) in [
        ("InvalidParameterException", "Creation of service was not idempotent.", Meaning::Conflict),
        ("InvalidParameterException", "Unable to Start a service that is still Draining.", Meaning::Conflict),
        ("InvalidParameterException", "The specified capacity provider was not found.", Meaning::Invalid),
        (
            "ClientException",
            "Too many concurrent attempts to create a new revision of the specified family.",
            Meaning::Conflict,
        ),
        ("ClientException", "Unable to describe task definition.", Meaning::NotFound),
        ("ClientException", "Container.image should not be null or empty.", Meaning::Invalid),
    ] {
        let error = from_sdk(&CREATE_SERVICE, refused(code, words, 400));
        assert_eq!((error.meaning(), error.message()), (expected, words));
    }
}

#[test]
fn an_error_names_the_call_and_keeps_what_is_underneath() {
    let error = from_sdk(&CREATE_SERVICE, refused("InvalidParameterException", "No.", 400));
    assert_eq!(error.to_string(), "ECS CreateService invalid: No.");
    assert!(error.source().is_some_and(|source| source.to_string().contains("InvalidParameterException")));
    let silent = from_sdk(&CREATE_SERVICE, refused("InvalidParameterException", "", 400));
    assert_eq!(silent.message(), "InvalidParameterException");
}

#[test]
fn a_wait_that_was_asked_for_is_told() {
    let mut response = response(503);
    response.headers_mut().insert("retry-after", "7");
    let error = SdkError::service_error(Refused(ErrorMetadata::builder().code("Unavailable").build()), response);
    assert_eq!(from_sdk(&DESCRIBE_NETWORK_INTERFACES, error).wait(), Some(Duration::from_secs(7)));
}

#[test]
fn no_answer_is_unavailable() {
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let error = SdkError::<Refused, _>::dispatch_failure(ConnectorError::io(Box::new(refused)));
    let error = from_sdk(&CREATE_SERVICE, error);
    assert_eq!((error.meaning(), error.message()), (Meaning::Unavailable, "no connection: connection refused"));
    let error = from_sdk(&CREATE_SERVICE, SdkError::<Refused, _>::timeout_error("8 s"));
    assert_eq!((error.meaning(), error.message()), (Meaning::Unavailable, "no answer in time"));
    let error = from_sdk(&CREATE_SERVICE, SdkError::<Refused, _>::response_error("half", response(200)));
    assert_eq!(error.meaning(), Meaning::Unavailable);
}

#[test]
fn without_credentials_a_person_has_to_act() {
    let missing = CredentialsError::not_loaded("nothing in the chain");
    let error = SdkError::<Refused, _>::dispatch_failure(ConnectorError::other(Box::new(missing), None));
    assert_eq!(from_sdk(&CREATE_SERVICE, error).meaning(), Meaning::Denied);
}

#[test]
fn what_differs_between_two_calls_is_removed() {
    for (told, kept) in [
        ("No such thing (Service: AmazonECS; Status Code: 400; Request ID: 1-2-3; Proxy: null)", "No such thing"),
        ("Slow down; Request ID: 0a1b-22", "Slow down"),
        ("RequestId: 0a1b Slow down", "Slow down"),
        ("You are not authorized. Encoded authorization failure message: xYz_1-2", "You are not authorized."),
        ("Cluster not found.", "Cluster not found."),
    ] {
        assert_eq!(without_request_ids(told), kept);
    }
}

proptest! {
    #[test]
    fn whatever_aws_says_has_a_meaning_and_no_request_id(
        code in any::<String>(),
        words in "[ -~é]{0,40}((Request ID:|RequestId:|\\(Service: |Encoded authorization failure)[ -~é]{0,40}){0,3}",
        status in 100_u16..=599,
    ) {
        let error = from_sdk(&CREATE_SERVICE, refused(&code, &words, status));
        prop_assert!(!error.to_string().contains("RequestId:") || code.contains("RequestId:"));
        prop_assert!(status < 500 || error.meaning() != Meaning::Invalid || code == "LimitExceededException");
    }
}

#[test]
fn a_machine_that_cannot_ask_is_no_refusal() {
    let caused = |number: i32| {
        let cause = std::io::Error::from_raw_os_error(number);
        let credentials = CredentialsError::not_loaded(cause);
        SdkError::<Refused, HttpResponse>::dispatch_failure(ConnectorError::other(credentials.into(), None))
    };
    // EMFILE and ENFILE have the same numbers on every Unix, and EACCES has.
    for number in [23, 24] {
        let told = from_sdk(&CREATE_SERVICE, caused(number));
        assert_eq!(told.meaning(), Meaning::Unavailable, "{told}");
    }
    assert_eq!(from_sdk(&CREATE_SERVICE, caused(13)).meaning(), Meaning::Denied);
    let built = SdkError::<Refused, HttpResponse>::construction_failure(std::io::Error::from_raw_os_error(24));
    assert_eq!(from_sdk(&CREATE_SERVICE, built).meaning(), Meaning::Unavailable);
}

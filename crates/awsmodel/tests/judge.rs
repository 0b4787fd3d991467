//! The recording: what it counts, and how it fails a test. The models here are made up, so nothing has to be installed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Request, Response};
use bivouac_awsmodel::{Judge, Kind, MODELS, Models, Proxy, Requests, Side};
use serde_json::json;
use tempfile::TempDir;

/// A service with one operation, in the files that `cargo xtask test` writes.
fn models() -> (TempDir, Arc<Models>) {
    let directory = tempfile::tempdir().expect("a directory");
    let metadata = json!({
        "apiVersion": "2020-01-01", "protocol": "json", "jsonVersion": "1.1", "targetPrefix": "Thing_2020",
    });
    let document = json!({
        "metadata": metadata,
        "operations": { "GetThing": {
            "input": { "shape": "Input" }, "output": { "shape": "Output" }, "errors": [{ "shape": "Gone" }],
        } },
        "shapes": {
            "Input": { "type": "structure", "required": ["id"], "members": { "id": { "shape": "Id" } } },
            "Output": { "type": "structure", "members": { "either": { "shape": "Either" } } },
            "Either": {
                "type": "structure", "union": true,
                "members": { "text": { "shape": "Id" }, "size": { "shape": "Size" } },
            },
            "Id": { "type": "string", "min": 2, "max": 3 },
            "Size": { "type": "double", "min": 0.5 },
            "Gone": { "type": "structure", "exception": true, "members": { "message": { "shape": "Id" } } },
        },
    });
    std::fs::create_dir(directory.path().join("thing")).expect("a directory");
    let write = |name: &str, text: String| std::fs::write(directory.path().join(name), text).expect("written");
    write("index.json", json!({ "thing": metadata }).to_string());
    write("thing/GetThing.json", document.to_string());
    let models = Models::open(directory.path()).expect("models");
    (directory, Arc::new(models))
}

fn call(body: &str) -> Request<Bytes> {
    let request = Request::post("/").header("x-amz-target", "Thing_2020.GetThing");
    request.header("content-type", "application/x-amz-json-1.1").body(body.to_owned().into()).expect("a request")
}

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let answer = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    answer.body(body.to_owned().into()).expect("an answer")
}

fn judge(requests: Requests) -> (TempDir, Judge) {
    let (directory, models) = models();
    (directory, Judge::of(models, requests))
}

/// The message with which the judge ends a test, if it does.
fn verdict(judge: &Judge) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| judge.finish())).err()?;
    Some(*panic.downcast::<String>().expect("a message"))
}

#[test]
fn a_violation_fails_the_test_at_the_end_and_names_the_call() {
    let (_directory, judge) = judge(Requests::Conform);
    judge.record(&call(r#"{"id": "ab"}"#), Some(&answer(200, "{}")));
    assert_eq!(verdict(&judge), None, "nothing was wrong");
    for _ in 0..2 {
        judge.record(&call(r#"{"id": "a", "name": "b"}"#), Some(&answer(200, r#"{"either": {}}"#)));
    }
    let text = verdict(&judge).expect("three violations");
    assert!(text.contains("thing GetThing, request, `id`: Length: 1 characters"), "{text}");
    assert!(text.contains("thing GetThing, request, `name`: UnknownMember"), "{text}");
    assert!(text.contains("thing GetThing, answer, `either`: Union: 0 members"), "{text}");
    assert_eq!(text.matches("(2 times)").count(), 3, "{text}");
    assert_eq!(verdict(&judge), None, "a second end finds nothing");
}

#[test]
fn numbers_with_a_fraction_have_bounds() {
    let (_directory, judge) = judge(Requests::Conform);
    judge.record(&call(r#"{"id": "ab"}"#), Some(&answer(200, r#"{"either": {"size": 0.5}}"#)));
    assert_eq!(judge.violations(), []);
    judge.record(&call(r#"{"id": "ab"}"#), Some(&answer(200, r#"{"either": {"size": 0.4}}"#)));
    let found = judge.violations();
    assert_eq!((found.len(), found[0].0.kind), (1, Kind::Range), "{found:?}");
}

#[test]
fn a_call_that_is_wrong_on_purpose_has_to_be_refused() {
    let (_directory, judge) = judge(Requests::MayBeRefused);
    judge.record(&call("{}"), Some(&answer(400, r#"{"__type": "ValidationException", "message": "id?"}"#)));
    judge.record(&call("{}"), None);
    assert_eq!(judge.violations(), [], "it was refused, or not answered");
    judge.record(&call("{}"), Some(&answer(200, "{}")));
    let found = judge.violations();
    let [(accepted, 1)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((accepted.side, accepted.kind, accepted.path.as_str()), (Side::Answer, Kind::Accepted, "id"));
    assert!(verdict(&judge).expect("it was accepted").contains("MissingMember"));
}

#[test]
fn known_differences_of_an_emulator_are_none() {
    let (_directory, judge) = judge(Requests::Conform);
    let judge = judge.except(|violation| violation.path == "name");
    judge.record(&call(r#"{"id": "ab", "name": 1}"#), None);
    assert_eq!(verdict(&judge), None);
    judge.record(&call(r#"{"id": "ab", "size": 1}"#), None);
    assert!(verdict(&judge).is_some());
}

#[test]
fn the_end_during_a_panic_keeps_the_first_panic() {
    struct Cloud(Judge);
    impl Drop for Cloud {
        fn drop(&mut self) {
            self.0.finish();
        }
    }
    let (_directory, judge) = judge(Requests::Conform);
    judge.record(&call("{}"), None);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _cloud = Cloud(judge);
        panic!("the test's own");
    }));
    assert_eq!(*panic.expect_err("it panicked").downcast::<&str>().expect("a text"), "the test's own");
}

#[test]
fn counts_are_added_to_one_file() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (_directory, models) = models();
    let first = Judge::of(Arc::clone(&models), Requests::Conform).counting_in(file.path());
    first.record(&call(r#"{"id": "ab"}"#), None);
    first.record(&call("{}"), None);
    assert!(verdict(&first).is_some());
    first.record(&call(r#"{"id": "ab"}"#), None);
    // Calls after the end are written when the judge is dropped.
    drop(first);
    Judge::of(models, Requests::Conform).counting_in(file.path()).finish();
    let text = std::fs::read_to_string(file.path()).expect("counts");
    assert_eq!(text, "thing GetThing 2 1\nthing GetThing 1 0\n", "who saw nothing writes nothing");
}

#[test]
fn messages_that_are_no_calls_of_aws_are_not_counted() {
    let (_directory, judge) = judge(Requests::Conform);
    let other = Request::get("/moto-api/data.json").body(Bytes::new()).expect("a request");
    judge.record(&other, Some(&answer(404, "")));
    assert_eq!(judge.violations(), []);
}

#[test]
fn models_that_are_not_there_are_an_error_that_names_the_remedy() {
    let refused = Models::open(Path::new("/nowhere")).expect_err("nothing there").to_string();
    assert!(refused.contains("/nowhere/index.json") && refused.contains("cargo xtask test"), "{refused}");
    assert_eq!(MODELS, "BIVOUAC_TEST_AWS_MODELS", "crates/xtask sets it by this name");
}

#[tokio::test]
async fn a_proxy_passes_everything_on_and_shows_it_to_the_judge() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = format!("http://{}", listener.local_addr().expect("bound"));
    let echo = axum::Router::new().fallback(|request: Request<axum::body::Body>| async move {
        let (parts, body) = request.into_parts();
        let host = parts.headers["host"].to_str().expect("text").to_owned();
        let mut answer = Response::new(body);
        answer.headers_mut().insert("x-seen", format!("{} {}", parts.uri, host).parse().expect("a header"));
        *answer.status_mut() = axum::http::StatusCode::IM_A_TEAPOT;
        answer
    });
    let server = tokio::spawn(async move { axum::serve(listener, echo).await });
    let (_directory, judge) = judge(Requests::Conform);
    let proxy = Proxy::start(&upstream, judge).expect("a port");
    let request = reqwest::Client::new().post(format!("{}/a?b=c", proxy.url()));
    let request = request.header("x-amz-target", "Thing_2020.GetThing").header("content-type", "text/plain");
    let answer = request.body("{}").send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 418);
    let seen = answer.headers()["x-seen"].to_str().expect("text").to_owned();
    assert_eq!(seen, format!("/a?b=c {}", upstream.trim_start_matches("http://")));
    assert_eq!(answer.text().await.expect("a body"), "{}");
    let verdict = catch_unwind(AssertUnwindSafe(|| drop(proxy))).expect_err("the call lacks its id");
    let text = *verdict.downcast::<String>().expect("a message");
    assert!(text.contains("`id`: MissingMember") && text.contains("content type"), "{text}");
    server.abort();
}

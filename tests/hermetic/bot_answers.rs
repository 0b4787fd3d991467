//! What the bot's port answers over HTTP: soon, whatever GitHub and AWS are doing, and to strangers next to nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bivouac_simcloud::github::{HookTarget, Outcome};
use bivouac_simcloud::{Fault, Rule, Service};
use futures::StreamExt as _;
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::task::spawn_blocking;

use crate::system::{REPO, System};

/// What GitHub is promised.
const SOON: Duration = Duration::from_secs(1);

/// A delivery in its right form, whose signature is guessed.
fn guessed(client: &Client, system: &System, body: Vec<u8>) -> RequestBuilder {
    client
        .post(system.endpoint())
        .header("content-type", "application/json")
        .header("x-github-event", "issue_comment")
        .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)))
        .body(body)
}

/// Nobody was asked, and nothing is kept.
async fn costs_nothing(system: &System, pr: u64) {
    assert_eq!(system.hub.requests().len(), 0, "{:#?}", system.hub.requests());
    assert!(system.inbox.waiting(1).await.unwrap().is_empty());
    assert!(system.record(pr).await.is_none() && system.audit(pr).await.is_empty());
}

/// It still hears GitHub.
async fn works(system: &System, pr: u64) {
    let comment = system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.until(pr, "written", |_| true).await;
    system.until_reaction(pr, comment, "eyes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guesses_cost_no_call_to_anybody() {
    let (system, pr) = System::bot_alone().await;
    let client = Client::new();
    let body = format!(r#"{{"action":"created","comment":{{"body":"/testenv up {}"}}}}"#, "x".repeat(2000));
    let before = system.cloud.calls().modifying_to(Service::DynamoDb);
    let guesses = (0..1000).map(|_| guessed(&client, &system, body.clone().into_bytes()).send());
    let answers: Vec<_> = futures::stream::iter(guesses).buffer_unordered(50).collect().await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.text().await.unwrap(), r#"{"message":"unauthorized"}"#);
    }
    assert_eq!(system.cloud.calls().modifying_to(Service::DynamoDb), before, "not even the store was asked");
    costs_nothing(&system, pr).await;
    works(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_and_wrongly_signed_deliveries_of_github_are_refused() {
    let (system, pr) = System::bot_alone().await;
    for secret in [None, Some("another")] {
        let url = format!("{}?of={secret:?}", system.endpoint()).replace('"', "");
        let hook = system.hub.add_webhook(HookTarget::Everything, &url, secret, &["*"]).unwrap();
        system.hub.comment(REPO, pr, "contributor", "no command").unwrap();
        system.hub.all_delivered().await.unwrap();
        let of_hook: Vec<_> = system.hub.deliveries().into_iter().filter(|one| one.hook == hook).collect();
        assert_eq!(of_hook.len(), 2, "a ping and a comment");
        for one in of_hook {
            assert!(matches!(one.outcome, Outcome::Answered { status: 401, .. }), "{secret:?}: {one:?}");
        }
        system.hub.remove_webhook(hook);
    }
    costs_nothing(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_or_is_too_large_is_dropped() {
    let (system, pr) = System::bot_alone().await;
    let large = guessed(&Client::new(), &system, vec![b' '; 26 * 1024 * 1024]).send().await;
    // It may hang up on who goes on sending, so that not even the answer is read.
    assert!(large.as_ref().is_err_and(reqwest::Error::is_request) || large.unwrap().status() == 413);
    let address = system.endpoint().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\
         X-GitHub-Event: issue_comment\r\nX-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n\
         X-Hub-Signature-256: sha256={}\r\n\r\n{{\"action\":",
        "0".repeat(64)
    );
    let answer = spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address)?;
        stream.write_all(head.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = answer.await.unwrap().unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    costs_nothing(&system, pr).await;
    works(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_that_hangs_holds_no_answer_up() {
    let (system, pr) = System::bot_alone().await;
    system.hub.set_latency(Duration::from_secs(60));
    for _ in 0..30 {
        system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    }
    system.hub.person("maintainer").close(REPO, pr).unwrap();
    // Each is answered or given up within ten seconds, and no call to the API is answered before a minute is over.
    system.hub.all_delivered().await.unwrap();
    for one in system.hub.deliveries() {
        let is_taken = matches!(one.outcome, Outcome::Answered { status: 200..300, .. });
        assert!(is_taken, "{} {:?}", one.event, one.outcome);
    }
    assert_eq!(system.inbox.waiting(200).await.unwrap().len(), 31, "all of it is kept");
    assert!(system.record(pr).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_is_told_to_github_in_time() {
    let (system, pr) = System::bot_alone().await;
    let hangs = Fault::Delay(Duration::from_secs(60));
    system.cloud.faults().add(Rule::operation(Service::DynamoDb, "TransactWriteItems", hangs));
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.hub.all_delivered().await.unwrap();
    let last = system.hub.deliveries().pop().unwrap();
    assert!(matches!(last.outcome, Outcome::Answered { status: 503, took } if took < SOON), "{last:?}");
    // Whoever redelivers it later is heard.
    system.cloud.faults().clear();
    let again = system.hub.redeliver(&last.guid).unwrap();
    assert!(matches!(system.hub.delivered(again).await.unwrap().outcome, Outcome::Answered { status: 202, .. }));
    system.until(pr, "written", |_| true).await;
}

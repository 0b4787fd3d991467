//! Webhooks: what is told to whom, how it is signed, and how deliveries can be bent.

use axum::http::StatusCode;
use sha2::{Digest, Sha256};

use super::receiver::{Received, Receiver};
use super::*;
use crate::github::{AppOptions, HookTarget, Outcome, Package, WorkflowRun};

const SECRET: &str = "It's a Secret to Everybody";

/// HMAC by its definition (RFC 2104), apart from the library that signs.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([block.map(|byte| byte ^ 0x36).as_slice(), text].concat());
    let outer = Sha256::digest([block.map(|byte| byte ^ 0x5c).as_slice(), &inner].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Scene {
    /// A scene whose one repository tells everything to a receiver that has had its ping.
    async fn told() -> (Scene, Receiver, u64) {
        let scene = Scene::new().await;
        let (receiver, url) = Receiver::start().await;
        let target = HookTarget::Repository(REPO.to_owned());
        let hook = scene.hub.add_webhook(target, &url, Some(SECRET), &["*"]).unwrap();
        scene.hub.all_delivered().await.unwrap();
        assert_eq!(receiver.received().len(), 1, "the ping");
        receiver.clear();
        (scene, receiver, hook)
    }
}

fn sorted(received: &[Received]) -> Vec<String> {
    let mut all: Vec<String> = received.iter().map(Received::what).collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_delivery_has_githubs_headers_and_is_signed() {
    assert_eq!(
        hmac(SECRET.as_bytes(), b"Hello, World!"),
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "GitHub's published example"
    );
    let (scene, receiver, hook) = Scene::told().await;
    scene.hub.comment(REPO, 1, "mona", "/testenv up").unwrap();
    scene.hub.all_delivered().await.unwrap();
    let seen = receiver.received().remove(0);
    assert_eq!(seen.header("x-github-event"), "issue_comment");
    assert_eq!(seen.header("x-github-hook-id"), hook.to_string());
    assert_eq!(seen.header("x-github-hook-installation-target-type"), "repository");
    assert_eq!(seen.header("content-type"), "application/json");
    assert!(seen.header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(seen.header("x-hub-signature-256"), format!("sha256={}", hmac(SECRET.as_bytes(), &seen.bytes)));
    let guid = seen.header("x-github-delivery");
    let parts: Vec<usize> = guid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{guid}");

    scene.hub.set_webhook_secret(hook, None).unwrap();
    scene.hub.comment(REPO, 1, "mona", "unsigned").unwrap();
    scene.hub.all_delivered().await.unwrap();
    assert!(receiver.received()[1].headers.get("x-hub-signature-256").is_none());
}

#[tokio::test]
async fn a_new_webhook_is_pinged_and_a_strange_target_refused() {
    let (scene, (receiver, url)) = (Scene::new().await, Receiver::start().await);
    let target = HookTarget::Repository(REPO.to_owned());
    let hook = scene.hub.add_webhook(target, &url, None, &["issue_comment"]).unwrap();
    scene.hub.all_delivered().await.unwrap();
    let ping = receiver.received().remove(0);
    assert_eq!(ping.what(), "ping");
    let body = ping.body();
    assert_eq!((&body["hook_id"], &body["hook"]["events"]), (&json!(hook), &json!(["issue_comment"])));
    assert_eq!(body["repository"]["full_name"], REPO);
    let add = |target| scene.hub.add_webhook(target, &url, None, &[]);
    assert!(matches!(add(HookTarget::Repository("a/b".to_owned())), Err(HubError::NoRepository { .. })));
    assert!(matches!(add(HookTarget::Account("nobody".to_owned())), Err(HubError::NoUser { .. })));
    assert!(matches!(add(HookTarget::App(9)), Err(HubError::NoApp { id: 9 })));
    assert!(matches!(scene.hub.set_webhook_secret(5, None), Err(HubError::NoWebhook { id: 5 })));
}

#[tokio::test]
async fn comments_are_told_of_from_both_sides() {
    let (scene, receiver, _) = Scene::told().await;
    let id = scene.hub.person("mona").comment(REPO, 1, "first").unwrap();
    scene.hub.person("mona").edit_comment(REPO, id, "second").unwrap();
    scene.hub.person("mona").edit_comment(REPO, id, "second").unwrap();
    scene.hub.person("ada").delete_comment(REPO, id).unwrap();
    scene.hub.all_delivered().await.unwrap();
    assert_eq!(
        sorted(&receiver.received()),
        ["issue_comment.created", "issue_comment.deleted", "issue_comment.edited"]
    );
    for seen in receiver.received() {
        let body = seen.body();
        assert_eq!(body["comment"]["id"], id);
        assert_eq!(body["comment"]["user"]["login"], "mona");
        assert_eq!((&body["issue"]["number"], &body["issue"]["state"]), (&json!(1), &json!("open")));
        assert!(body["issue"]["pull_request"]["url"].as_str().unwrap().ends_with("/pulls/1"));
        assert_eq!(
            (&body["repository"]["full_name"], &body["organization"]["login"]),
            (&json!(REPO), &json!("apache"))
        );
        let by = if body["action"] == "deleted" { "ada" } else { "mona" };
        assert_eq!(body["sender"]["login"], by);
        assert_eq!(body["changes"]["body"]["from"] == "first", body["action"] == "edited");
        assert!(body.get("installation").is_none(), "no app");
    }
    receiver.clear();
    let made = body(scene.post("over HTTP").await).await;
    scene.send(Method::PATCH, made["url"].as_str().unwrap(), json!({ "body": "changed" })).await;
    scene.request(Method::DELETE, made["url"].as_str().unwrap()).send().await.unwrap();
    scene.hub.all_delivered().await.unwrap();
    assert_eq!(
        sorted(&receiver.received()),
        ["issue_comment.created", "issue_comment.deleted", "issue_comment.edited"]
    );
    assert!(receiver.received().iter().all(|seen| seen.body()["sender"]["login"] == "bot"));
}

#[tokio::test]
async fn reviews_and_descriptions_are_told_of_and_can_be_read() {
    let (scene, receiver, _) = Scene::told().await;
    let mona = scene.hub.person("mona");
    let review = mona.review(REPO, 1, "Looks good").unwrap();
    mona.edit_review(REPO, 1, review, "Looks very good").unwrap();
    mona.edit_review(REPO, 1, review, "Looks very good").unwrap();
    let line = mona.comment_on_line(REPO, 1, "Why?").unwrap();
    mona.describe(REPO, 1, "What it does").unwrap();
    mona.describe(REPO, 1, "What it does").unwrap();
    scene.hub.all_delivered().await.unwrap();
    let heard = [
        "pull_request.edited",
        "pull_request_review.edited",
        "pull_request_review.submitted",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
    ];
    assert_eq!(sorted(&receiver.received()), heard);
    for seen in receiver.received() {
        let body = seen.body();
        assert_eq!((&body["pull_request"]["number"], &body["sender"]["login"]), (&json!(1), &json!("mona")));
        if body["review"]["id"] == review {
            assert_eq!(body["review"]["state"], "commented");
            assert_eq!(body["changes"]["body"]["from"] == "Looks good", body["action"] == "edited");
        }
    }
    let base = format!("{}/repos/{REPO}/pulls", scene.hub.url());
    let read = body(scene.request(Method::GET, &format!("{base}/1/reviews/{review}")).send().await.unwrap()).await;
    assert_eq!((&read["body"], &read["state"]), (&json!("Looks very good"), &json!("COMMENTED")));
    let read = body(scene.request(Method::GET, &format!("{base}/comments/{line}")).send().await.unwrap()).await;
    assert_eq!((&read["body"], &read["user"]["login"]), (&json!("Why?"), &json!("mona")));
    let gone = scene.request(Method::GET, &format!("{base}/1/reviews/{}", line + 100)).send().await.unwrap();
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn a_pull_request_tells_its_life() {
    let (scene, receiver, _) = Scene::told().await;
    let ada = scene.hub.person("ada");
    let number = ada.open_pull_request(REPO, "From afar", SHA, Some("ada/superset")).unwrap();
    ada.push(REPO, number, "ff").unwrap();
    ada.push(REPO, number, "ff").unwrap();
    let mona = scene.hub.person("mona");
    mona.label(REPO, number, "testenv-up").unwrap();
    mona.label(REPO, number, "TestEnv-Up").unwrap();
    mona.unlabel(REPO, number, "testenv-up").unwrap();
    mona.set_draft(REPO, number, true).unwrap();
    mona.close(REPO, number).unwrap();
    mona.close(REPO, number).unwrap();
    ada.push(REPO, number, "0a").unwrap();
    mona.reopen(REPO, number).unwrap();
    mona.merge(REPO, number).unwrap();
    scene.hub.all_delivered().await.unwrap();
    let all = receiver.received();
    assert_eq!(
        sorted(&all),
        ["closed", "closed", "converted_to_draft", "labeled", "opened", "reopened", "synchronize", "unlabeled"]
            .map(|action| format!("pull_request.{action}"))
    );
    let of = |action: &str| all.iter().map(Received::body).find(|body| body["action"] == action).unwrap();
    let pushed = of("synchronize");
    assert_eq!((&pushed["before"], &pushed["after"]), (&json!(SHA), &json!("ff")));
    assert_eq!((&pushed["pull_request"]["head"]["sha"], &pushed["sender"]["login"]), (&json!("ff"), &json!("ada")));
    assert_eq!(pushed["pull_request"]["head"]["repo"]["full_name"], "ada/superset");
    let labeled = of("labeled");
    assert_eq!((&labeled["label"]["name"], &labeled["number"]), (&json!("testenv-up"), &json!(number)));
    assert_eq!(labeled["pull_request"]["labels"][0]["name"], "testenv-up");
    assert_eq!((&labeled["sender"]["login"], &of("unlabeled")["pull_request"]["labels"]), (&json!("mona"), &json!([])));
    assert_eq!(of("reopened")["pull_request"]["head"]["sha"], "0a", "a push to a closed one is silent and not lost");
}

#[tokio::test]
async fn packages_and_runs_are_told_of() {
    let (scene, receiver, _) = Scene::told().await;
    let mona = scene.hub.person("mona");
    let package =
        Package { name: "superset-ci".to_owned(), tag: "pr-1-ci".to_owned(), digest: format!("sha256:{SHA}") };
    mona.publish(REPO, &package).unwrap();
    let run = WorkflowRun {
        workflow: "Docker".to_owned(),
        event: "pull_request".to_owned(),
        number: 1,
        action: "completed".to_owned(),
        conclusion: Some("success".to_owned()),
    };
    mona.run_workflow(REPO, &run).unwrap();
    assert!(matches!(
        mona.run_workflow(REPO, &WorkflowRun { number: 9, ..run }),
        Err(HubError::NoPullRequest { number: 9, .. })
    ));
    scene.hub.all_delivered().await.unwrap();
    assert_eq!(sorted(&receiver.received()), ["registry_package.published", "workflow_run.completed"]);
    for body in receiver.received().iter().map(Received::body) {
        if body["action"] == "published" {
            let version = &body["registry_package"]["package_version"];
            assert_eq!(version["container_metadata"]["tag"]["name"], "pr-1-ci");
        } else {
            let run = &body["workflow_run"];
            assert_eq!((&run["head_sha"], &run["conclusion"]), (&json!(SHA), &json!("success")));
            assert_eq!(run["pull_requests"][0]["number"], 1);
        }
    }
}

#[tokio::test]
async fn a_webhook_hears_what_it_asked_for_where_it_is() {
    let (scene, (receiver, url)) = (Scene::new().await, Receiver::start().await);
    scene.hub.add_repository("apache/other").unwrap();
    scene.hub.add_repository("ada/own").unwrap();
    for repository in ["apache/other", "ada/own"] {
        scene.hub.open_pull_request(repository, "one", "ada", SHA, None).unwrap();
    }
    let app = AppOptions { events: vec!["pull_request".to_owned()], ..AppOptions::new(7, "camp", "apache") };
    scene.hub.register_app(app).unwrap();
    let installation = scene.hub.install_app(7, "apache").unwrap();
    scene.hub.hold_deliveries();
    let add = |target, events: &[&str]| scene.hub.add_webhook(target, &url, None, events).unwrap();
    let one = add(HookTarget::Repository("Apache/Superset".to_owned()), &["pull_request"]);
    let account = add(HookTarget::Account("apache".to_owned()), &["issue_comment"]);
    let everything = add(HookTarget::Everything, &["*"]);
    let app = add(HookTarget::App(7), &[]);
    let silent = add(HookTarget::Everything, &["*"]);
    scene.hub.set_webhook_active(silent, false).unwrap();
    let before = scene.hub.deliveries().len();
    for repository in [REPO, "apache/other", "ada/own"] {
        scene.hub.comment(repository, 1, "mona", "hello").unwrap();
        scene.hub.close(repository, 1).unwrap();
    }
    let heard = |hook: u64| -> Vec<(String, String)> {
        let all = scene.hub.deliveries();
        let mine = all[before..].iter().filter(|one| one.hook == hook);
        mine.map(|one| (one.event.clone(), one.repository.clone().unwrap())).collect()
    };
    let pair = |event: &str, repository: &str| (event.to_owned(), repository.to_owned());
    assert_eq!(heard(one), [pair("pull_request", REPO)]);
    assert_eq!(heard(account), [pair("issue_comment", REPO), pair("issue_comment", "apache/other")]);
    assert_eq!(heard(everything).len(), 6);
    assert_eq!(heard(app), [pair("pull_request", REPO), pair("pull_request", "apache/other")]);
    assert_eq!(heard(silent), []);
    assert!(receiver.received().is_empty(), "all are held");
    scene.hub.release_all_deliveries();
    scene.hub.all_delivered().await.unwrap();
    let of_app = receiver.received().into_iter().filter(|seen| seen.header("x-github-hook-id") == app.to_string());
    let of_app: Vec<Value> = of_app.map(|seen| seen.body()).filter(|body| body.get("zen").is_none()).collect();
    assert_eq!(of_app.len(), 2);
    assert!(of_app.iter().all(|body| body["installation"]["id"] == installation));
}

#[tokio::test]
async fn deliveries_can_be_held_ordered_doubled_and_lost() {
    let (scene, receiver, _) = Scene::told().await;
    let before = scene.hub.deliveries().len();
    scene.hub.hold_deliveries();
    scene.hub.set_delivery_copies(2);
    for text in ["one", "two", "three"] {
        scene.hub.comment(REPO, 1, "mona", text).unwrap();
    }
    scene.hub.set_delivery_copies(0);
    scene.hub.comment(REPO, 1, "mona", "lost").unwrap();
    scene.hub.set_delivery_copies(1);
    let log = scene.hub.deliveries().split_off(before);
    assert_eq!(log.len(), 7);
    assert_eq!(log[6].outcome, Outcome::Lost);
    assert!(log[..6].iter().all(|one| one.outcome == Outcome::Held));
    assert!(log[0].guid == log[1].guid && log[1].guid != log[2].guid, "a copy is the same event");
    let [one, two, three] = [&log[0].guid, &log[2].guid, &log[4].guid];
    scene.hub.release_deliveries(&[three, one]).await.unwrap();
    let said: Vec<String> =
        receiver.received().iter().map(|seen| seen.body()["comment"]["body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(said, ["three", "three", "one", "one"]);
    scene.hub.release_all_deliveries();
    scene.hub.all_delivered().await.unwrap();
    assert!(receiver.received()[4..].iter().all(|seen| seen.header("x-github-delivery") == two));
    assert_eq!(receiver.received().len(), 6);
}

#[tokio::test]
async fn a_delivery_is_made_once_and_again_only_when_asked() {
    let (scene, receiver, hook) = Scene::told().await;
    receiver.answer(StatusCode::INTERNAL_SERVER_ERROR);
    scene.hub.comment(REPO, 1, "mona", "hello").unwrap();
    scene.hub.all_delivered().await.unwrap();
    let failed = scene.hub.deliveries().pop().unwrap();
    assert!(matches!(failed.outcome, Outcome::Answered { status: 500, .. }), "{failed:?}");
    assert!(!failed.outcome.is_success());
    let again = scene.hub.redeliver(&failed.guid).unwrap();
    let again = scene.hub.delivered(again).await.unwrap();
    assert!(again.outcome.is_success() && again.redelivery);
    assert_eq!((&again.guid, &again.body), (&failed.guid, &failed.body));
    assert_eq!(receiver.received().len(), 2, "nothing is repeated by itself");
    assert_eq!(receiver.received()[0].bytes, receiver.received()[1].bytes);
    assert!(matches!(scene.hub.redeliver("none"), Err(HubError::NoDelivery { .. })));
    scene.hub.hold_deliveries();
    scene.hub.comment(REPO, 1, "mona", "held for ever").unwrap();
    scene.hub.remove_webhook(hook);
    assert!(matches!(scene.hub.deliveries().pop().unwrap().outcome, Outcome::Failed { .. }));
    assert!(matches!(scene.hub.redeliver(&failed.guid), Err(HubError::NoWebhook { .. })));
    scene.hub.comment(REPO, 1, "mona", "to nobody").unwrap();
    assert_eq!(scene.hub.deliveries().len(), 4, "the ping, the comment twice, the one that was held");
}

#[tokio::test]
async fn a_receiver_that_is_away_is_noted() {
    let scene = Scene::new().await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    scene.hub.add_webhook(HookTarget::Everything, &format!("http://{gone}/"), None, &["*"]).unwrap();
    scene.hub.all_delivered().await.unwrap();
    let ping = scene.hub.deliveries().remove(0);
    assert!(matches!(&ping.outcome, Outcome::Failed { reason } if reason.contains("error")), "{:?}", ping.outcome);
}

#[tokio::test]
async fn a_request_does_not_wait_for_a_receiver_and_a_slow_one_fails() {
    let options = HubOptions { patience: Duration::from_millis(200), ..HubOptions::default() };
    let hub = Hub::start(options).await.unwrap();
    hub.add_repository(REPO).unwrap();
    // It takes connections and never answers.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", deaf.local_addr().unwrap());
    hub.add_webhook(HookTarget::Everything, &url, None, &["*"]).unwrap();
    hub.add_token("good", "bot", Rights::commenter());
    hub.open_pull_request(REPO, "one", "mona", SHA, None).unwrap();
    let client = reqwest::Client::builder().user_agent("tests").build().unwrap();
    let address = format!("{}/repos/apache/superset/issues/1/comments", hub.url());
    let request = client.post(address).bearer_auth("good").body(json!({ "body": "quick" }).to_string());
    assert_eq!(request.send().await.unwrap().status(), 201);
    hub.all_delivered().await.unwrap();
    let all = hub.deliveries();
    let events: Vec<&str> = all.iter().map(|one| one.event.as_str()).collect();
    assert_eq!(events, ["ping", "pull_request", "issue_comment"]);
    assert!(all.iter().all(|one| one.outcome == Outcome::Failed { reason: "timed out".to_owned() }), "{all:?}");
}

//! The emulators themselves: each is there, is what it says it is, and can say no.
//!
//! If one of these fails, so will what rests on it, and this is the place to look first.

#[path = "support/emulators.rs"]
mod emulators;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use axum::body::Bytes;
use axum::http::Request;
use bivouac_awsmodel::{MODELS, Models, TASK_DEFINITION};
use bivouac_planner::{Filling, Template, Terms};
use emulators::Prism;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A request as AWS's JSON protocol has it. The emulators read the service from the scope of a signature that they do
/// not check.
fn aws(url: String, service: &str, target: &str, body: &Value) -> RequestBuilder {
    let scope = format!("bivouac/20260101/us-east-1/{service}/aws4_request");
    Client::new()
        .post(url)
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .body(body.to_string())
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a whole answer");
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[tokio::test]
async fn moto_keeps_a_cluster() {
    let ecs = |operation: &str, body: Value| {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        answer(aws(emulators::moto_url(), "ecs", &target, &body))
    };
    let (status, made) = ecs("CreateCluster", json!({ "clusterName": "answers" })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let (_, found) = ecs("DescribeClusters", json!({ "clusters": ["answers", "nobody"] })).await;
    assert_eq!(found["clusters"][0]["status"], "ACTIVE", "{found}");
    assert_eq!(found["failures"][0]["reason"], "MISSING", "{found}");
}

#[tokio::test]
async fn dynamodb_local_refuses_what_dynamodb_refuses() {
    let put = json!({ "TableName": "nobody-made-this", "Item": { "id": { "S": "1" } } });
    let (status, refused) = answer(aws(emulators::dynamodb_url(), "dynamodb", "DynamoDB_20120810.PutItem", &put)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let kind = refused["__type"].as_str().expect("an error type");
    assert!(kind.ends_with("#ResourceNotFoundException"), "{refused}");
}

/// A GitHub that answers everything with this body, in GitHub's media type.
fn github(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/vnd.github+json\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

/// What a client of GitHub's sees through Prism.
async fn through(prism: &Prism, path: &str) -> (StatusCode, Value) {
    let request = Client::new().get(format!("{}{path}", prism.url()));
    answer(request.header("accept", "application/vnd.github+json").header("user-agent", "bivouac")).await
}

const PERMISSION: &str = "/repos/apache/superset/collaborators/octocat/permission";

#[tokio::test]
async fn prism_lets_a_true_answer_through() {
    let github = github(r#"{"permission": "write", "role_name": "maintain", "user": null}"#);
    let prism = Prism::in_front_of(&github);
    let (status, answer) = through(&prism, PERMISSION).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["role_name"], "maintain");
}

#[tokio::test]
async fn prism_refuses_an_answer_that_github_would_not_give() {
    let prism = Prism::in_front_of(&github(r#"{"permission": 1}"#));
    let (status, answer) = through(&prism, PERMISSION).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    assert!(answer["type"].as_str().expect("a type").ends_with("#VIOLATIONS"), "{answer}");
}

#[tokio::test]
async fn prism_refuses_a_request_that_github_does_not_have() {
    let prism = Prism::in_front_of(&github("{}"));
    let (status, answer) = through(&prism, "/repos/apache/superset/environments-of-ours").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    assert!(answer["type"].as_str().expect("a type").ends_with("#NO_PATH_MATCHED_ERROR"), "{answer}");
}

/// A template with one fault is refused at the start, or is registered without the fault: a number for a text is converted.
#[test]
fn what_the_models_refuse_in_a_template_is_named_at_the_start() {
    let directory = std::env::var_os(MODELS).expect("`cargo xtask test` installs the models and says where they are");
    let models = Models::open(Path::new(&directory)).expect("the models are installed");
    let sound: Value = serde_json::from_str(TASK_DEFINITION).expect("JSON");
    let terms = Terms { sizes: &BTreeMap::new(), spot: false, tags: &BTreeMap::new() };
    let examine = |template: &Value| Template::examine(&template.to_string(), &["web".to_owned()], &terms);
    let registered = |template: &Template| {
        let filling =
            Filling { image: "registry/app@sha256:0", environment: &BTreeMap::new(), size: None, restarted_at: None };
        let input = template.render("shop", filling).expect("it fits").input.to_string();
        let request =
            Request::post("/").header("x-amz-target", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition");
        let request = request.header("content-type", "application/x-amz-json-1.1").body(Bytes::from(input));
        models.check(&request.expect("a request"), None).expect("readable models").expect("a call of AWS").violations
    };
    assert_eq!(registered(&examine(&sound).expect("it is in order")), []);

    let spoiled = models.spoil("ecs", "RegisterTaskDefinition", &sound).expect("readable models");
    let unnamed = spoiled.iter().filter_map(|spoiled| match examine(&spoiled.body) {
        Ok(template) if registered(&template).is_empty() => None,
        Ok(_) => Some(format!("{} {:?}", spoiled.path, spoiled.kind)),
        Err(_) => None,
    });
    let unnamed: Vec<String> = unnamed.collect();
    assert!(spoiled.len() > 100, "the models have rules: {}", spoiled.len());
    assert!(unnamed.is_empty(), "{} of {} faults are not named:\n{}", unnamed.len(), spoiled.len(), unnamed.join("\n"));
}

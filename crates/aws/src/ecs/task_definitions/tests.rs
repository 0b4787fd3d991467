use std::collections::HashMap;
use std::sync::Arc;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bivouac_model::TAG_MANAGED;
use bivouac_ports::NoMeter;
use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{EcsSettings, Endpoints, Quotas, Sdk, SdkSettings, StaticCredentials};

fn rendered(input: Json) -> RenderedTaskDefinition {
    let tags = vec![(TAG_MANAGED.to_owned(), "default".to_owned())];
    RenderedTaskDefinition { family: "pr-7".into(), input, content: ContentHash::from_stored("abc"), tags }
}

#[test]
fn the_body_keeps_what_nobody_knows_and_carries_the_content() {
    let input = json!({
        "family": "pr-7",
        "tags": [{ "key": "team", "value": "a" }, { "key": "bivouac:content", "value": "old" }],
        "containerDefinitions": [{ "name": "web", "fieldOfTheFuture": { "x": [1, 2.5, null] } }],
        "another": true,
    });
    let body: Json = serde_json::from_str(&whole_body(&rendered(input.clone())).expect("a body")).expect("JSON");
    assert_eq!(body["containerDefinitions"], input["containerDefinitions"]);
    assert_eq!(body["another"], json!(true));
    let tags = json!([
        { "key": "team", "value": "a" },
        { "key": "bivouac:managed", "value": "default" },
        { "key": "bivouac:content", "value": "abc" },
    ]);
    assert_eq!(body["tags"], tags);
}

#[test]
fn what_is_no_object_is_refused() {
    let refused = whole_body(&rendered(json!([1]))).expect_err("no object");
    assert_eq!(refused.meaning(), Meaning::Invalid);
}

#[test]
fn revisions_are_ordered_as_numbers() {
    assert_eq!(revision(&TaskDefinitionName::from_arn("arn:aws:ecs:r:1:task-definition/pr-7:12")), 12);
    assert_eq!(revision(&TaskDefinitionName::from_arn("pr-7")), 0);
}

/// A request as it came over the wire.
struct Request {
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// Reads one request and answers that revision 3 was made.
async fn answer(stream: TcpStream) -> Request {
    let mut stream = BufReader::new(stream);
    let mut headers = HashMap::new();
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.expect("a line");
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let mut body = vec![0; headers["content-length"].parse().expect("a number")];
    stream.read_exact(&mut body).await.expect("a whole body");
    let told = r#"{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:1:task-definition/pr-7:3"}}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}", told.len());
    stream.write_all(answer.as_bytes()).await.expect("it is sent");
    Request { headers, body }
}

fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature that AWS would compute from what it got ("Create a signed AWS API request" in the IAM user guide).
fn expected_signature(request: &Request, secret: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = request.headers["authorization"].split_once(name).expect("a field of the signature");
        rest.split(',').next().unwrap_or_default().trim().to_owned()
    };
    let (scope, signed) = (field("Credential="), field("SignedHeaders="));
    let (_, scope) = scope.split_once('/').expect("a scope behind the key");
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", request.headers[name])).collect();
    let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{}", hex_sha256(&request.body));
    let time = &request.headers["x-amz-date"];
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let time = NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").expect("a time").and_utc();
    let key = generate_signing_key(secret, time.into(), "us-east-1", "ecs");
    calculate_signature(key, to_sign.as_bytes())
}

#[tokio::test]
async fn what_is_sent_is_the_whole_body_and_it_is_signed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let credentials = StaticCredentials::of_no_account();
    let secret = credentials.secret_access_key.clone();
    let settings = SdkSettings {
        endpoints: Endpoints { aws: Some(url), dynamodb: None },
        credentials: Some(credentials),
        ..SdkSettings::default()
    };
    let sdk = Sdk::load(&settings, Arc::new(NoMeter)).await.expect("an embedded cloud has a region");
    let ecs = Ecs::new(&sdk, Arc::new(Quotas::unlimited()), EcsSettings::default());

    let rendered = rendered(json!({ "containerDefinitions": [{ "name": "wéb", "fieldOfTheFuture": [1] }] }));
    let served = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        answer(stream).await
    };
    let (name, request) = tokio::join!(ecs.register_whole(&rendered), served);

    assert_eq!(name.expect("an answer").as_str(), "pr-7:3");
    assert_eq!(request.body, whole_body(&rendered).expect("a body").as_bytes());
    let (_, signature) = request.headers["authorization"].split_once("Signature=").expect("a signature");
    assert_eq!(signature, expected_signature(&request, &secret));
}

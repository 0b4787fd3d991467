//! Every bad input has its answer, and writes nothing.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use bivouac_ports::Meaning;
use serde_json::json;

use crate::doors::{Fault, locked};
use crate::payloads::{Mail, SECRET, changed, comment, says, signature};
use crate::world::{HEAD, World, key, send};

fn nothing_was_kept(world: &World) {
    assert!(locked(&world.tray.letters).is_empty() && locked(&world.tray.seen).is_empty());
    for call in ["take", "get", "all", "write_desired_over", "permission", "pull_request", "reply", "react", "eyes"] {
        assert_eq!(world.faults.calls(call), 0, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_learn_nothing() {
    let world = World::new();
    let bot = world.bot();
    let mail = says(7, 1, "ada", "/testenv up");
    let right = signature(SECRET, &mail.body);
    let mut truncated = mail.clone();
    truncated.body.pop();
    let requests = [
        mail.signed_by(""),
        mail.signed_by("sha256=0"),
        mail.signed_by(&right.replace("sha256", "sha1")),
        mail.signed_by(&signature("another", &mail.body)),
        truncated.signed_by(&right),
    ];
    for request in requests {
        assert_eq!(send(&bot, request).await, (StatusCode::UNAUTHORIZED, "unauthorized".to_owned()));
    }
    let mut unsigned = mail.request();
    unsigned.headers_mut().remove("x-hub-signature-256");
    assert_eq!(send(&bot, unsigned).await.0, StatusCode::UNAUTHORIZED);
    let mut twice = mail.request();
    twice.headers_mut().append("x-hub-signature-256", right.parse().unwrap());
    assert_eq!(send(&bot, twice).await.0, StatusCode::UNAUTHORIZED);
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn both_secrets_count_while_they_are_changed() {
    let mut world = World::new();
    world.settings.secrets = bivouac_bot::Secrets::new(["new".to_owned().into(), SECRET.to_owned().into()]);
    for secret in ["new", SECRET] {
        let mail = says(7, secret.len() as u64, "ada", "/testenv up");
        let (status, _) = send(&world.bot(), mail.signed_by(&signature(secret, &mail.body))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_six_megabytes_are_too_much() {
    let world = World::new();
    let bot = world.bot();
    let mut mail = says(7, 1, "ada", "/testenv up");
    mail.body = vec![b' '; 26 * 1024 * 1024];
    // As it is said to be, before it is read.
    assert_eq!(send(&bot, mail.request()).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // And when it says nothing, or less.
    for claim in [None, Some("10")] {
        let mut silent = mail.request();
        silent.headers_mut().remove("content-length");
        if let Some(claim) = claim {
            silent.headers_mut().insert("content-length", claim.parse().unwrap());
        }
        assert_eq!(send(&bot, silent).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_cut_off() {
    let world = World::new();
    let mail = says(7, 1, "ada", "/testenv up");
    let mut request = mail.request();
    *request.body_mut() = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(send(&world.bot(), request).await.0, StatusCode::REQUEST_TIMEOUT);
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn other_forms_and_places_are_refused() {
    let world = World::new();
    let bot = world.bot();
    let mail = says(7, 1, "ada", "/testenv up");
    let mut form = mail.request();
    form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let (status, said) = send(&bot, form).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(said.contains("application/json"), "{said}");
    let mut get = mail.request();
    *get.method_mut() = Method::GET;
    assert_eq!(send(&bot, get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = Request::post("/webhooks").body(Body::empty()).unwrap();
    assert_eq!(send(&bot, elsewhere).await.0, StatusCode::NOT_FOUND);
    for (header, value) in [("x-github-delivery", "1"), ("x-github-event", "Issue Comment"), ("x-github-event", "")] {
        let mut request = mail.request();
        request.headers_mut().insert(header, value.parse().unwrap());
        assert_eq!(send(&bot, request).await.0, StatusCode::BAD_REQUEST, "{header}: {value}");
    }
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_json_of_its_event_is_refused() {
    let world = World::new();
    let mut text = says(7, 1, "ada", "/testenv up");
    text.body = b"payload=%7B%7D".to_vec();
    let mut half = says(7, 1, "ada", "/testenv up");
    half.body.truncate(half.body.len() / 2);
    let mut other = changed(7, 1, "ada", "closed", HEAD);
    other.event = "issue_comment".into();
    let mut deep = says(7, 1, "ada", "/testenv up");
    deep.body = "[".repeat(100_000).into_bytes();
    let mut forged = comment(7, 1, "ada", "/testenv up");
    forged["sender"]["login"] = json!("eve");
    for mail in [text, half, other, deep, Mail::new("issue_comment", 1, &forged)] {
        assert_eq!(world.post(&mail).await.0, StatusCode::BAD_REQUEST);
    }
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_no_interest_is_ignored() {
    let world = World::new();
    let ping = Mail::new("ping", 1, &json!({ "zen": "Design for failure." }));
    assert_eq!(world.post(&ping).await.0, StatusCode::OK);
    let mut elsewhere = comment(7, 1, "ada", "/testenv up");
    elsewhere["repository"]["full_name"] = json!("apache/airflow");
    let mut issue = comment(7, 1, "ada", "/testenv up");
    issue["issue"].as_object_mut().unwrap().remove("pull_request");
    let mut edited = comment(7, 1, "ada", "/testenv up");
    edited["action"] = json!("edited");
    let ignored = [
        Mail::new("star", 1, &json!({ "action": "created" })),
        Mail::new("projects_v2_item", 1, &json!({ "action": "created" })),
        Mail::new("issue_comment", 1, &elsewhere),
        Mail::new("issue_comment", 1, &issue),
        Mail::new("issue_comment", 1, &edited),
        says(7, 1, "dependabot[bot]", "/testenv up"),
        says(7, 1, "ada", "LGTM\n\n> /testenv up\n\n```\n/testenv down\n```"),
        changed(7, 1, "ada", "assigned", HEAD),
    ];
    for mail in ignored {
        let (status, said) = world.post(&mail).await;
        assert!(status == StatusCode::ACCEPTED && said.starts_with("ignored"), "{said}");
    }
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_one_source_costs_no_call() {
    let world = World::new();
    let bot = world.bot();
    let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711)));
    for number in 0..1000 {
        let mail = says(7, number, "ada", "/testenv up");
        let mut request = mail.signed_by(&signature("guessed", &mail.body));
        request.extensions_mut().insert(peer);
        assert_eq!(send(&bot, request).await.0, StatusCode::UNAUTHORIZED);
    }
    nothing_was_kept(&world);
    // Whoever sent so much rubbish is read no further than usual.
    let mut large = says(7, 1, "ada", "/testenv up");
    large.body = vec![b' '; 2 * 1024 * 1024];
    let mut request = large.signed_by(&signature("guessed", b""));
    request.extensions_mut().insert(peer);
    assert_eq!(send(&bot, request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // GitHub, behind the same proxy, is heard all the same.
    let mut request = says(7, 1, "ada", "/testenv up").request();
    request.extensions_mut().insert(peer);
    assert_eq!(send(&bot, request).await.0, StatusCode::ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_persons_commands_is_not_answered_one_by_one() {
    let world = World::new();
    let mails: Vec<_> = (1..=1000).map(|id| says(7, id, "eve", "/testenv up")).collect();
    world.deliver(&mails).await;
    assert!(world.record(7).is_none());
    let asked = world.faults.calls("permission");
    assert!((1..=16).contains(&asked), "{asked}: ten in a row, and then one each half minute");
    let writes = world.faults.calls("react") + world.faults.calls("reply") + world.faults.calls("eyes");
    assert!(writes < 80, "{writes} writes to the forge");
}

#[tokio::test(start_paused = true)]
async fn a_comment_as_long_as_they_get() {
    let world = World::new();
    let long = format!("/testenv up FEATURE_X=\"{}\"", "\\\"".repeat(32_000));
    let thousand = "/testenv up\n".repeat(1000);
    world.deliver(&[says(7, 1, "ada", &long), says(7, 2, "ada", &thousand)]).await;
    assert!(world.record(7).is_none(), "nothing is written");
    assert_eq!(world.reactions(2), ["confused", "eyes"]);
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("1000 commands"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn the_longest_comment_that_there_can_be_is_read_to_its_end() {
    const LONGEST: usize = 65_536;
    let command = "\n/testenv up";
    let filled = |length: usize| "🏕".repeat(length - command.chars().count()) + command;
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", &filled(LONGEST + 1))]).await;
    assert!(world.record(7).is_none());
    assert!(world.reply(7, "ada").unwrap().contains("longer than 65536 characters"), "{:?}", world.reply(7, "ada"));
    world.deliver(&[says(7, 2, "ada", &filled(LONGEST))]).await;
    assert_eq!(world.wish(7).head_sha.as_deref(), Some(HEAD));
}

#[tokio::test(start_paused = true)]
async fn a_value_with_characters_that_nobody_sees_is_not_taken() {
    let world = World::new();
    for (id, value) in
        [(1, "tr\u{202e}ue"), (2, "true\u{200b}"), (3, "\u{feff}true"), (4, "\u{2066}true\u{2069}"), (5, "a\u{0}b")]
    {
        world.deliver(&[says(7, id, "ada", &format!("/testenv up FEATURE_X={value} SUPERSET_Y=\"{value}\""))]).await;
        let said = world.reply(7, "ada").unwrap();
        assert!(said.is_ascii() || !said.contains(['\u{202e}', '\u{200b}', '\u{feff}', '\u{2066}']), "{said:?}");
        assert_eq!(world.reactions(id), ["confused", "eyes"], "{value:?}");
    }
    assert!(world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_forged_in_vain() {
    let world = World::new();
    let user = |login: &str, id: u64, kind: &str| json!({ "login": login, "id": id, "type": kind });
    let ada = comment(7, 1, "ada", "/testenv up")["sender"]["id"].as_u64().unwrap();
    for (part, user) in [
        // Eve's comment, sent as Ada's; Ada's name on another account; Ada's account under another name; a bot in between.
        ("/comment/user", user("eve", 7, "User")),
        ("/comment/user", user("ada", ada + 1, "User")),
        ("/sender", user("ada2", ada, "User")),
        ("/sender", user("helper[bot]", 9, "Bot")),
        ("/sender", json!(null)),
    ] {
        let mut payload = comment(7, 1, "ada", "/testenv up");
        *payload.pointer_mut(part).unwrap() = user.clone();
        assert_eq!(
            world.post(&Mail::new("issue_comment", 1, &payload)).await.0,
            StatusCode::BAD_REQUEST,
            "{part} {user}"
        );
    }
    nothing_was_kept(&world);
}

#[tokio::test(start_paused = true)]
async fn characters_that_nobody_sees_are_refused_aloud() {
    let world = World::new();
    for (id, body) in [(1, "/testenv up\u{202e}"), (2, "/test\u{200b}env up"), (3, "/testenv\u{a0}down")] {
        world.deliver(&[says(7, id, "ada", body)]).await;
        assert_eq!(world.reactions(id), ["confused", "eyes"], "{body:?}");
        let said = world.reply(7, "ada").unwrap();
        assert!(said.contains("invisible character") && !said.contains(['\u{202e}', '\u{200b}', '\u{a0}']), "{said}");
    }
    assert!(world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn without_the_store_github_is_told_to_come_back() {
    let world = World::new();
    let mail = says(7, 1, "ada", "/testenv up");
    world.faults.once("take", Fault::Before(Meaning::Unavailable));
    let (status, said) = world.post(&mail).await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && said.contains("redeliver"), "{said}");
    world.faults.once("take", Fault::Slow(Duration::from_secs(5)));
    let began = tokio::time::Instant::now();
    assert_eq!(world.post(&mail).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed() < Duration::from_secs(1));
    // Done and not heard of: the redelivery is one, and the letter is handled all the same.
    world.faults.once("take", Fault::After(Meaning::Unavailable));
    assert_eq!(world.post(&mail).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.post(&mail).await, (StatusCode::ACCEPTED, "seen before".to_owned()));
    world.settle().await;
    assert_eq!(world.wish(7).head_sha.as_deref(), Some(HEAD));
    assert_eq!(world.record(7).unwrap().key, key(7).into());
}

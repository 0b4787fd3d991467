//! Deliveries as GitHub sends them.

use axum::body::Body;
use axum::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::Sha256;

pub const SECRET: &str = "It's a Secret to Everybody";
pub const REPO: &str = "apache/superset";

/// A delivery before it is sent.
#[derive(Clone, Debug)]
pub struct Mail {
    pub event: String,
    pub guid: String,
    pub body: Vec<u8>,
}

impl Mail {
    pub fn new(event: &str, number: u64, payload: &Json) -> Self {
        let guid = format!("72d3162e-cc78-11e3-81ab-{number:012x}");
        Self { event: event.to_owned(), guid, body: payload.to_string().into_bytes() }
    }

    /// Under another name, as another webhook of the same repository would send it.
    pub fn named(mut self, number: u64) -> Self {
        self.guid = format!("72d3162e-cc78-11e3-81ac-{number:012x}");
        self
    }

    pub fn request(&self) -> Request<Body> {
        self.signed_by(&signature(SECRET, &self.body))
    }

    pub fn signed_by(&self, signature: &str) -> Request<Body> {
        Request::post("/webhooks/github")
            .header("content-type", "application/json")
            .header("content-length", self.body.len())
            .header("x-github-delivery", &self.guid)
            .header("x-github-event", &self.event)
            .header("x-hub-signature-256", signature)
            .body(Body::from(self.body.clone()))
            .unwrap()
    }
}

pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    format!("sha256={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn user(login: &str) -> Json {
    let id: u64 = login.bytes().map(u64::from).sum();
    json!({ "login": login, "id": id, "type": if login.ends_with("[bot]") { "Bot" } else { "User" } })
}

/// The time of day of a comment or a change: the `number`th second of the story.
pub fn at(number: u64) -> String {
    format!("2026-11-23T12:{:02}:{:02}Z", number / 60, number % 60)
}

pub fn url(pr: u64, id: u64) -> String {
    format!("https://github.com/{REPO}/pull/{pr}#issuecomment-{id}")
}

pub fn comment(pr: u64, id: u64, login: &str, body: &str) -> Json {
    json!({
        "action": "created",
        "issue": { "number": pr, "pull_request": { "url": format!("https://api.github.com/repos/{REPO}/pulls/{pr}") } },
        "comment": {
            "id": id, "body": body, "user": user(login), "created_at": at(id), "html_url": url(pr, id),
        },
        "repository": { "full_name": REPO },
        "sender": user(login),
    })
}

/// A comment as a delivery of its own.
pub fn says(pr: u64, id: u64, login: &str, body: &str) -> Mail {
    Mail::new("issue_comment", id, &comment(pr, id, login, body))
}

pub fn changed(pr: u64, number: u64, login: &str, action: &str, head: &str) -> Mail {
    let payload = json!({
        "action": action,
        "number": pr,
        "pull_request": {
            "number": pr, "head": { "sha": head }, "updated_at": at(number),
            "html_url": format!("https://github.com/{REPO}/pull/{pr}"),
        },
        "label": { "name": "testenv-up" },
        "repository": { "full_name": REPO },
        "sender": user(login),
    });
    Mail::new("pull_request", 0x1_0000 + number, &payload)
}

/// A comment whose text its author changed.
pub fn edited(pr: u64, id: u64, login: &str, from: &str, body: &str) -> Mail {
    let mut payload = comment(pr, id, login, body);
    payload["action"] = json!("edited");
    payload["changes"] = json!({ "body": { "from": from } });
    Mail::new("issue_comment", 0x2_0000 + id, &payload)
}

fn review(pr: u64, id: u64, login: &str, body: &str) -> Json {
    json!({
        "action": "submitted",
        "review": {
            "id": id, "body": body, "user": user(login), "submitted_at": at(id), "state": "commented",
            "html_url": format!("https://github.com/{REPO}/pull/{pr}#pullrequestreview-{id}"),
        },
        "pull_request": { "number": pr },
        "repository": { "full_name": REPO },
        "sender": user(login),
    })
}

/// A review as a delivery of its own.
pub fn reviewed(pr: u64, id: u64, login: &str, body: &str) -> Mail {
    Mail::new("pull_request_review", 0x3_0000 + id, &review(pr, id, login, body))
}

/// A review whose body its author changed.
pub fn reviewed_again(pr: u64, id: u64, login: &str, from: &str, body: &str) -> Mail {
    let mut payload = review(pr, id, login, body);
    payload["action"] = json!("edited");
    payload["changes"] = json!({ "body": { "from": from } });
    Mail::new("pull_request_review", 0x4_0000 + id, &payload)
}

/// A comment on a line of code.
pub fn on_line(pr: u64, id: u64, login: &str, body: &str) -> Mail {
    let payload = json!({
        "action": "created",
        "comment": {
            "id": id, "body": body, "user": user(login), "created_at": at(id),
            "html_url": format!("https://github.com/{REPO}/pull/{pr}#discussion_r{id}"),
        },
        "pull_request": { "number": pr },
        "repository": { "full_name": REPO },
        "sender": user(login),
    });
    Mail::new("pull_request_review_comment", 0x5_0000 + id, &payload)
}

/// A pull request that was opened with a description.
pub fn opened(pr: u64, number: u64, login: &str, description: &str) -> Mail {
    let payload = json!({
        "action": "opened",
        "number": pr,
        "pull_request": {
            "number": pr, "head": { "sha": "1111111111111111111111111111111111111111" }, "user": user(login),
            "body": description, "created_at": at(number), "updated_at": at(number),
            "html_url": format!("https://github.com/{REPO}/pull/{pr}"),
        },
        "repository": { "full_name": REPO },
        "sender": user(login),
    });
    Mail::new("pull_request", 0x6_0000 + number, &payload)
}

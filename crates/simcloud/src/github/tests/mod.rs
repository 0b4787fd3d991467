//! The embedded GitHub seen as its clients see it: over HTTP, with a clock that the test moves.

mod access;
mod activity;
mod apps;
mod comments;
mod deployments;
mod faults;
mod graphql;
mod issues;
mod limits;
mod pages;
mod people;
mod properties;
mod pulls;
mod reactions;
mod receiver;
mod renames;
mod webhooks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Hub, HubError, HubOptions, Level, Limits, Permission, Rights};

const REPO: &str = "apache/superset";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";

/// A hub with one repository, one pull request by `mona`, and a `bot` that may push and comment with the token `good`.
struct Scene {
    hub: Hub,
    time: Arc<Mutex<DateTime<Utc>>>,
    client: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        Scene::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let time = Arc::new(Mutex::new("2026-11-23T12:00:00Z".parse().unwrap()));
        let clock = Arc::clone(&time);
        let options = HubOptions { clock: Arc::new(move || *clock.lock().unwrap()), limits, ..HubOptions::default() };
        let hub = Hub::start(options).await.unwrap();
        hub.add_repository(REPO).unwrap();
        hub.set_permission(REPO, "bot", Permission::Write).unwrap();
        hub.add_token("good", "bot", Rights::commenter());
        assert_eq!(hub.open_pull_request(REPO, "Add a dark theme", "mona", SHA, None).unwrap(), 1);
        let client = reqwest::Client::builder().user_agent("tests").build().unwrap();
        Scene { hub, time, client }
    }

    fn advance(&self, by: Duration) {
        *self.time.lock().unwrap() += TimeDelta::from_std(by).unwrap();
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.hub.url()) };
        self.client.request(method, url).bearer_auth("good")
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        self.request(method, path).body(body.to_string()).send().await.unwrap()
    }

    /// Posts a comment on pull request 1.
    async fn post(&self, text: &str) -> Response {
        self.send(Method::POST, "/repos/apache/superset/issues/1/comments", json!({ "body": text })).await
    }
}

async fn body(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
}

async fn message(response: Response) -> String {
    let answer = body(response).await;
    assert!(answer["documentation_url"].is_string(), "every error says where to read on: {answer}");
    answer["message"].as_str().unwrap().to_owned()
}

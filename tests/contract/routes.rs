//! The routes of the embedded GitHub, asked as any client would, without an adapter.
//!
//! What is asserted here is little: whoever stands in between, such as Prism with GitHub's description, checks the rest.

use bivouac_simcloud::github::{AppOptions, Grants, HookTarget, Hub, Level, Membership, Permission, Resource, Rights};
use reqwest::Method;
use serde_json::{Value, json};

const REPO: &str = "apache/superset";
const AT: &str = "/repos/apache/superset";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const ADMIN: &str = "ghp_routes";

/// What the hub's clock has to say for [`APP_TOKEN`] to be in time.
pub const NOW: &str = "2026-11-23T12:00:00Z";

/// A JSON web token of app 7 (`{"iss":7,"iat":…,"exp":…}`, RS256). Nobody checks its signature, the word "nobody".
const APP_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.\
                         eyJpc3MiOjcsImlhdCI6MTc5NTQzNTE0MCwiZXhwIjoxNzk1NDM1NzQwfQ.bm9ib2R5";

/// A client of GitHub with a token.
struct Client<'a> {
    api_url: &'a str,
    token: &'a str,
    http: reqwest::Client,
}

impl Client<'_> {
    /// Asks, and answers the body of what must have this status. A breach of the description has another one.
    async fn ask(&self, method: Method, path: &str, sent: Option<Value>, status: u16) -> Value {
        let url = format!("{}{path}", self.api_url);
        let mut request = self.http.request(method.clone(), url).bearer_auth(self.token);
        if let Some(sent) = sent {
            request = request.header("content-type", "application/json").body(sent.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let seen = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(seen.as_u16(), status, "{method} {path}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None, 200).await
    }
}

/// Everything that a bot reads and writes on a pull request, once.
pub async fn every_route_answers_in_githubs_form(hub: &Hub, api_url: &str) {
    hub.add_repository(REPO).expect("a repository");
    hub.set_permission(REPO, "admin", Permission::Admin).expect("an administrator");
    hub.add_token(ADMIN, "admin", Rights::classic(["repo", "read:org"]));
    hub.add_team("apache", "committers");
    hub.set_membership("apache", "committers", "admin", Membership::Active).expect("a member");
    hub.hold_deliveries();
    let target = HookTarget::Repository(REPO.to_owned());
    hub.add_webhook(target, "http://127.0.0.1:9/", Some("hush"), &["issue_comment"]).expect("a webhook");
    let number = hub.open_pull_request(REPO, "A change", "contributor", SHA, None).expect("a pull request");
    let http = reqwest::Client::builder().user_agent("contract").build().expect("a client");
    let client = Client { api_url, token: ADMIN, http: http.clone() };
    conversation(&client, number).await;
    history(&client, number).await;
    people(&client).await;
    deployment(&client).await;
    app(hub, &client).await;
}

async fn conversation(client: &Client<'_>, number: u64) {
    let path = format!("{AT}/issues/{number}/comments");
    let comment = client.ask(Method::POST, &path, Some(json!({ "body": "/testenv up" })), 201).await;
    let path = format!("{AT}/issues/comments/{}", comment["id"]);
    client.ask(Method::PATCH, &path, Some(json!({ "body": "/testenv help" })), 200).await;
    let eyes = || Some(json!({ "content": "eyes" }));
    let reaction = client.ask(Method::POST, &format!("{path}/reactions"), eyes(), 201).await;
    client.ask(Method::POST, &format!("{path}/reactions"), eyes(), 200).await;
    assert_eq!(client.get(&format!("{path}/reactions")).await[0]["content"], "eyes");
    client.ask(Method::DELETE, &format!("{path}/reactions/{}", reaction["id"]), None, 204).await;
    let since = "2020-01-01T00:00:00Z";
    let all = client.get(&format!("{AT}/issues/comments?sort=updated&direction=desc&since={since}")).await;
    assert_eq!(all[0]["id"], comment["id"]);
    client.ask(Method::DELETE, &path, None, 204).await;
}

async fn history(client: &Client<'_>, number: u64) {
    let labels = format!("{AT}/issues/{number}/labels");
    client.ask(Method::POST, &labels, Some(json!({ "labels": ["testenv-up"] })), 200).await;
    client.ask(Method::DELETE, &format!("{labels}/testenv-up"), None, 200).await;
    for state in ["closed", "open"] {
        client.ask(Method::PATCH, &format!("{AT}/pulls/{number}"), Some(json!({ "state": state })), 200).await;
    }
    let events = client.get(&format!("{AT}/issues/{number}/events")).await;
    let kinds: Vec<&Value> = events.as_array().expect("a list").iter().map(|event| &event["event"]).collect();
    assert_eq!(json!(kinds), json!(["labeled", "unlabeled", "closed", "reopened"]));
    assert!(client.get(&format!("{AT}/issues/{number}")).await["pull_request"]["url"].is_string());
    client.get(&format!("{AT}/pulls?state=open&per_page=100")).await;
    assert_eq!(client.get(&format!("{AT}/pulls/{number}/commits?per_page=100")).await[0]["sha"], SHA);
    let activity = client.get(&format!("{AT}/activity?ref=refs/heads/change-{number}&per_page=100")).await;
    assert_eq!(activity[0]["after"], SHA);
    assert_eq!(client.get(&format!("{AT}/commits/{SHA}")).await["sha"], SHA);
}

async fn people(client: &Client<'_>) {
    client.get("/user").await;
    assert_eq!(client.get(&format!("{AT}/collaborators/admin/permission")).await["role_name"], "admin");
    client.ask(Method::GET, &format!("{AT}/collaborators/nobody/permission"), None, 404).await;
    assert_eq!(client.get("/orgs/apache/teams/committers/memberships/admin").await["state"], "active");
    client.ask(Method::GET, "/orgs/apache/teams/committers/memberships/contributor", None, 404).await;
    assert_eq!(client.get(&format!("{AT}/hooks")).await[0]["events"], json!(["issue_comment"]));
}

async fn deployment(client: &Client<'_>) {
    let wish = json!({
        "ref": SHA, "environment": "pr-1", "transient_environment": true, "production_environment": false,
        "auto_merge": false, "required_contexts": [],
    });
    let made = client.ask(Method::POST, &format!("{AT}/deployments"), Some(wish), 201).await;
    let statuses = format!("{AT}/deployments/{}/statuses", made["id"]);
    let up = json!({
        "state": "success", "environment_url": "http://203.0.113.1:8080", "log_url": "http://logs.test/",
        "auto_inactive": true,
    });
    client.ask(Method::POST, &statuses, Some(up), 201).await;
    assert_eq!(client.get(&statuses).await[0]["state"], "success");
    client.get(&format!("{AT}/deployments?environment=pr-1&sha={SHA}")).await;
}

async fn app(hub: &Hub, person: &Client<'_>) {
    let permissions = Grants::none().with(Resource::Checks, Level::Write).with(Resource::Issues, Level::Write);
    // Registered without a key: its signatures are not looked at.
    hub.register_app(AppOptions { permissions, ..AppOptions::new(7, "camp", "apache") }).expect("an app");
    let installation = hub.install_app(7, "apache").expect("an installation");
    hub.add_webhook(HookTarget::App(7), "http://127.0.0.1:9/", Some("hush"), &[]).expect("its webhook");
    let client = Client { api_url: person.api_url, token: APP_TOKEN, http: person.http.clone() };
    assert_eq!(client.get("/app").await["permissions"]["checks"], "write");
    assert_eq!(client.get("/app/hook/config").await["content_type"], "json");
    assert_eq!(client.get(&format!("{AT}/installation")).await["id"], installation);
    let path = format!("/app/installations/{installation}/access_tokens");
    let made = client.ask(Method::POST, &path, Some(json!({})), 201).await;
    let token = made["token"].as_str().expect("a token");
    let client = Client { api_url: person.api_url, token, http: person.http.clone() };
    let wish = json!({ "name": "environment", "head_sha": SHA, "status": "in_progress" });
    let run = client.ask(Method::POST, &format!("{AT}/check-runs"), Some(wish), 201).await;
    let path = format!("{AT}/check-runs/{}", run["id"]);
    let done = json!({ "status": "completed", "conclusion": "success", "output": { "title": "Ready", "summary": "It answers." } });
    client.ask(Method::PATCH, &path, Some(done), 200).await;
    assert_eq!(client.get(&path).await["conclusion"], "success");
    assert_eq!(client.get(&format!("{AT}/commits/{SHA}/check-runs")).await["total_count"], 1);
}

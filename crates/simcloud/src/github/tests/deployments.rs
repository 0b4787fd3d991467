//! Deployments and check runs.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::*;
use crate::github::{AppOptions, Grants, Resource};

const DEPLOYMENTS: &str = "/repos/apache/superset/deployments";
const CHECKS: &str = "/repos/apache/superset/check-runs";

impl Scene {
    /// `good` may deploy.
    async fn deploying() -> Self {
        let scene = Scene::new().await;
        scene.hub.add_token("good", "bot", Rights::commenter().with(Resource::Deployments, Level::Write));
        scene
    }

    async fn deploy(&self, wish: Value) -> Value {
        let answer = self.send(Method::POST, DEPLOYMENTS, wish).await;
        assert_eq!(answer.status(), 201);
        body(answer).await
    }

    async fn status(&self, deployment: &Value, wish: Value) -> Value {
        let answer = self.send(Method::POST, deployment["statuses_url"].as_str().unwrap(), wish).await;
        assert_eq!(answer.status(), 201);
        body(answer).await
    }

    /// A token of an app that may write checks and deployments.
    async fn as_app(&self) -> String {
        let permissions = Grants::none().with(Resource::Checks, Level::Write).with(Resource::Deployments, Level::Write);
        let app = AppOptions { permissions, ..AppOptions::new(7, "camp", "apache") };
        self.hub.register_app(app).unwrap();
        let installation = self.hub.install_app(7, "apache").unwrap();
        let now = self.time.lock().unwrap().timestamp();
        let key = EncodingKey::from_rsa_pem(include_bytes!("app_key.pem")).unwrap();
        let claims = json!({ "iss": 7, "iat": now - 60, "exp": now + 60 });
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
        let url = format!("{}/app/installations/{installation}/access_tokens", self.hub.url());
        let made = body(self.client.post(url).bearer_auth(jwt).send().await.unwrap()).await;
        assert_eq!(made["permissions"], json!({ "metadata": "read", "checks": "write", "deployments": "write" }));
        made["token"].as_str().unwrap().to_owned()
    }

    async fn by(&self, token: &str, method: Method, path: &str, sent: Value) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.hub.url())).bearer_auth(token);
        request.body(sent.to_string()).send().await.unwrap()
    }
}

#[tokio::test]
async fn a_deployment_has_states_and_addresses() {
    let scene = Scene::deploying().await;
    let wish = json!({
        "ref": SHA, "environment": "pr-1", "transient_environment": true, "production_environment": false,
        "auto_merge": false, "required_contexts": [], "description": "For a look",
    });
    let made = scene.deploy(wish).await;
    assert_eq!((&made["sha"], &made["environment"], &made["task"]), (&json!(SHA), &json!("pr-1"), &json!("deploy")));
    assert_eq!((&made["transient_environment"], &made["creator"]["login"]), (&json!(true), &json!("bot")));
    assert_eq!(scene.hub.deployments(REPO).unwrap()[0].state, "pending");
    let up =
        json!({ "state": "success", "environment_url": "http://203.0.113.1:8080", "log_url": "http://logs.test/" });
    let status = scene.status(&made, up).await;
    assert_eq!((&status["state"], &status["environment"]), (&json!("success"), &json!("pr-1")));
    assert_eq!((&status["target_url"], &status["log_url"]), (&json!("http://logs.test/"), &json!("http://logs.test/")));
    scene.status(&made, json!({ "state": "inactive" })).await;
    let all = body(scene.get(made["statuses_url"].as_str().unwrap()).await).await;
    let states: Vec<_> = all.as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(json!(states), json!(["inactive", "success"]), "newest first");
    let seen = &scene.hub.deployments(REPO).unwrap()[0];
    assert_eq!((seen.state, &seen.states), ("inactive", &vec!["success", "inactive"]));
}

#[tokio::test]
async fn a_success_makes_what_was_before_inactive() {
    let scene = Scene::deploying().await;
    let wish = |environment: &str, transient: bool| json!({ "ref": "change-1", "environment": environment, "transient_environment": transient });
    let first = scene.deploy(wish("shared", false)).await;
    let failed = scene.deploy(wish("shared", false)).await;
    let transient = scene.deploy(wish("shared", true)).await;
    let elsewhere = scene.deploy(wish("other", false)).await;
    let last = scene.deploy(wish("shared", false)).await;
    for one in [&transient, &first, &elsewhere] {
        scene.status(one, json!({ "state": "success", "auto_inactive": false })).await;
    }
    scene.status(&failed, json!({ "state": "failure" })).await;
    scene.status(&last, json!({ "state": "success" })).await;
    let states: Vec<_> = scene.hub.deployments(REPO).unwrap().iter().map(|one| one.state).collect();
    assert_eq!(states, ["inactive", "failure", "success", "success", "success"]);
}

#[tokio::test]
async fn deployments_are_listed_by_what_they_are() {
    let scene = Scene::deploying().await;
    scene.deploy(json!({ "ref": "change-1" })).await;
    scene.deploy(json!({ "ref": SHA, "environment": "pr-1", "task": "migrate" })).await;
    let count =
        async |query: &str| body(scene.get(&format!("{DEPLOYMENTS}{query}")).await).await.as_array().unwrap().len();
    assert_eq!(count("").await, 2);
    assert_eq!(count("?environment=production").await, 1);
    assert_eq!(count("?environment=pr-1&task=migrate").await, 1);
    assert_eq!(count("?ref=change-1").await, 1);
    assert_eq!(count(&format!("?sha={SHA}")).await, 2);
    assert_eq!(count("?environment=none&sha=abc").await, 0);
    let newest = body(scene.get(DEPLOYMENTS).await).await;
    assert_eq!((&newest[0]["environment"], &newest[1]["production_environment"]), (&json!("pr-1"), &json!(true)));
}

#[tokio::test]
async fn deployments_that_cannot_be_are_refused() {
    let scene = Scene::deploying().await;
    let refused = async |wish: Value| scene.send(Method::POST, DEPLOYMENTS, wish).await;
    let unknown = refused(json!({ "ref": "nowhere" })).await;
    assert_eq!((unknown.status().as_u16(), message(unknown).await.as_str()), (422, "No ref found for: nowhere"));
    for wrong in [
        json!({}),
        json!({ "ref": SHA, "transient_environment": "yes" }),
        json!({ "ref": SHA, "required_contexts": "all" }),
    ] {
        assert_eq!(refused(wrong.clone()).await.status(), 422, "{wrong}");
    }
    assert_eq!(refused(json!({ "ref": SHA, "required_contexts": ["build"] })).await.status(), 409);
    let made = scene.deploy(json!({ "ref": SHA })).await;
    let statuses = made["statuses_url"].as_str().unwrap();
    for wrong in [json!({}), json!({ "state": "great" }), json!({ "state": "success", "environment_url": "ftp://x" })] {
        assert_eq!(scene.send(Method::POST, statuses, wrong.clone()).await.status(), 422, "{wrong}");
    }
    let missing = format!("{DEPLOYMENTS}/1/statuses");
    assert_eq!(scene.send(Method::POST, &missing, json!({ "state": "success" })).await.status(), 404);
    assert_eq!(scene.get(&missing).await.status(), 404);
    scene.hub.add_token("poor", "bot", Rights::commenter());
    scene.hub.add_token("eve", "eve", Rights::classic(["public_repo"]));
    scene.hub.add_token("narrow", "bot", Rights::classic(["repo_deployment"]));
    for (token, status) in [("poor", 403), ("eve", 404), ("narrow", 201)] {
        assert_eq!(scene.by(token, Method::POST, DEPLOYMENTS, json!({ "ref": SHA })).await.status(), status, "{token}");
    }
    assert_eq!(scene.by("poor", Method::GET, DEPLOYMENTS, json!({})).await.status(), 200, "public");
}

#[tokio::test]
async fn only_an_app_writes_check_runs() {
    let scene = Scene::new().await;
    let wish = json!({ "name": "environment", "head_sha": SHA });
    let refused = scene.send(Method::POST, CHECKS, wish.clone()).await;
    assert_eq!(
        (refused.status().as_u16(), message(refused).await.as_str()),
        (403, "You must authenticate via a GitHub App.")
    );
    let token = scene.as_app().await;
    let made = scene.by(&token, Method::POST, CHECKS, wish).await;
    assert_eq!(made.status(), 201);
    let made = body(made).await;
    assert_eq!((&made["status"], &made["conclusion"]), (&json!("queued"), &Value::Null));
    assert_eq!((&made["app"]["slug"], &made["pull_requests"][0]["number"]), (&json!("camp"), &json!(1)));
    let path = format!("{CHECKS}/{}", made["id"]);
    assert_eq!(scene.send(Method::PATCH, &path, json!({ "status": "in_progress" })).await.status(), 403);
    let done = json!({
        "conclusion": "success", "details_url": "http://203.0.113.1:8080",
        "output": { "title": "Ready", "summary": "It answers." },
    });
    let done = body(scene.by(&token, Method::PATCH, &path, done).await).await;
    assert_eq!((&done["status"], &done["conclusion"]), (&json!("completed"), &json!("success")));
    assert_eq!((&done["completed_at"], &done["output"]["title"]), (&json!("2026-11-23T12:00:00Z"), &json!("Ready")));
    let seen = &scene.hub.check_runs(REPO).unwrap()[0];
    assert_eq!(
        (seen.conclusion, &seen.output),
        (Some("success"), &Some(("Ready".to_owned(), "It answers.".to_owned())))
    );
    let again = body(scene.by(&token, Method::PATCH, &path, json!({ "status": "in_progress" })).await).await;
    assert_eq!((&again["status"], &again["conclusion"]), (&json!("in_progress"), &Value::Null));
    assert_eq!(body(scene.get(&path).await).await["id"], made["id"]);
    for (wrong, status) in [
        (json!({ "status": "completed" }), 422),
        (json!({ "status": "asleep" }), 422),
        (json!({ "conclusion": "splendid" }), 422),
        (json!({ "started_at": "noon" }), 422),
        (json!({ "output": { "title": "no summary" } }), 422),
    ] {
        assert_eq!(scene.by(&token, Method::PATCH, &path, wrong.clone()).await.status(), status, "{wrong}");
    }
    assert_eq!(body(scene.get(&path).await).await["status"], "in_progress", "a refusal changes nothing");
    let lost = json!({ "name": "environment", "head_sha": "00" });
    assert_eq!(scene.by(&token, Method::POST, CHECKS, lost).await.status(), 422);
    assert_eq!(scene.by(&token, Method::PATCH, &format!("{CHECKS}/1"), json!({})).await.status(), 404);
    scene.hub.register_app(AppOptions::new(7, "camp", "apache")).unwrap();
    assert_eq!(scene.by(&token, Method::PATCH, &path, json!({})).await.status(), 200, "a token keeps its rights");
}

#[tokio::test]
async fn check_runs_of_a_commit_are_listed_and_hold_a_deployment_back() {
    let scene = Scene::new().await;
    let token = scene.as_app().await;
    for (name, conclusion) in [("build", "failure"), ("build", "success"), ("lint", "failure")] {
        let wish = json!({ "name": name, "head_sha": SHA, "conclusion": conclusion });
        assert_eq!(scene.by(&token, Method::POST, CHECKS, wish).await.status(), 201);
    }
    let path = format!("/repos/apache/superset/commits/{SHA}/check-runs");
    let latest = body(scene.get(&path).await).await;
    assert_eq!(latest["total_count"], 2);
    assert_eq!(
        (&latest["check_runs"][1]["name"], &latest["check_runs"][1]["conclusion"]),
        (&json!("build"), &json!("success"))
    );
    let all = body(scene.get(&format!("{path}?filter=all&check_name=build")).await).await;
    assert_eq!(all["total_count"], 2);
    assert_eq!(scene.get("/repos/apache/superset/commits/nothing/check-runs").await.status(), 422);
    for (contexts, status) in [(json!(null), 409), (json!([]), 201), (json!(["build"]), 201), (json!(["lint"]), 409)] {
        let mut wish = json!({ "ref": SHA, "required_contexts": contexts });
        if contexts.is_null() {
            wish = json!({ "ref": SHA });
        }
        assert_eq!(scene.by(&token, Method::POST, DEPLOYMENTS, wish).await.status(), status, "{contexts}");
    }
    let made = &body(scene.get(DEPLOYMENTS).await).await[0];
    assert_eq!((&made["creator"]["type"], &made["performed_via_github_app"]["slug"]), (&json!("Bot"), &json!("camp")));
}

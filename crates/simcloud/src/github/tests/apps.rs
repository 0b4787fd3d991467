//! Apps: proving who one is, and the tokens one gets for it.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::*;
use crate::github::{AppOptions, Grants, Resource};

/// Made for these tests alone; it opens nothing.
const PRIVATE_KEY: &str = include_str!("app_key.pem");
const PUBLIC_KEY: &str = include_str!("app_key.pub.pem");
const NOT_DECODED: &str = "A JSON web token could not be decoded";

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

impl Scene {
    async fn with_app() -> (Self, u64) {
        let scene = Scene::new().await;
        let app = AppOptions { public_key_pem: Some(PUBLIC_KEY.to_owned()), ..AppOptions::new(7, "bivouac", "apache") };
        scene.hub.register_app(app).unwrap();
        let installation = scene.hub.install_app(7, "apache").unwrap();
        assert_eq!(scene.hub.install_app(7, "Apache").unwrap(), installation);
        (scene, installation)
    }

    fn jwt(&self, issuer: Value, from: i64, to: i64) -> String {
        let now = self.time.lock().unwrap().timestamp();
        signed(&json!({ "iss": issuer, "iat": now + from, "exp": now + to }))
    }

    async fn ask(&self, method: Method, path: &str, token: &str, sent: Value) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.hub.url())).bearer_auth(token);
        request.body(sent.to_string()).send().await.unwrap()
    }
}

#[tokio::test]
async fn an_app_becomes_an_installation_and_comments_as_a_bot() {
    let (scene, installation) = Scene::with_app().await;
    let jwt = scene.jwt(json!("7"), -60, 540);
    let app = body(scene.ask(Method::GET, "/app", &jwt, json!({})).await).await;
    assert_eq!((&app["id"], &app["slug"]), (&json!(7), &json!("bivouac")));
    let found = body(scene.ask(Method::GET, "/repos/apache/superset/installation", &jwt, json!({})).await).await;
    assert_eq!(found["id"], installation);

    let path = format!("/app/installations/{installation}/access_tokens");
    let made = scene.ask(Method::POST, &path, &jwt, json!({ "repositories": ["superset"] })).await;
    assert_eq!(made.status(), 201);
    let made = body(made).await;
    assert_eq!(made["expires_at"], "2026-11-23T13:00:00Z");
    assert_eq!(made["permissions"]["issues"], "write");
    assert_eq!(made["repositories"][0]["full_name"], REPO);
    let token = made["token"].as_str().unwrap();
    let comments = "/repos/apache/superset/issues/1/comments";
    let comment = body(scene.ask(Method::POST, comments, token, json!({ "body": "hello" })).await).await;
    assert_eq!((&comment["user"]["login"], &comment["user"]["type"]), (&json!("bivouac[bot]"), &json!("Bot")));
    assert_eq!(comment["performed_via_github_app"]["slug"], "bivouac");
    let permission = "/repos/apache/superset/collaborators/bot/permission";
    assert_eq!(scene.ask(Method::GET, permission, token, json!({})).await.status(), 200);
    assert_eq!(scene.ask(Method::GET, "/user", token, json!({})).await.status(), 403);
    scene.advance(Duration::from_secs(3_600));
    assert_eq!(scene.ask(Method::POST, comments, token, json!({ "body": "late" })).await.status(), 401);
}

#[tokio::test]
async fn a_web_token_must_be_in_time_signed_and_known() {
    let (scene, _) = Scene::with_app().await;
    let early = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    let late = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
                assertion expires";
    let mut forged = scene.jwt(json!(7), -60, 540);
    forged.truncate(forged.len() - 8);
    forged.push_str("AAAAAAAA");
    let now = scene.time.lock().unwrap().timestamp();
    let unsigned = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &json!({ "iss": 7, "iat": now - 60, "exp": now + 60 }),
        &EncodingKey::from_secret(b"guess"),
    )
    .unwrap();
    for (token, status, says) in [
        (scene.jwt(json!(7), -60, 540), 200, ""),
        (scene.jwt(json!("Iv23li00000000000007"), -60, 540), 200, ""),
        (scene.jwt(json!(7), 30, 540), 401, early),
        (scene.jwt(json!(7), -600, -1), 401, late),
        (scene.jwt(json!(7), 0, 601), 401, "'Expiration time' claim ('exp') is too far in the future"),
        (scene.jwt(json!(8), -60, 540), 404, "Integration not found"),
        (signed(&json!({ "iss": 7 })), 401, early),
        (forged, 401, NOT_DECODED),
        (unsigned, 401, NOT_DECODED),
        ("eyJ.a.b".to_owned(), 401, NOT_DECODED),
        ("good".to_owned(), 401, NOT_DECODED),
    ] {
        let answer = scene.ask(Method::GET, "/app", &token, json!({})).await;
        assert_eq!(answer.status(), status, "{token}");
        if status != 200 {
            assert_eq!(message(answer).await, says);
        }
    }
}

#[tokio::test]
async fn a_token_never_has_more_than_its_app() {
    let (scene, installation) = Scene::with_app().await;
    let jwt = scene.jwt(json!(7), -60, 540);
    let path = format!("/app/installations/{installation}/access_tokens");
    for (wish, status) in [
        (json!({ "permissions": { "issues": "write" } }), 201),
        (json!({ "permissions": { "pull_requests": "write" } }), 422),
        (json!({ "permissions": { "contents": "read" } }), 422),
        (json!({ "repositories": ["nothing"] }), 422),
    ] {
        assert_eq!(scene.ask(Method::POST, &path, &jwt, wish.clone()).await.status(), status, "{wish}");
    }
    assert_eq!(scene.ask(Method::POST, "/app/installations/1/access_tokens", &jwt, json!({})).await.status(), 404);
    let permissions = Grants::none().with(Resource::Issues, Level::Read);
    let weak = AppOptions { permissions, ..AppOptions::new(9, "weak", "apache") };
    scene.hub.register_app(weak).unwrap();
    let other = scene.hub.install_app(9, "apache").unwrap();
    let jwt = scene.jwt(json!(9), -60, 540);
    let path = format!("/app/installations/{other}/access_tokens");
    let made = body(scene.ask(Method::POST, &path, &jwt, json!({})).await).await;
    let comments = "/repos/apache/superset/issues/1/comments";
    let refused = scene.ask(Method::POST, comments, made["token"].as_str().unwrap(), json!({ "body": "x" })).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(message(refused).await, "Resource not accessible by integration");
}

#[tokio::test]
async fn mistakes_of_a_test_are_told_to_it() {
    let scene = Scene::new().await;
    assert!(matches!(scene.hub.install_app(1, "apache"), Err(HubError::NoApp { id: 1 })));
    let bad = AppOptions { public_key_pem: Some("no key".to_owned()), ..AppOptions::new(1, "x", "apache") };
    assert!(matches!(scene.hub.register_app(bad), Err(HubError::PublicKey { id: 1, .. })));
}

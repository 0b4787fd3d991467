//! Tokens: who may see and do what, and how GitHub says no.

use super::*;

async fn as_token(scene: &Scene, token: &str, method: Method, path: &str) -> Response {
    let url = format!("{}{path}", scene.hub.url());
    let request = scene.client.request(method, url).header("authorization", format!("token {token}"));
    request.body(json!({ "body": "x" }).to_string()).send().await.unwrap()
}

#[tokio::test]
async fn credentials_that_are_unknown_or_revoked_are_401() {
    let scene = Scene::new().await;
    let refused = as_token(&scene, "wrong", Method::GET, "/user").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(message(refused).await, "Bad credentials");
    assert_eq!(scene.get("/user").await.status(), 200);
    scene.hub.revoke_token("good");
    assert_eq!(scene.get("/user").await.status(), 401);
    let nobody = scene.client.get(format!("{}/user", scene.hub.url())).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    assert_eq!(message(nobody).await, "Requires authentication");
}

#[tokio::test]
async fn a_token_without_the_right_is_403() {
    let scene = Scene::new().await;
    scene.hub.add_token("reader", "bot", Rights::reader());
    scene.hub.add_token("elsewhere", "bot", Rights::commenter().only(["apache/other"]));
    scene.hub.add_token("pulls", "bot", Rights::fine_grained(Level::None, Level::Write));
    let path = "/repos/apache/superset/issues/1/comments";
    for token in ["reader", "elsewhere"] {
        assert_eq!(as_token(&scene, token, Method::GET, path).await.status(), 200, "public");
        let refused = as_token(&scene, token, Method::POST, path).await;
        assert_eq!(refused.status(), 403);
        assert_eq!(message(refused).await, "Resource not accessible by personal access token");
    }
    assert!(scene.hub.comments(REPO, 1).unwrap().is_empty());
    assert_eq!(as_token(&scene, "pulls", Method::POST, path).await.status(), 201, "either right opens comments");
}

#[tokio::test]
async fn a_private_repository_does_not_exist_for_strangers() {
    let scene = Scene::new().await;
    scene.hub.add_private_repository(REPO).unwrap();
    scene.hub.add_token("stranger", "eve", Rights::commenter());
    scene.hub.add_token("narrow", "bot", Rights::classic(["public_repo"]));
    scene.hub.add_token("blind", "bot", Rights::fine_grained(Level::Write, Level::None));
    assert_eq!(scene.get("/repos/apache/superset").await.status(), 200);
    for token in ["stranger", "narrow"] {
        assert_eq!(as_token(&scene, token, Method::GET, "/repos/apache/superset").await.status(), 404, "{token}");
    }
    assert_eq!(as_token(&scene, "blind", Method::GET, "/repos/apache/superset").await.status(), 200);
    assert_eq!(as_token(&scene, "blind", Method::GET, "/repos/apache/superset/pulls").await.status(), 403);
}

#[tokio::test]
async fn classic_tokens_tell_their_scopes() {
    let scene = Scene::new().await;
    scene.hub.add_token("classic", "bot", Rights::classic(["repo", "read:org"]));
    scene.hub.add_token("poor", "bot", Rights::classic(["read:org"]));
    let path = "/repos/apache/superset/issues/1/comments";
    let made = as_token(&scene, "classic", Method::POST, path).await;
    assert_eq!((made.status().as_u16(), header(&made, "x-oauth-scopes")), (201, "read:org, repo"));
    assert_eq!(as_token(&scene, "poor", Method::POST, path).await.status(), 404);
    assert!(scene.get("/user").await.headers().get("x-oauth-scopes").is_none());
}

#[tokio::test]
async fn the_comment_of_another_is_for_those_who_may_push() {
    let scene = Scene::new().await;
    scene.hub.add_token("other", "eve", Rights::commenter());
    let id = scene.hub.comment(REPO, 1, "mona", "mine").unwrap();
    let path = format!("/repos/apache/superset/issues/comments/{id}");
    assert_eq!(as_token(&scene, "other", Method::PATCH, &path).await.status(), 403);
    assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].body, "mine");
    assert_eq!(as_token(&scene, "good", Method::PATCH, &path).await.status(), 200);
}

#[tokio::test]
async fn a_locked_conversation_is_for_those_who_may_push() {
    let scene = Scene::new().await;
    scene.hub.add_token("other", "eve", Rights::commenter());
    scene.hub.set_locked(REPO, 1, true).unwrap();
    let path = "/repos/apache/superset/issues/1/comments";
    assert_eq!(as_token(&scene, "other", Method::POST, path).await.status(), 403);
    assert_eq!(as_token(&scene, "good", Method::POST, path).await.status(), 201);
}

#[tokio::test]
async fn permissions_are_reported_in_the_old_words_and_the_exact_ones() {
    let scene = Scene::new().await;
    scene.hub.add_user("nobody-special");
    for (permission, base, role) in [
        (Permission::Triage, "read", "triage"),
        (Permission::Maintain, "write", "maintain"),
        (Permission::Write, "write", "write"),
        (Permission::Admin, "admin", "admin"),
    ] {
        scene.hub.set_permission(REPO, "mona", permission).unwrap();
        let seen = body(scene.get("/repos/apache/superset/collaborators/mona/permission").await).await;
        assert_eq!((seen["permission"].as_str(), seen["role_name"].as_str()), (Some(base), Some(role)));
    }
    let of = |user: &str| format!("/repos/apache/superset/collaborators/{user}/permission");
    assert_eq!(body(scene.get(&of("nobody-special")).await).await["permission"], "read");
    let unknown = scene.get(&of("ghost-of-nobody")).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(message(unknown).await, "ghost-of-nobody is not a user");
    scene.hub.add_private_repository(REPO).unwrap();
    assert_eq!(body(scene.get(&of("nobody-special")).await).await["permission"], "none");
    scene.hub.add_repository(REPO).unwrap();
    scene.hub.add_token("other", "eve", Rights::commenter());
    let refused = as_token(&scene, "other", Method::GET, &of("mona")).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(message(refused).await, "Must have push access to view collaborator permission.");
}

#[tokio::test]
async fn requests_are_negotiated_as_github_does() {
    let scene = Scene::new().await;
    for (accept, status) in [
        ("application/vnd.github+json", 200),
        ("application/vnd.github.v3+json", 200),
        ("text/html, application/json;q=0.9", 200),
        ("*/*", 200),
        ("text/html", 415),
    ] {
        let request = scene.request(Method::GET, "/repos/apache/superset").header("accept", accept);
        assert_eq!(request.send().await.unwrap().status(), status, "{accept}");
    }
    let nameless = reqwest::Client::new().get(format!("{}/rate_limit", scene.hub.url())).send().await.unwrap();
    assert_eq!(nameless.status(), 403, "GitHub refuses who does not name itself");
}

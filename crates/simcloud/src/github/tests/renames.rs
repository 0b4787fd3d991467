//! Repositories that are renamed or transferred: what the old name answers, and what webhooks are sent.

use axum::http::StatusCode;

use super::receiver::{Received, Receiver};
use super::*;
use crate::github::HookTarget;

const NEW: &str = "apache/superset-2";

impl Scene {
    /// A client that shows redirects as they are.
    fn unfollowing(mut self) -> Self {
        let client = reqwest::Client::builder().user_agent("tests");
        self.client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        self
    }

    async fn id(&self, repository: &str) -> u64 {
        body(self.get(&format!("/repos/{repository}")).await).await["id"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn the_old_name_leads_to_the_id_and_keeps_method_path_and_query() {
    let scene = Scene::new().await.unfollowing();
    let id = scene.id(REPO).await;
    scene.hub.rename_repository(REPO, "superset-2").unwrap();
    assert_eq!(scene.id(NEW).await, id);

    let moved = scene.get("/repos/Apache/Superset/pulls?state=open&per_page=1").await;
    assert_eq!(moved.status(), StatusCode::MOVED_PERMANENTLY);
    let there = format!("{}/repositories/{id}/pulls?state=open&per_page=1", scene.hub.url());
    assert_eq!(header(&moved, "location"), there);
    let answer = body(moved).await;
    assert_eq!((answer["message"].as_str(), answer["url"].as_str()), (Some("Moved Permanently"), Some(&*there)));

    let moved = scene.post("hello").await;
    assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&moved, "location"), format!("{}/repositories/{id}/issues/1/comments", scene.hub.url()));
    assert!(scene.hub.comments(NEW, 1).unwrap().is_empty(), "a redirect writes nothing");
}

#[tokio::test]
async fn what_the_id_names_is_served_as_by_the_new_name() {
    let scene = Scene::new().await;
    let id = scene.id(REPO).await;
    scene.hub.rename_repository(REPO, "superset-2").unwrap();
    let by_id = body(scene.get(&format!("/repositories/{id}")).await).await;
    assert_eq!(by_id["full_name"], NEW);
    assert_eq!(by_id, body(scene.get(&format!("/repos/{NEW}")).await).await);
    let path = format!("/repositories/{id}/issues/1/comments");
    let written = scene.send(Method::POST, &path, json!({ "body": "hello" })).await;
    assert_eq!(written.status(), StatusCode::CREATED);
    assert_eq!(scene.hub.comments(NEW, 1).unwrap().len(), 1);
    let pull = body(scene.get(&format!("/repositories/{id}/pulls/1")).await).await;
    assert_eq!((&pull["base"]["repo"]["full_name"], &pull["head"]["repo"]["full_name"]), (&json!(NEW), &json!(NEW)));
    assert_eq!(scene.get("/repositories/1").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chain_of_names_leads_to_one_repository_and_a_new_one_ends_it() {
    let scene = Scene::new().await.unfollowing();
    let id = scene.id(REPO).await;
    scene.hub.rename_repository(REPO, "superset-2").unwrap();
    scene.hub.rename_repository(NEW, "superset-3").unwrap();
    for old in [REPO, NEW] {
        let moved = scene.get(&format!("/repos/{old}")).await;
        assert_eq!(header(&moved, "location"), format!("{}/repositories/{id}", scene.hub.url()), "{old}");
    }
    scene.hub.add_repository(REPO).unwrap();
    assert_ne!(scene.id(REPO).await, id, "another repository has the old name");
    assert_eq!(scene.get(&format!("/repos/{NEW}")).await.status(), StatusCode::MOVED_PERMANENTLY);
    let taken = scene.hub.rename_repository("apache/superset-3", "superset");
    assert!(matches!(taken, Err(HubError::NameTaken { .. })));
    scene.hub.rename_repository("apache/superset-3", "superset-2").unwrap();
    assert_eq!(scene.id(NEW).await, id, "renamed back, it is there again");
}

#[tokio::test]
async fn a_private_repository_leads_only_those_who_may_see_it() {
    let scene = Scene::new().await.unfollowing();
    scene.hub.add_private_repository(REPO).unwrap();
    scene.hub.rename_repository(REPO, "superset-2").unwrap();
    assert_eq!(scene.get(&format!("/repos/{REPO}")).await.status(), StatusCode::MOVED_PERMANENTLY);
    scene.hub.add_token("good", "stranger", Rights::commenter());
    assert_eq!(scene.get(&format!("/repos/{REPO}")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn webhooks_stay_and_are_sent_the_new_name() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::start().await;
    scene.hub.add_webhook(HookTarget::Repository(REPO.to_owned()), &url, None, &["*"]).unwrap();
    scene.hub.all_delivered().await.unwrap();
    receiver.clear();
    let id = scene.id(REPO).await;
    scene.hub.rename_repository(REPO, "superset-2").unwrap();
    scene.hub.transfer_repository(NEW, "preset").unwrap();
    scene.hub.close("preset/superset-2", 1).unwrap();
    scene.hub.all_delivered().await.unwrap();
    let received = receiver.received();
    let mut sent: Vec<_> = received.iter().map(|one: &Received| (one.what(), one.body())).collect();
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<_> = sent.iter().map(|(what, body)| (what.as_str(), &body["repository"]["full_name"])).collect();
    let (renamed, transferred) = (json!(NEW), json!("preset/superset-2"));
    assert_eq!(
        names,
        [
            ("pull_request.closed", &transferred),
            ("repository.renamed", &renamed),
            ("repository.transferred", &transferred)
        ]
    );
    assert!(sent.iter().all(|(_, body)| body["repository"]["id"] == id));
    assert_eq!(sent[1].1["changes"], json!({ "repository": { "name": { "from": "superset" } } }));
    assert_eq!(sent[2].1["changes"]["owner"]["from"]["organization"]["login"], "apache");
}

//! Reactions: added, listed, taken away.

use super::*;

impl Scene {
    /// A comment by `mona`, and the address of its reactions.
    fn reactions(&self) -> (u64, String) {
        let id = self.hub.comment(REPO, 1, "mona", "hello").unwrap();
        (id, format!("/repos/apache/superset/issues/comments/{id}/reactions"))
    }
}

#[tokio::test]
async fn a_reaction_is_new_once_and_goes_when_deleted() {
    let scene = Scene::new().await;
    let (id, path) = scene.reactions();
    let made = scene.send(Method::POST, &path, json!({ "content": "eyes" })).await;
    assert_eq!(made.status(), 201);
    let made = body(made).await;
    let again = scene.send(Method::POST, &path, json!({ "content": "eyes" })).await;
    assert_eq!((again.status().as_u16(), &body(again).await["id"]), (200, &made["id"]));
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "rocket" })).await.status(), 201);
    scene.hub.person("mona").react(REPO, id, "eyes").unwrap();
    scene.hub.person("mona").react(REPO, id, "eyes").unwrap();

    let all = body(scene.get(&path).await).await;
    let seen: Vec<_> = all.as_array().unwrap().iter().map(|one| (&one["user"]["login"], &one["content"])).collect();
    assert_eq!(json!(seen), json!([["bot", "eyes"], ["bot", "rocket"], ["mona", "eyes"]]));
    let eyes = body(scene.get(&format!("{path}?content=eyes")).await).await;
    assert_eq!(eyes.as_array().unwrap().len(), 2);

    let gone = scene.send(Method::DELETE, &format!("{path}/{}", made["id"]), json!({})).await;
    assert_eq!(gone.status(), 204);
    let gone = scene.send(Method::DELETE, &format!("{path}/{}", made["id"]), json!({})).await;
    assert_eq!(gone.status(), 404);
    let left = &scene.hub.comments(REPO, 1).unwrap()[0].reactions;
    assert_eq!(*left, [("bot".to_owned(), "rocket"), ("mona".to_owned(), "eyes")]);
}

#[tokio::test]
async fn reactions_have_their_words_and_owners() {
    let scene = Scene::new().await;
    let (id, path) = scene.reactions();
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "tada" })).await.status(), 422);
    assert_eq!(scene.get(&format!("{path}?content=tada")).await.status(), 422);
    assert_eq!(scene.get("/repos/apache/superset/issues/comments/1/reactions").await.status(), 404);
    assert!(matches!(scene.hub.person("mona").react(REPO, id, "tada"), Err(HubError::NoReaction { .. })));
    scene.hub.person("mona").react(REPO, id, "+1").unwrap();
    let of_mona = body(scene.get(&path).await).await[0]["id"].clone();
    assert_eq!(scene.send(Method::DELETE, &format!("{path}/{of_mona}"), json!({})).await.status(), 403);
    scene.hub.set_permission(REPO, "bot", Permission::Admin).unwrap();
    assert_eq!(scene.send(Method::DELETE, &format!("{path}/{of_mona}"), json!({})).await.status(), 204);
    scene.hub.add_token("good", "bot", Rights::reader());
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "eyes" })).await.status(), 403);
    assert_eq!(scene.get(&path).await.status(), 200);
}

//! Comments: written, edited, removed, listed, reacted to.

use super::*;

#[tokio::test]
async fn a_comment_lives_from_post_to_delete() {
    let scene = Scene::new().await;
    let made = scene.post("first").await;
    assert_eq!(made.status(), 201);
    let location = header(&made, "location").to_owned();
    let made = body(made).await;
    assert_eq!(location, made["url"].as_str().unwrap());
    assert_eq!((made["body"].as_str(), made["user"]["login"].as_str()), (Some("first"), Some("bot")));

    scene.advance(Duration::from_secs(60));
    let edited = scene.send(Method::PATCH, &location, json!({ "body": "second" })).await;
    assert_eq!(edited.status(), 200);
    let edited = body(edited).await;
    assert_eq!(edited["id"], made["id"]);
    assert_eq!(edited["created_at"], "2026-11-23T12:00:00Z");
    assert_eq!(edited["updated_at"], "2026-11-23T12:01:00Z");
    let seen = scene.hub.comments(REPO, 1).unwrap();
    assert_eq!(seen.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["second"]);

    let gone = scene.request(Method::DELETE, &location).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(scene.get(&location).await.status(), 404);
    assert!(scene.hub.comments(REPO, 1).unwrap().is_empty());
}

#[tokio::test]
async fn a_comment_removed_by_hand_is_gone_for_clients() {
    let scene = Scene::new().await;
    let made = body(scene.post("mine").await).await;
    let id = made["id"].as_u64().unwrap();
    scene.hub.delete_comment(REPO, id).unwrap();
    let url = made["url"].as_str().unwrap();
    assert_eq!(scene.send(Method::PATCH, url, json!({ "body": "again" })).await.status(), 404);
    assert!(matches!(scene.hub.delete_comment(REPO, id), Err(crate::github::HubError::NoComment { .. })));
}

#[tokio::test]
async fn a_body_may_be_65536_characters_and_no_more() {
    let scene = Scene::new().await;
    // Characters count, not bytes.
    assert_eq!(scene.post(&"é".repeat(65_536)).await.status(), 201);
    let refused = scene.post(&"é".repeat(65_537)).await;
    assert_eq!(refused.status(), 422);
    let refused = body(refused).await;
    assert_eq!(refused["message"], "Validation Failed");
    assert_eq!(refused["errors"][0]["message"], "Body is too long (maximum is 65536 characters)");
    assert_eq!(scene.hub.comments(REPO, 1).unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_body_is_refused_in_githubs_words() {
    let scene = Scene::new().await;
    let path = "/repos/apache/superset/issues/1/comments";
    for (sent, status, says) in [
        ("{", 400, "Problems parsing JSON"),
        ("[]", 400, "Body should be a JSON object"),
        ("{}", 422, "Invalid request.\n\n\"body\" wasn't supplied."),
        (r#"{"body":1}"#, 422, "Invalid request.\n\nFor 'properties/body', 1 is not a string."),
        (r#"{"body":" \n"}"#, 422, "Validation Failed"),
    ] {
        let answer = scene.request(Method::POST, path).body(sent).send().await.unwrap();
        assert_eq!(answer.status(), status, "{sent}");
        assert_eq!(message(answer).await, says, "{sent}");
    }
    let blank = body(scene.post(" ").await).await;
    assert_eq!(blank["errors"][0]["message"], "body cannot be blank");
    assert!(scene.hub.comments(REPO, 1).unwrap().is_empty());
    assert_eq!(scene.post("x").await.status(), 201);
    let elsewhere = scene.send(Method::POST, "/repos/apache/superset/issues/2/comments", json!({ "body": "x" })).await;
    assert_eq!(elsewhere.status(), 404);
}

#[tokio::test]
async fn lists_come_in_pages_that_link_to_each_other() {
    let scene = Scene::new().await;
    for n in 0..45 {
        scene.hub.comment(REPO, 1, "mona", &format!("comment {n}")).unwrap();
    }
    let mut next = Some("/repos/apache/superset/issues/1/comments?per_page=20".to_owned());
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(path) = next.take() {
        let answer = scene.get(&path).await;
        let link = header(&answer, "link").to_owned();
        let to = |relation: &str| {
            let part = link.split(", ").find(|part| part.ends_with(&format!("rel=\"{relation}\"")))?;
            Some(part[1..part.find('>').unwrap()].to_owned())
        };
        next = to("next");
        assert_eq!(to("prev").is_some(), pages > 0);
        assert_eq!(to("last").is_some(), next.is_some());
        pages += 1;
        let items = body(answer).await;
        seen.extend(items.as_array().unwrap().iter().map(|one| one["body"].as_str().unwrap().to_owned()));
    }
    assert_eq!(pages, 3);
    assert_eq!(seen, (0..45).map(|n| format!("comment {n}")).collect::<Vec<_>>());
    let all = scene.get("/repos/apache/superset/issues/1/comments?per_page=500&page=0").await;
    assert!(all.headers().get("link").is_none(), "45 fit on a page of 100");
    assert_eq!(body(all).await.as_array().unwrap().len(), 45);
}

#[tokio::test]
async fn since_leaves_out_what_was_not_touched() {
    let scene = Scene::new().await;
    scene.hub.comment(REPO, 1, "mona", "old").unwrap();
    scene.advance(Duration::from_secs(60));
    scene.hub.comment(REPO, 1, "mona", "new").unwrap();
    let path = "/repos/apache/superset/issues/1/comments?since=";
    let recent = body(scene.get(&format!("{path}2026-11-23T12:01:00Z")).await).await;
    assert_eq!(recent.as_array().unwrap().len(), 1);
    assert_eq!(recent[0]["body"], "new");
    assert_eq!(scene.get(&format!("{path}yesterday")).await.status(), 422);
}

#[tokio::test]
async fn a_reaction_is_added_once() {
    let scene = Scene::new().await;
    let id = scene.hub.comment(REPO, 1, "mona", "/testenv up").unwrap();
    let path = format!("/repos/apache/superset/issues/comments/{id}/reactions");
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "eyes" })).await.status(), 201);
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "eyes" })).await.status(), 200);
    assert_eq!(scene.send(Method::POST, &path, json!({ "content": "wave" })).await.status(), 422);
    assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].reactions, [("bot".to_owned(), "eyes")]);
    let shown = body(scene.get(&format!("/repos/apache/superset/issues/comments/{id}")).await).await;
    assert_eq!((&shown["reactions"]["eyes"], &shown["reactions"]["total_count"]), (&json!(1), &json!(1)));
}

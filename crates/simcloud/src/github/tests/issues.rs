//! A pull request as an issue: history, labels, comments of the whole repository, commits.

use super::*;

const ISSUE: &str = "/repos/apache/superset/issues/1";

#[tokio::test]
async fn the_history_says_who_did_what_and_when() {
    let scene = Scene::new().await;
    let mona = scene.hub.person("mona");
    mona.label(REPO, 1, "testenv-up").unwrap();
    scene.advance(Duration::from_secs(60));
    scene.hub.person("ada").unlabel(REPO, 1, "testenv-up").unwrap();
    mona.close(REPO, 1).unwrap();
    mona.reopen(REPO, 1).unwrap();
    scene.hub.merge(REPO, 1).unwrap();
    let all = body(scene.get(&format!("{ISSUE}/events")).await).await;
    let seen: Vec<_> = all.as_array().unwrap().iter().map(|one| (&one["event"], &one["actor"]["login"])).collect();
    assert_eq!(
        json!(seen),
        json!([
            ["labeled", "mona"],
            ["unlabeled", "ada"],
            ["closed", "mona"],
            ["reopened", "mona"],
            ["merged", "apache"],
            ["closed", "apache"]
        ])
    );
    assert_eq!(all[0]["label"], json!({ "name": "testenv-up", "color": "ededed" }));
    assert_eq!(
        (&all[0]["created_at"], &all[1]["created_at"]),
        (&json!("2026-11-23T12:00:00Z"), &json!("2026-11-23T12:01:00Z"))
    );
    assert!(all[4]["commit_id"].is_string() && all[2]["commit_id"].is_null());
    let page = scene.get(&format!("{ISSUE}/events?per_page=2&page=2")).await;
    assert!(header(&page, "link").contains("rel=\"next\""));
    assert_eq!(body(page).await[0]["event"], "closed");
    assert_eq!(scene.get("/repos/apache/superset/issues/9/events").await.status(), 404);
    let kinds: Vec<_> = scene.hub.history(REPO, 1).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["labeled", "unlabeled", "closed", "reopened", "merged", "closed"]);
}

#[tokio::test]
async fn labels_are_put_on_and_taken_off() {
    let scene = Scene::new().await;
    let path = format!("{ISSUE}/labels");
    let on = scene.send(Method::POST, &path, json!({ "labels": ["testenv-up", { "name": "needs review" }] })).await;
    assert_eq!(on.status(), 200);
    assert_eq!(body(on).await[1]["name"], "needs review");
    let pull = body(scene.get("/repos/apache/superset/pulls/1").await).await;
    assert_eq!(pull["labels"][0]["name"], "testenv-up");
    let list = body(scene.get("/repos/apache/superset/pulls").await).await;
    assert_eq!(list[0]["labels"], pull["labels"]);
    assert_eq!(body(scene.get(ISSUE).await).await["labels"], pull["labels"]);
    let off = scene.send(Method::DELETE, &format!("{path}/needs%20review"), json!({})).await;
    assert_eq!(body(off).await.as_array().unwrap().len(), 1);
    let missing = scene.send(Method::DELETE, &format!("{path}/needs%20review"), json!({})).await;
    assert_eq!((missing.status().as_u16(), message(missing).await.as_str()), (404, "Label does not exist"));
    assert_eq!(scene.hub.pull_request(REPO, 1).unwrap().labels, ["testenv-up"]);
    for wrong in [json!({}), json!({ "labels": [7] }), json!({ "labels": [" "] })] {
        assert_eq!(scene.send(Method::POST, &path, wrong.clone()).await.status(), 422, "{wrong}");
    }
    scene.hub.set_permission(REPO, "bot", Permission::Read).unwrap();
    assert_eq!(scene.send(Method::POST, &path, json!({ "labels": ["x"] })).await.status(), 403);
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again_and_a_label_changes_it() {
    let scene = Scene::new().await;
    let first = scene.get("/repos/apache/superset/pulls?state=open").await;
    let tag = header(&first, "etag").to_owned();
    let ask = || scene.request(Method::GET, "/repos/apache/superset/pulls?state=open").header("if-none-match", &tag);
    assert_eq!(ask().send().await.unwrap().status(), 304);
    scene.hub.person("mona").label(REPO, 1, "testenv-up").unwrap();
    assert_eq!(ask().send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn comments_of_the_whole_repository_are_sorted_and_cut() {
    let scene = Scene::new().await;
    scene.hub.open_pull_request(REPO, "two", "mona", SHA, None).unwrap();
    let first = scene.hub.comment(REPO, 1, "mona", "first").unwrap();
    scene.advance(Duration::from_secs(60));
    let second = scene.hub.comment(REPO, 2, "mona", "second").unwrap();
    scene.advance(Duration::from_secs(60));
    scene.hub.person("mona").edit_comment(REPO, first, "edited").unwrap();
    let ids = async |query: &str| {
        let all = body(scene.get(&format!("/repos/apache/superset/issues/comments{query}")).await).await;
        all.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [first, second]);
    assert_eq!(ids("?direction=desc").await, [first, second], "ignored without sort");
    assert_eq!(ids("?sort=created&direction=desc").await, [second, first]);
    assert_eq!(ids("?sort=updated").await, [second, first]);
    assert_eq!(ids("?since=2026-11-23T12:01:30Z").await, [first]);
    for wrong in ["?sort=size", "?since=yesterday", "?sort=created&direction=up"] {
        let refused = scene.get(&format!("/repos/apache/superset/issues/comments{wrong}")).await;
        assert_eq!(refused.status(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_commit_is_found_by_name_beginning_and_branch() {
    let scene = Scene::new().await;
    scene.advance(Duration::from_secs(60));
    scene.hub.person("ada").push(REPO, 1, "ffff00000000000000000000000000000000ffff").unwrap();
    for name in ["ffff00000000000000000000000000000000ffff", "ffff00", "change-1"] {
        let seen = body(scene.get(&format!("/repos/apache/superset/commits/{name}")).await).await;
        assert_eq!(seen["sha"], "ffff00000000000000000000000000000000ffff", "{name}");
        assert_eq!(seen["commit"]["committer"]["date"], "2026-11-23T12:01:00Z");
        assert_eq!(seen["author"]["login"], "ada");
    }
    let unknown = scene.get("/repos/apache/superset/commits/abcdef").await;
    assert_eq!((unknown.status().as_u16(), message(unknown).await.as_str()), (422, "No commit found for SHA: abcdef"));
    scene.hub.set_commit_date(REPO, SHA, "2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let old = body(scene.get(&format!("/repos/apache/superset/commits/{SHA}")).await).await;
    assert_eq!(old["commit"]["committer"]["date"], "2020-01-01T00:00:00Z");
}

#[tokio::test]
async fn who_may_changes_a_pull_request_over_http() {
    let scene = Scene::new().await;
    let path = "/repos/apache/superset/pulls/1";
    assert_eq!(scene.send(Method::PATCH, path, json!({ "state": "closed" })).await.status(), 403, "read only");
    scene.hub.add_token("good", "bot", Rights::fine_grained(Level::Write, Level::Write));
    let closed = body(scene.send(Method::PATCH, path, json!({ "state": "closed", "title": "New" })).await).await;
    assert_eq!((&closed["state"], &closed["title"]), (&json!("closed"), &json!("New")));
    let open = body(scene.send(Method::PATCH, path, json!({ "state": "open" })).await).await;
    assert_eq!(open["state"], "open");
    assert_eq!(scene.send(Method::PATCH, path, json!({ "state": "asleep" })).await.status(), 422);
    scene.hub.merge(REPO, 1).unwrap();
    assert_eq!(scene.send(Method::PATCH, path, json!({ "state": "open" })).await.status(), 422);
    scene.hub.add_token("good", "eve", Rights::fine_grained(Level::Write, Level::Write));
    assert_eq!(scene.send(Method::PATCH, path, json!({ "title": "Mine" })).await.status(), 403);
}

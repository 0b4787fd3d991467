//! Quotas, secondary limits, entity tags, and the counters.

use super::*;

#[tokio::test]
async fn every_answer_tells_the_quota_and_a_304_is_free() {
    let scene = Scene::new().await;
    let path = "/repos/apache/superset/pulls";
    let first = scene.get(path).await;
    assert_eq!((header(&first, "x-ratelimit-limit"), header(&first, "x-ratelimit-used")), ("5000", "1"));
    assert_eq!(header(&first, "x-ratelimit-resource"), "core");
    assert!(!header(&first, "x-github-request-id").is_empty());
    assert_eq!(header(&first, "date"), "Mon, 23 Nov 2026 12:00:00 GMT");
    let tag = header(&first, "etag").to_owned();

    let again = scene.request(Method::GET, path).header("if-none-match", format!("\"x\", {tag}"));
    let again = again.send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "x-ratelimit-used")), (304, "1"));
    assert_eq!(header(&again, "etag"), tag);
    assert!(again.text().await.unwrap().is_empty());

    scene.hub.push(REPO, 1, "ff").unwrap();
    let changed = scene.request(Method::GET, path).header("if-none-match", tag).send().await.unwrap();
    assert_eq!((changed.status().as_u16(), header(&changed, "x-ratelimit-used")), (200, "2"));
    assert_eq!(scene.get("/nowhere").await.headers()["x-ratelimit-used"], "3", "errors count");
}

#[tokio::test]
async fn a_used_up_quota_refuses_until_its_reset() {
    let scene = Scene::new().await;
    scene.hub.exhaust_quota("bot", Duration::from_secs(600));
    let refused = scene.get("/user").await;
    assert_eq!((refused.status().as_u16(), header(&refused, "x-ratelimit-remaining")), (403, "0"));
    assert!(message(refused).await.starts_with("API rate limit exceeded"));
    let free = body(scene.get("/rate_limit").await).await;
    assert_eq!((&free["rate"]["remaining"], &free["resources"]["core"]["used"]), (&json!(0), &json!(5_000)));
    scene.advance(Duration::from_secs(600));
    assert_eq!(scene.get("/user").await.status(), 200);
    assert_eq!(scene.hub.quota("bot").used, 1);
}

#[tokio::test]
async fn the_quota_of_strangers_is_small_and_counted_for_real() {
    let scene = Scene::with(Limits { anonymous_per_hour: 2, ..Limits::default() }).await;
    let ask = || scene.client.get(format!("{}/repos/apache/superset", scene.hub.url())).send();
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(ask().await.unwrap().status(), 403);
    assert_eq!(scene.get("/repos/apache/superset").await.status(), 200, "others have their own");
    scene.advance(Duration::from_secs(3_600));
    assert_eq!(ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn too_many_writes_meet_the_secondary_limits() {
    let scene = Scene::with(Limits { writes_per_minute: 2, writes_per_hour: 3, ..Limits::default() }).await;
    assert_eq!(scene.post("1").await.status(), 201);
    scene.advance(Duration::from_secs(20));
    assert_eq!(scene.post("2").await.status(), 201);
    let refused = scene.post("3").await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (403, "40"));
    assert_ne!(header(&refused, "x-ratelimit-remaining"), "0", "the primary quota is not the reason");
    scene.advance(Duration::from_secs(40));
    assert_eq!(scene.post("3").await.status(), 201);
    scene.advance(Duration::from_secs(60));
    let refused = scene.post("4").await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (403, "3480"));
    assert_eq!(scene.get("/user").await.status(), 200, "reading goes on");
    assert_eq!(scene.hub.comments(REPO, 1).unwrap().len(), 3);
}

#[tokio::test]
async fn limits_of_nothing_refuse_everything_without_a_panic() {
    let scene = Scene::with(Limits { writes_per_minute: 0, writes_per_hour: 0, ..Limits::default() }).await;
    assert_eq!(scene.post("1").await.status(), 403);
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status() {
    let scene = Scene::new().await;
    scene.post("x").await;
    scene.get("/repos/apache/superset/issues/1/comments?per_page=1").await;
    scene.get("/repos/apache/superset/issues/9/comments").await;
    scene.get("/apache/superset/pull/1").await;
    let calls = scene.hub.calls();
    let mut seen: Vec<_> = calls.iter().collect();
    seen.sort_by_key(|(method, route, status, _)| (*route, *method, *status));
    let page = "/{owner}/{repo}/pull/{pull_number}";
    assert_eq!(
        seen,
        [
            ("GET", COMMENTS, Some(200), 1),
            ("GET", COMMENTS, Some(404), 1),
            ("POST", COMMENTS, Some(201), 1),
            ("GET", page, Some(200), 1),
        ]
    );
    assert_eq!((calls.reads(), calls.content_writes(), calls.effects(), calls.total()), (2, 1, 1, 4));
    assert_eq!((calls.count("GET", COMMENTS), calls.with_status(404)), (2, 1));
    let log = scene.hub.requests();
    assert_eq!((log[0].caller.as_str(), log[0].took_effect), ("bot", true));
    assert_eq!(log[1].target, "/repos/apache/superset/issues/1/comments?per_page=1");
    scene.hub.reset_calls();
    assert_eq!(scene.hub.calls().total(), 0);
    assert!(scene.hub.requests().is_empty());
}

#[tokio::test]
async fn an_entity_tag_belongs_to_a_token_and_strangers_pay_for_a_304() {
    let scene = Scene::new().await;
    let url = format!("{}/repos/apache/superset/pulls", scene.hub.url());
    let tag = header(&scene.get(&url).await, "etag").to_owned();
    scene.hub.add_token("newer", "bot", Rights::commenter());
    let other = scene.client.get(&url).bearer_auth("newer").header("if-none-match", &tag);
    assert_eq!(other.send().await.unwrap().status(), 200);

    let tag = header(&scene.client.get(&url).send().await.unwrap(), "etag").to_owned();
    let again = scene.client.get(&url).header("if-none-match", tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "x-ratelimit-used")), (304, "2"));
}

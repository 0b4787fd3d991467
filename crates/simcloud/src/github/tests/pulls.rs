//! Repositories and pull requests.

use super::*;
use crate::github::PullState;

#[tokio::test]
async fn a_pull_request_is_pushed_closed_reopened_and_merged() {
    let scene = Scene::new().await;
    let path = "/repos/Apache/SuperSet/pulls/1";
    let seen = body(scene.get(path).await).await;
    assert_eq!((seen["state"].as_str(), seen["head"]["sha"].as_str()), (Some("open"), Some(SHA)));
    assert_eq!(seen["head"]["repo"]["full_name"], REPO, "names are compared without case");

    scene.hub.push(REPO, 1, "ff").unwrap();
    assert_eq!(body(scene.get(path).await).await["head"]["sha"], "ff");
    scene.hub.close(REPO, 1).unwrap();
    assert_eq!(body(scene.get(path).await).await["state"], "closed");
    scene.hub.reopen(REPO, 1).unwrap();
    assert_eq!(body(scene.get(path).await).await["closed_at"], Value::Null);
    scene.hub.merge(REPO, 1).unwrap();
    let merged = body(scene.get(path).await).await;
    assert_eq!((&merged["state"], &merged["merged"]), (&json!("closed"), &json!(true)));
    assert_eq!(scene.hub.pull_request(REPO, 1).unwrap().state, PullState::Merged);
    assert!(matches!(scene.hub.reopen(REPO, 1), Err(HubError::Merged { .. })));
}

#[tokio::test]
async fn a_fork_is_another_repository() {
    let scene = Scene::new().await;
    let number = scene.hub.open_pull_request(REPO, "From afar", "ada", SHA, Some("ada/superset")).unwrap();
    let seen = body(scene.get(&format!("/repos/apache/superset/pulls/{number}")).await).await;
    assert_eq!(seen["head"]["repo"]["full_name"], "ada/superset");
    assert_eq!(seen["head"]["repo"]["fork"], true);
    assert_eq!(seen["base"]["repo"]["full_name"], REPO);
    assert_eq!(seen["author_association"], "NONE");
}

#[tokio::test]
async fn lists_take_state_order_and_page() {
    let scene = Scene::new().await;
    for n in 2..=101 {
        scene.hub.open_pull_request(REPO, &format!("number {n}"), "mona", SHA, None).unwrap();
    }
    scene.hub.close(REPO, 7).unwrap();
    let numbers = |answer: Value| -> Vec<u64> {
        answer.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap()).collect()
    };
    let open = scene.get("/repos/apache/superset/pulls?per_page=100").await;
    assert!(open.headers().get("link").is_none(), "100 are one page");
    let open = numbers(body(open).await);
    assert_eq!((open.len(), open[0], open.contains(&7)), (100, 101, false), "newest first, open ones only");
    assert_eq!(numbers(body(scene.get("/repos/apache/superset/pulls?state=closed").await).await), [7]);
    let rest = scene.get("/repos/apache/superset/pulls?state=all&direction=asc&per_page=100&page=2").await;
    assert_eq!(numbers(body(rest).await), [101]);
    assert_eq!(scene.get("/repos/apache/superset/pulls?state=sleepy").await.status(), 422);
}

#[tokio::test]
async fn what_is_not_there_is_404_in_githubs_shape() {
    let scene = Scene::new().await;
    for path in [
        "/",
        "/nothing",
        "/repos/apache/nothing",
        "/repos/apache/superset/pulls/99",
        "/repos/apache/superset/pulls/one",
        "/repos/apache/superset/issues/99/comments",
        "/repos/apache/superset/issues/comments/1",
        "/repos/%FF/superset",
    ] {
        let answer = scene.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(message(answer).await, "Not Found", "{path}");
    }
    let wrong_method = scene.send(Method::PUT, "/repos/apache/superset", json!({})).await;
    assert_eq!(wrong_method.status(), 404);
}

#[tokio::test]
async fn control_calls_name_what_is_missing() {
    let scene = Scene::new().await;
    assert!(matches!(scene.hub.add_repository("no-owner"), Err(HubError::RepositoryName { .. })));
    assert!(matches!(scene.hub.add_repository("a/b c"), Err(HubError::RepositoryName { .. })));
    assert!(matches!(scene.hub.push("apache/nothing", 1, SHA), Err(HubError::NoRepository { .. })));
    assert!(matches!(scene.hub.push(REPO, 9, SHA), Err(HubError::NoPullRequest { number: 9, .. })));
}

#[tokio::test]
async fn behind_a_proxy_all_addresses_lead_through_it() {
    let options = HubOptions { public_url: Some("http://proxy.test/".to_owned()), ..HubOptions::default() };
    let hub = Hub::start(options).await.unwrap();
    assert_eq!(hub.url(), "http://proxy.test");
    hub.add_repository(REPO).unwrap();
    for _ in 0..2 {
        hub.open_pull_request(REPO, "one", "mona", SHA, None).unwrap();
    }
    let client = reqwest::Client::builder().user_agent("tests").build().unwrap();
    let path = "repos/apache/superset/pulls?page=2&per_page=1";
    let answer = client.get(format!("http://{}/{path}", hub.address())).send().await.unwrap();
    let link = header(&answer, "link");
    assert!(link.contains("<http://proxy.test/repos/apache/superset/pulls?per_page=1&page=1>; rel=\"prev\""), "{link}");
    assert_eq!(body(answer).await[0]["html_url"], "http://proxy.test/apache/superset/pull/1");
}

#[tokio::test]
async fn every_route_that_is_promised_is_there() {
    let scene = Scene::new().await;
    for (method, route) in crate::github::routes() {
        let path = route.replace(['{', '}'], "");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        scene.send(method.clone(), &path, json!({})).await;
        assert_eq!(scene.hub.calls().count(method.as_str(), route), 1, "{method} {route}");
    }
    assert_eq!(scene.hub.calls().count("GET", "unknown"), 0);
}

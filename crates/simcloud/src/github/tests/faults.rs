//! Faults: each does exactly what it says to the model and to the client.

use super::*;
use crate::github::{Fault, FaultRule};

fn on_post(fault: Fault) -> FaultRule {
    FaultRule::new(fault).method("POST").route(COMMENTS).times(1)
}

fn texts(scene: &Scene) -> Vec<String> {
    scene.hub.comments(REPO, 1).unwrap().into_iter().map(|one| one.body).collect()
}

#[tokio::test]
async fn a_5xx_before_does_nothing_and_one_after_does_it() {
    let scene = Scene::new().await;
    scene.hub.inject(on_post(Fault::Before(500)));
    assert_eq!(scene.post("lost").await.status(), 500);
    assert!(texts(&scene).is_empty());
    scene.hub.inject(on_post(Fault::After(502)));
    let broken = scene.post("kept").await;
    assert_eq!(broken.status(), 502);
    assert_eq!(header(&broken, "content-type"), "text/html; charset=utf-8", "a gateway speaks no JSON");
    assert_eq!(texts(&scene), ["kept"]);
    assert_eq!(scene.post("fine").await.status(), 201);
    let calls = scene.hub.calls();
    assert_eq!((calls.content_writes(), calls.effects()), (3, 2));
}

#[tokio::test]
async fn a_dropped_connection_answers_nothing() {
    let scene = Scene::new().await;
    for (fault, left) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        scene.hub.inject(on_post(fault));
        let path = format!("{}/repos/apache/superset/issues/1/comments", scene.hub.url());
        let sent = scene.client.post(path).bearer_auth("good").body(r#"{"body":"x"}"#).send().await;
        assert!(sent.is_err(), "{fault:?} gave {sent:?}");
        assert_eq!(texts(&scene).len(), left, "{fault:?}");
    }
    assert_eq!(scene.hub.requests().iter().filter(|request| request.status.is_none()).count(), 2);
}

#[tokio::test]
async fn limits_can_be_played_without_reaching_them() {
    let scene = Scene::new().await;
    let retry_after = Duration::from_millis(1_500);
    for status in [403, 429] {
        scene.hub.inject(on_post(Fault::SecondaryLimit { status, retry_after }));
        let refused = scene.post("x").await;
        assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (status, "2"));
        assert!(message(refused).await.starts_with("You have exceeded a secondary rate limit"));
    }
    scene.hub.inject(on_post(Fault::PrimaryLimit { resets_in: Duration::from_secs(90) }));
    let refused = scene.post("x").await;
    assert_eq!((refused.status().as_u16(), header(&refused, "x-ratelimit-remaining")), (403, "0"));
    let reset = scene.time.lock().unwrap().timestamp() + 90;
    assert_eq!(header(&refused, "x-ratelimit-reset"), reset.to_string());
    assert!(refused.headers().get("retry-after").is_none());
    assert!(texts(&scene).is_empty());
    assert_eq!(scene.post("x").await.status(), 201, "each struck once");
}

#[tokio::test]
async fn a_rule_waits_for_its_turn_and_its_route() {
    let scene = Scene::new().await;
    scene.hub.inject(on_post(Fault::Before(503)).skip(1).times(2));
    let mut seen = Vec::new();
    for _ in 0..4 {
        assert_eq!(scene.get("/repos/apache/superset/pulls").await.status(), 200, "another route");
        seen.push(scene.post("x").await.status().as_u16());
    }
    assert_eq!(seen, [201, 503, 503, 201]);
}

#[tokio::test]
async fn chance_repeats_with_its_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scene = Scene::new().await;
        scene.hub.inject(FaultRule::new(Fault::Before(500)).chance(0.5));
        let mut run = Vec::new();
        for _ in 0..32 {
            run.push(scene.get("/rate_limit").await.status().as_u16());
        }
        assert!(run.contains(&200) && run.contains(&500));
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn down_is_down_for_everything_and_passes() {
    let scene = Scene::new().await;
    scene.hub.set_down(true);
    for path in ["/rate_limit", "/apache/superset/pull/1"] {
        let sent = scene.client.get(format!("{}{path}", scene.hub.url())).send().await;
        assert!(sent.is_err(), "{path}");
    }
    scene.hub.set_down(false);
    assert_eq!(scene.get("/rate_limit").await.status(), 200);
}

#[tokio::test]
async fn latency_adds_up_and_goes_with_the_rest() {
    let scene = Scene::new().await;
    scene.hub.set_latency(Duration::from_millis(20));
    scene.hub.inject(FaultRule::new(Fault::Latency(Duration::from_millis(30))).route("/user"));
    let start = std::time::Instant::now();
    assert_eq!(scene.get("/user").await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(50));
    scene.hub.set_down(true);
    scene.hub.clear_faults();
    assert_eq!(scene.get("/user").await.status(), 200);
}

#[tokio::test]
async fn a_test_can_wait_for_a_state() {
    let scene = Scene::new().await;
    let hub = scene.hub.clone();
    let waiting = tokio::spawn(async move {
        let posted = |hub: &Hub| !hub.comments(REPO, 1).unwrap().is_empty();
        hub.wait_until(Duration::from_secs(10), posted).await
    });
    assert_eq!(scene.post("here").await.status(), 201);
    waiting.await.unwrap().unwrap();
    let never = scene.hub.wait_until(Duration::from_millis(5), |_| false).await;
    assert!(matches!(never, Err(crate::github::HubError::TimedOut { .. })));
}

#[tokio::test]
async fn a_stopped_hub_lets_its_port_go() {
    let scene = Scene::new().await;
    let Scene { hub, client, .. } = scene;
    let address = hub.url().trim_start_matches("http://").parse().unwrap();
    drop(client);
    hub.stop().await;
    hub.stop().await;
    Hub::start(HubOptions { listen: address, ..HubOptions::default() }).await.unwrap();
    let taken = HubOptions { listen: "192.0.2.1:1".parse().unwrap(), ..HubOptions::default() };
    assert!(matches!(Hub::start(taken).await, Err(crate::github::HubError::Listen { .. })));
}

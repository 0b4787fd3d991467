//! Whatever is sent, the hub answers in GitHub's shape and goes on.

use proptest::prelude::*;

use super::*;
use crate::github::markdown;

/// Runs one scene on a runtime of its own; proptest knows no async.
fn on_a_scene<T>(run: impl AsyncFnOnce(Scene) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { run(Scene::with(Limits::none()).await).await })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let keys = prop_oneof![Just("body".to_owned()), Just("content".to_owned()), ".{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_as_a_body_are_answered(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            any_json().prop_map(|json| json.to_string().into_bytes()),
        ],
        write in 0usize..3,
    ) {
        on_a_scene(async |scene| {
            let id = scene.hub.comment(REPO, 1, "bot", "mine").unwrap();
            let (method, path) = [
                (Method::POST, "/repos/apache/superset/issues/1/comments".to_owned()),
                (Method::PATCH, format!("/repos/apache/superset/issues/comments/{id}")),
                (Method::POST, format!("/repos/apache/superset/issues/comments/{id}/reactions")),
            ][write].clone();
            let answer = scene.request(method, &path).body(bytes).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!([200, 201, 400, 422].contains(&status), "{status}");
            assert!(body(answer).await.is_object());
            assert_eq!(scene.get("/user").await.status(), 200);
        });
    }

    #[test]
    fn any_path_and_query_are_answered(path in "[ -~]{0,40}", query in "[ -~]{0,30}") {
        on_a_scene(async |scene| {
            let mut url = reqwest::Url::parse(scene.hub.url()).unwrap();
            url.set_path(&format!("/repos/apache/superset/{path}"));
            url.set_query(Some(&query));
            let answer = scene.request(Method::GET, url.as_str()).send().await.unwrap();
            assert!(!answer.status().is_server_error());
        });
    }

    #[test]
    fn a_comment_comes_back_as_it_was_sent(text in "\\PC{1,300}") {
        prop_assume!(!text.trim().is_empty());
        on_a_scene(async |scene| {
            let made = scene.post(&text).await;
            assert_eq!(made.status(), 201);
            assert_eq!(body(made).await["body"], text.as_str());
            assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].body, text);
        });
    }

    #[test]
    fn any_markdown_is_rendered_without_a_script(text in "(<|>|/|!|--|script|img|details|[a-z =\"'\n`*\\[\\]():#|-]){0,80}") {
        let html = markdown::render(&text).to_lowercase();
        prop_assert!(!html.contains("<script") && !html.contains("<img src=x"));
        prop_assert!(!html.contains("<!--"));
    }
}

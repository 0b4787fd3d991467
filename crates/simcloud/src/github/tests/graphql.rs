//! Hiding comments.

use super::*;

const MUTATION: &str = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) \
                        { minimizedComment { isMinimized minimizedReason } } }";

impl Scene {
    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(Method::POST, "/graphql", json!({ "query": query, "variables": variables })).await;
        assert_eq!(answer.status(), 200);
        body(answer).await
    }
}

#[tokio::test]
async fn a_comment_is_hidden_and_shown_again() {
    let scene = Scene::new().await;
    let made = body(scene.post("old").await).await;
    let id = &made["node_id"];
    let done = scene.graphql(MUTATION, json!({ "id": id })).await;
    let expected = json!({ "isMinimized": true, "minimizedReason": "outdated" });
    assert_eq!(done["data"]["minimizeComment"]["minimizedComment"], expected);
    assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].hidden, Some("OUTDATED"));
    let seen = body(scene.get(made["url"].as_str().unwrap()).await).await;
    assert_eq!(seen["minimized"]["reason"], "outdated");
    let back =
        "mutation Show($input: UnminimizeCommentInput!) { unminimizeComment(input: $input) { clientMutationId } }";
    let done = scene.graphql(back, json!({ "input": { "subjectId": id, "clientMutationId": "a" } })).await;
    assert_eq!(done, json!({ "data": { "unminimizeComment": { "clientMutationId": "a" } } }));
    assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].hidden, None);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_status_200() {
    let scene = Scene::new().await;
    let id = body(scene.post("old").await).await["node_id"].as_str().unwrap().to_owned();
    let missing = scene.graphql(MUTATION, json!({ "id": "IC_none" })).await;
    assert_eq!(missing["errors"][0]["type"], "NOT_FOUND");
    assert_eq!(missing["data"]["minimizeComment"], Value::Null);
    let word = MUTATION.replace("OUTDATED", "\"BORING\"");
    assert!(scene.graphql(&word, json!({ "id": id })).await["errors"][0]["message"].is_string());
    for wrong in
        ["{ viewer { login } }", "mutation { addStar(input: {}) { x } }", "mutation { minimizeComment(input: {", ""]
    {
        let refused = scene.graphql(wrong, json!({})).await;
        assert!(refused["errors"][0]["message"].is_string() && refused.get("data").is_none(), "{wrong}");
    }
    assert_eq!(scene.send(Method::POST, "/graphql", json!({ "query": 7 })).await.status(), 400);
    scene.hub.add_token("good", "eve", Rights::commenter());
    assert_eq!(scene.graphql(MUTATION, json!({ "id": id })).await["errors"][0]["type"], "FORBIDDEN");
    let nobody = scene.client.post(format!("{}/graphql", scene.hub.url())).body("{}").send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    assert_eq!(scene.hub.comments(REPO, 1).unwrap()[0].hidden, None);
}

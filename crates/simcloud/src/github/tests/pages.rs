//! The pages for people: readable, and safe to open whatever a comment holds.

use super::*;
use crate::github::Resource;

async fn page(scene: &Scene, path: &str) -> (u16, String) {
    let answer = scene.client.get(format!("{}{path}", scene.hub.url())).send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert!(header(&answer, "content-security-policy").starts_with("default-src 'none'"));
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_conversation_reads_as_it_was_meant() {
    let scene = Scene::new().await;
    scene.hub.describe(REPO, 1, "Makes it **dark**.").unwrap();
    let text = "<!-- marker -->\n| a | b |\n|---|---|\n| 1 | [open](https://example.org/) |\n\n\
                <details><summary>More</summary>\n\n`code`\n\n</details>\n";
    scene.hub.comment(REPO, 1, "ada", text).unwrap();
    scene.hub.merge(REPO, 1).unwrap();
    let (status, html) = page(&scene, "/apache/superset/pull/1").await;
    assert_eq!(status, 200);
    for part in [
        "Add a dark theme",
        "<strong>dark</strong>",
        "<td><a href=\"https://example.org/\">open</a></td>",
        "<details><summary>More</summary>",
        "<code>code</code>",
        "class=\"state merged\">Merged<",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(!html.contains("marker"), "hidden comments stay hidden");
    let (_, list) = page(&scene, "/apache/superset/pulls").await;
    assert!(list.contains("href=\"/apache/superset/pull/1\"") && list.contains("1 comment<"));
}

#[tokio::test]
async fn what_happened_stands_between_the_comments() {
    let scene = Scene::new().await;
    scene.hub.add_token("good", "bot", Rights::commenter().with(Resource::Deployments, Level::Write));
    let mona = scene.hub.person("mona");
    let asked = mona.comment(REPO, 1, "/testenv up").unwrap();
    mona.label(REPO, 1, "testenv-up").unwrap();
    scene.hub.person("bot").react(REPO, asked, "eyes").unwrap();
    scene.hub.person("ada").react(REPO, asked, "eyes").unwrap();
    let wish = json!({ "ref": SHA, "environment": "pr-1" });
    let made = body(scene.send(Method::POST, "/repos/apache/superset/deployments", wish).await).await;
    let up = json!({ "state": "success", "environment_url": "http://203.0.113.1:8080" });
    scene.send(Method::POST, made["statuses_url"].as_str().unwrap(), up).await;
    let old = body(scene.post("an answer").await).await;
    let hide =
        format!("mutation {{ minimizeComment(input: {{subjectId: {}, classifier: OUTDATED}}) }}", old["node_id"]);
    scene.send(Method::POST, "/graphql", json!({ "query": hide })).await;
    mona.close(REPO, 1).unwrap();
    let (_, html) = page(&scene, "/apache/superset/pull/1").await;
    let mut rest = html.as_str();
    for part in [
        "testenv-up</span>",
        "<strong>pr-1</strong> success · <a href=\"http://203.0.113.1:8080\">",
        "/testenv up",
        "<span title=\"bot, ada\">👀 2</span>",
        "added the label",
        "deployed to <strong>pr-1</strong>",
        "hidden as outdated",
        "closed this",
    ] {
        let Some((_, after)) = rest.split_once(part) else { panic!("{part} is not in its place in {html}") };
        rest = after;
    }
    assert!(page(&scene, "/apache/superset/pulls").await.1.contains("testenv-up</span>"));
}

#[tokio::test]
async fn nothing_that_people_write_runs() {
    let scene = Scene::new().await;
    let attack = "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) \
                  <details open ontoggle=alert(4)> ![y](data:text/html,<script>5</script>)\n\n\
                  <iframe src=\"https://example.org\"></iframe>\n\n<style>*{display:none}</style>\n";
    scene.hub.comment(REPO, 1, "<b>eve</b>", attack).unwrap();
    scene.hub.person("\"><i>").label(REPO, 1, "<script>alert(6)</script>").unwrap();
    let title = "</title><script>alert(0)</script>";
    let number = scene.hub.open_pull_request(REPO, title, "\"><i>", "<u>", None).unwrap();
    for path in [
        "/apache/superset/pull/1".to_owned(),
        format!("/apache/superset/pull/{number}"),
        "/apache/superset/pulls".to_owned(),
    ] {
        let (_, html) = page(&scene, &path).await;
        let lower = html.to_lowercase();
        for never in
            ["<script", "<img src=x", "<iframe", "\"javascript:", "<details open", "<b>eve", "<i>", "<u>", "<style>*{"]
        {
            assert!(!lower.contains(never), "{never} got into {path}: {html}");
        }
    }
}

#[tokio::test]
async fn what_is_not_public_has_no_page() {
    let scene = Scene::new().await;
    for path in
        ["/apache/superset/pull/9", "/apache/nothing/pull/1", "/apache/superset/pull/x", "/apache/nothing/pulls"]
    {
        assert_eq!(page(&scene, path).await.0, 404, "{path}");
    }
    scene.hub.add_private_repository(REPO).unwrap();
    assert_eq!(page(&scene, "/apache/superset/pull/1").await.0, 404);
}

//! The pages for people: readable, and safe to open whatever a comment holds.

use super::*;

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
async fn nothing_that_people_write_runs() {
    let scene = Scene::new().await;
    let attack = "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) \
                  <details open ontoggle=alert(4)> ![y](data:text/html,<script>5</script>)\n\n\
                  <iframe src=\"https://example.org\"></iframe>\n\n<style>*{display:none}</style>\n";
    scene.hub.comment(REPO, 1, "<b>eve</b>", attack).unwrap();
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

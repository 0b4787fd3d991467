//! Who pushed which commits.

use super::*;

const FORK: &str = "ada/superset";

/// Kind, before, after and actor of each, the newest first.
async fn activity(scene: &Scene, repository: &str, query: &str) -> Vec<[String; 4]> {
    let answer = body(scene.get(&format!("/repos/{repository}/activity{query}")).await).await;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = answer.as_array().unwrap().iter();
    all.map(|one| {
        let actor = one["actor"]["login"].as_str().unwrap_or_default().to_owned();
        [text(one, "activity_type"), text(one, "before"), text(one, "after"), actor]
    })
    .collect()
}

fn line(kind: &str, before: &str, after: &str, actor: &str) -> [String; 4] {
    [kind, before, after, actor].map(str::to_owned)
}

#[tokio::test]
async fn every_move_of_a_branch_is_listed_with_who_did_it() {
    let scene = Scene::new().await;
    let (ada, ben) = (scene.hub.person("ada"), scene.hub.person("ben"));
    let number = ada.open_pull_request(REPO, "From afar", SHA, Some(FORK)).unwrap();
    let (next, third) = ("1".repeat(40), "2".repeat(40));
    scene.advance(Duration::from_secs(5));
    ben.push(REPO, number, &next).unwrap();
    ben.push(REPO, number, &next).unwrap();
    ada.force_push(REPO, number, &third).unwrap();
    let merge = ben.update_branch(REPO, number).unwrap();
    let expected = [
        line("push", &third, &merge, "ben"),
        line("force_push", &next, &third, "ada"),
        line("push", SHA, &next, "ben"),
        line("branch_creation", &"0".repeat(40), SHA, "ada"),
    ];
    assert_eq!(activity(&scene, FORK, "").await, expected);
    assert_eq!(activity(&scene, FORK, &format!("?ref=refs/heads/change-{number}&per_page=100")).await, expected);
    assert_eq!(activity(&scene, FORK, &format!("?ref=change-{number}&per_page=2")).await, expected[..2]);
    assert_eq!(activity(&scene, FORK, "?ref=main").await, [] as [[String; 4]; 0]);
    assert_eq!(activity(&scene, FORK, "?actor=Ada&direction=asc").await.len(), 2);
    assert_eq!(activity(&scene, REPO, "").await.len(), 1, "that of the scene's own pull request");
    let answer = body(scene.get(&format!("/repos/{FORK}/activity")).await).await;
    assert_eq!(answer[0]["timestamp"], "2026-11-23T12:00:05Z");
    assert_eq!(answer[0]["ref"], format!("refs/heads/change-{number}"));
    for wrong in ["activity_type=nap", "direction=up"] {
        assert_eq!(scene.get(&format!("/repos/{FORK}/activity?{wrong}")).await.status(), 422, "{wrong}");
    }
    scene.hub.remove_user("ben");
    assert_eq!(body(scene.get(&format!("/repos/{FORK}/activity")).await).await[0]["actor"], Value::Null);
}

#[tokio::test]
async fn what_is_private_takes_the_permission_to_read_contents() {
    let scene = Scene::new().await;
    scene.hub.add_private_repository(REPO).unwrap();
    assert_eq!(scene.get(&format!("/repos/{REPO}/activity")).await.status(), 403);
    let rights = Rights::commenter().with(crate::github::Resource::Contents, Level::Read);
    scene.hub.add_token("good", "bot", rights);
    assert_eq!(activity(&scene, REPO, "").await.len(), 1);
}

#[tokio::test]
async fn the_commits_of_a_pull_request_come_in_order() {
    let scene = Scene::new().await;
    let (next, third) = ("1".repeat(40), "2".repeat(40));
    let commits = async || -> Vec<String> {
        let answer = body(scene.get(&format!("/repos/{REPO}/pulls/1/commits?per_page=100")).await).await;
        answer.as_array().unwrap().iter().map(|one| one["sha"].as_str().unwrap().to_owned()).collect()
    };
    scene.hub.push(REPO, 1, &next).unwrap();
    assert_eq!(commits().await, [SHA.to_owned(), next]);
    scene.hub.person("mona").force_push(REPO, 1, &third).unwrap();
    assert_eq!(commits().await, [third]);
    for number in 0..300 {
        scene.hub.push(REPO, 1, &format!("{number:040x}")).unwrap();
    }
    assert_eq!(commits().await.len(), 100);
    let last = body(scene.get(&format!("/repos/{REPO}/pulls/1/commits?per_page=100&page=3")).await).await;
    assert_eq!(last.as_array().unwrap().len(), 50, "250 in all");
    assert_eq!(body(scene.get(&format!("/repos/{REPO}/pulls/1")).await).await["commits"], 301);
    assert_eq!(scene.get(&format!("/repos/{REPO}/pulls/9/commits")).await.status(), 404);
}

//! People: teams, leaving, and what they may see of webhooks.

use super::*;
use crate::github::{HookTarget, Membership, Resource};

#[tokio::test]
async fn membership_of_a_team_is_told_to_who_may_know() {
    let scene = Scene::new().await;
    scene.hub.add_team("apache", "committers");
    scene.hub.set_membership("apache", "committers", "mona", Membership::Active).unwrap();
    scene.hub.set_membership("apache", "committers", "ada", Membership::Pending).unwrap();
    assert!(matches!(
        scene.hub.set_membership("apache", "none", "ada", Membership::Active),
        Err(HubError::NoTeam { .. })
    ));
    let of = |user: &str| format!("/orgs/Apache/teams/committers/memberships/{user}");
    let refused = scene.get(&of("mona")).await;
    assert_eq!(refused.status(), 403, "the token may not read members");
    for rights in [Rights::reader().with(Resource::Members, Level::Read), Rights::classic(["read:org"])] {
        scene.hub.add_token("good", "bot", rights);
        let seen = body(scene.get(&of("mona")).await).await;
        assert_eq!((&seen["state"], &seen["role"]), (&json!("active"), &json!("member")));
        assert_eq!(body(scene.get(&of("ada")).await).await["state"], "pending");
        for missing in [of("bot"), of("nobody"), "/orgs/apache/teams/none/memberships/mona".to_owned()] {
            assert_eq!(scene.get(&missing).await.status(), 404, "{missing}");
        }
    }
    scene.hub.remove_membership("apache", "committers", "mona").unwrap();
    assert_eq!(scene.get(&of("mona")).await.status(), 404);
    scene.hub.add_token("good", "bot", Rights::classic(["repo"]));
    assert_eq!(scene.get(&of("ada")).await.status(), 404, "a classic token without the scope is told nothing");
}

#[tokio::test]
async fn who_was_removed_has_nothing_left() {
    let scene = Scene::new().await;
    let of = |user: &str| format!("/repos/apache/superset/collaborators/{user}/permission");
    scene.hub.set_permission(REPO, "mona", Permission::Write).unwrap();
    scene.hub.add_token("mona's", "mona", Rights::commenter());
    scene.hub.remove_permission(REPO, "mona").unwrap();
    assert_eq!(body(scene.get(&of("mona")).await).await["permission"], "read", "a public repository");
    let comment = scene.hub.comment(REPO, 1, "mona", "it stays").unwrap();
    scene.hub.remove_user("mona");
    assert_eq!(scene.get(&of("mona")).await.status(), 404);
    let seen = body(scene.get(&format!("/repos/apache/superset/issues/comments/{comment}")).await).await;
    assert_eq!((&seen["user"], &seen["body"]), (&Value::Null, &json!("it stays")));
    let own = scene.client.get(format!("{}/user", scene.hub.url())).bearer_auth("mona's").send().await.unwrap();
    assert_eq!(own.status(), 401);
}

#[tokio::test]
async fn webhooks_are_shown_to_who_administers() {
    let scene = Scene::new().await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let target = HookTarget::Repository(REPO.to_owned());
    let url = format!("http://{gone}/hook");
    scene.hub.add_webhook(target, &url, Some("hush"), &["issue_comment", "pull_request"]).unwrap();
    scene.hub.all_delivered().await.unwrap();
    let path = "/repos/apache/superset/hooks";
    assert_eq!(scene.get(path).await.status(), 403, "the token may not");
    scene.hub.add_token("good", "bot", Rights::classic(["repo"]));
    assert_eq!(scene.get(path).await.status(), 404, "the person may not");
    scene.hub.set_permission(REPO, "bot", Permission::Admin).unwrap();
    for rights in [
        Rights::classic(["repo"]),
        Rights::classic(["read:repo_hook"]),
        Rights::reader().with(Resource::Webhooks, Level::Read),
    ] {
        scene.hub.add_token("good", "bot", rights);
        let seen = body(scene.get(path).await).await;
        assert_eq!(seen[0]["events"], json!(["issue_comment", "pull_request"]));
        assert_eq!((&seen[0]["config"]["url"], &seen[0]["config"]["secret"]), (&json!(url), &json!("********")));
        assert_eq!(seen[0]["last_response"]["status"], "failed_to_connect");
    }
}

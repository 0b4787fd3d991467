//! Who pushed what, which commits a pull request has, what a comment says now, and when the forge said so.

use bivouac_model::{Branch, RepoName};
use bivouac_ports::{CommentId, Conversation as _, Push};
use bivouac_simcloud::github::Resource;
use chrono::Utc;

use super::*;

const FORK: &str = "ada/superset";

impl Forge {
    /// A pull request from a fork of Ada's.
    fn forked(&self) -> EnvKey {
        let ada = self.hub.person("ada");
        let number = ada.open_pull_request(REPO, "From afar", SHA, Some(FORK)).unwrap();
        format!("{REPO}#{number}").parse().unwrap()
    }
}

async fn branch(github: &GitHub, key: &EnvKey) -> Branch {
    github.pull_request(key).await.unwrap().and_then(|pull| pull.branch).expect("a branch")
}

/// Each push with both commits and its actor, the newest first; asking again is free while nothing changed.
pub async fn who_pushed_is_listed(forge: &Forge) {
    let (_, github) = forge.prepare();
    let (key, ben) = (forge.forked(), forge.hub.person("ben"));
    let number = key.pr.get();
    let branch = branch(&github, &key).await;
    assert_eq!(branch, Branch { repo: FORK.parse().unwrap(), name: format!("change-{number}") });
    let (next, third) = (format!("{number:040x}"), format!("{:040x}", number + 1_000_000));
    ben.push(REPO, number, &next).unwrap();
    forge.hub.person("ada").force_push(REPO, number, &third).unwrap();
    let merge = ben.update_branch(REPO, number).unwrap();
    let pushes = github.pushes(&key.repo, &branch).await.unwrap().expect("they are listed");
    let shown = |push: &Push| (push.before.clone(), push.after.clone(), push.actor.clone().unwrap_or_default());
    let expected = [
        (third.clone(), merge, "ben".to_owned()),
        (next.clone(), third, "ada".to_owned()),
        (SHA.to_owned(), next, "ben".to_owned()),
        ("0".repeat(40), SHA.to_owned(), "ada".to_owned()),
    ];
    assert_eq!(pushes.iter().map(shown).collect::<Vec<_>>(), expected);
    assert!(pushes.iter().all(|push| (Utc::now() - push.at).num_seconds() < 600));
    let left = forge.hub.quota(BOT).remaining();
    assert_eq!(github.pushes(&key.repo, &branch).await.unwrap().as_ref(), Some(&pushes));
    assert_eq!(forge.hub.quota(BOT).remaining(), left, "looking again was not free");
    forge.hub.remove_user("ben");
    let pushes = forge.process(TOKEN).pushes(&key.repo, &branch).await.unwrap().expect("they are listed");
    assert_eq!(pushes[0].actor, None, "the account is gone");
}

/// A repository that is gone or hidden has no known pushes; an outage is an error.
pub async fn who_pushed_is_unknown_where_github_does_not_say(forge: &Forge) {
    let (_, github) = forge.prepare();
    let key = forge.forked();
    let branch = branch(&github, &key).await;
    let gone = Branch { repo: "ada/nothing".parse().unwrap(), ..branch.clone() };
    assert_eq!(github.pushes(&key.repo, &gone).await.unwrap(), None);
    assert_eq!(
        github.pushes(&key.repo, &Branch { name: "other&ref=x".into(), ..branch.clone() }).await.unwrap(),
        Some(Vec::new())
    );
    let private: RepoName = "ada/secret".parse().unwrap();
    forge.hub.add_private_repository(private.as_str()).unwrap();
    let hidden = Branch { repo: private.clone(), ..branch.clone() };
    assert_eq!(github.pushes(&key.repo, &hidden).await.unwrap(), None);
    // A token that sees it needs the permission to read contents.
    forge.hub.set_permission(private.as_str(), BOT, bivouac_simcloud::github::Permission::Read).unwrap();
    assert_eq!(github.pushes(&key.repo, &hidden).await.unwrap(), None);
    forge.hub.add_token("ghp_contents", BOT, Rights::commenter().with(Resource::Contents, Level::Read));
    assert_eq!(forge.process("ghp_contents").pushes(&key.repo, &hidden).await.unwrap(), Some(Vec::new()));
    forge.hub.inject(FaultRule::new(Fault::Before(502)).times(1));
    refused(github.pushes(&key.repo, &branch).await, Meaning::Unavailable);
}

/// All of them, over pages, the oldest first.
pub async fn the_commits_of_a_pull_request_are_listed(forge: &Forge) {
    let (_, github) = forge.prepare();
    let key = forge.forked();
    let ada = forge.hub.person("ada");
    let commits: Vec<String> = (0..120_u64).map(|number| format!("{:040x}", key.pr.get() * 1000 + number)).collect();
    for commit in &commits {
        ada.push(REPO, key.pr.get(), commit).unwrap();
    }
    let listed = github.commits(&key).await.unwrap();
    assert_eq!((listed.len(), listed.first().map(String::as_str)), (121, Some(SHA)));
    assert_eq!(listed[1..], commits);
    refused(github.commits(&format!("{REPO}#99999").parse().unwrap()).await, Meaning::NotFound);
}

/// Author, place, text and time of a comment as it is now; one that is gone is none, and a repository that is hidden says nothing.
pub async fn a_comment_is_read_as_it_is_now(forge: &Forge) {
    let (key, github) = forge.prepare();
    let ada = forge.hub.person("ada");
    let id = ada.comment(REPO, key.pr.get(), "/testenv up").unwrap();
    let comment = CommentId { repo: key.repo.clone(), id };
    let written = github.comment(&comment).await.unwrap().expect("it is there");
    assert_eq!((written.number, &*written.author, &*written.body), (key.pr, "ada", "/testenv up"));
    assert!((Utc::now() - written.created_at).num_seconds() < 600);
    ada.edit_comment(REPO, id, "/testenv down").unwrap();
    let edited = github.comment(&comment).await.unwrap().expect("it is there");
    assert_eq!((&*edited.body, edited.created_at), ("/testenv down", written.created_at));
    ada.delete_comment(REPO, id).unwrap();
    assert_eq!(github.comment(&comment).await.unwrap(), None);
    let nowhere = CommentId { repo: "apache/nowhere".parse().unwrap(), id };
    refused(github.comment(&nowhere).await, Meaning::NotFound);
}

/// The time of the answer, also of one that says that nothing changed.
pub async fn a_head_comes_with_the_time_of_the_answer(forge: &Forge) {
    let (key, github) = forge.prepare();
    let before = Utc::now().timestamp();
    for _ in 0..2 {
        let pull = github.pull_request(&key).await.unwrap().expect("it is there");
        let open = github.open_pull_requests(&key.repo).await.unwrap();
        for seen_at in [pull.seen_at, open.seen_at] {
            let seen_at = seen_at.expect("GitHub sends the time").timestamp();
            assert!(before <= seen_at && seen_at <= Utc::now().timestamp(), "{seen_at}");
        }
    }
}

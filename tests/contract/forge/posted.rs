//! What people wrote in a repository since a moment.

use bivouac_ports::Conversation as _;
use chrono::{TimeDelta, Utc};

use super::*;

const ALL: &str = "/repos/{owner}/{repo}/issues/comments";

pub(super) async fn comments_since_a_moment_are_listed_and_free_when_nothing_changed(forge: &Forge) {
    let (key, github) = forge.prepare();
    let before = Utc::now() - TimeDelta::seconds(2);
    let id = forge.hub.comment(REPO, key.pr.get(), "mona", "/testenv up").unwrap();
    let by_app = forge.hub.comment(REPO, key.pr.get(), "helper[bot]", "/testenv up").unwrap();
    let posted = github.comments_since(&key.repo, before).await.unwrap();
    assert!(posted.is_complete);
    let ours: Vec<_> = posted.comments.iter().filter(|comment| comment.id == id || comment.id == by_app).collect();
    let [comment, app] = ours[..] else { panic!("{posted:#?}") };
    assert_eq!(
        (comment.issue, comment.author.as_deref(), comment.body.as_str()),
        (key.pr.get(), Some("mona"), "/testenv up")
    );
    assert!(comment.is_by_person && !app.is_by_person);
    assert!(comment.url.ends_with(&format!("/pull/{}#issuecomment-{id}", key.pr)), "{comment:?}");
    assert!(comment.created_at >= before && comment.created_at == comment.updated_at);

    // The same again, of which nothing changed.
    forge.hub.reset_calls();
    assert_eq!(github.comments_since(&key.repo, before).await.unwrap(), posted);
    let calls = forge.hub.calls();
    assert_eq!((calls.count("GET", ALL), calls.with_status(304)), (1, 1), "{calls:?}");

    // What is older is not there.
    let later = github.comments_since(&key.repo, Utc::now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(later.comments, []);
}

pub(super) async fn comments_are_listed_over_many_pages_and_each_once(forge: &Forge) {
    let (key, github) = forge.prepare();
    let before = Utc::now() - TimeDelta::seconds(2);
    let mut ids = Vec::new();
    for number in 0..150 {
        ids.push(forge.hub.comment(REPO, key.pr.get(), "mona", &format!("comment {number}")).unwrap());
        if number == 70 {
            // GitHub counts whole seconds, and a hundred comments in one are more than it lets anybody make.
            let later = Utc::now() + TimeDelta::seconds(2);
            while Utc::now() < later {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    let posted = github.comments_since(&key.repo, before).await.unwrap();
    assert!(posted.is_complete);
    let found: Vec<u64> = posted.comments.iter().map(|comment| comment.id).filter(|id| ids.contains(id)).collect();
    assert_eq!(found, ids);
    assert!(posted.comments.is_sorted_by_key(|comment| comment.updated_at));
}

pub(super) async fn a_page_of_comments_that_fails_is_no_part_of_the_list(forge: &Forge) {
    let (key, github) = forge.prepare();
    forge.hub.inject(FaultRule::new(Fault::Before(502)).method("GET").route(ALL).times(1));
    let error = github.comments_since(&key.repo, Utc::now()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert!(github.comments_since(&key.repo, Utc::now()).await.unwrap().is_complete, "the next call reads it");
}

pub(super) async fn reviews_are_listed_and_free_when_nothing_changed(forge: &Forge) {
    let (key, github) = forge.prepare();
    let before = Utc::now() - TimeDelta::seconds(2);
    let mona = forge.hub.person("mona");
    let id = mona.review(REPO, key.pr.get(), "/testenv up").unwrap();
    // An approval without a word is nothing to read.
    mona.review(REPO, key.pr.get(), "").unwrap();
    let changed = github.changed_pulls(&key.repo, before).await.unwrap();
    let pull = changed.iter().find(|pull| pull.pr == key.pr).unwrap_or_else(|| panic!("{changed:?}"));
    let reviews = github.reviews(&key).await.unwrap();
    let [review] = reviews.as_slice() else { panic!("{reviews:#?}") };
    assert_eq!((review.id, review.author.as_deref(), review.body.as_str()), (id, Some("mona"), "/testenv up"));
    assert!(review.is_by_person && review.created_at <= pull.updated_at && review.created_at >= before, "{review:?}");
    assert!(review.url.ends_with(&format!("/pull/{}#pullrequestreview-{id}", key.pr)), "{review:?}");

    // The same again, of which nothing changed.
    forge.hub.reset_calls();
    assert_eq!(github.changed_pulls(&key.repo, before).await.unwrap(), changed);
    assert_eq!(github.reviews(&key).await.unwrap(), reviews);
    let calls = forge.hub.calls();
    assert_eq!(calls.with_status(304), 2, "{calls:?}");
    assert_eq!(github.changed_pulls(&key.repo, Utc::now() + TimeDelta::hours(1)).await.unwrap(), []);
    let other = EnvKey { pr: "999999".parse().unwrap(), ..key };
    assert_eq!(github.reviews(&other).await.unwrap(), [], "a pull request that is not there has none");
}

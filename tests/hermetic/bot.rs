//! A pull request is the user interface: from a signed webhook to an environment, its comment, and nothing again.

use bivouac_model::{Desired, Phase};

use crate::system::{REPO, System};

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_becomes_an_environment_and_closing_takes_it_away() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    let comment = system.hub.comment(REPO, pr, "maintainer", "/testenv up FEATURE_X=true").unwrap();

    let record = system.until_phase(pr, Phase::Ready).await;
    let desired = record.desired.unwrap();
    assert_eq!(desired.requested_by.as_deref(), Some("maintainer"));
    assert_eq!(desired.flags["FEATURE_X"], "true");
    assert!(desired.head_sha.is_some(), "the command binds the commit");
    system.until_comment(pr, &record.status.unwrap().url.unwrap()).await;
    system.until_reaction(pr, comment, "rocket").await;
    assert!(system.reactions(pr, comment).contains(&"eyes".to_owned()));

    system.hub.person("maintainer").close(REPO, pr).unwrap();
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty(), "{:#?}", system.services());
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_come_twice_change_nothing() {
    let system = System::with_bot().await;
    system.hub.set_delivery_copies(2);
    let pr = system.pull_request();
    system.hub.comment(REPO, pr, "maintainer", "/testenv up ttl=4h").unwrap();
    system.until_phase(pr, Phase::Ready).await;
    let extend = system.hub.comment(REPO, pr, "maintainer", "/testenv extend 2h").unwrap();
    system.until_reaction(pr, extend, "rocket").await;
    system.hub.all_delivered().await.unwrap();
    let desired = system.record(pr).await.unwrap().desired.unwrap();
    assert_eq!(desired.ttl.unwrap().get().as_secs(), 6 * 3600, "extended once");
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_once_and_nothing_is_written() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    for _ in 0..3 {
        let comment = system.hub.comment(REPO, pr, "contributor", "/testenv up").unwrap();
        system.until_reaction(pr, comment, "confused").await;
    }
    assert!(system.record(pr).await.is_none(), "nothing is written");
    assert_eq!(system.comments(pr).len(), 1, "one polite reply: {:#?}", system.comments(pr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bot_that_died_had_taken_is_done_by_the_next() {
    let mut system = System::with_bot().await;
    let pr = system.pull_request();
    // The forge does not answer the bot, so the command is taken and cannot be handled yet.
    system.hub.set_latency(std::time::Duration::from_secs(3));
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.hub.all_delivered().await.unwrap();
    assert!(system.record(pr).await.is_none_or(|record| record.desired.unwrap().requested_by.is_none()));
    system.kill_bot().await;
    system.hub.set_latency(std::time::Duration::ZERO);
    system.launch_bot().await;
    system.until_phase(pr, Phase::Ready).await;
    let desired = system.record(pr).await.unwrap().desired.unwrap();
    assert_eq!((desired.desired, desired.requested_by.as_deref()), (Desired::Up, Some("maintainer")));
    system.until_settled().await;
}

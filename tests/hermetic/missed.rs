//! What was said while the bot or the table was down is obeyed when both are back, once.

use std::time::Duration;

use bivouac_model::Desired;
use bivouac_simcloud::github::Outcome;
use bivouac_simcloud::{Fault, Options, Rule, Service};

use crate::system::{REPO, System, policy};
use crate::wait;

/// An `extend` shows whether it was obeyed twice.
const UP: &str = "/testenv up\n/testenv extend 2h";

/// A bot that compares all the time, and has begun to read comments.
async fn reading() -> (System, u64) {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.bot_settings.compare_every = Duration::from_millis(300);
    system.launch_bot().await;
    let pr = system.pull_request();
    system.hub.all_delivered().await.expect("that it was opened");
    let list = format!("comments/{REPO}");
    wait::until("the beginning", async || {
        let position = system.inbox.read_position(&list).await.expect("an answer");
        position.map(drop).ok_or_else(|| "nothing was read".to_owned())
    })
    .await;
    // The forge counts whole seconds, and what was said in the one in which reading began may be from before.
    system.tick();
    system.tick();
    (system, pr)
}

/// It was obeyed, by one write.
async fn obeyed_once(system: &System, pr: u64) {
    let wish = system.until(pr, "written", |_| true).await.desired.unwrap();
    system.until_all_handled().await;
    assert_eq!((wish.desired, wish.requested_by.as_deref()), (Desired::Up, Some("maintainer")));
    let wish = system.record(pr).await.unwrap().desired.unwrap();
    assert_eq!((wish.generation, wish.ttl.unwrap().get().as_secs()), (Some(1), 50 * 3600));
    let audit = system.audit(pr).await;
    let obeyed: Vec<_> = audit.iter().filter(|line| line.starts_with("maintainer")).collect();
    assert_eq!(obeyed, ["maintainer up Applied", "maintainer extend Applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_the_bot_is_down_is_obeyed_when_it_is_back() {
    let (mut system, pr) = reading().await;
    system.kill_bot().await;
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    system.hub.comment(REPO, pr, "contributor", "/testenv down").unwrap();
    system.hub.all_delivered().await.expect("given up");
    system.launch_bot().await;
    obeyed_once(&system, pr).await;
    assert_eq!(system.reactions(pr, comment), ["eyes"]);
    // GitHub's own delivery, late and again.
    let name = format!("#issuecomment-{comment}\"");
    let deliveries = system.hub.deliveries();
    let late = deliveries.iter().find(|one| one.event == "issue_comment" && one.body.contains(&name)).unwrap();
    assert!(!matches!(late.outcome, Outcome::Answered { .. }), "nobody answered: {late:?}");
    let again = system.hub.redeliver(&late.guid).unwrap();
    let again = system.hub.delivered(again).await.unwrap();
    assert!(matches!(again.outcome, Outcome::Answered { status: 202, .. }), "{again:?}");
    obeyed_once(&system, pr).await;
    // And the next process finds nothing of it again.
    system.kill_bot().await;
    system.launch_bot().await;
    system.until_all_handled().await;
    obeyed_once(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_and_a_mistake_while_the_bot_is_down_are_answered_when_it_is_back() {
    let (mut system, pr) = reading().await;
    let list = format!("reviews/{REPO}");
    wait::until("the beginning of reviews", async || {
        let position = system.inbox.read_position(&list).await.expect("an answer");
        position.map(drop).ok_or_else(|| "nothing was read".to_owned())
    })
    .await;
    system.tick();
    system.tick();
    system.kill_bot().await;
    let other = system.pull_request();
    system.hub.person("maintainer").review(REPO, pr, UP).unwrap();
    system.hub.person("maintainer").review(REPO, other, "Looks good.\n\nThanks! /testenv up").unwrap();
    system.hub.all_delivered().await.expect("given up");
    system.launch_bot().await;
    let lost = system.until_comment(pr, "whether a review was edited").await;
    assert!(lost.contains("write the command in a comment"), "{lost}");
    let reply = system.until_comment(other, "maintainer").await;
    assert!(reply.contains("/testenv up"), "{reply}");
    // GitHub's own delivery, late and again, and the next process find nothing new.
    let deliveries = system.hub.deliveries();
    let late =
        deliveries.iter().find(|one| one.event == "pull_request_review" && one.body.contains("extend 2h")).unwrap();
    let again = system.hub.redeliver(&late.guid).unwrap();
    let again = system.hub.delivered(again).await.unwrap();
    assert!(matches!(again.outcome, Outcome::Answered { status: 202, .. }), "{again:?}");
    system.kill_bot().await;
    system.launch_bot().await;
    system.until_all_handled().await;
    assert!(system.record(pr).await.is_none(), "{:?}", system.audit(pr).await);
    assert_eq!(system.comments(pr).len(), 1, "{:#?}", system.comments(pr));
    let audit = system.audit(other).await;
    assert_eq!(audit.iter().filter(|line| line.contains("NotACommand")).count(), 1, "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_refused_for_want_of_the_table_is_obeyed_when_it_is_back() {
    let (system, pr) = reading().await;
    let down = Rule::operation(Service::DynamoDb, "TransactWriteItems", Fault::DropBefore);
    system.cloud.faults().add(down);
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    system.hub.all_delivered().await.expect("an answer");
    let name = format!("#issuecomment-{comment}\"");
    let deliveries = system.hub.deliveries();
    let refused = deliveries.iter().find(|one| one.event == "issue_comment" && one.body.contains(&name)).unwrap();
    assert!(matches!(refused.outcome, Outcome::Answered { status: 503, .. }), "{refused:?}");
    assert!(system.record(pr).await.is_none());
    system.cloud.faults().clear();
    obeyed_once(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_after_the_comparison_changes_nothing() {
    let (system, pr) = reading().await;
    system.hub.hold_deliveries();
    system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    obeyed_once(&system, pr).await;
    system.hub.release_all_deliveries();
    system.hub.all_delivered().await.expect("an answer");
    obeyed_once(&system, pr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_where_nothing_was_said_costs_none_of_the_quota() {
    let (system, pr) = reading().await;
    let list = format!("comments/{REPO}");
    let position = async || system.inbox.read_position(&list).await.expect("an answer").expect("reading has begun");
    let before = position().await.read_until;
    system.hub.comment(REPO, pr, "contributor", "Looks good to me.").unwrap();
    wait::until("the comment was read", async || {
        let now = position().await.read_until;
        if now > before { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    system.hub.reset_calls();
    let route = "/repos/{owner}/{repo}/issues/comments";
    let unchanged = || {
        let calls = system.hub.calls();
        let list = calls.iter().filter(|(method, called, ..)| *method == "GET" && *called == route);
        list.fold((0, 0), |(ok, unchanged), (_, _, status, count)| match status {
            Some(304) => (ok, unchanged + count),
            _ => (ok + count, unchanged),
        })
    };
    let read_so_often = |times| if unchanged().1 >= times { Ok(()) } else { Err(format!("{:?}", unchanged())) };
    wait::until("an answer that nothing changed", async || read_so_often(1)).await;
    let (read, before) = unchanged();
    wait::until("three more", async || read_so_often(before + 3)).await;
    assert_eq!(unchanged().0, read, "each answer since was 304");
}

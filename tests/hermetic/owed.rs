//! The comment becomes true however long the forge refuses it, and nothing that costs money waits for it.

use std::time::Duration;

use bivouac_model::{Phase, Record, Usd};
use bivouac_simcloud::Options;
use bivouac_simcloud::github::Rights;

use crate::system::{REPO, System, TOKEN, policy, s};
use crate::wait::until;

/// Why the comment is old, as the record says it.
fn refusal(record: &Record) -> Option<String> {
    let conditions = &record.status.as_ref()?.machinery.conditions;
    conditions.iter().find(|condition| condition.kind == "CommentPosted").map(|condition| condition.reason.to_string())
}

/// An environment that goes and one that comes while GitHub answers 401.
async fn changed_meanwhile(system: &System) -> (u64, u64) {
    let (old, new) = (system.pull_request(), system.pull_request());
    system.put(old, &[]).await;
    let url = system.until_phase(old, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(old, &url).await;
    system.hub.revoke_token(TOKEN);
    system.set(old, "desired", s("down")).await;
    system.put(new, &[]).await;
    system.until_phase(old, Phase::Terminated).await;
    system.until_phase(new, Phase::Ready).await;
    for pr in [old, new] {
        let is_refused = |record: &Record| refusal(record).as_deref() == Some("Unauthenticated");
        system.until(pr, "with the refusal in its conditions", is_refused).await;
    }
    assert!(system.comments(old)[0].contains(&url), "{:#?}", system.comments(old));
    assert!(system.comments(new).is_empty());
    (old, new)
}

async fn is_true_again(system: &System, old: u64, new: u64) {
    system.until_comment(old, "It was taken down, as asked.").await;
    let url = system.until_phase(new, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(new, &url).await;
    for pr in [old, new] {
        system.until(pr, "without the condition", |record| refusal(record).is_none()).await;
    }
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_makes_no_comment_lie_for_longer_than_it_lasts() {
    let mut system = System::start().await;
    let (old, new) = changed_meanwhile(&system).await;
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
    is_true_again(&system, old, new).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_401_left_owed_is_said_after_a_restart() {
    let mut system = System::start().await;
    let (old, new) = changed_meanwhile(&system).await;
    system.kill().await;
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
    system.launch();
    is_true_again(&system, old, new).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_given_during_a_401_is_obeyed_after_it() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    system.hub.all_delivered().await.unwrap();
    system.until_all_handled().await;
    system.hub.revoke_token(TOKEN);
    system.hub.reset_calls();
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    let asked = "/repos/{owner}/{repo}/collaborators/{username}/permission";
    until("asked in vain", async || match system.hub.calls().count("GET", asked) {
        0 => Err(format!("{:#?}", system.hub.calls())),
        _ => Ok(()),
    })
    .await;
    assert!(system.hub.calls().with_status(401) > 0);
    assert!(system.record(pr).await.is_none(), "nothing is decided yet");
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
    system.until_phase(pr, Phase::Ready).await;
    system.until_all_handled().await;
    assert!(system.audit(pr).await.contains(&"maintainer up Applied".to_owned()), "{:?}", system.audit(pr).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_bills_end_long_before_their_last_words_are_written() {
    /// Far more than a second, so that no machine is too slow to be ahead of the words.
    const GAP: Duration = Duration::from_secs(60);
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.launch();
    let prs: Vec<u64> = (0..20).map(|_| system.pull_request()).collect();
    // A few at a time, so that a busy machine brings them up in time.
    for few in prs.chunks(5) {
        for pr in few {
            system.put(*pr, &[]).await;
        }
        for pr in few {
            let url = system.until_phase(*pr, Phase::Ready).await.status.unwrap().url.unwrap();
            system.until_comment(*pr, &url).await;
        }
    }
    system.stop().await;
    system.write_gap(GAP);
    system.launch();
    for pr in &prs {
        system.set(*pr, "desired", s("down")).await;
    }
    let mut bills = Vec::new();
    for pr in &prs {
        let status = system.until_phase(*pr, Phase::Terminated).await.status.unwrap();
        assert_eq!((status.hourly_cost_usd, status.machinery.place), (Usd::ZERO, None));
        bills.push(status.cost_usd);
    }
    let unsaid = prs.iter().filter(|pr| !system.comments(**pr)[0].contains("taken down, as asked")).count();
    assert!(unsaid >= 15, "only {unsaid} comments are owed");
    // The next leader finds what is owed, and the bill is what it was.
    system.kill().await;
    system.write_gap(Duration::from_millis(5));
    system.launch();
    for (pr, bill) in prs.iter().zip(bills) {
        let comment = system.until_comment(*pr, "It was taken down, as asked.").await;
        assert!(comment.contains(&format!("{bill} in all")), "{bill}: {comment}");
        assert_eq!(system.record(*pr).await.unwrap().status.unwrap().cost_usd, bill);
    }
    system.until_settled().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_put_whole_with_down_leaves_no_comment_that_says_ready() {
    let mut system = System::start().await;
    let (pr, never) = (system.pull_request(), system.pull_request());
    system.put(pr, &[]).await;
    let url = system.until_phase(pr, Phase::Ready).await.status.unwrap().url.unwrap();
    system.until_comment(pr, &url).await;
    // A process that has written no comment yet: only the comment itself knows of itself.
    system.kill().await;
    for pr in [pr, never] {
        system.put(pr, &[("desired", s("down"))]).await;
    }
    system.launch();
    system.until_phase(pr, Phase::Terminated).await;
    system.until_phase(never, Phase::Terminated).await;
    system.until_comment(pr, "It was taken down, as asked.").await;
    assert_eq!(system.comments(pr).len(), 1, "{:#?}", system.comments(pr));
    system.until_settled().await;
    assert!(system.comments(never).is_empty(), "{:#?}", system.comments(never));
    system.stop().await;
}

//! Floods of comments: what people who may give commands said is obeyed all the same, and a stranger costs next to nothing.

use bivouac_simcloud::Options;
use bivouac_simcloud::github::Outcome;

use crate::system::{REPO, System, policy};
use crate::wait;

/// A bot alone that writes no more than GitHub allows, and so many pull requests.
async fn bot(pull_requests: usize) -> (System, Vec<u64>) {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.keep_content_limits();
    system.launch_bot().await;
    let prs = (0..pull_requests).map(|_| system.bare_pull_request()).collect();
    system.hub.all_delivered().await.expect("that they were opened");
    system.hub.reset_calls();
    (system, prs)
}

/// Forty commands of one person take twenty seconds.
async fn until_up(system: &System, prs: &[u64]) {
    wait::until("an environment of each", async || {
        for pr in prs {
            if system.record(*pr).await.is_none() {
                let lost =
                    system.hub.deliveries().into_iter().map(|one| one.outcome).filter(is_lost).collect::<Vec<_>>();
                return Err(format!("#{pr} has none; lost deliveries: {lost:?}"));
            }
        }
        Ok(())
    })
    .await;
}

/// Whether a delivery was neither taken nor refused aloud.
fn is_lost(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Answered { status: 200..300 | 429, .. })
}

fn refused(system: &System) -> usize {
    let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Answered { status: 429, .. });
    system.hub.deliveries().iter().filter(|one| is_refused(&one.outcome)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_ups_of_one_maintainer_on_forty_pull_requests_are_all_obeyed() {
    let (system, prs) = bot(40).await;
    for pr in &prs {
        system.hub.comment(REPO, *pr, "maintainer", "/testenv up").unwrap();
    }
    system.hub.all_delivered().await.expect("an answer");
    assert_eq!(refused(&system), 0);
    until_up(&system, &prs).await;
    for pr in &prs {
        assert_eq!(system.audit(*pr).await, ["maintainer up Applied"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_flood_delays_no_command_and_writes_next_to_nothing() {
    let (system, prs) = bot(6).await;
    let (flooded, others) = prs.split_first().unwrap();
    for number in 1..=300 {
        system.hub.comment(REPO, *flooded, "contributor", "/testenv status").unwrap();
        // The embedded store keeps so many within the time that GitHub is promised.
        if number % 20 == 0 {
            system.hub.all_delivered().await.expect("an answer");
        }
    }
    for pr in others {
        system.hub.comment(REPO, *pr, "maintainer", "/testenv up").unwrap();
    }
    system.hub.comment(REPO, *flooded, "maintainer", "/testenv up").unwrap();
    until_up(&system, &prs).await;
    system.hub.all_delivered().await.expect("an answer");
    system.until_all_handled().await;
    // What is too much for one person is refused aloud, and not taken and dropped.
    assert!(refused(&system) >= 150, "{}", refused(&system));
    // Three answers of two writes, and 👀 for each command.
    let writes = system.hub.calls().content_writes();
    assert!(writes <= 3 * 2 + 6, "{writes} writes");
    let events = system.audit(*flooded).await;
    assert!(events.len() <= 4, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintainers_many_questions_delay_none_of_their_commands() {
    let (system, prs) = bot(6).await;
    let (asked, others) = prs.split_first().unwrap();
    for _ in 0..60 {
        system.hub.comment(REPO, *asked, "maintainer", "/testenv status").unwrap();
    }
    for pr in others {
        system.hub.comment(REPO, *pr, "maintainer", "/testenv up").unwrap();
    }
    until_up(&system, others).await;
    assert_eq!(refused(&system), 0);
}

//! Deliveries that come in any order, twice, and to a process that dies: the world ends as the pull request says.

use std::collections::BTreeSet;
use std::time::Duration;

use bivouac_model::{Desired, Phase};
use bivouac_simcloud::github::{Delivery, Outcome};
use bivouac_simcloud::{Fault, Rule, Service};

use crate::system::{REPO, System};

/// What somebody does on the pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// `/testenv up FEATURE_N=true`, by the maintainer.
    Up(u32),
    /// `/testenv down`, by the maintainer.
    Down,
    /// `/testenv down`, by somebody who may not.
    Stranger,
    Push,
    Close,
    Reopen,
}

use Act::{Close, Down, Push, Reopen, Stranger, Up};

/// What is to be in the end, whatever came when: the newest word, and nothing for a closed pull request. The flag of the
/// environment; `None`: there is none.
fn end_of(acts: &[Act]) -> Option<u32> {
    let mut is_open = true;
    let mut flag = None;
    for act in acts {
        match act {
            Up(number) => flag = Some(*number),
            Down => flag = None,
            Close => (is_open, flag) = (false, None),
            Reopen => is_open = true,
            Push | Stranger => {}
        }
    }
    flag.filter(|_| is_open)
}

fn commit(number: usize) -> String {
    format!("{:040x}", number + 1)
}

/// What a story left behind.
struct Told {
    system: System,
    pr: u64,
    /// The comments in order, by their numbers.
    comments: Vec<(Act, u64)>,
    head: String,
}

/// In which order things are delivered.
#[derive(Clone, Copy, Debug)]
enum Order<'a> {
    Seed(u64),
    /// By the places of the acts.
    These(&'a [usize]),
}

/// Does all of it while nothing is delivered, then delivers it in this order, each `copies` times.
async fn told(acts: &[Act], order: Order<'_>, copies: usize) -> Told {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    system.hub.set_delivery_copies(copies);
    system.hub.hold_deliveries();
    let maintainer = system.hub.person("maintainer");
    let (mut comments, mut head) = (Vec::new(), None);
    for (at, act) in acts.iter().enumerate() {
        system.tick();
        let comment = match act {
            Up(number) => maintainer.comment(REPO, pr, &format!("/testenv up FEATURE_{number}=true")).map(Some),
            Down => maintainer.comment(REPO, pr, "/testenv down").map(Some),
            Stranger => system.hub.comment(REPO, pr, "contributor", "/testenv down").map(Some),
            Push => maintainer.push(REPO, pr, head.insert(commit(at))).map(|()| None),
            Close => maintainer.close(REPO, pr).map(|()| None),
            Reopen => maintainer.reopen(REPO, pr).map(|()| None),
        };
        comments.extend(comment.unwrap().map(|id| (*act, id)));
    }
    let held = held(&system);
    let mut guids: Vec<&str> = held.iter().map(String::as_str).collect();
    match order {
        Order::Seed(seed) => fastrand::Rng::with_seed(seed).shuffle(&mut guids),
        Order::These(places) => guids = places.iter().map(|place| guids[*place]).collect(),
    }
    system.hub.release_deliveries(&guids).await.unwrap();
    system.hub.release_all_deliveries();
    system.until_all_handled().await;
    let head = head.unwrap_or_else(|| "0123456789abcdef0123456789abcdef01234567".to_owned());
    Told { system, pr, comments, head }
}

/// What is held, in the order it happened, each once.
fn held(system: &System) -> Vec<String> {
    let held = system.hub.deliveries().into_iter().filter(|one| one.outcome == Outcome::Held);
    let mut guids: Vec<String> = held.map(|one| one.guid).collect();
    guids.dedup();
    guids
}

/// Tells a story in an order, and looks at the world after it.
async fn ends_as_it_says(acts: &[Act], order: Order<'_>, copies: usize) {
    let told = told(acts, order, copies).await;
    let Told { system, pr, .. } = &told;
    let (pr, what) = (*pr, format!("{acts:?} in {order:?}"));
    if let Some(flag) = end_of(acts) {
        let record = system.until_phase(pr, Phase::Ready).await;
        let (wish, status) = (record.desired.unwrap(), record.status.unwrap());
        assert_eq!(wish.flags.keys().collect::<Vec<_>>(), [&format!("FEATURE_{flag}")], "{what}");
        assert_eq!(wish.requested_by.as_deref(), Some("maintainer"), "{what}");
        assert_eq!(wish.head_sha.as_deref(), Some(&*told.head), "{what}");
        let url = status.url.unwrap();
        assert!(reqwest::get(&url).await.unwrap().status().is_success(), "{what}: {url}");
        let (_, comment) = told.comments.iter().rfind(|(act, _)| *act == Up(flag)).unwrap();
        system.until_reaction(pr, *comment, "rocket").await;
        system.until_settled().await;
        assert!(system.comments(pr).iter().any(|body| body.contains(&url)), "{what}: {:#?}", system.comments(pr));
        assert_eq!(system.reactions(pr, *comment).len(), 2, "{what}: {:?}", system.reactions(pr, *comment));
        assert_eq!(system.services().len(), 1, "{what}: {:#?}", system.services());
    } else {
        if system.record(pr).await.is_some() {
            let record = system.until_phase(pr, Phase::Terminated).await;
            assert_eq!(record.desired.unwrap().desired, Desired::Down, "{what}");
        }
        system.until_settled().await;
        assert!(system.services().is_empty(), "{what}: {:#?}", system.services());
    }
    for (act, comment) in &told.comments {
        let (reactions, author) = (system.reactions(pr, *comment), if *act == Stranger { "contributor" } else { "" });
        let kinds: BTreeSet<_> = reactions.iter().collect();
        assert_eq!(kinds.len(), reactions.len(), "{what}: {act:?} has {reactions:?}");
        // 👀 is for people who may give the command.
        assert_eq!(kinds.contains(&"eyes".to_owned()), *act != Stranger, "{what}: {act:?} has {reactions:?}");
        assert!(author.is_empty() || kinds.contains(&"confused".to_owned()), "{what}: a stranger was obeyed");
    }
    // One of the environment, and at most one reply to each person.
    let (replies, of_environment): (Vec<_>, Vec<_>) =
        system.comments(pr).into_iter().partition(|body| body.starts_with("<!-- bivouac:reply "));
    assert!(of_environment.len() <= 1 && replies.len() <= 2, "{what}: {of_environment:#?} {replies:#?}");
}

/// Every order of two, and of three.
const TWO: [&[usize]; 2] = [&[0, 1], &[1, 0]];
const THREE: [&[usize]; 6] = [&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];

#[tokio::test(flavor = "multi_thread")]
async fn closed_and_up_in_every_order() {
    for order in TWO {
        ends_as_it_says(&[Up(1), Close], Order::These(order), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_and_up_in_every_order() {
    for order in TWO {
        ends_as_it_says(&[Up(1), Push], Order::These(order), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_down_and_up_in_every_order() {
    for order in THREE {
        ends_as_it_says(&[Up(1), Down, Up(2)], Order::These(order), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_closed_and_opened_again_in_every_order() {
    for order in THREE {
        ends_as_it_says(&[Up(1), Close, Reopen], Order::These(order), 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_story_in_any_order_once_or_twice() {
    for seed in 100..106 {
        let mut random = fastrand::Rng::with_seed(seed);
        let acts: Vec<Act> = (0..random.usize(3..8))
            .map(|at| match random.u8(0..8) {
                0..3 => Up(u32::try_from(at).unwrap()),
                3 => Down,
                4 => Stranger,
                5 => Push,
                6 => Close,
                _ => Reopen,
            })
            .collect();
        ends_as_it_says(&acts, Order::Seed(seed), random.usize(1..=2)).await;
    }
}

/// The one delivery of this comment.
fn delivery(system: &System, comment: u64) -> Delivery {
    let name = format!("#issuecomment-{comment}\"");
    let mut all = system.hub.deliveries().into_iter();
    all.find(|one| one.event == "issue_comment" && one.body.contains(&name)).expect("it was mailed")
}

/// An `up` that shows whether it was obeyed twice.
const UP: &str = "/testenv up\n/testenv extend 2h";

/// A bot that was killed; the next one, and GitHub's redelivery, come to what one bot would have come to.
async fn the_next_one_carries_on(mut system: System, pr: u64, comment: u64) {
    system.kill_bot().await;
    system.cloud.faults().clear();
    system.launch();
    system.launch_bot().await;
    let again = system.hub.redeliver(&delivery(&system, comment).guid).unwrap();
    let again = system.hub.delivered(again).await.unwrap();
    assert!(matches!(again.outcome, Outcome::Answered { status: 202, .. }), "{again:?}");
    system.until_all_handled().await;
    let record = system.until_phase(pr, Phase::Ready).await;
    system.until_reaction(pr, comment, "rocket").await;
    system.until_settled().await;
    let wish = record.desired.unwrap();
    assert_eq!((wish.generation, wish.ttl.unwrap().get().as_secs()), (Some(1), 50 * 3600), "obeyed once");
    assert_eq!(system.reactions(pr, comment), ["eyes", "rocket"]);
    assert_eq!(system.comments(pr).len(), 1, "{:#?}", system.comments(pr));
    assert_eq!(system.services().len(), 1, "{:#?}", system.services());
    let audit = system.audit(pr).await;
    let asked: Vec<_> = audit.iter().filter(|line| line.starts_with("maintainer")).collect();
    assert_eq!(asked, ["maintainer up Applied", "maintainer extend Applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_write_of_the_letter_and_the_answer_to_github() {
    let (system, pr) = System::bot_alone().await;
    // Done, and nobody hears of it: the bot asks again and again, and is killed meanwhile.
    system.cloud.faults().add(Rule::operation(Service::DynamoDb, "TransactWriteItems", Fault::DropAfter));
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    system.until_letters(1).await;
    assert_eq!(delivery(&system, comment).outcome, Outcome::Waiting, "GitHub has no answer");
    the_next_one_carries_on(system, pr, comment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_write_of_the_record_and_everything_after_it() {
    let (system, pr) = System::bot_alone().await;
    system.cloud.faults().add(Rule::operation(Service::DynamoDb, "UpdateItem", Fault::DropAfter));
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    system.until(pr, "written", |_| true).await;
    assert!(system.audit(pr).await.is_empty(), "it came to nothing more than the record");
    assert_eq!(system.inbox.waiting(10).await.unwrap().len(), 1);
    the_next_one_carries_on(system, pr, comment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_answers_and_the_end_of_the_letter() {
    let (system, pr) = System::bot_alone().await;
    system.cloud.faults().add(Rule::operation(Service::DynamoDb, "DeleteItem", Fault::DropBefore));
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    system.until_reaction(pr, comment, "eyes").await;
    let hits = system.cloud.faults().hits();
    while system.cloud.faults().hits() == hits {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    the_next_one_carries_on(system, pr, comment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_bot_does_nothing_twice() {
    let (mut system, pr) = System::bot_alone().await;
    let comment = system.hub.comment(REPO, pr, "maintainer", UP).unwrap();
    for round in 1..=8 {
        tokio::time::sleep(Duration::from_millis(5 * round)).await;
        system.kill_bot().await;
        system.launch_bot().await;
    }
    the_next_one_carries_on(system, pr, comment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_closes_the_environment_goes_all_the_same() {
    let mut system = System::with_bot().await;
    let pr = system.pull_request();
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.until_phase(pr, Phase::Ready).await;
    system.cloud.faults().add(Rule::operation(Service::DynamoDb, "DeleteItem", Fault::DropBefore));
    system.hub.person("maintainer").close(REPO, pr).unwrap();
    system.until(pr, "down", |record| record.desired.as_ref().unwrap().desired == Desired::Down).await;
    system.kill_bot().await;
    system.cloud.faults().clear();
    system.launch_bot().await;
    system.until_all_handled().await;
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty());
    assert_eq!(system.comments(pr).len(), 1);
    let audit = system.audit(pr).await;
    assert_eq!(audit.iter().filter(|line| line.contains("close")).count(), 1, "{audit:?}");
}

//! Driven by people on a pull request: GitHub's signed deliveries go to the daemon's own port, once, twice, in any order.

use std::collections::BTreeSet;
use std::time::Duration;

use bivouac_simcloud::github::{CommentView, Fault, FaultRule, Outcome};

use crate::wait::until;
use crate::world::{BOT, HEAD, REPO, World};

/// What is pushed later.
const NEXT: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// How GitHub delivers.
#[derive(Clone, Copy, Debug)]
enum Deliveries {
    /// As it happens.
    Once,
    /// Each twice, under one name.
    Doubled,
    /// Each once or twice, in an order by the seed.
    InAnyOrder { seed: u64, copies: usize },
}

impl Deliveries {
    /// Does something on the pull request, and waits until the daemon has heard and handled all of it.
    async fn of<T>(self, world: &World, act: impl FnOnce(&World) -> T) -> T {
        let done = match self {
            Self::Once | Self::Doubled => {
                world.hub.set_delivery_copies(if matches!(self, Self::Once) { 1 } else { 2 });
                act(world)
            }
            Self::InAnyOrder { seed, copies } => {
                world.hub.set_delivery_copies(copies);
                world.hub.hold_deliveries();
                let done = act(world);
                let held = world.hub.deliveries().into_iter().filter(|one| one.outcome == Outcome::Held);
                let mut guids: Vec<String> = held.map(|one| one.guid).collect::<BTreeSet<_>>().into_iter().collect();
                fastrand::Rng::with_seed(seed).shuffle(&mut guids);
                let guids: Vec<&str> = guids.iter().map(String::as_str).collect();
                world.hub.release_deliveries(&guids).await.expect("delivered");
                world.hub.release_all_deliveries();
                done
            }
        };
        world.hub.all_delivered().await.expect("delivered");
        for one in world.hub.deliveries() {
            assert!(matches!(one.outcome, Outcome::Answered { status: 200..300, .. }), "{one:?}");
        }
        world.until_all_handled().await;
        done
    }
}

impl World {
    /// How the bot reacted to a comment.
    fn reactions(&self, comment: u64) -> Vec<&'static str> {
        let comments = self.hub.comments(REPO, self.pr).expect("comments").into_iter();
        let reactions = comments.filter(|one| one.id == comment).flat_map(|one| one.reactions);
        reactions.filter(|(login, _)| login == BOT).map(|(_, reaction)| reaction).collect()
    }

    async fn until_reactions(&self, comment: u64, expected: &[&str]) {
        until("the reactions", async || {
            let reactions = self.reactions(comment);
            if reactions == expected { Ok(()) } else { Err(format!("{reactions:?}")) }
        })
        .await;
    }

    /// What the bot wrote: the comment of the environment, and its replies.
    fn said(&self) -> (Vec<CommentView>, Vec<CommentView>) {
        let comments = self.hub.comments(REPO, self.pr).expect("comments").into_iter();
        comments.filter(|one| one.author == BOT).partition(|one| !one.body.starts_with("<!-- bivouac:reply "))
    }

    /// Waits until the one comment of the environment says this.
    async fn until_said(&self, what: &str) -> CommentView {
        until("the comment", async || match &self.said().0[..] {
            [comment] if comment.body.contains(what) => Ok(comment.clone()),
            other => Err(format!("{other:#?}")),
        })
        .await
    }

    /// Plays Fargate until the environment is `Ready` where it answers with this image. Answers the address for people.
    async fn until_it_answers(&mut self, digest: &str) -> String {
        until("an environment that answers", async || {
            let Some(address) = self.fargate.catch_up().await else { return Err("no task".into()) };
            let url = format!("http://{address}:{}/", crate::world::PORT);
            let record = self.get();
            if record["phase"] != "Ready" || record["url"] != url.as_str() {
                return Err(record.to_string());
            }
            let answer = reqwest::get(&url).await.expect("the environment answers").text().await.expect("a text");
            if answer.ends_with(digest) { Ok(url) } else { Err(answer) }
        })
        .await
    }
}

/// One conversation from the first word to the last, which ends in the same world however it is delivered.
async fn conversation(test: &str, deliveries: Deliveries) {
    let mut world = World::new(test).await;
    let daemon = world.program.daemon().await;
    world.tell(&daemon);
    let digest = world.push(&format!("pr-{}-ci", world.pr)).await;

    let pr = world.pr;
    let (stranger, last) = deliveries
        .of(&world, |world| {
            let says = |who, what| world.hub.comment(REPO, pr, who, what).expect("a comment");
            says("maintainer", "Let us see.\n\n/testenv up FEATURE_OLD=true");
            says("maintainer", "/testenv down");
            let stranger = says("contributor", "/testenv up FEATURE_EVIL=true");
            world.hub.push(REPO, pr, NEXT).expect("a push");
            (stranger, says("maintainer", "/testenv up FEATURE_NEW=true ttl=4h"))
        })
        .await;
    let url = world.until_it_answers(&digest).await;
    let comment = world.until_said(&url).await;
    world.until_reactions(last, &["eyes", "rocket"]).await;
    world.until_nothing_to_do().await;

    let item = world.item().await.expect("the record");
    let text = |name: &str| item[name].as_s().expect("a text").as_str();
    assert_eq!((text("desired"), text("phase"), text("ttl")), ("up", "Ready", "4h"));
    assert_eq!((text("requested_by"), text("head_sha")), ("maintainer", NEXT));
    assert!(text("request_url").ends_with(&format!("#issuecomment-{last}")), "{item:#?}");
    let flags = item["flags"].as_m().expect("a map");
    assert_eq!(flags.keys().collect::<Vec<_>>(), ["FEATURE_NEW"]);
    assert_eq!(world.services().await.len(), 1);
    assert_eq!(world.reactions(stranger), ["confused"], "👀 is for people who may give the command");
    let (_, replies) = world.said();
    let refused = replies.iter().filter(|reply| reply.body.contains("sorry")).count();
    assert_eq!(refused, 1, "{replies:#?}");

    deliveries.of(&world, |world| world.hub.person("maintainer").close(REPO, pr).expect("closed")).await;
    world.until_no_service().await;
    assert_eq!(world.fargate.catch_up().await, None);
    world.until_phase("Terminated", None).await;
    let end = world.until_said("taken down").await;
    assert_eq!(end.id, comment.id, "the same one");
    world.until_nothing_to_do().await;
    assert_eq!(world.services().await, [""; 0]);
    assert_eq!(world.live_task_definitions().await, [""; 0]);
    assert_eq!(world.said().1.len(), replies.len(), "closing is no reason to reply");
    assert_eq!(world.reactions(last), ["eyes", "rocket"]);

    let status = daemon.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_becomes_an_environment_and_closing_takes_everything_away() {
    conversation("talk", Deliveries::Once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_every_delivery_doubled() {
    conversation("twice", Deliveries::Doubled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_any_order() {
    for (seed, copies) in [(1, 1), (2, 2)] {
        conversation(&format!("order{seed}"), Deliveries::InAnyOrder { seed, copies }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_before_the_up_was_heard_of_starts_nothing() {
    let mut world = World::new("closed").await;
    let daemon = world.program.daemon().await;
    world.tell(&daemon);
    world.push(&format!("pr-{}-ci", world.pr)).await;
    world.hub.hold_deliveries();
    let comment = world.hub.comment(REPO, world.pr, "maintainer", "/testenv up").expect("a comment");
    world.hub.person("maintainer").close(REPO, world.pr).expect("closed");
    let held: Vec<_> = world.hub.deliveries().into_iter().filter(|one| one.outcome == Outcome::Held).collect();
    let guids: Vec<&str> = held.iter().rev().map(|one| &*one.guid).collect();
    assert_eq!(held.last().map(|one| &*one.event), Some("pull_request"), "the closing goes first");
    world.hub.release_deliveries(&guids).await.expect("delivered");
    world.until_all_handled().await;
    world.until_reactions(comment, &["eyes", "confused"]).await;
    assert_eq!(world.item().await, None, "nothing is written");
    assert_eq!(world.services().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_between_the_record_and_the_answer_repeats_nothing() {
    let mut world = World::new("answer").await;
    let daemon = world.program.daemon().await;
    world.tell(&daemon);
    let digest = world.push(&format!("pr-{}-ci", world.pr)).await;
    // 👀 comes late, and before it nothing is answered; the record does not wait for it.
    let slow = FaultRule::new(Fault::Latency(Duration::from_secs(30))).method("POST");
    world.hub.inject(slow.route("/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"));
    let asked = "/testenv up\n/testenv extend 2h";
    let comment = world.hub.comment(REPO, world.pr, "maintainer", asked).expect("a comment");
    until("the record", async || world.item().await.map(drop).ok_or_else(|| "nothing yet".to_owned())).await;
    daemon.kill();
    assert_eq!(world.reactions(comment), [""; 0], "it was killed before the answer");
    world.hub.clear_faults();

    let daemon = world.program.daemon().await;
    let mut told = world.hub.deliveries().into_iter();
    let guid = told.find(|one| one.event == "issue_comment").expect("it was delivered").guid;
    let again = world.hub.redeliver(&guid).expect("redelivered");
    let again = world.hub.delivered(again).await.expect("delivered");
    assert!(matches!(again.outcome, Outcome::Answered { status: 202, .. }), "{again:?}");
    let url = world.until_it_answers(&digest).await;
    world.until_said(&url).await;
    world.until_reactions(comment, &["eyes", "rocket"]).await;
    world.until_all_handled().await;
    world.until_nothing_to_do().await;
    let item = world.item().await.expect("the record");
    assert_eq!(item["generation"].as_n().map(String::as_str), Ok("1"), "written once");
    assert_eq!(item["ttl"].as_s().map(String::as_str), Ok("50h"), "extended once: {item:#?}");
    assert_eq!(item["head_sha"].as_s().map(String::as_str), Ok(HEAD));
    assert_eq!(world.said().1.len(), 0, "there is nothing to say");
    assert_eq!(world.services().await.len(), 1);
    daemon.terminate().await;
}

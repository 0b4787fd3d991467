//! An approval binds the commit that was looked at, on the whole system: daemon, bot, embedded cloud and forge.

use std::time::Duration;

use bivouac_bot::{Policy as Rules, Required};
use bivouac_model::command::Verb;
use bivouac_model::{Desired, ImageDigest, Phase, Record};
use bivouac_ports::Permission;
use bivouac_simcloud::Options;
use bivouac_simcloud::github::{Outcome, Person};

use crate::system::{ECR, REPO, System, message_of, phase_of, policy};

const FIRST: &str = "0123456789abcdef0123456789abcdef01234567";
const SECOND: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A system, and the pull request of an outsider from a fork, whose first commit the bot has seen.
struct Scene {
    system: System,
    outsider: Person,
    pr: u64,
}

impl Scene {
    async fn new() -> Self {
        Self::with_resync(Duration::from_millis(500)).await
    }

    async fn with_resync(resync: Duration) -> Self {
        let mut system = System::without_daemon(Options::default(), policy()).await;
        system.launch_with(resync);
        system.launch_bot().await;
        let outsider = system.hub.person("outsider");
        let pr = outsider.open_pull_request(REPO, "A change", FIRST, Some("outsider/shop")).unwrap();
        system.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
        let scene = Self { system, outsider, pr };
        scene.seen().await;
        scene
    }

    /// Everything is handled, and what follows is later.
    async fn seen(&self) {
        self.system.hub.all_delivered().await.unwrap();
        self.system.until_all_handled().await;
        self.system.tick();
    }

    async fn up(&self) -> u64 {
        self.system.hub.comment(REPO, self.pr, "maintainer", "/testenv up").unwrap()
    }

    async fn running(&self) {
        self.up().await;
        self.system.until_phase(self.pr, Phase::Ready).await;
        self.seen().await;
    }

    fn push(&self, sha: &str) {
        self.outsider.push(REPO, self.pr, sha).unwrap();
    }

    /// CI pushes another image under the tag, later than everything at the forge.
    async fn build(&self) -> ImageDigest {
        self.system.past_the_forge().await;
        ImageDigest::new(&self.system.cloud.ecr().push_image(ECR, &format!("pr-{}-ci", self.pr)))
    }

    /// The record says that the image may be of another commit, and nothing runs.
    async fn until_held(&self) {
        let is_held = |record: &Record| {
            phase_of(record) == Some(Phase::WaitingForImage)
                && message_of(record).contains("`image_commit = \"label\"`")
        };
        self.system.until(self.pr, "held", is_held).await;
        self.system.until_settled().await;
        assert!(self.system.services().is_empty(), "{:#?}", self.system.services());
    }

    /// Nothing was started, and the maintainer is shown the commit that it would have been; with it, it starts.
    async fn until_refused(&self) {
        let system = &self.system;
        let offer = format!("`/testenv up sha={SECOND}`");
        system.until_comment(self.pr, &offer).await;
        assert!(system.record(self.pr).await.is_none_or(|record| record.desired.unwrap().desired == Desired::Down));
        assert!(system.services().is_empty(), "{:#?}", system.services());
        assert!(system.audit(self.pr).await.contains(&"maintainer up HeadNotSeen".to_owned()));
        self.build().await;
        system.tick();
        let named = format!("/testenv up sha={SECOND}");
        let comment = system.hub.comment(REPO, self.pr, "maintainer", &named).unwrap();
        let record = system.until_phase(self.pr, Phase::Ready).await;
        assert_eq!(head(&record), Some(SECOND));
        system.until_reaction(self.pr, comment, "rocket").await;
        system.until_settled().await;
    }
}

fn digest(record: &Record) -> Option<ImageDigest> {
    record.status.as_ref()?.machinery.image_digest.clone()
}

fn head(record: &Record) -> Option<&str> {
    record.desired.as_ref().unwrap().head_sha.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_delivery_is_under_way_is_not_approved() {
    let scene = Scene::new().await;
    scene.system.hub.hold_deliveries();
    scene.push(SECOND);
    scene.system.tick();
    scene.up().await;
    // The comment comes first, and the push after it was handled.
    let held: Vec<_> = scene.system.hub.deliveries().into_iter().filter(|one| one.outcome == Outcome::Held).collect();
    let comment = held.iter().find(|one| one.event == "issue_comment").expect("it was mailed");
    scene.system.hub.release_deliveries(&[&comment.guid]).await.unwrap();
    scene.system.until_all_handled().await;
    scene.system.hub.release_all_deliveries();
    scene.system.until_all_handled().await;
    scene.until_refused().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_in_the_second_of_the_command_is_not_approved() {
    loop {
        // A round that misses the second ends with its scene: a head that came back is another case.
        let scene = Scene::new().await;
        scene.system.hub.hold_deliveries();
        scene.push(SECOND);
        scene.up().await;
        let same = scene.system.hub.deliveries().into_iter().rev().take(2).map(|one| one.at.timestamp());
        let same: Vec<i64> = same.collect();
        if same[0] != same[1] {
            continue;
        }
        scene.system.hub.release_all_deliveries();
        scene.seen().await;
        scene.until_refused().await;
        return;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_an_earlier_process_handled_is_not_approved() {
    let mut scene = Scene::new().await;
    scene.system.hub.hold_deliveries();
    scene.up().await;
    scene.system.tick();
    scene.push(SECOND);
    let guids: Vec<_> = scene.system.hub.deliveries();
    let guid = |event: &str| guids.iter().rfind(|one| one.event == event).expect("it was mailed").guid.clone();
    scene.system.hub.release_deliveries(&[&guid("pull_request")]).await.unwrap();
    scene.system.until_all_handled().await;
    scene.system.kill_bot().await;
    scene.system.launch_bot().await;
    scene.system.hub.release_deliveries(&[&guid("issue_comment")]).await.unwrap();
    scene.system.hub.release_all_deliveries();
    scene.system.until_all_handled().await;
    scene.until_refused().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_approves_what_was_the_head_when_it_was_put_on() {
    for is_delivered in [true, false] {
        let mut scene = Scene::new().await;
        let maintainer = scene.system.hub.person("maintainer");
        scene.system.hub.hold_deliveries();
        if !is_delivered {
            scene.system.hub.set_delivery_copies(0);
        }
        maintainer.label(REPO, scene.pr, "testenv-up").unwrap();
        scene.system.tick();
        scene.push(SECOND);
        scene.system.tick();
        scene.system.hub.set_delivery_copies(1);
        scene.system.hub.release_all_deliveries();
        if !is_delivered {
            // Found by the comparison of the next process.
            scene.system.kill_bot().await;
            scene.system.bot_settings.compare_every = Duration::from_millis(300);
            scene.system.launch_bot().await;
        }
        scene.until_refused().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn update_branch_does_not_approve_what_an_outsider_pushed() {
    let mut scene = Scene::new().await;
    scene.system.kill_bot().await;
    scene.system.bot_settings.compare_every = Duration::from_millis(300);
    scene.system.launch_bot().await;
    scene.running().await;
    scene.push(SECOND);
    let maintainer = scene.system.hub.person("maintainer");
    scene.system.tick();
    let merge = maintainer.update_branch(REPO, scene.pr).unwrap();
    scene.seen().await;
    let record = scene.system.record(scene.pr).await.unwrap();
    assert_eq!(head(&record), Some(FIRST), "what was approved still runs");
    let refused = scene.system.audit(scene.pr).await;
    assert!(refused.iter().any(|line| line == "maintainer push NotTrusted"), "{refused:?}");
    // An `up` approves it, and then the maintainer's own pushes are followed, delivered or not.
    scene.up().await;
    scene.system.until(scene.pr, "approved", |record| head(record) == Some(&merge)).await;
    scene.seen().await;
    scene.system.hub.set_delivery_copies(0);
    for number in 1..=2 {
        maintainer.push(REPO, scene.pr, &format!("{number:040x}")).unwrap();
    }
    let last = format!("{:040x}", 2);
    scene.system.until(scene.pr, "rolled forward", |record| head(record) == Some(&last)).await;
    scene.system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_up_is_for_administrators_a_writers_push_is_not_followed() {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    let admins = Required { permission: Permission::Admin, users: vec!["maintainer".into()], ..Required::default() };
    system.bot_settings.policy = Rules::default().with(Verb::Up, admins);
    system.launch();
    system.launch_bot().await;
    let writer = system.hub.person("writer");
    system.hub.set_permission(REPO, "writer", bivouac_simcloud::github::Permission::Write).unwrap();
    let pr = system.pull_request();
    let settle = async || {
        system.hub.all_delivered().await.unwrap();
        system.until_all_handled().await;
        system.tick();
    };
    settle().await;
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.until_phase(pr, Phase::Ready).await;
    writer.push(REPO, pr, SECOND).unwrap();
    settle().await;
    assert_eq!(head(&system.record(pr).await.unwrap()), Some(FIRST));
    assert!(system.audit(pr).await.contains(&"writer push NotTrusted".to_owned()));
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.until(pr, "approved", |record| head(record) == Some(SECOND)).await;
    let third = "3".repeat(40);
    settle().await;
    system.hub.person("maintainer").push(REPO, pr, &third).unwrap();
    system.until(pr, "rolled forward", |record| head(record) == Some(&third)).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_was_edited_or_deleted_is_not_obeyed() {
    for is_edited in [true, false] {
        let scene = Scene::new().await;
        let system = &scene.system;
        system.hub.hold_deliveries();
        let comment = scene.up().await;
        let maintainer = system.hub.person("maintainer");
        if is_edited {
            maintainer.edit_comment(REPO, comment, "never mind").unwrap();
        } else {
            maintainer.delete_comment(REPO, comment).unwrap();
        }
        system.hub.release_all_deliveries();
        scene.seen().await;
        assert!(system.record(scene.pr).await.is_none());
        let reason = if is_edited { "Edited" } else { "CommentGone" };
        assert_eq!(system.audit(scene.pr).await, [format!("unknown up {reason}")]);
        assert!(system.comments(scene.pr).is_empty(), "{:#?}", system.comments(scene.pr));
        if is_edited {
            system.until_reaction(scene.pr, comment, "confused").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_of_the_secret_cannot_speak_for_a_maintainer() {
    let scene = Scene::new().await;
    let system = &scene.system;
    // The holder of the webhook secret takes a stranger's comment, and says that the maintainer wrote it.
    let comment = system.hub.comment(REPO, scene.pr, "outsider", "/testenv status").unwrap();
    scene.seen().await;
    let genuine = system.hub.deliveries().into_iter().rfind(|one| one.event == "issue_comment").expect("it was mailed");
    let mut payload: serde_json::Value = serde_json::from_str(&genuine.body).unwrap();
    let maintainer = payload["comment"]["user"].clone();
    let with_name = |mut user: serde_json::Value| {
        user["login"] = "maintainer".into();
        user
    };
    payload["comment"]["user"] = with_name(maintainer.clone());
    payload["sender"] = with_name(maintainer);
    payload["comment"]["body"] = "/testenv up".into();
    system.hub.make_up_delivery(genuine.hook, "issue_comment", payload).unwrap();
    system.hub.all_delivered().await.unwrap();
    let taken = system.hub.deliveries().pop().expect("it was sent").outcome;
    assert!(matches!(taken, Outcome::Answered { status: 202, .. }), "{taken:?}");
    system.until_all_handled().await;
    assert!(system.record(scene.pr).await.is_none());
    assert!(system.audit(scene.pr).await.contains(&"unknown up NotAsDelivered".to_owned()));
    assert!(!system.comments(scene.pr).iter().any(|body| body.contains("@maintainer")));
    assert!(!system.reactions(scene.pr, comment).contains(&"confused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_commit_that_is_named_does_not_run_the_image_of_the_newest() {
    let scene = Scene::new().await;
    scene.push(SECOND);
    scene.seen().await;
    let second = scene.build().await;
    scene.seen().await;
    let named = format!("/testenv up sha={FIRST}");
    scene.system.hub.comment(REPO, scene.pr, "maintainer", &named).unwrap();
    scene.until_held().await;
    assert_eq!(head(&scene.system.record(scene.pr).await.unwrap()), Some(FIRST));
    // The command that the message offers runs the commit that it names.
    scene.seen().await;
    scene.up().await;
    let ready = scene.system.until_phase(scene.pr, Phase::Ready).await;
    assert_eq!((head(&ready), digest(&ready)), (Some(SECOND), Some(second)));
    scene.system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offered_command_does_not_run_what_was_pushed_after_the_offer() {
    let scene = Scene::new().await;
    scene.system.hub.hold_deliveries();
    scene.push(SECOND);
    scene.up().await;
    scene.system.hub.release_all_deliveries();
    scene.system.until_comment(scene.pr, &format!("`/testenv up sha={SECOND}`")).await;
    scene.seen().await;
    scene.push(&"3".repeat(40));
    scene.seen().await;
    scene.build().await;
    scene.seen().await;
    let named = format!("/testenv up sha={SECOND}");
    scene.system.hub.comment(REPO, scene.pr, "maintainer", &named).unwrap();
    scene.until_held().await;
    assert_eq!(head(&scene.system.record(scene.pr).await.unwrap()), Some(SECOND));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_came_back_does_not_run_the_image_of_the_one_between() {
    let scene = Scene::new().await;
    scene.push(SECOND);
    scene.seen().await;
    scene.build().await;
    scene.outsider.force_push(REPO, scene.pr, FIRST).unwrap();
    scene.seen().await;
    scene.up().await;
    scene.until_held().await;
    let message = message_of(&scene.system.record(scene.pr).await.unwrap());
    assert!(!message.contains("/testenv"), "{message}");
    // It says that a new commit helps.
    let third = "3".repeat(40);
    scene.push(&third);
    scene.seen().await;
    let built = scene.build().await;
    scene.seen().await;
    scene.up().await;
    let ready = scene.system.until_phase(scene.pr, Phase::Ready).await;
    assert_eq!((head(&ready), digest(&ready)), (Some(&*third), Some(built)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_asks_for_an_up_that_runs_what_was_refused() {
    let scene = Scene::new().await;
    scene.running().await;
    let approved = digest(&scene.system.record(scene.pr).await.unwrap());
    scene.push(SECOND);
    scene.seen().await;
    scene.build().await;
    let is_held = |record: &Record| message_of(record).contains("needs a new `/testenv up`");
    scene.system.until(scene.pr, "held back", is_held).await;
    scene.outsider.force_push(REPO, scene.pr, FIRST).unwrap();
    scene.seen().await;
    let is_back = |record: &Record| message_of(record).contains("Another commit took the place of 0123456");
    let record = scene.system.until(scene.pr, "back", is_back).await;
    assert!(!message_of(&record).contains("/testenv"), "{}", message_of(&record));
    // An `up` all the same runs what was approved before, and nothing else.
    let before = record.generation;
    scene.up().await;
    scene.system.until(scene.pr, "asked for again", |record| record.generation > before).await;
    scene.system.until_settled().await;
    let record = scene.system.record(scene.pr).await.unwrap();
    assert_eq!((phase_of(&record), digest(&record)), (Some(Phase::Ready), approved));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_came_and_went_between_two_looks_does_not_run() {
    let scene = Scene::with_resync(Duration::from_secs(8)).await;
    scene.running().await;
    let approved = digest(&scene.system.record(scene.pr).await.unwrap());
    scene.push(SECOND);
    scene.outsider.force_push(REPO, scene.pr, FIRST).unwrap();
    scene.seen().await;
    scene.build().await;
    let is_held = |record: &Record| message_of(record).contains("Another commit took the place of 0123456");
    let record = scene.system.until(scene.pr, "held back", is_held).await;
    assert_eq!((phase_of(&record), digest(&record)), (Some(Phase::Ready), approved));
}

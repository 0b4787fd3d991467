//! A pull request is the user interface: from a signed webhook to an environment, its comment, and nothing again.

use std::time::Duration;

use bivouac_model::{Desired, Phase};
use bivouac_simcloud::Options;

use crate::system::{ECR, REPO, System, policy};

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
    let record = system.until_phase(pr, Phase::Terminated).await;
    assert_eq!(crate::system::reason_of(&record), "PullRequestClosed");
    system.until_settled().await;
    assert!(system.services().is_empty(), "{:#?}", system.services());
    let comments = system.comments(pr);
    assert!(comments[0].contains("The pull request was closed"), "{comments:?}");
    assert_eq!(system.reactions(pr, comment), ["eyes", "rocket"], "what was done was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_that_a_closing_ended_is_no_success() {
    let system = System::with_bot().await;
    let pr = system.bare_pull_request();
    let comment = system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    system.until_phase(pr, Phase::WaitingForImage).await;
    system.tick();
    system.hub.person("maintainer").close(REPO, pr).unwrap();
    system.until_phase(pr, Phase::Terminated).await;
    system.until_reaction(pr, comment, "confused").await;
    system.until_settled().await;
    assert_eq!(system.reactions(pr, comment), ["eyes", "confused"]);

    // Reopened, a new wish is a new wish.
    system.tick();
    system.hub.person("maintainer").reopen(REPO, pr).unwrap();
    system.until_all_handled().await;
    system.cloud.ecr().push_image(crate::system::ECR, &format!("pr-{pr}-ci"));
    let again = system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    let record = system.until_phase(pr, Phase::Ready).await;
    assert_eq!(record.desired.unwrap().closed_at, None);
    system.until_reaction(pr, again, "rocket").await;
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
async fn what_an_outsider_wrote_in_the_history_of_an_e_mail_is_not_obeyed() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    let histories = [
        "---- On Mon, 30 Nov 2026 13:00:00 +0000 Otto ***@***.***> wrote ----",
        "________________________________\nFrom: Otto ***@***.***>\nSent: Monday, November 30, 2026 1:00 PM\n\
         Subject: Re: [acme/shop] A change (PR #1)",
        "On Mon, Nov 30, 2026 at 1:00 PM Otto ***@***.***> wrote:",
    ];
    for history in histories {
        let body = format!(
            "No, please wait.\n\n{history}\n\n/testenv up FEATURE_SECRET=true\n\n—\nReply to this email directly"
        );
        let comment = system.hub.comment(REPO, pr, "maintainer", &body).unwrap();
        system.until_reaction(pr, comment, "confused").await;
    }
    system.until_all_handled().await;
    assert!(system.record(pr).await.is_none(), "nothing is obeyed");
    let said = system.comments(pr);
    assert_eq!(said.len(), 1, "one answer: {said:#?}");
    assert!(said[0].contains("since it stands in the history of an e-mail"), "{said:#?}");
    // Nobody else hears of it, and what stands above a history is obeyed.
    system.hub.comment(REPO, pr, "contributor", &format!("Hm.\n\n{}\n\n/testenv up", histories[2])).unwrap();
    system.hub.all_delivered().await.unwrap();
    system.until_all_handled().await;
    assert_eq!(system.comments(pr), said);
    let body = format!("/testenv up ttl=4h\n\n{}\n\n/testenv up FEATURE_SECRET=true", histories[0]);
    system.hub.comment(REPO, pr, "maintainer", &body).unwrap();
    let desired = system.until_phase(pr, Phase::Ready).await.desired.unwrap();
    assert!(desired.flags.is_empty() && desired.ttl.is_some(), "{desired:#?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_github_never_delivered_is_found_by_comparing() {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.bot_settings.compare_every = Duration::from_millis(300);
    system.launch();
    system.launch_bot().await;
    let (closed, pushed, labelled) = (system.pull_request(), system.pull_request(), system.pull_request());
    for pr in [closed, pushed] {
        system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    }
    for pr in [closed, pushed] {
        system.until_phase(pr, Phase::Ready).await;
    }
    system.hub.all_delivered().await.unwrap();
    system.until_all_handled().await;
    system.hub.set_delivery_copies(0);
    let (maintainer, next) = (system.hub.person("maintainer"), "89abcdef0123456789abcdef0123456789abcdef");
    maintainer.close(REPO, closed).unwrap();
    maintainer.push(REPO, pushed, next).unwrap();
    maintainer.label(REPO, labelled, "testenv-up").unwrap();
    system.until_phase(closed, Phase::Terminated).await;
    let head = |record: &bivouac_model::Record| record.desired.as_ref().unwrap().head_sha.clone();
    system.until(pushed, "rolled forward", |record| head(record).as_deref() == Some(next)).await;
    let record = system.until_phase(labelled, Phase::Ready).await;
    assert_eq!(record.desired.unwrap().requested_by.as_deref(), Some("maintainer"));
    system.tick();
    system.tick();
    maintainer.unlabel(REPO, labelled, "testenv-up").unwrap();
    system.until_phase(labelled, Phase::Terminated).await;
    system.until_settled().await;
    assert_eq!(system.services().len(), 1, "{:#?}", system.services());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outsider_pushes_needs_a_new_up_and_the_comment_says_so() {
    let mut ruled = policy();
    ruled.projects.values_mut().for_each(|project| project.image_commit = bivouac_planner::ImageCommit::Label);
    let mut system = System::without_daemon(Options::default(), ruled).await;
    system.launch();
    system.launch_bot().await;
    let (first, second) = ("0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef");
    let outsider = system.hub.person("outsider");
    let pr = outsider.open_pull_request(REPO, "A change", first, Some("outsider/shop")).unwrap();
    let image = |sha| {
        let revision = ("org.opencontainers.image.revision", sha);
        system.cloud.ecr().push_labelled(ECR, &format!("pr-{pr}-ci"), &[revision]);
    };
    image(first);
    // A commit is approved once the bot has seen it.
    system.hub.all_delivered().await.unwrap();
    system.until_all_handled().await;
    system.tick();
    let up = system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    let ready = system.until_phase(pr, Phase::Ready).await;
    system.until_reaction(pr, up, "rocket").await;
    let digest = ready.status.unwrap().machinery.image_digest;

    system.tick();
    outsider.push(REPO, pr, second).unwrap();
    image(second);
    let body = system.until_comment(pr, "is not approved yet").await;
    assert!(body.contains("`/testenv up`") && body.contains("`89abcde`"), "{body}");
    let kept = system.record(pr).await.unwrap();
    assert_eq!(kept.desired.unwrap().head_sha.as_deref(), Some(first));
    assert_eq!(kept.status.unwrap().machinery.image_digest, digest, "what was approved still runs");
    system.until_all_handled().await;

    system.tick();
    system.hub.comment(REPO, pr, "maintainer", "/testenv up").unwrap();
    let rolled = |record: &bivouac_model::Record| {
        record.status.as_ref().is_some_and(|status| {
            status.phase == Phase::Ready
                && status.machinery.image_digest.is_some()
                && status.machinery.image_digest != digest
        })
    };
    let rolled = system.until(pr, "rolled forward", rolled).await;
    assert_eq!(rolled.desired.unwrap().head_sha.as_deref(), Some(second));
    system.until_settled().await;
    assert!(!system.comments(pr)[0].contains("is not approved yet"), "{:#?}", system.comments(pr));
}

//! What was approved is what runs, on the embedded cloud and forge.

use bivouac_model::{ImageDigest, Phase, Record};
use bivouac_planner::{ImageCommit, Policy};
use bivouac_simcloud::Options;

use crate::system::{ECR, REPO, System, phase_of, policy, s};

const LABEL: &str = "org.opencontainers.image.revision";
/// What the pull requests of the tests begin with.
const APPROVED: &str = "0123456789abcdef0123456789abcdef01234567";
const NEWER: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn ruled(rule: ImageCommit) -> Policy {
    let mut policy = policy();
    policy.projects.values_mut().for_each(|project| project.image_commit = rule);
    policy
}

fn digest(record: &Record) -> Option<ImageDigest> {
    record.status.as_ref()?.machinery.image_digest.clone()
}

fn newer(record: &Record) -> Option<&str> {
    record.status.as_ref()?.machinery.commit.as_ref()?.newer.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_changes_nothing_before_it_is_approved() {
    for rule in [ImageCommit::PushTime, ImageCommit::Label] {
        let mut system = System::without_daemon(Options::default(), ruled(rule)).await;
        system.launch();
        let pr = system.bare_pull_request();
        let tag = format!("pr-{pr}-ci");
        system.put(pr, &[("head_sha", s(APPROVED))]).await;
        system.until_phase(pr, Phase::WaitingForImage).await;
        let first = system.cloud.ecr().push_labelled(ECR, &tag, &[(LABEL, APPROVED)]);
        let ready = system.until_phase(pr, Phase::Ready).await;
        assert_eq!(digest(&ready), Some(ImageDigest::new(&first)), "{rule:?}");
        let url = ready.status.and_then(|status| status.url);

        system.hub.push(REPO, pr, NEWER).expect("a push");
        let second = system.cloud.ecr().push_labelled_index(ECR, &tag, &[(LABEL, NEWER)]).index;
        let held = |record: &Record| {
            let status = record.status.as_ref();
            newer(record) == Some(NEWER) && status.is_some_and(|status| status.message.contains("`/testenv up`"))
        };
        let kept = system.until(pr, "held back", held).await;
        assert_eq!(phase_of(&kept), Some(Phase::Ready));
        assert_eq!((digest(&kept), kept.status.and_then(|status| status.url)), (Some(ImageDigest::new(&first)), url));
        let body = system.until_comment(pr, "is not approved yet").await;
        assert!(body.contains("`0123456`") && body.contains("`89abcde`"), "{body}");
        system.until_settled().await;

        system.set(pr, "head_sha", s(NEWER)).await;
        let rolled = |record: &Record| {
            phase_of(record) == Some(Phase::Ready) && digest(record) == Some(ImageDigest::new(&second))
        };
        let rolled = system.until(pr, "rolled forward", rolled).await;
        assert_eq!(newer(&rolled), None);
        system.until_settled().await;
        assert!(!system.comments(pr)[0].contains("is not approved yet"));
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_unchecked_goes_on_under_the_new_default_and_its_next_image_waits() {
    let mut system = System::without_daemon(Options::default(), ruled(ImageCommit::Unchecked)).await;
    system.launch();
    let pr = system.bare_pull_request();
    let tag = format!("pr-{pr}-ci");
    system.cloud.ecr().push_image(ECR, &tag);
    system.put(pr, &[("head_sha", s(APPROVED))]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.hub.push(REPO, pr, NEWER).expect("a push");
    let second = ImageDigest::new(&system.cloud.ecr().push_image(ECR, &tag));
    let runs = |digest: &ImageDigest| {
        let digest = digest.clone();
        move |record: &Record| phase_of(record) == Some(Phase::Ready) && self::digest(record).as_ref() == Some(&digest)
    };
    let before = system.until(pr, "rolled forward by nobody", runs(&second)).await;
    system.until_settled().await;
    // The task of the deployment before may still be stopping.
    let one_task = async || match system.services()[0].tasks.len() {
        1 => Ok(()),
        tasks => Err(format!("{tasks} tasks")),
    };
    crate::wait::until("one task", one_task).await;
    let tasks = system.services()[0].tasks.clone();
    system.stop().await;

    // The daemon of this release, with a configuration that says nothing.
    let mut default = policy();
    default.projects.values_mut().for_each(|project| {
        project.image_commit = ImageCommit::default_for(&project.image_tag);
    });
    system.policy = std::sync::Arc::new(default);
    system.launch();
    let third = ImageDigest::new(&system.cloud.ecr().push_image(ECR, &tag));
    let held = |record: &Record| {
        record.status.as_ref().is_some_and(|status| status.message.contains("needs a new `/testenv up`"))
    };
    let kept = system.until(pr, "held back", held).await;
    assert_eq!((phase_of(&kept), digest(&kept)), (Some(Phase::Ready), Some(second)));
    system.until_settled().await;
    assert_eq!(system.services()[0].tasks, tasks, "nothing is killed or replaced");
    let expires = |record: &Record| record.status.as_ref().map(|status| status.expires_at);
    assert_eq!(expires(&kept), expires(&before));

    system.set(pr, "head_sha", s(NEWER)).await;
    system.until(pr, "rolled forward", runs(&third)).await;
    system.until_settled().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_says_nothing_is_not_deployed_by_its_label() {
    let mut system = System::without_daemon(Options::default(), ruled(ImageCommit::Label)).await;
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[("head_sha", s(APPROVED))]).await;
    let failed = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(failed.status.map(|status| status.reason.into_owned()).as_deref(), Some("ImageUnlabelled"));
    assert!(system.services().is_empty());
    system.cloud.ecr().push_labelled(ECR, &format!("pr-{pr}-ci"), &[(LABEL, APPROVED)]);
    system.until_phase(pr, Phase::Ready).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_read_through_an_index_and_a_blob_and_only_once() {
    let system = System::without_daemon(Options::default(), policy()).await;
    let (ecr, registry) = (system.cloud.ecr(), &system.doors.registry);
    let image = ecr.push_labelled(ECR, "image", &[(LABEL, APPROVED), ("other", "label")]);
    let index = ecr.push_labelled_index(ECR, "index", &[(LABEL, NEWER)]).index;
    let silent = ecr.push_index(ECR, "silent").index;
    for (digest, said) in [(image, Some(APPROVED)), (index, Some(NEWER)), (silent, None)] {
        let digest = ImageDigest::new(&digest);
        assert_eq!(registry.revision(ECR, &digest).await.expect("an answer").as_deref(), said);
        assert_eq!(registry.revision(ECR, &digest).await.expect("the same").as_deref(), said);
    }
    let asked = system.cloud.calls().of(bivouac_simcloud::Service::Ecr, "GetDownloadUrlForLayer");
    assert_eq!(asked, 3, "a blob for each image, once");
}

//! Commands in reviews, hints about what is no command, and the label with the flags of the description.

use bivouac_model::Phase;

use crate::system::{REPO, System};

#[tokio::test(flavor = "multi_thread")]
async fn a_review_becomes_an_environment_and_another_takes_it_away() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    let maintainer = system.hub.person("maintainer");
    let review = maintainer.review(REPO, pr, "Approved.\n\n/testenv up FEATURE_X=true, FEATURE_Y=false").unwrap();
    let record = system.until_phase(pr, Phase::Ready).await;
    let desired = record.desired.unwrap();
    assert_eq!((desired.flags["FEATURE_X"].as_str(), desired.flags["FEATURE_Y"].as_str()), ("true", "false"));
    let url = desired.request_url.unwrap();
    assert!(url.ends_with(&format!("/pull/{pr}#pullrequestreview-{review}")), "{url}");
    system.until_comment(pr, &record.status.unwrap().url.unwrap()).await;

    system.tick();
    maintainer.review(REPO, pr, "/testenv down").unwrap();
    system.until_phase(pr, Phase::Terminated).await;
    system.until_settled().await;
    assert!(system.services().is_empty(), "{:#?}", system.services());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_meant_as_a_command_is_explained_once_to_people_who_may() {
    let system = System::with_bot().await;
    let pr = system.pull_request();
    for person in ["contributor", "maintainer"] {
        let comment = system.hub.comment(REPO, pr, person, "Thanks! /testenv up").unwrap();
        system.hub.person(person).edit_comment(REPO, comment, "/testenv up").unwrap();
    }
    system.until_all_handled().await;
    system.hub.person("maintainer").comment_on_line(REPO, pr, "/testenv up").unwrap();
    system.until_comment(pr, "a comment on a line of code is not read for commands").await;
    system.until_all_handled().await;
    let replies = system.comments(pr);
    assert_eq!(replies.len(), 1, "one reply to one person: {replies:#?}");
    assert!(replies[0].contains("maintainer") && system.record(pr).await.is_none(), "{replies:#?}");
    let audit = system.audit(pr).await;
    assert_eq!(audit.iter().filter(|line| line.contains("NotACommand")).count(), 2, "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_takes_the_flags_of_the_description() {
    let system = System::with_bot().await;
    let pr = system.hub.open_pull_request(REPO, "A change", "maintainer", &"a1".repeat(20), None).unwrap();
    system.cloud.ecr().push_image(crate::system::ECR, &format!("pr-{pr}-ci"));
    let maintainer = system.hub.person("maintainer");
    maintainer.describe(REPO, pr, "Test it with `FEATURE_X=true`, please.").unwrap();
    maintainer.label(REPO, pr, "testenv-up").unwrap();
    let record = system.until_phase(pr, Phase::Ready).await;
    assert_eq!(record.desired.unwrap().flags["FEATURE_X"], "true");
}

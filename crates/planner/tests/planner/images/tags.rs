//! Tags of pull requests.

use bivouac_model::{Desired, DesiredState, ItemKey, Phase, PullRequestState, Record};
use bivouac_planner::Pattern;

use super::repository::Repository;
use crate::fixtures::{commit, key};

fn record(desired: DesiredState) -> Record {
    Record { key: ItemKey::from(&key()), desired: Ok(desired), generation: None, status: None }
}

#[test]
fn the_tags_of_a_closed_pull_request_go() {
    let mut repository = Repository::new();
    let image = repository.image("one", &["pr-7-ci"]);
    let (_, plan) = repository.plan();
    assert_eq!(plan.ask.iter().map(ToString::to_string).collect::<Vec<_>>(), ["apache/superset#7"]);
    for (state, reason) in [
        (PullRequestState::Unknown, "PullRequestUnknown"),
        (PullRequestState::Open, "PullRequestOpen"),
        (PullRequestState::NotFound, "NoSuchPullRequest"),
        (PullRequestState::Closed, "PullRequestClosed"),
    ] {
        repository.pull(7, state);
        assert_eq!(repository.reason(&image), reason, "{state:?}");
    }
    for _ in 0..2 {
        repository.pass();
    }
    assert!(repository.held.is_empty(), "with its last tag it goes");
}

#[test]
fn never_a_tag_that_is_not_the_pull_requests() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    for tag in ["pr-7-ci-2", "xpr-7-ci", "pr-07-ci", "pr-7-c", "pr-77-ci", "PR-7-ci", "main", &"7".repeat(128)] {
        repository.image(tag, &[tag]);
    }
    for (image, _) in repository.held.values() {
        assert!(!repository.verdict(&image.digest).is_condemned(), "{:?}", image.tags);
    }
}

#[test]
fn an_image_with_another_tag_loses_only_the_pull_requests() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    let image = repository.image("one", &["pr-7-ci", "v1"]);
    assert_eq!(repository.reason(&image), "Tagged");
    for _ in 0..2 {
        repository.pass();
    }
    assert_eq!(*repository.held[&image].0.tags, ["v1".into()]);
}

#[test]
fn the_last_tag_of_what_is_in_use_stays() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    let runs = repository.image("runs", &["pr-7-ci"]);
    repository.running.push(runs.clone());
    for _ in 0..3 {
        repository.pass();
    }
    assert_eq!(*repository.held[&runs].0.tags, ["pr-7-ci".into()]);
    assert_eq!(repository.reason(&runs), "Running");
    // The same for the image of a platform under a list that stays: ECR would refuse its last tag.
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    let child = repository.image("child", &["pr-7-ci"]);
    repository.index(&[&child], &["v1"]);
    assert_eq!(repository.reason(&child), "ChildOfKept");
    for _ in 0..3 {
        assert_eq!(repository.pass().0, 0);
    }
}

#[test]
fn a_record_that_is_not_done_with_keeps_its_tags_and_what_it_names() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    repository.pull(8, PullRequestState::Closed);
    let (own, named) = (repository.image("own", &["pr-7-ci"]), repository.image("named", &["pr-8-ci"]));
    let desired = DesiredState { image_tag: Some("pr-8-ci".parse().unwrap()), ..DesiredState::default() };
    for desired in [desired.clone(), DesiredState { desired: Desired::Down, ..desired.clone() }] {
        repository.records = vec![record(desired)];
        assert_eq!((repository.reason(&own), repository.reason(&named)), ("Record", "Record"));
    }
    // An item that nobody understands has a key, and with it a tag.
    repository.records = vec![Record { desired: Err(Vec::new()), ..record(desired) }];
    assert_eq!((repository.reason(&own), repository.reason(&named)), ("Record", "PullRequestClosed"));
}

#[test]
fn a_tombstone_keeps_nothing_unless_somebody_wants_it_back() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    let (own, deployed) = (repository.image("own", &["pr-7-ci"]), repository.image("deployed", &[]));
    let mut world = crate::world::World::new(DesiredState::default());
    let mut status = world.reconcile().plan.status;
    status.phase = Phase::Terminated;
    status.machinery.image_digest = Some(deployed.clone());
    status.machinery.observed_generation = Some(3);
    let mut buried = record(DesiredState::default());
    (buried.generation, buried.status) = (Some(3), Some(status));
    repository.records = vec![buried.clone()];
    assert_eq!((repository.reason(&own), repository.reason(&deployed)), ("PullRequestClosed", "Untagged"));
    repository.records = vec![Record { generation: Some(4), ..buried }];
    assert_eq!((repository.reason(&own), repository.reason(&deployed)), ("Record", "Record"));
}

#[test]
fn a_tag_with_a_commit_goes_whatever_the_commit() {
    let mut repository = Repository::new();
    let project = repository.policy.projects.values_mut().next().unwrap();
    project.image_tag = Pattern::image_tag("pr-{pr}-{sha}").unwrap();
    repository.pull(7, PullRequestState::Closed);
    let images = [1, 2, 3].map(|number| repository.image(&format!("{number}"), &[&format!("pr-7-{}", commit(number))]));
    let other = repository.image("other", &["pr-7-0123456"]);
    for image in &images {
        assert_eq!(repository.reason(image), "PullRequestClosed");
    }
    assert_eq!(repository.reason(&other), "Tagged");
}

#[test]
fn a_tag_that_may_be_two_pull_requests_needs_both_closed() {
    let mut repository = Repository::new();
    let project = repository.policy.projects.values_mut().next().unwrap();
    project.image_tag = Pattern::image_tag("pr-{pr}{sha7}").unwrap();
    // Only of 12, with 3456789; and of 1, with nothing that is seven digits long: one owner.
    let one = repository.image("one", &["pr-123456789"]);
    repository.pull(12, PullRequestState::Closed);
    assert_eq!(repository.reason(&one), "PullRequestClosed");
    // Two projects that share a repository and a pattern.
    let mut second = repository.policy.projects.values().next().unwrap().clone();
    second.repo = "apache/airflow".parse().unwrap();
    repository.policy.projects.insert(second.repo.clone(), second);
    assert_eq!(repository.reason(&one), "PullRequestUnknown");
    repository.pulls.insert("apache/airflow#12".parse().unwrap(), PullRequestState::Closed);
    assert_eq!(repository.reason(&one), "PullRequestClosed");
}

#[test]
fn a_tag_that_moves_between_look_and_deletion_takes_nothing_with_it() {
    let mut repository = Repository::new();
    repository.pull(7, PullRequestState::Closed);
    let old = repository.image("old", &["pr-7-ci"]);
    let (inventory, plan) = repository.plan();
    let levels = plan.levels(&inventory);
    assert_eq!(levels, [vec![bivouac_model::ImageRef::TagOf("pr-7-ci".into(), old)]]);
}

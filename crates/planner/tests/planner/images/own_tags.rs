//! Tags that go with a pull request, while other records run the same image.

use std::collections::HashMap;

use bivouac_model::{Desired, DesiredState, ImageTag, ImageView, ItemKey, Record};
use bivouac_planner::images::{OwnTags, TagUse};

use crate::fixtures::{REPOSITORY, image, policy};
use crate::world::World;

fn tag(pr: u64) -> ImageTag {
    format!("pr-{pr}-ci").parse().expect("a tag")
}

/// A record that runs an image, or that is down.
fn record(pr: u64, runs: Option<u8>) -> Record {
    let desired = if runs.is_some() { Desired::Up } else { Desired::Down };
    let mut status = World::ready().status().clone();
    status.machinery.image_digest = runs.map(|number| image(number).digest);
    Record {
        key: ItemKey { repo: "apache/superset".into(), pr: pr.to_string().into() },
        desired: Ok(DesiredState { desired, ..DesiredState::default() }),
        generation: None,
        status: Some(status),
    }
}

fn images(tags: &[(ImageTag, u8)]) -> HashMap<ImageTag, ImageView> {
    tags.iter().map(|(tag, number)| (tag.clone(), ImageView::Found(image(*number)))).collect()
}

/// The tags that go with the pull request of the first record.
fn own(records: &[Record], listed: &[(ImageTag, u8)]) -> OwnTags {
    let (policy, images) = (policy(), images(listed));
    let mut tag_use = TagUse::of(&policy, records);
    tag_use.list(REPOSITORY, &images);
    tag_use.own(&policy, &records[0], &images).expect("a repository")
}

#[test]
fn a_tag_goes_while_another_environment_runs_the_image_under_its_own() {
    let records = [record(7, None), record(8, Some(1))];
    let own = own(&records, &[(tag(7), 1), (tag(8), 1)]);
    assert_eq!(own, OwnTags { tags: vec![tag(7)], shares: true });
}

#[test]
fn the_last_tag_of_an_image_in_use_stays() {
    let records = [record(7, None), record(8, Some(1))];
    // The other tag moved on, and its environment has not followed yet.
    let own = own(&records, &[(tag(7), 1), (tag(8), 2)]);
    assert_eq!(own, OwnTags { tags: vec![], shares: true });
}

#[test]
fn of_two_own_tags_on_an_image_in_use_one_stays() {
    let mut down = record(7, None);
    down.desired.as_mut().expect("a desired state").image_tag = Some("feature".parse().expect("a tag"));
    let feature: ImageTag = "feature".parse().expect("a tag");
    let records = [down, record(8, Some(1))];
    assert_eq!(own(&records, &[(tag(7), 1), (feature.clone(), 1)]).tags, [tag(7)]);
    assert_eq!(own(&records, &[(tag(7), 1), (feature.clone(), 1), (tag(8), 1)]).tags, [feature, tag(7)]);
}

#[test]
fn without_a_list_of_all_tags_an_image_in_use_keeps_them() {
    let records = [record(7, None), record(8, Some(1))];
    let policy = policy();
    let own = TagUse::of(&policy, &records).own(&policy, &records[0], &images(&[(tag(7), 1)]));
    assert_eq!(own, Some(OwnTags { tags: vec![], shares: true }));
}

#[test]
fn a_tag_that_another_record_names_is_not_the_pull_requests_own() {
    let mut other = record(8, Some(2));
    other.desired.as_mut().expect("a desired state").image_tag = Some(tag(7));
    assert_eq!(own(&[record(7, None), other], &[(tag(7), 1)]), OwnTags::default());
    // And an image that no other record runs goes with its tag.
    assert_eq!(own(&[record(7, None), record(8, Some(2))], &[(tag(7), 1)]).tags, [tag(7)]);
}

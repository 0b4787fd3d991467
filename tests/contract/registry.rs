//! The promises of the door to the registry.

use std::collections::HashSet;

use bivouac_model::{Image, ImageTag, ImageView};
use bivouac_ports::{Meaning, Registry as _};
use serde_json::json;

use super::differences::Gap;
use super::place::{Place, manifest, tag, unique};

/// Hands the names of all promises to the macro `$with`.
#[macro_export]
macro_rules! registry_promises {
    ($with:ident) => {
        $with! {
            registry:
            an_image_is_found_by_its_tag,
            a_tag_that_is_not_there_is_missing,
            a_repository_that_is_not_there_is_told,
            an_image_that_was_pushed_again_moves_its_tag,
            two_tags_can_name_one_image,
            removing_the_last_tag_removes_the_image,
            removing_what_is_not_there_is_done,
            more_tags_than_a_call_takes_are_all_removed,
            what_is_no_container_image_is_unusable,
            an_annotation_tells_the_commit,
        }
    };
}

fn found(view: ImageView) -> Image {
    match view {
        ImageView::Found(image) => image,
        other => panic!("no image: {other:?}"),
    }
}

pub async fn an_image_is_found_by_its_tag(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    let image = found(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"));
    assert!(image.digest.as_str().starts_with("sha256:"), "{}", image.digest);
    assert!(image.pushed_at.is_some());
    assert!(image.repository_uri.ends_with(&format!("/{repository}")), "{}", image.repository_uri);
    let all = registry.tagged_images(&repository).await.expect("a list");
    assert_eq!(all.len(), 1);
    assert_eq!(all[&tag("pr-7-ci")], ImageView::Found(image));
}

pub async fn a_tag_that_is_not_there_is_missing(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    assert_eq!(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"), ImageView::Missing);
    assert!(registry.tagged_images(&repository).await.expect("a list").is_empty());
}

pub async fn a_repository_that_is_not_there_is_told(place: &Place) {
    let (registry, repository) = (place.registry().await, unique("nowhere"));
    assert_eq!(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"), ImageView::NoRepository);
    let refused = registry.tagged_images(&repository).await.expect_err("no such repository");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
    registry.remove_tags(&repository, &[tag("pr-7-ci")]).await.expect("its tags are gone");
}

pub async fn an_image_that_was_pushed_again_moves_its_tag(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    let before = found(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"));
    place.push(&repository, "pr-7-ci", "two").await;
    let after = found(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"));
    assert_ne!(before.digest, after.digest);
    let all = registry.tagged_images(&repository).await.expect("a list");
    assert_eq!(found(all[&tag("pr-7-ci")].clone()).digest, after.digest);
    assert_eq!(all.len(), 1);
}

pub async fn two_tags_can_name_one_image(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    place.push(&repository, "pr-8-ci", "one").await;
    let all = registry.tagged_images(&repository).await.expect("a list");
    assert_eq!(all[&tag("pr-7-ci")], all[&tag("pr-8-ci")]);
    registry.remove_tags(&repository, &[tag("pr-7-ci")]).await.expect("it goes");
    assert_eq!(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"), ImageView::Missing);
    found(registry.image(&repository, &tag("pr-8-ci")).await.expect("the other stays"));
}

pub async fn removing_the_last_tag_removes_the_image(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    registry.remove_tags(&repository, &[tag("pr-7-ci")]).await.expect("it goes");
    assert!(registry.tagged_images(&repository).await.expect("a list").is_empty());
    let left = place.ecr("DescribeImages", json!({ "repositoryName": repository })).await;
    assert_eq!(left["imageDetails"], json!([]), "nothing untagged stays behind");
}

pub async fn removing_what_is_not_there_is_done(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    let tags = [tag("pr-7-ci"), tag("pr-404-ci")];
    registry.remove_tags(&repository, &tags).await.expect("one goes, one is gone");
    registry.remove_tags(&repository, &tags).await.expect("both are gone");
    registry.remove_tags(&repository, &[]).await.expect("nothing to do");
}

pub async fn more_tags_than_a_call_takes_are_all_removed(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    let tags: HashSet<ImageTag> = (0..101).map(|n| tag(&format!("pr-{n}-ci"))).collect();
    for tag in &tags {
        place.push(&repository, tag.as_str(), tag.as_str()).await;
    }
    let listed = registry.tagged_images(&repository).await.expect("a list");
    assert_eq!(listed.keys().cloned().collect::<HashSet<_>>(), tags);
    registry.remove_tags(&repository, &tags.into_iter().collect::<Vec<_>>()).await.expect("all go");
    assert!(registry.tagged_images(&repository).await.expect("a list").is_empty());
}

pub async fn what_is_no_container_image_is_unusable(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    let mut odd = manifest("odd");
    odd["mediaType"] = json!("application/vnd.example.from-the-future+json");
    place.push_manifest(&repository, "odd", &odd).await;
    place.push(&repository, "image", "one").await;
    let ImageView::Unusable(why) = registry.image(&repository, &tag("odd")).await.expect("an answer") else {
        panic!("it cannot run")
    };
    assert!(why.contains("from-the-future") && why.ends_with('.'), "{why}");
    if !place.emulator.has(Gap::NoArtifacts) {
        let mut chart = manifest("chart");
        chart["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
        chart["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        place.push_manifest(&repository, "chart", &chart).await;
        let chart = registry.image(&repository, &tag("chart")).await.expect("an answer");
        assert!(matches!(chart, ImageView::Unusable(_)), "{chart:?}");
    }
    let listed = registry.tagged_images(&repository).await.expect("one odd thing spoils no list");
    assert_eq!(listed[&tag("odd")], ImageView::Unusable(why), "the list says what a look says");
    found(listed[&tag("image")].clone());
}

pub async fn an_annotation_tells_the_commit(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    let mut told = manifest("told");
    told["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
    told["annotations"] = json!({ "org.opencontainers.image.revision": "0123abcd" });
    place.push_manifest(&repository, "told", &told).await;
    let image = found(registry.image(&repository, &tag("told")).await.expect("an answer"));
    for _ in 0..2 {
        let commit = registry.revision(&repository, &image.digest).await.expect("an answer");
        assert_eq!(commit.as_deref(), Some("0123abcd"));
    }
    let nowhere = bivouac_model::ImageDigest::new(&format!("sha256:{}", "0".repeat(64)));
    let refused = registry.revision(&repository, &nowhere).await.expect_err("no such image");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
    let refused = registry.revision(&unique("nowhere"), &nowhere).await.expect_err("no such repository");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
}

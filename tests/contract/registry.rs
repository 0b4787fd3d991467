//! The promises of the door to the registry.

use std::collections::HashSet;

use bivouac_model::{
    FailureCause, Image, ImageDigest, ImageRef, ImageTag, ImageView, ListedImage, ManifestKind, ManifestText,
};
use bivouac_ports::{Meaning, Registry as _};
use serde_json::{Value as Json, json};

use super::differences::Gap;
use super::place::{Place, manifest, tag, unique};

/// The media type of an OCI index.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

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
            the_inventory_tells_every_manifest_once,
            a_manifest_is_answered_byte_for_byte,
            images_are_deleted_by_digest_and_by_tag,
            what_a_list_names_goes_after_it,
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

/// Pushes an index of what is under a tag.
async fn push_index(place: &Place, repository: &str, tag: &str, child: &ImageDigest) -> Json {
    let child = json!({
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": child.as_str(), "size": 100,
        "platform": { "architecture": "amd64", "os": "linux" },
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [child] });
    place.push_manifest(repository, tag, &index).await;
    index
}

pub async fn the_inventory_tells_every_manifest_once(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    assert_eq!(registry.inventory(&repository).await.expect("a list"), []);
    place.push(&repository, "pr-7-ci", "one").await;
    place.push(&repository, "latest", "one").await;
    let one = found(registry.image(&repository, &tag("latest")).await.expect("an answer"));
    // The tag moves, and what it named has none any more.
    place.push(&repository, "pr-8-ci", "two").await;
    place.push(&repository, "pr-8-ci", "three").await;
    let inventory = registry.inventory(&repository).await.expect("a list");
    let untagged = usize::from(!place.emulator.has(Gap::NothingIsUntagged));
    assert_eq!(inventory.len(), 2 + untagged, "{inventory:#?}");
    let listed = inventory.iter().find(|image| image.digest == one.digest).expect("the first");
    let tags: HashSet<&str> = listed.tags.iter().map(|tag| &**tag).collect();
    assert_eq!(tags, HashSet::from(["pr-7-ci", "latest"]));
    assert!(listed.bytes > 0 && listed.pushed_at.is_some() && !listed.archived && listed.subject.is_none());
    assert_eq!(inventory.iter().filter(|image| image.tags.is_empty()).count(), untagged);
    if !place.emulator.has(Gap::NoArtifacts) {
        assert!(inventory.iter().all(|image| image.kind == ManifestKind::Image), "{inventory:#?}");
        let signature = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": ImageDigest::of(b"{}").as_str(), "size": 2 },
            "layers": [],
            "subject": { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": one.digest.as_str(), "size": 9 },
        });
        place.push_manifest(&repository, "signature", &signature).await;
        let inventory = registry.inventory(&repository).await.expect("a list");
        let signature: &ListedImage = inventory.iter().find(|image| image.kind == ManifestKind::Other).expect("it");
        assert_eq!(signature.subject.as_ref(), Some(&one.digest));
    }
    let refused = registry.inventory(&unique("nowhere")).await.expect_err("no such repository");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
}

pub async fn a_manifest_is_answered_byte_for_byte(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "pr-7-ci", "one").await;
    let one = found(registry.image(&repository, &tag("pr-7-ci")).await.expect("an answer"));
    let nowhere = ImageDigest::of(b"nowhere");
    let asked = [one.digest.clone(), nowhere.clone()];
    let texts = registry.manifests(&repository, &asked).await.expect("an answer");
    assert_eq!(texts.len(), 2, "each is answered");
    assert_eq!(texts[&one.digest], ManifestText::Text(manifest("one").to_string()));
    match place.emulator.has(Gap::LooseImages) {
        true => assert!(matches!(texts[&nowhere], ManifestText::Refused(_))),
        false => {
            assert_eq!(texts[&nowhere], ManifestText::Missing);
            assert_eq!(ImageDigest::of(manifest("one").to_string().as_bytes()), one.digest);
        }
    }
    assert!(registry.manifests(&repository, &[]).await.expect("nothing was asked").is_empty());
    let refused = registry.manifests(&unique("nowhere"), &asked).await.expect_err("no such repository");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
}

pub async fn images_are_deleted_by_digest_and_by_tag(place: &Place) {
    let (registry, repository) = (place.registry().await, place.repository().await);
    for (tag, content) in [("moves", "one"), ("pr-8-ci", "two"), ("pr-7-ci", "three"), ("latest", "three")] {
        place.push(&repository, tag, content).await;
    }
    let untagged = found(registry.image(&repository, &tag("moves")).await.expect("an answer")).digest;
    if !place.emulator.has(Gap::NothingIsUntagged) {
        place.push(&repository, "moves", "two").await;
    }
    let two = found(registry.image(&repository, &tag("pr-8-ci")).await.expect("an answer")).digest;
    let three = found(registry.image(&repository, &tag("latest")).await.expect("an answer")).digest;
    let images = [
        ImageRef::Digest(untagged.clone()),
        ImageRef::TagOf("pr-8-ci".into(), two.clone()),
        ImageRef::Tag("pr-7-ci".into()),
        ImageRef::Digest(ImageDigest::of(b"nowhere")),
        ImageRef::TagOf("latest".into(), ImageDigest::of(b"another")),
    ];
    let failures = registry.delete_images(&repository, &images).await.expect("an answer");
    let causes: Vec<(&ImageRef, FailureCause)> =
        failures.iter().map(|failure| (&failure.image, failure.cause)).collect();
    let moved = if place.emulator.has(Gap::LooseImages) { FailureCause::Gone } else { FailureCause::Moved };
    assert_eq!(causes, [(&images[3], FailureCause::Gone), (&images[4], moved)]);
    let mut left = registry.inventory(&repository).await.expect("a list");
    left.retain(|image| image.digest != two);
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!((&left[0].digest, &*left[0].tags), (&three, ["latest".into()].as_slice()));
    // Again, all of them are gone.
    let again = registry.delete_images(&repository, &images[..3]).await.expect("an answer");
    assert!(again.len() == 3 && again.iter().all(|failure| failure.cause == FailureCause::Gone), "{again:#?}");
    let gone = registry.delete_images(&unique("nowhere"), &images[..1]).await.expect("with its repository");
    assert_eq!(gone[0].cause, FailureCause::Gone);
    assert!(registry.delete_images(&repository, &[]).await.expect("nothing to do").is_empty());
}

pub async fn what_a_list_names_goes_after_it(place: &Place) {
    if place.emulator.has(Gap::LooseImages) {
        return;
    }
    let (registry, repository) = (place.registry().await, place.repository().await);
    place.push(&repository, "child", "one").await;
    let child = found(registry.image(&repository, &tag("child")).await.expect("an answer")).digest;
    let index = push_index(place, &repository, "index", &child).await;
    let index = ImageDigest::of(index.to_string().as_bytes());
    let inventory = registry.inventory(&repository).await.expect("a list");
    assert!(inventory.iter().any(|image| image.digest == index && image.kind == ManifestKind::Index));
    for image in [ImageRef::Digest(child.clone()), ImageRef::TagOf("child".into(), child.clone())] {
        let failures = registry.delete_images(&repository, std::slice::from_ref(&image)).await.expect("an answer");
        assert_eq!(failures.len(), 1);
        assert_eq!((&failures[0].image, failures[0].cause), (&image, FailureCause::Referenced));
        assert!(!failures[0].message.is_empty());
    }
    let both = [ImageRef::Digest(index), ImageRef::Digest(child)];
    assert_eq!(registry.delete_images(&repository, &both).await.expect("an answer"), []);
    assert_eq!(registry.inventory(&repository).await.expect("a list"), []);
}

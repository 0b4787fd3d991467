//! What no registry should answer, and what large ones do.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bivouac_model::{ImageDigest, ListedImage, ManifestKind};
use bivouac_planner::images::{
    ImageRoots, ImagesObserved, LARGEST_MANIFEST, Links, Manifest, Unread, plan_images, to_read,
};
use chrono::TimeDelta;

use super::repository::{OCI_INDEX, Repository, index};
use crate::fixtures::{REPOSITORY, policy, start};

#[test]
fn a_list_that_cannot_be_read_keeps_the_whole_repository() {
    for (spoiled, words) in [
        (Unread::NotWhole, "is not what its digest says"),
        (Unread::TooLarge, "is larger than 4 MB"),
        (Unread::Malformed, "is none that can be read"),
        (Unread::Refused("KmsError".into()), "could not be read"),
    ] {
        let mut repository = Repository::new();
        repository.pull(7, bivouac_model::PullRequestState::Closed);
        let (perhaps, closed) = (repository.image("perhaps its child", &[]), repository.image("closed", &["pr-7-ci"]));
        let shared = repository.image("shared", &["pr-7-ci-1", "v1"]);
        let list = repository.index(&[&perhaps], &[]);
        repository.spoiled.insert(list.clone(), Manifest::Unread(spoiled));
        for kept in [&list, &perhaps, &closed] {
            assert_eq!(repository.reason(kept), "ListUnread");
        }
        let (inventory, plan) = repository.plan();
        let at = inventory.iter().position(|image| image.digest == perhaps).unwrap();
        let said = plan.verdicts[at].sentence(&inventory);
        assert!(said.contains(list.short()) && said.contains(words), "{said}");
        assert!(plan.levels(&inventory).is_empty());
        assert!(repository.has(&shared));
    }
}

#[test]
fn texts_that_are_no_manifests_are_doubted() {
    let child = ImageDigest::of(b"child");
    let whole = index(&[&child]).to_string();
    let digest = |text: &str| ImageDigest::of(text.as_bytes());
    assert_eq!(
        Manifest::read(&digest(&whole), &whole, true),
        Manifest::Read(Links { children: [child.clone()].into(), subject: None })
    );
    // Cut off anywhere, it is another text than its digest says.
    for end in 0..whole.len() {
        assert_eq!(Manifest::read(&digest(&whole), &whole[..end], true), Manifest::Unread(Unread::NotWhole));
        // And if a registry lied about that, too, it would be no JSON.
        let cut = &whole[..end];
        assert_eq!(Manifest::read(&digest(cut), cut, true), Manifest::Unread(Unread::Malformed), "{cut}");
    }
    for text in [
        "[]",
        "{}",
        "null",
        "\"text\"",
        r#"{"manifests":null}"#,
        r#"{"manifests":{}}"#,
        r#"{"manifests":[1]}"#,
        r#"{"manifests":[{"digest":"sha256:../.."}]}"#,
        r#"{"manifests":[{"size":1}]}"#,
        r#"{"manifests":[],"subject":{"digest":""}}"#,
        r#"{"manifests":[],"subject":7}"#,
    ] {
        assert_eq!(Manifest::read(&digest(text), text, true), Manifest::Unread(Unread::Malformed), "{text}");
    }
    // An empty list is one (OCI image specification, "Image Index": `manifests` "MAY be empty").
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    assert_eq!(Manifest::read(&digest(empty), empty, true), Manifest::Read(Links::default()));
}

#[test]
fn four_megabytes_are_read_and_a_byte_more_is_not() {
    let padded = |length: usize| {
        let rest = r#"{"manifests":[],"annotations":{"pad":""}}"#.len();
        format!(r#"{{"manifests":[],"annotations":{{"pad":"{}"}}}}"#, "x".repeat(length - rest))
    };
    let (fits, over) = (padded(LARGEST_MANIFEST), padded(LARGEST_MANIFEST + 1));
    assert_eq!(Manifest::read(&ImageDigest::of(fits.as_bytes()), &fits, true), Manifest::Read(Links::default()));
    assert_eq!(Manifest::read(&ImageDigest::of(over.as_bytes()), &over, true), Manifest::Unread(Unread::TooLarge));
}

#[test]
fn a_circle_ends_and_stays() {
    let mut repository = Repository::new();
    let [a, b, c, outer, free] = ["a", "b", "c", "outer", "free"].map(|name| {
        repository.push(&serde_json::json!({ "mediaType": OCI_INDEX, "manifests": [], "name": name }), &[])
    });
    let leaf = repository.image("leaf", &[]);
    let names = |children: &[&ImageDigest]| {
        let children = children.iter().map(|child| (*child).clone()).collect();
        Manifest::Read(Links { children, subject: None })
    };
    repository.spoiled = HashMap::from([
        (a.clone(), names(&[&b])),
        (b.clone(), names(&[&c, &leaf])),
        (c.clone(), names(&[&a])),
        (outer.clone(), names(&[&a])),
        (free.clone(), names(&[&free])),
    ]);
    for circular in [&a, &b, &c, &free] {
        assert_eq!(repository.reason(circular), "ListCircular");
    }
    assert_eq!(repository.reason(&leaf), "ChildOfKept");
    assert_eq!(repository.reason(&outer), "Untagged", "it is above the circle, not of it");
}

#[test]
fn a_list_that_points_outside_stays_with_what_is_here() {
    let mut repository = Repository::new();
    let here = repository.image("here", &[]);
    let list = repository.index(&[&here, &ImageDigest::of(b"nowhere")], &[]);
    assert_eq!(repository.reason(&list), "ListPointsOutside");
    assert_eq!(repository.reason(&here), "ChildOfKept");
}

#[test]
fn what_may_be_a_referrer_and_cannot_be_read_stays_alone() {
    let mut repository = Repository::new();
    let odd = repository.push(&serde_json::json!({ "mediaType": "application/vnd.example.tomorrow" }), &[]);
    let other = repository.image("other", &[]);
    assert_eq!(repository.reason(&odd), "Untagged", "it was read, and refers to nothing");
    repository.spoiled.insert(odd.clone(), Manifest::Unread(Unread::NotWhole));
    assert_eq!(repository.reason(&odd), "ListUnread");
    assert_eq!(repository.reason(&other), "Untagged");
}

#[test]
fn a_hundred_thousand_images_with_long_tags_are_planned_in_time() {
    let policy = policy();
    let long = "x".repeat(120);
    let inventory: Vec<ListedImage> = (0..100_000u32)
        .map(|number| ListedImage {
            digest: ImageDigest::of(&number.to_be_bytes()),
            tags: if number % 2 == 0 { Box::default() } else { [format!("{long}{number:08}").into()].into() },
            kind: ManifestKind::Image,
            bytes: 1,
            pushed_at: Some(start() - TimeDelta::days(2)),
            subject: None,
            archived: false,
        })
        .collect();
    assert_eq!(inventory[1].tags[0].len(), 128);
    assert_eq!(to_read(&inventory, &policy, start()).count(), 0);
    let began = Instant::now();
    let observed = ImagesObserved {
        repository: REPOSITORY,
        inventory: &inventory,
        manifests: &HashMap::new(),
        roots: &ImageRoots::default(),
        pulls: &BTreeMap::new(),
        hold: None,
    };
    let plan = plan_images(&observed, &policy, start());
    // Unoptimized and on a busy machine; the benchmark has the real figure.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(plan.verdicts.iter().filter(|verdict| verdict.is_condemned()).count(), 50_000);
}

//! The kinds of manifests that build tools push, and what needs what.

use bivouac_model::ImageDigest;
use chrono::TimeDelta;
use serde_json::json;

use super::repository::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Repository, descriptor, image};

#[test]
fn what_is_untagged_and_old_and_unused_goes() {
    let mut repository = Repository::new();
    let (tagged, untagged) = (repository.image("one", &["latest"]), repository.image("two", &[]));
    let young = repository.image("three", &[]);
    repository.aged(&young, TimeDelta::hours(23));
    let timeless = repository.image("four", &[]);
    repository.held.get_mut(&timeless).unwrap().0.pushed_at = None;
    let archived = repository.image("five", &[]);
    repository.held.get_mut(&archived).unwrap().0.archived = true;
    assert_eq!(repository.reason(&untagged), "Untagged");
    assert_eq!(repository.reason(&tagged), "Tagged");
    assert_eq!(repository.reason(&young), "Young");
    assert_eq!(repository.reason(&timeless), "NoPushTime");
    assert_eq!(repository.reason(&archived), "Archived");
}

#[test]
fn every_kind_of_use_is_a_root() {
    let mut repository = Repository::new();
    let names = ["runs", "by digest", "by tag", "latest", "elsewhere"];
    let [runs, by_digest, by_tag, latest, elsewhere] = names.map(|name| repository.image(name, &[]));
    for (digest, tag) in [(&by_tag, "pr-1-ci"), (&latest, "latest")] {
        repository.held.get_mut(digest).unwrap().0.tags = [tag.into()].into();
    }
    repository.pull(1, bivouac_model::PullRequestState::Closed);
    repository.running.push(runs.clone());
    let host = "123456789012.dkr.ecr.us-west-2.amazonaws.com/superset-ci";
    repository.defined.extend([
        format!("{host}@{by_digest}"),
        format!("{host}:pr-1-ci"),
        host.to_owned(),
        format!("123456789012.dkr.ecr.us-west-2.amazonaws.com/another@{elsewhere}"),
        "nginx".to_owned(),
    ]);
    assert_eq!(repository.reason(&runs), "Running");
    for used in [&by_digest, &by_tag, &latest] {
        assert_eq!(repository.reason(used), "TaskDefinition");
    }
    assert_eq!(repository.reason(&elsewhere), "Untagged");
}

/// What `docker buildx build --push` makes: the attestation stands beside the image (BuildKit, "Attestation storage"; OCI
/// image specification, "Image Index", `manifests`).
#[test]
fn an_attestation_lives_as_long_as_its_index() {
    let mut repository = Repository::new();
    let built = repository.image("built", &[]);
    let attestation = repository.push(
        &json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &ImageDigest::of(b"config")),
            "layers": [{
                "mediaType": "application/vnd.in-toto+json", "digest": ImageDigest::of(b"statement").as_str(), "size": 1654,
                "annotations": { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
            }],
        }),
        &[],
    );
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [
            { "mediaType": OCI_MANIFEST, "digest": built.as_str(), "size": 1234,
              "platform": { "architecture": "amd64", "os": "linux" } },
            { "mediaType": OCI_MANIFEST, "digest": attestation.as_str(), "size": 839,
              "annotations": { "vnd.docker.reference.digest": built.as_str(), "vnd.docker.reference.type": "attestation-manifest" },
              "platform": { "architecture": "unknown", "os": "unknown" } },
        ],
    });
    let index = repository.push(&index, &["pr-7-ci"]);
    assert_eq!(repository.reason(&built), "ChildOfKept");
    assert_eq!(repository.reason(&attestation), "ChildOfKept");
    // The tag moves to the next build.
    repository.image("next", &["pr-7-ci"]);
    for gone in [&index, &built, &attestation] {
        assert_eq!(repository.reason(gone), "Untagged");
    }
}

/// OCI image specification, "Image Index": "Implementations MUST support at least" manifests and indexes as `manifests`.
#[test]
fn an_index_of_indexes_keeps_all_below_it() {
    let mut repository = Repository::new();
    let leaf = repository.image("leaf", &[]);
    let lower = repository.index(&[&leaf], &[]);
    let middle = repository.index(&[&lower], &[]);
    let upper = repository.index(&[&middle], &["v1"]);
    for below in [&leaf, &lower, &middle] {
        assert_eq!(repository.reason(below), "ChildOfKept");
    }
    repository.held.get_mut(&upper).unwrap().0.tags = Box::default();
    assert_eq!(repository.reason(&leaf), "Untagged");
    // Lists go first, each in a call of its own level.
    let (inventory, plan) = repository.plan();
    let levels = plan.levels(&inventory);
    let expected = [&upper, &middle, &lower, &leaf].map(|digest| vec![bivouac_model::ImageRef::Digest(digest.clone())]);
    assert_eq!(levels, expected);
}

/// Docker, "Image Manifest Version 2, Schema 2", "Manifest List".
#[test]
fn a_manifest_list_of_docker_keeps_its_images() {
    let mut repository = Repository::new();
    let mut docker = image("docker");
    docker["mediaType"] = json!(DOCKER_MANIFEST);
    docker["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    let child = repository.push(&docker, &[]);
    let list = json!({
        "schemaVersion": 2, "mediaType": DOCKER_LIST,
        "manifests": [{ "mediaType": DOCKER_MANIFEST, "digest": child.as_str(), "size": 7143,
                        "platform": { "architecture": "ppc64le", "os": "linux" } }],
    });
    repository.push(&list, &["v1"]);
    assert_eq!(repository.reason(&child), "ChildOfKept");
}

/// OCI image specification 1.1, "Image Manifest", "Guidelines for Artifact Usage" and `subject`; a referrer of a referrer is
/// one, too.
#[test]
fn a_referrer_lives_as_long_as_its_subject() {
    for listed in [true, false] {
        let mut repository = Repository::new();
        let subject = repository.image("subject", &["v1"]);
        let artifact = |of: &ImageDigest, kind: &str| {
            json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind,
                "config": { "mediaType": "application/vnd.oci.empty.v1+json",
                    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "size": 2 },
                "layers": [descriptor(kind, &ImageDigest::of(kind.as_bytes()))],
                "subject": descriptor(OCI_MANIFEST, of),
            })
        };
        let bill = repository.push(&artifact(&subject, "application/spdx+json"), &[]);
        let signature = repository.push(&artifact(&bill, "application/vnd.dev.cosign.artifact.sig.v1+json"), &[]);
        if !listed {
            // A registry that lists no subjects: the manifest says it all the same.
            repository.held.values_mut().for_each(|(image, _)| image.subject = None);
        }
        assert_eq!(repository.reason(&bill), "RefersToKept");
        assert_eq!(repository.reason(&signature), "RefersToKept");
        repository.held.get_mut(&subject).unwrap().0.tags = Box::default();
        for gone in [&subject, &bill, &signature] {
            assert_eq!(repository.reason(gone), "Untagged");
        }
    }
}

/// cosign, "Signature Specification", "Storage"; OCI distribution specification, "Referrers Tag Schema".
#[test]
fn a_signature_under_a_tag_goes_with_its_subject_and_not_before() {
    let mut repository = Repository::new();
    let subject = repository.image("subject", &["v1"]);
    let hex = subject.as_str().trim_start_matches("sha256:").to_owned();
    let tags = [
        format!("sha256-{hex}.sig"),
        format!("sha256-{hex}.att"),
        format!("sha256-{hex}.sbom"),
        format!("sha256-{hex}"),
    ];
    let signatures: Vec<ImageDigest> =
        tags.iter().map(|tag| repository.image(&format!("signature {tag}"), &[tag])).collect();
    let elsewhere = repository.image("signature of another repository's", &[&format!("sha256-{}.sig", "0".repeat(64))]);
    let unlike = repository.image("no digest", &[&format!("sha256-{}.sig", "x".repeat(64)), "sha256-12.sig"]);
    for signature in &signatures {
        assert_eq!(repository.reason(signature), "RefersToKept");
    }
    assert_eq!(repository.reason(&elsewhere), "SubjectElsewhere");
    assert_eq!(repository.reason(&unlike), "Tagged");
    repository.held.get_mut(&subject).unwrap().0.tags = Box::default();
    for signature in &signatures {
        assert_eq!(repository.reason(signature), "SubjectGoes");
    }
    for _ in 0..3 {
        repository.pass();
    }
    assert!(!repository.has(&subject) && signatures.iter().all(|signature| !repository.has(signature)));
    assert!(repository.has(&elsewhere) && repository.has(&unlike));
}

#[test]
fn a_young_list_keeps_the_old_images_that_it_names() {
    let mut repository = Repository::new();
    let old = repository.image("from the cache", &[]);
    let young = repository.index(&[&old], &[]);
    repository.aged(&young, TimeDelta::minutes(1));
    assert_eq!(repository.reason(&young), "Young");
    assert_eq!(repository.reason(&old), "ChildOfKept");
}

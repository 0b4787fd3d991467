//! How repositories and images are shown.

use serde_json::{Value, json};

use super::super::ecs::epoch;
use crate::model::Scope;
use crate::model::ecr::{Image, ImageId, Repository};

pub(super) fn show_repository(scope: &Scope, repository: &Repository) -> Value {
    let name = &repository.name;
    let mut shown = json!({
        "repositoryArn": scope.arn("ecr", &format!("repository/{name}")),
        "registryId": scope.account,
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", scope.registry()),
        "createdAt": epoch(repository.created_at),
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    });
    if !repository.exclusions.is_empty() {
        let filters = repository.exclusions.iter();
        let filters = filters.map(|f| json!({ "filterType": "WILDCARD", "filter": f }));
        shown["imageTagMutabilityExclusionFilters"] = filters.collect::<Vec<_>>().into();
    }
    shown
}

pub(super) fn show_image(scope: &Scope, name: &str, image: &Image, id: &ImageId) -> Value {
    json!({
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": id,
        "imageManifest": image.manifest.text,
        "imageManifestMediaType": image.manifest.media_type,
    })
}

pub(super) fn show_detail(scope: &Scope, repository: &Repository, image: &Image) -> Value {
    let manifest = &image.manifest;
    let mut shown = json!({
        "registryId": scope.account,
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imagePushedAt": epoch(image.pushed_at),
        "imageManifestMediaType": manifest.media_type,
        "imageStatus": "ACTIVE",
    });
    if !image.tags.is_empty() {
        shown["imageTags"] = json!(image.tags);
    }
    let size = if manifest.is_index() { largest_child(repository, image) } else { manifest.size };
    shown["imageSizeInBytes"] = size.into();
    if let Some(kind) = &manifest.artifact_media_type {
        shown["artifactMediaType"] = kind.clone().into();
    }
    if let Some(subject) = &manifest.subject {
        shown["subjectManifestDigest"] = subject.clone().into();
    }
    if let Some(at) = image.pulled_at {
        shown["lastRecordedPullTime"] = epoch(at);
    }
    shown
}

/// "If the image is a manifest list, this will be the max size of all manifests in the list."
/// (imageSizeInBytes)
fn largest_child(repository: &Repository, index: &Image) -> u64 {
    let children = index.manifest.children.iter();
    let sizes = children.filter_map(|child| Some(repository.images.get(child)?.manifest.size));
    sizes.max().unwrap_or_default()
}

//! The registry as a collector sees it: every manifest, what it refers to, and deleting.

use std::collections::HashMap;

use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageFailure, ImageFailureCode, ImageIdentifier, ImageStatus, ImageStatusFilter,
};
use bivouac_model::{DeletionFailure, FailureCause, ImageDigest, ImageRef, ListedImage, ManifestKind, ManifestText};
use bivouac_ports::Result;

use super::Ecr;
use super::images::{A_PAGE, DELETED_A_CALL};
use super::read::RUNNABLE_ARTIFACTS;
use super::revision::ACCEPTED;
use crate::calls::{BATCH_DELETE_IMAGE, BATCH_GET_IMAGE, DESCRIBE_IMAGES};
use crate::error::from_sdk;
use crate::time::timestamp;

/// The most images that one BatchGetImage takes ("up to 100 images", ECR API reference).
const READ_A_CALL: usize = 100;

/// What lists other manifests: OCI's and Docker's.
const LISTS: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// What is a manifest of one image, if its configuration is a container's.
const IMAGES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

impl Ecr {
    pub(super) async fn list_everything(&self, repository: &str) -> Result<Vec<ListedImage>> {
        let (mut images, mut token) = (Vec::new(), None);
        loop {
            // Without the filter ECR lists what is active, and an archived list may name what is not archived.
            let filter = DescribeImagesFilter::builder().image_status(ImageStatusFilter::Any).build();
            let request = self
                .client
                .describe_images()
                .repository_name(repository)
                .filter(filter)
                .max_results(A_PAGE)
                .set_next_token(token);
            let page = request.send().await.map_err(|error| from_sdk(&DESCRIBE_IMAGES, error))?;
            token = page.next_token.filter(|token| !token.is_empty());
            images.extend(page.image_details.unwrap_or_default().into_iter().filter_map(listed));
            if token.is_none() {
                return Ok(images);
            }
        }
    }

    pub(super) async fn manifest_texts(
        &self,
        repository: &str,
        digests: &[ImageDigest],
    ) -> Result<HashMap<ImageDigest, ManifestText>> {
        let mut texts = HashMap::with_capacity(digests.len());
        for chunk in digests.chunks(READ_A_CALL) {
            let id = |digest: &ImageDigest| ImageIdentifier::builder().image_digest(digest.as_str()).build();
            let request = self
                .client
                .batch_get_image()
                .repository_name(repository)
                .set_image_ids(Some(chunk.iter().map(id).collect()))
                .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()));
            let answer = request.send().await.map_err(|error| from_sdk(&BATCH_GET_IMAGE, error))?;
            for failure in answer.failures() {
                let Some(digest) = failure.image_id().and_then(|id| id.image_digest()) else { continue };
                let text = match failure.failure_code() {
                    Some(ImageFailureCode::ImageNotFound) => ManifestText::Missing,
                    _ => ManifestText::Refused(words(failure)),
                };
                texts.insert(ImageDigest::new(digest), text);
            }
            for image in answer.images.unwrap_or_default() {
                let digest = image.image_id().and_then(|id| id.image_digest()).map(ImageDigest::new);
                if let (Some(digest), Some(text)) = (digest, image.image_manifest) {
                    texts.insert(digest, ManifestText::Text(text));
                }
            }
        }
        for digest in digests {
            let unanswered = || ManifestText::Refused("the registry did not answer for it".to_owned());
            texts.entry(digest.clone()).or_insert_with(unanswered);
        }
        Ok(texts)
    }

    pub(super) async fn delete_each(&self, repository: &str, images: &[ImageRef]) -> Result<Vec<DeletionFailure>> {
        let mut failures = Vec::new();
        for chunk in images.chunks(DELETED_A_CALL) {
            let ids = chunk.iter().map(identifier).collect();
            let request = self.client.batch_delete_image().repository_name(repository).set_image_ids(Some(ids));
            match request.send().await {
                Ok(answer) => failures.extend(answer.failures().iter().filter_map(|failure| failed(failure, chunk))),
                // With the repository its images are gone, too.
                Err(error) if error.code() == Some("RepositoryNotFoundException") => {
                    failures.extend(chunk.iter().map(|image| DeletionFailure {
                        image: image.clone(),
                        cause: FailureCause::Gone,
                        message: "The repository is gone.".to_owned(),
                    }));
                }
                Err(error) => return Err(from_sdk(&BATCH_DELETE_IMAGE, error)),
            }
        }
        Ok(failures)
    }
}

fn identifier(image: &ImageRef) -> ImageIdentifier {
    let id = ImageIdentifier::builder();
    match image {
        ImageRef::Digest(digest) => id.image_digest(digest.as_str()),
        ImageRef::Tag(tag) => id.image_tag(&**tag),
        ImageRef::TagOf(tag, digest) => id.image_tag(&**tag).image_digest(digest.as_str()),
    }
    .build()
}

/// Which of those that were asked for a failure speaks of. ECR repeats the id as it was given.
fn failed(failure: &ImageFailure, asked: &[ImageRef]) -> Option<DeletionFailure> {
    let id = failure.image_id()?;
    let image = asked.iter().find(|image| identifier(image) == *id)?.clone();
    let cause = match failure.failure_code() {
        Some(ImageFailureCode::ImageNotFound) => FailureCause::Gone,
        Some(ImageFailureCode::ImageReferencedByManifestList) => FailureCause::Referenced,
        Some(ImageFailureCode::ImageTagDoesNotMatchDigest) => FailureCause::Moved,
        _ => FailureCause::Refused,
    };
    Some(DeletionFailure { image, cause, message: words(failure) })
}

fn words(failure: &ImageFailure) -> String {
    let code = failure.failure_code().map(ImageFailureCode::as_str);
    failure.failure_reason().or(code).unwrap_or("no reason was given").to_owned()
}

/// An image without a digest cannot be spoken of, so it is left alone.
fn listed(detail: ImageDetail) -> Option<ListedImage> {
    let digest = ImageDigest::new(detail.image_digest().filter(|digest| !digest.is_empty())?);
    let kind = kind(detail.image_manifest_media_type(), detail.artifact_media_type());
    Some(ListedImage {
        digest,
        kind,
        bytes: detail.image_size_in_bytes().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        pushed_at: timestamp(detail.image_pushed_at()),
        subject: detail.subject_manifest_digest().filter(|digest| !digest.is_empty()).map(ImageDigest::new),
        archived: detail.image_status().is_some_and(|status| *status != ImageStatus::Active),
        tags: detail.image_tags.unwrap_or_default().into_iter().map(String::into_boxed_str).collect(),
    })
}

/// A media type that is absent makes it `Other`: such a manifest is read before it is deleted.
fn kind(manifest: Option<&str>, artifact: Option<&str>) -> ManifestKind {
    match (manifest, artifact) {
        (Some(manifest), _) if LISTS.contains(&manifest) => ManifestKind::Index,
        (Some(manifest), Some(artifact)) if IMAGES.contains(&manifest) && RUNNABLE_ARTIFACTS.contains(&artifact) => {
            ManifestKind::Image
        }
        _ => ManifestKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_kind_is_told_by_both_media_types() {
        let oci = |artifact| kind(Some("application/vnd.oci.image.manifest.v1+json"), artifact);
        assert_eq!(oci(Some("application/vnd.oci.image.config.v1+json")), ManifestKind::Image);
        assert_eq!(oci(Some("application/vnd.dev.cosign.artifact.sig.v1+json")), ManifestKind::Other);
        assert_eq!(oci(None), ManifestKind::Other);
        for list in LISTS {
            assert_eq!(kind(Some(list), None), ManifestKind::Index);
        }
        assert_eq!(kind(None, None), ManifestKind::Other);
    }

    #[test]
    fn a_failure_is_told_of_the_one_that_was_asked_for() {
        let digest = ImageDigest::of(b"one");
        let asked = [ImageRef::Digest(digest.clone()), ImageRef::TagOf("pr-1-ci".into(), digest.clone())];
        let failure = |image: &ImageRef, code| {
            ImageFailure::builder().image_id(identifier(image)).failure_code(code).failure_reason("words").build()
        };
        for (code, cause) in [
            (ImageFailureCode::ImageNotFound, FailureCause::Gone),
            (ImageFailureCode::ImageReferencedByManifestList, FailureCause::Referenced),
            (ImageFailureCode::ImageTagDoesNotMatchDigest, FailureCause::Moved),
            (ImageFailureCode::KmsError, FailureCause::Refused),
            (ImageFailureCode::from("FromTheFuture"), FailureCause::Refused),
        ] {
            for image in &asked {
                let expected = DeletionFailure { image: image.clone(), cause, message: "words".into() };
                assert_eq!(failed(&failure(image, code.clone()), &asked), Some(expected));
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_the_registry_lists_is_listed_or_left_alone(
            digest in any::<Option<String>>(),
            tags in proptest::collection::vec(any::<String>(), 0..4),
            manifest in any::<Option<String>>(),
            artifact in any::<Option<String>>(),
            subject in any::<Option<String>>(),
            bytes in any::<i64>(),
            secs in any::<i64>(),
        ) {
            let detail = ImageDetail::builder()
                .set_image_digest(digest.clone())
                .set_image_tags(Some(tags.clone()))
                .set_image_manifest_media_type(manifest)
                .set_artifact_media_type(artifact)
                .set_subject_manifest_digest(subject)
                .image_size_in_bytes(bytes)
                .image_pushed_at(aws_sdk_ecr::primitives::DateTime::from_secs(secs))
                .build();
            match listed(detail) {
                None => prop_assert!(digest.is_none_or(|digest| digest.is_empty())),
                Some(image) => {
                    prop_assert_eq!(Some(image.digest.as_str()), digest.as_deref());
                    prop_assert_eq!(image.tags.len(), tags.len());
                    prop_assert!(image.bytes <= i64::MAX as u64);
                }
            }
        }
    }
}

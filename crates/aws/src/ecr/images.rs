//! Listing, looking up and removing tags.

use std::collections::HashMap;

use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageFailure, ImageFailureCode, ImageIdentifier, TagStatus};
use bivouac_model::{ImageTag, ImageView};
use bivouac_ports::{Error, Meaning, Result};

use super::{Ecr, read};
use crate::calls::{BATCH_DELETE_IMAGE, DESCRIBE_IMAGES};
use crate::error::from_sdk;

/// The largest page of DescribeImages.
pub(super) const A_PAGE: i32 = 1000;

/// The most images that one BatchDeleteImage takes.
pub(super) const DELETED_A_CALL: usize = 100;

impl Ecr {
    pub(super) async fn list_tagged(&self, repository: &str) -> Result<HashMap<ImageTag, ImageView>> {
        let uri = self.repository_uri(repository).await?;
        let (mut images, mut token) = (HashMap::new(), None);
        loop {
            let request = self
                .client
                .describe_images()
                .repository_name(repository)
                .filter(DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build())
                .max_results(A_PAGE)
                .set_next_token(token);
            let page = request.send().await.map_err(|error| from_sdk(&DESCRIBE_IMAGES, error))?;
            images.extend(page.image_details().iter().flat_map(|detail| read::tagged(detail, &uri)));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(images);
            }
        }
    }

    pub(super) async fn look_up(&self, repository: &str, tag: &ImageTag) -> Result<ImageView> {
        let id = ImageIdentifier::builder().image_tag(tag.as_str()).build();
        let request = self.client.describe_images().repository_name(repository).image_ids(id);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => match error.code() {
                Some("ImageNotFoundException") => return Ok(ImageView::Missing),
                Some("RepositoryNotFoundException") => return Ok(ImageView::NoRepository),
                _ => return Err(from_sdk(&DESCRIBE_IMAGES, error)),
            },
        };
        let Some(detail) = answer.image_details().first() else { return Ok(ImageView::Missing) };
        Ok(read::view(detail, &self.repository_uri(repository).await?))
    }

    pub(super) async fn delete_tags(&self, repository: &str, tags: &[ImageTag]) -> Result<()> {
        for chunk in tags.chunks(DELETED_A_CALL) {
            let ids = chunk.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()).build()).collect();
            let request = self.client.batch_delete_image().repository_name(repository).set_image_ids(Some(ids));
            let answer = match request.send().await {
                Ok(answer) => answer,
                // With the repository its tags are gone, too.
                Err(error) if error.code() == Some("RepositoryNotFoundException") => return Ok(()),
                Err(error) => return Err(from_sdk(&BATCH_DELETE_IMAGE, error)),
            };
            if let Some(refused) = answer.failures().iter().find_map(refusal) {
                return Err(refused);
            }
        }
        Ok(())
    }
}

/// Why a tag stays; `None` when it does not.
fn refusal(failure: &ImageFailure) -> Option<Error> {
    let meaning = match failure.failure_code()? {
        ImageFailureCode::ImageNotFound => return None,
        // Its parent has to go first, which may be never: asking again changes nothing.
        ImageFailureCode::ImageReferencedByManifestList => Meaning::Invalid,
        ImageFailureCode::ImageInaccessible | ImageFailureCode::KmsError | ImageFailureCode::UpstreamAccessDenied => {
            Meaning::Denied
        }
        ImageFailureCode::UpstreamTooManyRequests => Meaning::Throttled,
        ImageFailureCode::UpstreamUnavailable => Meaning::Unavailable,
        _ => Meaning::Invalid,
    };
    let tag = failure.image_id().and_then(|id| id.image_tag()).unwrap_or("a tag");
    let reason = failure.failure_reason().or(failure.failure_code().map(ImageFailureCode::as_str)).unwrap_or("unknown");
    Some(Error::new(meaning, BATCH_DELETE_IMAGE.name, format!("{tag} could not be removed: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: ImageFailureCode) -> ImageFailure {
        let id = ImageIdentifier::builder().image_tag("pr-1-ci").build();
        ImageFailure::builder().image_id(id).failure_code(code).failure_reason("the reason").build()
    }

    #[test]
    fn a_tag_that_is_gone_is_no_failure() {
        assert!(refusal(&failure(ImageFailureCode::ImageNotFound)).is_none());
    }

    #[test]
    fn a_tag_that_stays_says_why() {
        let refused = refusal(&failure(ImageFailureCode::ImageReferencedByManifestList)).expect("a refusal");
        assert_eq!(refused.meaning(), Meaning::Invalid, "asking again is in vain");
        assert_eq!(refused.message(), "pr-1-ci could not be removed: the reason");
        let unknown = refusal(&failure(ImageFailureCode::from("FromTheFuture"))).expect("a refusal");
        assert_eq!(unknown.meaning(), Meaning::Invalid);
    }
}

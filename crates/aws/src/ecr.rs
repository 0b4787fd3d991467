//! The registry on ECR.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageDetail, ImageFailureCode, ImageIdentifier, TagStatus};
use bivouac_model::{Image, ImageDigest, ImageTag, ImageView};
use bivouac_ports::{Error, Meaning, Registry, Result, TaggedImages};
use chrono::DateTime;
use tokio::sync::Mutex;

use crate::calls::{BATCH_DELETE_IMAGE, DESCRIBE_IMAGES, DESCRIBE_REPOSITORIES};
use crate::error::from_sdk;
use crate::sdk::Sdk;

/// The largest page (ECR API reference, DescribeImages, `maxResults`: 1 to 1000).
const PAGE: i32 = 1000;
/// "imageIds: maximum number of 100 items" (ECR API reference, BatchDeleteImage).
const MOST_DELETIONS: usize = 100;

/// Media types of what a container runtime can run: image manifests and the indexes of them (OCI image specification,
/// "OCI Image Media Types"; "Image Manifest Version 2, Schema 2" of Docker).
const RUNNABLE: [&str; 5] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
/// `artifactMediaType` is the media type of a manifest's configuration; these two are those of images, any other is
/// that of a chart, a signature or the like.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// The registry of the account and region that the SDK is configured for.
pub struct Ecr {
    client: Client,
    /// Where each repository is pulled from. It never changes while the repository lives.
    uris: Mutex<HashMap<String, String>>,
}

impl Ecr {
    /// A registry; no call is made yet.
    pub fn new(sdk: &Sdk) -> Self {
        Self { client: sdk.ecr(), uris: Mutex::default() }
    }

    fn describe(&self, repository: &str) -> DescribeImagesFluentBuilder {
        self.client.describe_images().repository_name(repository)
    }

    /// `123456789012.dkr.ecr.us-west-2.amazonaws.com/name`, as ECR itself says: its host differs between partitions.
    async fn uri(&self, repository: &str) -> Result<String> {
        let mut uris = self.uris.lock().await;
        if let Some(uri) = uris.get(repository) {
            return Ok(uri.clone());
        }
        let answer = self
            .client
            .describe_repositories()
            .repository_names(repository)
            .send()
            .await
            .map_err(|error| from_sdk(&DESCRIBE_REPOSITORIES, error))?;
        let uri =
            answer.repositories().first().and_then(|repository| repository.repository_uri()).ok_or_else(|| {
                Error::new(
                    Meaning::Unavailable,
                    DESCRIBE_REPOSITORIES.name,
                    "the repository was answered without its URI",
                )
            })?;
        uris.insert(repository.to_owned(), uri.to_owned());
        Ok(uri.to_owned())
    }
}

#[async_trait]
impl Registry for Ecr {
    async fn tagged_images(&self, repository: &str) -> Result<TaggedImages> {
        let uri = self.uri(repository).await?;
        let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build();
        let mut images = HashMap::new();
        let mut next = None;
        loop {
            let page = self
                .describe(repository)
                .filter(filter.clone())
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| from_sdk(&DESCRIBE_IMAGES, error))?;
            for detail in page.image_details() {
                let Ok(image) = image(detail, &uri) else { continue };
                for tag in detail.image_tags().iter().filter_map(|tag| tag.parse::<ImageTag>().ok()) {
                    images.insert(tag, image.clone());
                }
            }
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(Arc::new(images));
            }
        }
    }

    async fn image(&self, repository: &str, tag: &ImageTag) -> Result<ImageView> {
        let id = ImageIdentifier::builder().image_tag(tag.as_str()).build();
        let answer = match self.describe(repository).image_ids(id).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_image_not_found_exception()) => {
                return Ok(ImageView::Missing);
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_repository_not_found_exception()) => {
                self.uris.lock().await.remove(repository);
                return Ok(ImageView::NoRepository);
            }
            Err(error) => return Err(from_sdk(&DESCRIBE_IMAGES, error)),
        };
        let Some(detail) = answer.image_details().first() else {
            return Ok(ImageView::Missing);
        };
        let uri = self.uri(repository).await?;
        Ok(match image(detail, &uri) {
            Ok(image) => ImageView::Found(image),
            Err(why) => ImageView::Unusable(format!("The tag `{tag}` names {why}.")),
        })
    }

    async fn remove_tags(&self, repository: &str, tags: &[ImageTag]) -> Result<()> {
        for tags in tags.chunks(MOST_DELETIONS) {
            let ids = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()).build()).collect();
            let answer = self
                .client
                .batch_delete_image()
                .repository_name(repository)
                .set_image_ids(Some(ids))
                .send()
                .await
                .map_err(|error| from_sdk(&BATCH_DELETE_IMAGE, error))?;
            let failure = answer
                .failures()
                .iter()
                .find(|failure| !matches!(failure.failure_code(), Some(ImageFailureCode::ImageNotFound)));
            if let Some(failure) = failure {
                let tag = failure.image_id().and_then(|id| id.image_tag()).unwrap_or_default();
                let why = failure.failure_reason().or(failure.failure_code().map(|code| code.as_str()));
                let message = format!("the tag `{tag}` could not be removed: {}", why.unwrap_or("no reason was given"));
                return Err(Error::new(Meaning::Conflict, BATCH_DELETE_IMAGE.name, message));
            }
        }
        Ok(())
    }
}

/// The image that a detail describes, or in words what it describes instead.
fn image(detail: &ImageDetail, uri: &str) -> Result<Image, String> {
    let digest = detail.image_digest().ok_or("an image without a digest")?;
    if let Some(other) = detail.image_manifest_media_type().filter(|media_type| !RUNNABLE.contains(media_type)) {
        return Err(format!("a manifest of the media type `{other}`, which is no image"));
    }
    if let Some(other) = detail.artifact_media_type().filter(|media_type| !IMAGE_CONFIGS.contains(media_type)) {
        return Err(format!("an artifact of the type `{other}`, which is no image"));
    }
    let pushed_at = detail.image_pushed_at().and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
    Ok(Image { digest: ImageDigest::new(digest), pushed_at, repository_uri: uri.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(media_type: Option<&str>, artifact: Option<&str>) -> ImageDetail {
        ImageDetail::builder()
            .image_digest("sha256:1")
            .set_image_manifest_media_type(media_type.map(str::to_owned))
            .set_artifact_media_type(artifact.map(str::to_owned))
            .build()
    }

    #[test]
    fn images_and_indexes_can_run() {
        for media_type in RUNNABLE {
            assert!(image(&detail(Some(media_type), None), "r").is_ok(), "{media_type}");
        }
        assert!(image(&detail(None, None), "r").is_ok());
    }

    #[test]
    fn what_is_no_image_is_named() {
        let chart = "application/vnd.cncf.helm.config.v1+json";
        assert!(image(&detail(Some(RUNNABLE[0]), Some(chart)), "r").unwrap_err().contains(chart));
        assert!(image(&detail(Some("text/plain"), None), "r").unwrap_err().contains("text/plain"));
        assert!(image(&ImageDetail::builder().build(), "r").is_err());
    }
}

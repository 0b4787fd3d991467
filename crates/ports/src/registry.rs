//! The door to the image registry.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bivouac_model::{DeletionFailure, ImageDigest, ImageRef, ImageTag, ImageView, ListedImage, ManifestText};

use crate::Result;

/// What is behind each tag of a repository: `Found` or `Unusable`.
pub type TaggedImages = Arc<HashMap<ImageTag, ImageView>>;

/// The registry of one account and region.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Every tag of a repository. Complete or an error; `NotFound` when there is no such repository.
    async fn tagged_images(&self, repository: &str) -> Result<TaggedImages>;

    /// The image behind one tag: `Found`, `Missing`, `NoRepository` or `Unusable`.
    async fn image(&self, repository: &str, tag: &ImageTag) -> Result<ImageView>;

    /// What an image says of the commit it was built from: `org.opencontainers.image.revision` among the annotations of its
    /// index or manifest, else among the labels of its configuration; `None`: it says nothing, or its platforms say
    /// different things. An image never changes, so an answer holds for ever and is asked of the registry once.
    ///
    /// # Errors
    /// `NotFound` when there is no such image or repository, `Denied` when we may not read it.
    async fn revision(&self, repository: &str, digest: &ImageDigest) -> Result<Option<String>>;

    /// Returns the processors that an image is built for, each once, as its index or its configuration says (`amd64`, `arm64`).
    /// Empty when it says nothing. An image never changes, so asking again gives the same.
    ///
    /// # Errors
    /// As [`Registry::revision`].
    async fn architectures(&self, repository: &str, digest: &ImageDigest) -> Result<Vec<String>>;

    /// Removes tags, by tag and never by digest. A tag that is not there is removed already. ECR deletes an image with
    /// its last tag.
    async fn remove_tags(&self, repository: &str, tags: &[ImageTag]) -> Result<()>;

    /// Every manifest of a repository, archived ones too. Complete or an error; `NotFound` when there is no such repository.
    ///
    /// A page at a time is read and made small, so a hundred thousand take some thirty megabytes.
    async fn inventory(&self, repository: &str) -> Result<Vec<ListedImage>>;

    /// The manifests of some digests, each of them answered. A hundred a call.
    async fn manifests(&self, repository: &str, digests: &[ImageDigest]) -> Result<HashMap<ImageDigest, ManifestText>>;

    /// Deletes images, a hundred a call, in their order, and answers those that stayed with the reason for each. One that is
    /// gone already is told as such, so a second call changes nothing.
    ///
    /// # Errors
    /// When a call failed as a whole: those before it were made.
    async fn delete_images(&self, repository: &str, images: &[ImageRef]) -> Result<Vec<DeletionFailure>>;
}

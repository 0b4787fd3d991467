//! The registry: tags and images of ECR.

mod collect;
mod images;
mod read;
mod revision;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use bivouac_model::{DeletionFailure, ImageDigest, ImageRef, ImageTag, ImageView, ListedImage, ManifestText};
use bivouac_ports::{Error, Meaning, Registry, Result, TaggedImages};

use crate::Sdk;
use crate::calls::DESCRIBE_REPOSITORIES;
use crate::error::from_sdk;

/// How many answers about commits are remembered: a hundred bytes each, and far more than the images of a month.
const REVISIONS: usize = 10_000;

/// The registry of one account and region. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ecr {
    client: aws_sdk_ecr::Client,
    uris: Arc<Mutex<HashMap<String, String>>>,
    revisions: Arc<Mutex<HashMap<ImageDigest, Option<String>>>>,
    /// What fetches blobs, which is what the SDK's clients are made with.
    connector: Option<SharedHttpConnector>,
}

impl Ecr {
    /// The registry of the account whose credentials are in use. Nothing is called yet.
    pub fn new(sdk: &Sdk) -> Self {
        let connector = default_connector(&HttpConnectorSettings::default(), None);
        Self { client: sdk.ecr(), uris: Arc::default(), revisions: Arc::default(), connector }
    }

    /// Where to pull from. Asked once for each repository: ECR alone knows the domain of its partition and endpoint,
    /// and what it says never changes, not even when the repository is deleted and made again.
    async fn repository_uri(&self, repository: &str) -> Result<String> {
        let known = self.uris.lock().unwrap_or_else(PoisonError::into_inner).get(repository).cloned();
        if let Some(uri) = known {
            return Ok(uri);
        }
        let request = self.client.describe_repositories().repository_names(repository);
        let answer = request.send().await.map_err(|error| from_sdk(&DESCRIBE_REPOSITORIES, error))?;
        let uri = answer.repositories().iter().find_map(|repository| repository.repository_uri()).ok_or_else(|| {
            Error::new(Meaning::Unavailable, DESCRIBE_REPOSITORIES.name, "the answer has no address for the repository")
        })?;
        self.uris.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.to_owned(), uri.to_owned());
        Ok(uri.to_owned())
    }
}

#[async_trait]
impl Registry for Ecr {
    async fn tagged_images(&self, repository: &str) -> Result<TaggedImages> {
        self.list_tagged(repository).await.map(Arc::new)
    }

    async fn image(&self, repository: &str, tag: &ImageTag) -> Result<ImageView> {
        self.look_up(repository, tag).await
    }

    async fn revision(&self, repository: &str, digest: &ImageDigest) -> Result<Option<String>> {
        let known = self.revisions.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        if let Some(commit) = known {
            return Ok(commit);
        }
        let commit = self.read_revision(repository, digest).await?;
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        if revisions.len() >= REVISIONS {
            // Asked again, one by one, if anybody still needs them; records remember theirs.
            revisions.clear();
        }
        revisions.insert(digest.clone(), commit.clone());
        Ok(commit)
    }

    async fn architectures(&self, repository: &str, digest: &ImageDigest) -> Result<Vec<String>> {
        self.read_architectures(repository, digest).await
    }

    async fn remove_tags(&self, repository: &str, tags: &[ImageTag]) -> Result<()> {
        self.delete_tags(repository, tags).await
    }

    async fn inventory(&self, repository: &str) -> Result<Vec<ListedImage>> {
        self.list_everything(repository).await
    }

    async fn manifests(&self, repository: &str, digests: &[ImageDigest]) -> Result<HashMap<ImageDigest, ManifestText>> {
        self.manifest_texts(repository, digests).await
    }

    async fn delete_images(&self, repository: &str, images: &[ImageRef]) -> Result<Vec<DeletionFailure>> {
        self.delete_each(repository, images).await
    }
}

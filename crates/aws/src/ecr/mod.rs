//! The registry: tags and images of ECR.

mod images;
mod read;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bivouac_model::{ImageTag, ImageView};
use bivouac_ports::{Error, Meaning, Registry, Result, TaggedImages};

use crate::Sdk;
use crate::calls::DESCRIBE_REPOSITORIES;
use crate::error::from_sdk;

/// The registry of one account and region. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ecr {
    client: aws_sdk_ecr::Client,
    uris: Arc<Mutex<HashMap<String, String>>>,
}

impl Ecr {
    /// The registry of the account whose credentials are in use. Nothing is called yet.
    pub fn new(sdk: &Sdk) -> Self {
        Self { client: sdk.ecr(), uris: Arc::default() }
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

    async fn remove_tags(&self, repository: &str, tags: &[ImageTag]) -> Result<()> {
        self.delete_tags(repository, tags).await
    }
}

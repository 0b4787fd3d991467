//! Repositories and what was pushed to them.

mod delete;
mod manifest;
mod repository;

use std::collections::BTreeMap;

use super::Refusal;
use super::scope::Scope;

pub(crate) use delete::FailureCode;
pub(crate) use manifest::Manifest;
pub(crate) use repository::{Image, ImageId, Mutability, Repository};

/// All repositories of the account.
#[derive(Debug, Default)]
pub(crate) struct Ecr {
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// Where blobs are fetched from, as S3 is for the real one: the AWS port, once it is known.
    pub(crate) blob_url: String,
}

impl Ecr {
    pub(crate) fn repository(&self, scope: &Scope, name: &str) -> Result<&Repository, Refusal> {
        self.repositories.get(name).ok_or_else(|| not_found(scope, name))
    }

    pub(crate) fn repository_mut(&mut self, scope: &Scope, name: &str) -> Result<&mut Repository, Refusal> {
        self.repositories.get_mut(name).ok_or_else(|| not_found(scope, name))
    }

    /// The digest that a reference to an image names at this moment.
    ///
    /// An image of another registry is taken to exist: only this account's is simulated.
    pub(crate) fn resolve(&self, scope: &Scope, reference: &str) -> Result<String, String> {
        let registry = format!("{}/", scope.registry());
        let (path, wanted) = match reference.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (reference, None),
        };
        let Some(path) = path.strip_prefix(&registry) else {
            let digest = wanted.map(str::to_owned);
            return Ok(digest.unwrap_or_else(|| super::scope::digest(reference.as_bytes())));
        };
        let (name, tag) = path.split_once(':').unwrap_or((path, "latest"));
        let found = self.repositories.get(name).and_then(|repository| match wanted {
            Some(digest) => repository.images.get(digest),
            None => repository.tagged(tag),
        });
        found.map(|image| image.digest.clone()).ok_or_else(|| {
            format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): \
                 failed to resolve ref {reference}: {reference}: not found"
            )
        })
    }
}

fn not_found(scope: &Scope, name: &str) -> Refusal {
    Refusal::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{}'", scope.account),
    )
}

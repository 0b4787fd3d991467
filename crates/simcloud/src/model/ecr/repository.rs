//! One repository: images by digest, tags that name them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::Refusal;
use super::super::scope::Scope;
use super::Manifest;

/// Whether a tag can be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mutability {
    #[default]
    Mutable,
    Immutable,
    /// Immutable, but for tags that match a filter.
    ImmutableWithExclusion,
    /// Mutable, but for tags that match a filter.
    MutableWithExclusion,
}

/// How a call names an image: by digest, by tag or by both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageId {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_tag: Option<String>,
}

/// A manifest in a repository, with the tags that name it.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) digest: String,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) pushed_at: DateTime<Utc>,
    pub(crate) pulled_at: Option<DateTime<Utc>>,
}

/// A repository.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) mutability: Mutability,
    /// Wildcard patterns of the tags to which the opposite rule applies.
    pub(crate) exclusions: Vec<String>,
    pub(crate) images: BTreeMap<String, Image>,
    /// Configurations, by digest: the only blobs that anybody reads here.
    pub(crate) blobs: HashMap<String, String>,
    tags: HashMap<String, String>,
    /// The indexes that point to a digest.
    pub(super) parents: HashMap<String, BTreeSet<String>>,
}

impl Repository {
    pub(crate) fn new(name: &str, mutability: Mutability, now: DateTime<Utc>) -> Self {
        Self {
            name: name.to_owned(),
            created_at: now,
            mutability,
            exclusions: Vec::new(),
            images: BTreeMap::new(),
            blobs: HashMap::new(),
            tags: HashMap::new(),
            parents: HashMap::new(),
        }
    }

    /// Its name as one part of a path.
    pub(crate) fn blob_path(&self) -> String {
        self.name.replace('/', "~")
    }

    pub(crate) fn tagged(&self, tag: &str) -> Option<&Image> {
        self.images.get(self.tags.get(tag)?)
    }

    /// The image an id names. An id with both parts must agree with itself.
    pub(crate) fn find(&self, id: &ImageId) -> Option<&Image> {
        match (&id.image_digest, &id.image_tag) {
            (Some(digest), None) => self.images.get(digest),
            (None, Some(tag)) => self.tagged(tag),
            (Some(digest), Some(tag)) => self.tagged(tag).filter(|image| image.digest == *digest),
            (None, None) => None,
        }
    }

    /// Stores a manifest and, if a tag is given, moves the tag to it.
    pub(crate) fn put(
        &mut self,
        scope: &Scope,
        manifest: Manifest,
        tag: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let missing: Vec<&str> =
            manifest.children.iter().filter(|child| !self.images.contains_key(*child)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(Refusal::new(
                "ReferencedImagesNotFoundException",
                format!("The following referenced images were not found: [{}]", missing.join(", ")),
            ));
        }
        self.check_tag(scope, &manifest.digest, tag)?;
        self.force(manifest, tag, now);
        Ok(())
    }

    /// Stores a manifest without asking whether its tag may move or its children exist.
    pub(crate) fn force(&mut self, manifest: Manifest, tag: Option<&str>, now: DateTime<Utc>) {
        let digest = manifest.digest.clone();
        if let Some(tag) = tag {
            self.move_tag(tag, &digest);
        }
        if !self.images.contains_key(&digest) {
            for child in &manifest.children {
                self.parents.entry(child.clone()).or_default().insert(digest.clone());
            }
        }
        let image = self.images.entry(digest.clone()).or_insert_with(|| Image {
            digest,
            manifest: Arc::new(manifest),
            tags: BTreeSet::new(),
            pushed_at: now,
            pulled_at: None,
        });
        image.pushed_at = now;
        image.tags.extend(tag.map(str::to_owned));
    }

    fn check_tag(&self, scope: &Scope, digest: &str, tag: Option<&str>) -> Result<(), Refusal> {
        let name = &self.name;
        match (tag, tag.and_then(|tag| self.tags.get(tag))) {
            (Some(tag), Some(held)) if held == digest => Err(Refusal::new(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}' and tag '{tag}' already exists in the \
                     repository with name '{name}' in registry with id '{}'",
                    scope.account
                ),
            )),
            (Some(tag), Some(_)) if !self.is_movable(tag) => Err(Refusal::new(
                "ImageTagAlreadyExistsException",
                format!(
                    "The image tag '{tag}' already exists in the '{name}' repository and cannot \
                     be overwritten because the tag is immutable."
                ),
            )),
            (None, _) if self.images.contains_key(digest) => Err(Refusal::new(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}' already exists in the repository with name \
                     '{name}' in registry with id '{}'",
                    scope.account
                ),
            )),
            _ => Ok(()),
        }
    }

    fn is_movable(&self, tag: &str) -> bool {
        let excluded = || self.exclusions.iter().any(|pattern| matches(pattern, tag));
        match self.mutability {
            Mutability::Mutable => true,
            Mutability::Immutable => false,
            Mutability::ImmutableWithExclusion => excluded(),
            Mutability::MutableWithExclusion => !excluded(),
        }
    }

    fn move_tag(&mut self, tag: &str, digest: &str) {
        let before = self.tags.insert(tag.to_owned(), digest.to_owned());
        if let Some(image) = before.and_then(|before| self.images.get_mut(&before)) {
            image.tags.remove(tag);
        }
    }

    pub(super) fn untag(&mut self, tag: &str) -> Option<String> {
        let digest = self.tags.remove(tag)?;
        if let Some(image) = self.images.get_mut(&digest) {
            image.tags.remove(tag);
        }
        Some(digest)
    }

    pub(super) fn remove(&mut self, digest: &str) {
        let Some(image) = self.images.remove(digest) else {
            return;
        };
        for tag in &image.tags {
            self.tags.remove(tag);
        }
        for child in &image.manifest.children {
            if let Some(parents) = self.parents.get_mut(child) {
                parents.remove(digest);
            }
        }
    }
}

/// Whether the text matches a pattern in which `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_any_run() {
        assert!(matches("pr-*-ci", "pr-7-ci"));
        assert!(matches("*", ""));
        assert!(!matches("pr-*", "main"));
        assert!(!matches("pr", "pr-1"));
    }

    #[test]
    fn a_moved_tag_leaves_its_old_image_untagged() {
        let scope = Scope { region: "r".into(), account: "1".into() };
        let mut repository = Repository::new("app", Mutability::Mutable, DateTime::UNIX_EPOCH);
        let manifest = |n: u8| Manifest::read(&format!(r#"{{"schemaVersion":{n}}}"#), None).unwrap();
        let (a, b) = (manifest(1), manifest(2));
        let (first, second) = (a.digest.clone(), b.digest.clone());
        repository.put(&scope, a, Some("t"), DateTime::UNIX_EPOCH).unwrap();
        repository.put(&scope, b, Some("t"), DateTime::UNIX_EPOCH).unwrap();
        assert!(repository.images[&first].tags.is_empty());
        assert_eq!(repository.tagged("t").unwrap().digest, second);
        repository.mutability = Mutability::Immutable;
        let refused = repository.put(&scope, manifest(1), Some("t"), DateTime::UNIX_EPOCH);
        assert_eq!(refused.unwrap_err().code, "ImageTagAlreadyExistsException");
    }
}

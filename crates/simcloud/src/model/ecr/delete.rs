//! Deleting images, with ECR's rules.

use super::super::scope::is_digest;
use super::{ImageId, Repository};

/// Why one image of a batch was not deleted or found, as `ImageFailureCode` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureCode {
    InvalidImageDigest,
    ImageTagDoesNotMatchDigest,
    ImageNotFound,
    MissingDigestAndTag,
    ImageReferencedByManifestList,
}

impl FailureCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidImageDigest => "InvalidImageDigest",
            Self::ImageTagDoesNotMatchDigest => "ImageTagDoesNotMatchDigest",
            Self::ImageNotFound => "ImageNotFound",
            Self::MissingDigestAndTag => "MissingDigestAndTag",
            Self::ImageReferencedByManifestList => "ImageReferencedByManifestList",
        }
    }
}

/// What became of one id of a batch.
pub(crate) type Deletion = Result<Vec<ImageId>, (FailureCode, String)>;

impl Repository {
    /// Deletes what one id names.
    ///
    /// A tag alone removes the tag, and the image with its last tag; a digest removes the image
    /// with all its tags. What an index points to stays.
    pub(crate) fn delete(&mut self, id: &ImageId) -> Deletion {
        if let Some(digest) = id.image_digest.as_deref().filter(|digest| !is_digest(digest)) {
            let reason = format!("Invalid request parameters: image digest '{digest}'");
            return Err((FailureCode::InvalidImageDigest, reason));
        }
        let not_found = || (FailureCode::ImageNotFound, "Requested image not found".to_owned());
        match (&id.image_digest, &id.image_tag) {
            (None, None) => Err((
                FailureCode::MissingDigestAndTag,
                "Invalid request parameters: both tag and digest cannot be null".to_owned(),
            )),
            (Some(digest), Some(tag)) => {
                let held = self.tagged(tag).ok_or_else(not_found)?.digest.clone();
                if held != *digest {
                    return Err((
                        FailureCode::ImageTagDoesNotMatchDigest,
                        format!("The tag '{tag}' does not match the digest '{digest}'"),
                    ));
                }
                self.delete_tag(tag).ok_or_else(not_found)?
            }
            (None, Some(tag)) => self.delete_tag(tag).ok_or_else(not_found)?,
            (Some(digest), None) => self.delete_digest(digest).ok_or_else(not_found)?,
        }
    }

    fn delete_tag(&mut self, tag: &str) -> Option<Deletion> {
        let image = self.tagged(tag)?;
        let (digest, is_last) = (image.digest.clone(), image.tags.len() == 1);
        if is_last && let Some(refused) = self.referenced(&digest) {
            return Some(Err(refused));
        }
        self.untag(tag);
        if is_last {
            self.remove(&digest);
        }
        let gone = ImageId { image_digest: Some(digest), image_tag: Some(tag.to_owned()) };
        Some(Ok(vec![gone]))
    }

    fn delete_digest(&mut self, digest: &str) -> Option<Deletion> {
        let image = self.images.get(digest)?;
        let id = |tag: Option<&String>| ImageId { image_digest: Some(digest.to_owned()), image_tag: tag.cloned() };
        let mut gone: Vec<_> = image.tags.iter().map(|tag| id(Some(tag))).collect();
        if gone.is_empty() {
            gone.push(id(None));
        }
        if let Some(refused) = self.referenced(digest) {
            return Some(Err(refused));
        }
        self.remove(digest);
        Some(Ok(gone))
    }

    fn referenced(&self, digest: &str) -> Option<(FailureCode, String)> {
        let parents = self.parents.get(digest).filter(|parents| !parents.is_empty())?;
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let reason = format!("Requested image referenced by manifest list: [{}]", parents.join(", "));
        Some((FailureCode::ImageReferencedByManifestList, reason))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::{Manifest, Mutability};
    use super::*;
    use crate::model::Scope;

    fn by_tag(tag: &str) -> ImageId {
        ImageId { image_tag: Some(tag.to_owned()), image_digest: None }
    }

    fn by_digest(digest: &str) -> ImageId {
        ImageId { image_digest: Some(digest.to_owned()), image_tag: None }
    }

    /// A repository with one index (tags `a` and `b`) of one untagged child.
    fn repository() -> (Repository, String, String) {
        let scope = Scope { region: "r".into(), account: "1".into() };
        let mut repository = Repository::new("app", Mutability::Mutable, DateTime::UNIX_EPOCH);
        let mut put = |text: &str, tag: Option<&str>| {
            let manifest = Manifest::read(text, None).unwrap();
            let digest = manifest.digest.clone();
            repository.put(&scope, manifest, tag, DateTime::UNIX_EPOCH).unwrap();
            digest
        };
        let child = put(r#"{"schemaVersion":2}"#, None);
        let text = format!(r#"{{"manifests":[{{"digest":"{child}"}}]}}"#);
        let index = put(&text, Some("a"));
        put(&text, Some("b"));
        (repository, index, child)
    }

    #[test]
    fn the_last_tag_takes_the_image_with_it() {
        let (mut repository, index, _) = repository();
        repository.delete(&by_tag("a")).unwrap();
        assert!(repository.images.contains_key(&index));
        repository.delete(&by_tag("b")).unwrap();
        assert!(!repository.images.contains_key(&index));
        assert_eq!(repository.delete(&by_tag("b")).unwrap_err().0, FailureCode::ImageNotFound);
    }

    #[test]
    fn a_digest_takes_all_its_tags_with_it() {
        let (mut repository, index, _) = repository();
        assert_eq!(repository.delete(&by_digest(&index)).unwrap().len(), 2);
        assert!(repository.tagged("a").is_none());
    }

    #[test]
    fn a_child_stays_while_its_index_lives() {
        let (mut repository, index, child) = repository();
        let refused = repository.delete(&by_digest(&child)).unwrap_err();
        assert_eq!(refused.0, FailureCode::ImageReferencedByManifestList);
        repository.delete(&by_digest(&index)).unwrap();
        repository.delete(&by_digest(&child)).unwrap();
        assert!(repository.images.is_empty());
    }

    #[test]
    fn tag_and_digest_must_agree() {
        let (mut repository, _, child) = repository();
        let id = ImageId { image_digest: Some(child), image_tag: Some("a".into()) };
        assert_eq!(repository.delete(&id).unwrap_err().0, FailureCode::ImageTagDoesNotMatchDigest);
        assert_eq!(repository.delete(&ImageId::default()).unwrap_err().0, FailureCode::MissingDigestAndTag);
    }
}

//! What a registry holds, and how one names what is to go.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::{ImageDigest, TaskDefinitionName};

/// One manifest of a repository, as its listing tells. Small, since a repository may hold a hundred thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Its digest.
    pub digest: ImageDigest,
    /// Its tags, as the registry writes them.
    pub tags: Box<[Box<str>]>,
    /// What it is.
    pub kind: ManifestKind,
    /// Its size in bytes, its layers included, which it may share with others.
    pub bytes: u64,
    /// When it was pushed.
    pub pushed_at: Option<DateTime<Utc>>,
    /// What it refers to, where the listing says so (OCI image specification 1.1, "Image Manifest", `subject`).
    pub subject: Option<ImageDigest>,
    /// Put into the archive by somebody, or on its way there or back.
    pub archived: bool,
}

/// What a manifest is, by its media types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// A container's image for one platform.
    Image,
    /// A list of other manifests: OCI's image index or Docker's manifest list.
    Index,
    /// Anything else: a signature, a chart, a software bill, a kind that is newer than this program.
    Other,
}

/// What the registry answered when it was asked for a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestText {
    /// The manifest, byte for byte.
    Text(String),
    /// It is not there (any more).
    Missing,
    /// It is there and cannot be had, in the registry's words.
    Refused(String),
}

/// What is to be deleted of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageRef {
    /// A manifest, with whatever tags it has.
    Digest(ImageDigest),
    /// A tag; the manifest goes with its last one.
    Tag(Box<str>),
    /// A tag, if it still names this manifest.
    TagOf(Box<str>, ImageDigest),
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => write!(f, "{}", digest.short()),
            Self::Tag(tag) => f.write_str(tag),
            Self::TagOf(tag, digest) => write!(f, "{tag} ({})", digest.short()),
        }
    }
}

/// Why the registry did not delete one of those that it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionFailure {
    /// Which.
    pub image: ImageRef,
    /// What that means.
    pub cause: FailureCause,
    /// The registry's words.
    pub message: String,
}

/// What it means that an image was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// It is gone already.
    Gone,
    /// A list that is there still names it; the list has to go first.
    Referenced,
    /// The tag names another image by now.
    Moved,
    /// Anything else: a permission, a key, a state.
    Refused,
}

/// A revision of a task definition, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedRevision {
    /// `family:revision`.
    pub name: TaskDefinitionName,
    /// ACTIVE; a deregistered one (INACTIVE) is not.
    pub active: bool,
    /// Its tag `bivouac:managed`: the instance that registered it.
    pub managed_by: Option<String>,
    /// When it was registered.
    pub registered_at: Option<DateTime<Utc>>,
    /// The images of its containers, as they are written there.
    pub images: Vec<String>,
}

impl ImageDigest {
    /// The SHA-256 of a content, as registries write it.
    pub fn of(content: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(7 + 64);
        text.push_str("sha256:");
        for byte in Sha256::digest(content) {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self::new(&text)
    }

    /// Whether it has the form of a digest: an algorithm and at least 32 hexadecimal digits (OCI image specification,
    /// "Content Descriptors", "Digests").
    pub fn is_well_formed(&self) -> bool {
        self.as_str().split_once(':').is_some_and(|(algorithm, encoded)| {
            let algorithm =
                !algorithm.is_empty() && algorithm.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            algorithm && encoded.len() >= 32 && encoded.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_its_content() {
        // The empty descriptor of the OCI image specification ("Guidance for an Empty Descriptor").
        let empty = ImageDigest::of(b"{}");
        assert_eq!(empty.as_str(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert!(empty.is_well_formed());
        for odd in
            ["", "sha256:", "sha256:44136", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e83", "sha256:../../etc"]
        {
            assert!(!ImageDigest::new(odd).is_well_formed(), "{odd}");
        }
    }
}

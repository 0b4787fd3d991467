//! What a manifest refers to, read from its text. What cannot be read is a doubt, and doubts keep.

use bivouac_model::ImageDigest;
use serde::Deserialize;

/// The largest manifest that is read: what the OCI distribution specification asks registries to take at least ("Pushing
/// Manifests": 4 megabytes). A list of a thousand platforms has 300 KB.
pub const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// What is known of a manifest that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// It was read.
    Read(Links),
    /// It was not, so what it refers to is not known.
    Unread(Unread),
}

/// What a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The manifests that a list names (`manifests` of an OCI index or a Docker manifest list): images, the attestations
    /// that BuildKit puts beside them, other lists.
    pub children: Box<[ImageDigest]>,
    /// What it was made for (`subject`).
    pub subject: Option<ImageDigest>,
}

/// Why a manifest could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than [`LARGEST_MANIFEST`].
    TooLarge,
    /// Its content is not what its digest says: a part of it, or another.
    NotWhole,
    /// It is no manifest: no JSON, a list without `manifests`, a digest that is none.
    Malformed,
    /// The registry did not give it, in its words.
    Refused(String),
}

impl Unread {
    /// The rest of "The list …" and "Its manifest …".
    pub(super) fn words(&self) -> &str {
        match self {
            Self::TooLarge => "is larger than 4 MB",
            Self::NotWhole => "is not what its digest says",
            Self::Malformed => "is none that can be read",
            Self::Refused(_) => "could not be read",
        }
    }
}

#[derive(Deserialize)]
struct Body {
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Box<str>,
}

impl Manifest {
    /// Reads the manifest of a digest. `is_list`: by its media type it has to name others.
    pub fn read(digest: &ImageDigest, text: &str, is_list: bool) -> Self {
        if text.len() > LARGEST_MANIFEST {
            return Self::Unread(Unread::TooLarge);
        }
        // ECR knows no other algorithm; one that we cannot reckon proves nothing, so its text is believed.
        if digest.as_str().starts_with("sha256:") && ImageDigest::of(text.as_bytes()) != *digest {
            return Self::Unread(Unread::NotWhole);
        }
        Links::read(text, is_list).map_or(Self::Unread(Unread::Malformed), Self::Read)
    }
}

impl Links {
    fn read(text: &str, is_list: bool) -> Option<Self> {
        let body: Body = serde_json::from_str(text).ok()?;
        let children = match body.manifests {
            None if is_list => return None,
            manifests => manifests.unwrap_or_default(),
        };
        let digest = |descriptor: Descriptor| {
            let digest = ImageDigest::new(&descriptor.digest);
            digest.is_well_formed().then_some(digest)
        };
        Some(Self {
            children: children.into_iter().map(digest).collect::<Option<_>>()?,
            subject: match body.subject {
                None => None,
                Some(subject) => Some(digest(subject)?),
            },
        })
    }
}

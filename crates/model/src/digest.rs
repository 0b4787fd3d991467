//! Hashes that stand for a content.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of what goes into a [`ContentHash`], kept in the tag `bivouac:hash-version`.
///
/// Raise it whenever the same wish would hash differently: a service that carries another version is stamped anew, not
/// rolled (as Karpenter does with its drift hash), so an upgrade of the controller does not restart every environment.
pub const HASH_VERSION: &str = "1";

/// The first 128 bits of a SHA-256 as 32 hexadecimal digits: what was asked, in one word. Fits an ECS tag value and a
/// `clientToken` (36 characters at most).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(Box<str>);

impl ContentHash {
    /// The hash of parts, each with its length before it, so that no two lists of parts collide by concatenation.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut text = String::with_capacity(32);
        for byte in hasher.finalize().iter().take(16) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// A hash that was read back from a tag or a record.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// 32 hexadecimal digits (or whatever was stored).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 64 bits of the hash of a text as 16 hexadecimal digits, for "does this say the same as before".
pub fn short_hash(text: &str) -> String {
    ContentHash::of([text.as_bytes()]).as_str()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let hash = |parts: &[&str]| ContentHash::of(parts.iter().map(|p| p.as_bytes()));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_eq!(hash(&["ab"]).as_str().len(), 32);
    }
}

//! Hashes that stand for a content.

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
        // One buffer and one call: most parts are a few bytes long, and the hasher's own bookkeeping would cost more.
        let mut content = Vec::with_capacity(1024);
        for part in parts {
            content.extend_from_slice(&(part.len() as u32).to_be_bytes());
            content.extend_from_slice(part);
        }
        let hash = Sha256::digest(&content);
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut text = String::with_capacity(32);
        // A pass over thousands of environments makes two of these for each, which `write!` would take half the time of.
        for byte in hash.iter().take(16) {
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
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

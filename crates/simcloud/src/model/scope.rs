//! Names and identifiers as AWS forms them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The account and region that ARNs and image addresses carry.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Scope {
    /// `arn:aws:<service>:<region>:<account>:<resource>`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// The ARN of something that belongs to no region, as IAM roles do.
    pub(crate) fn account_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}::{}:{resource}", self.account)
    }

    /// The host of this account's private registry.
    pub(crate) fn registry(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com", self.account, self.region)
    }

    /// An availability zone of the region: 0 is `a`, 1 is `b`, and so on.
    pub(crate) fn zone(&self, index: usize) -> String {
        let letter = char::from(b'a' + u8::try_from(index % 3).unwrap_or_default());
        format!("{}{letter}", self.region)
    }
}

/// `digits` lower-case hexadecimal digits.
pub(crate) fn hex(rng: &mut fastrand::Rng, digits: usize) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    (0..digits).map(|_| char::from(DIGITS[rng.usize(..16)])).collect()
}

/// A random UUID, version 4.
pub(crate) fn uuid(rng: &mut fastrand::Rng) -> String {
    let h = hex(rng, 32);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
}

/// A deployment id: `ecs-svc/` and nineteen digits.
pub(crate) fn deployment_id(rng: &mut fastrand::Rng) -> String {
    format!("ecs-svc/{}", rng.u64(1_000_000_000_000_000_000..10_000_000_000_000_000_000))
}

/// `sha256:` and the hash of the bytes, as registries name content.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether the text has the form of a sha256 digest.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_its_content() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
        assert!(is_digest(empty));
        assert!(!is_digest("sha256:E3"));
    }

    #[test]
    fn identifiers_come_from_the_seed() {
        let make = |seed| uuid(&mut fastrand::Rng::with_seed(seed));
        assert_eq!(make(3), make(3));
        assert_ne!(make(3), make(4));
        assert_eq!(make(3).len(), 36);
    }
}

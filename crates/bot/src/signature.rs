//! Whether GitHub sent it: the signature of a delivery.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What a signature begins with (GitHub, "Validating webhook deliveries").
const PREFIX: &str = "sha256=";

/// The secrets that a delivery may be signed with: the one in use, and while it is being changed the other one too.
#[derive(Clone, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// An empty secret is left out: with it everybody could sign. Without any, nothing is ever signed rightly.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// Whether there is none, so that nothing could ever be accepted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `signature` is that of `body` under one of the secrets. The comparison takes the same time wherever the
    /// first difference is, and every secret is tried whichever fits.
    pub fn signed(&self, body: &[u8], signature: Signature) -> bool {
        let fits = |secret: &SecretString| {
            // HMAC takes keys of any length, so this cannot fail.
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
                mac.update(body);
                mac.verify_slice(&signature.0).is_ok()
            })
        };
        self.0.iter().fold(false, |before, secret| fits(secret) | before)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// A signature that has its form: `sha256=` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the header `X-Hub-Signature-256`; `None` if it does not have the form.
    pub fn read(header: &[u8]) -> Option<Self> {
        let digits = header.strip_prefix(PREFIX.as_bytes())?;
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Testing the webhook payload validation" (GitHub, "Validating webhook deliveries").
    const SECRET: &str = "It's a Secret to Everybody";
    const PAYLOAD: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(secrets: &[&str]) -> Secrets {
        Secrets::new(secrets.iter().map(|secret| SecretString::from(*secret)))
    }

    fn signature(header: &str) -> Signature {
        Signature::read(header.as_bytes()).unwrap()
    }

    #[test]
    fn the_published_vector_is_right() {
        assert!(secrets(&[SECRET]).signed(PAYLOAD, signature(SIGNATURE)));
        assert!(secrets(&[SECRET]).signed(PAYLOAD, signature(&SIGNATURE.replace("ea0eb", "EA0EB"))));
    }

    #[test]
    fn anything_else_is_wrong() {
        let right = signature(SIGNATURE);
        assert!(!secrets(&[SECRET]).signed(b"Hello, World", right));
        assert!(!secrets(&["another"]).signed(PAYLOAD, right));
        assert!(!secrets(&[SECRET]).signed(PAYLOAD, signature(&SIGNATURE.replace("3e17", "3e18"))));
        assert!(!secrets(&[]).signed(PAYLOAD, right), "without a secret nothing is signed");
    }

    #[test]
    fn while_a_secret_is_changed_both_count() {
        for known in [[SECRET, "new"], ["new", SECRET]] {
            assert!(secrets(&known).signed(PAYLOAD, signature(SIGNATURE)));
        }
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(secrets(&["", ""]).is_empty());
    }

    #[test]
    fn a_signature_has_one_form() {
        let digits = &SIGNATURE[PREFIX.len()..];
        let wrong = [
            String::new(),
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", &digits[1..]),
            format!("sha256={digits}0"),
            format!("sha256= {}", &digits[1..]),
            format!("sha256=+{}", &digits[1..]),
            format!("sha256={}g", &digits[1..]),
            format!("{SIGNATURE},{SIGNATURE}"),
        ];
        for header in wrong {
            assert_eq!(Signature::read(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", secrets(&[SECRET])), "Secrets(1)");
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(header in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let _ = Signature::read(&header);
        }
    }
}

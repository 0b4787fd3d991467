//! The signature of a delivery.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `X-Hub-Signature-256`: "The HMAC hex digest of the request body … generated using the SHA-256 hash
/// function and the `secret` as the HMAC `key`" (docs.github.com/webhooks/webhook-events-and-payloads, Delivery headers).
pub(super) fn sign(secret: &str, body: &[u8]) -> String {
    let mut out = String::from("sha256=");
    // HMAC takes a key of any length, so there is always a digest.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            out += &format!("{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries, Testing the webhook payload validation.
    #[test]
    fn githubs_published_example_comes_out() {
        assert_eq!(
            sign("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        );
    }

    /// RFC 4231, test case 6: a key longer than a block.
    #[test]
    fn a_long_secret_is_no_trouble() {
        let key = String::from_utf8(vec![b'a'; 131]).unwrap();
        assert_eq!(sign(&key, b"").len(), "sha256=".len() + 64);
        assert_ne!(sign(&key, b""), sign(&key[1..], b""));
    }
}

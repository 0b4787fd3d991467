//! Tags that stand for a reference to another manifest, where a registry knows no `subject`.
//!
//! The OCI distribution specification calls `sha256-<hex>` the referrers tag ("Referrers Tag Schema"): a list of what
//! refers to the digest. cosign signs with `sha256-<hex>.sig`, attests with `.att`, and attaches a software bill with
//! `.sbom`. Such a tag belongs to its subject, and never to a pull request, whatever a project's pattern says.

use bivouac_model::ImageDigest;

/// What cosign puts behind the digest ("Signature Specification", "Storage"), and nothing, as OCI does.
const SUFFIXES: [&str; 4] = ["", ".sig", ".att", ".sbom"];

/// The digest that a tag speaks of, if it is of this kind.
pub(super) fn subject_of(tag: &str) -> Option<ImageDigest> {
    let rest = tag.strip_prefix("sha256-")?;
    let (hex, suffix) = rest.split_at_checked(64)?;
    let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && SUFFIXES.contains(&suffix)).then(|| ImageDigest::new(&format!("sha256:{hex}")))
}

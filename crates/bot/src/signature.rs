//! Whether GitHub sent it: the signature of a delivery.

use std::fmt;

use bivouac_model::RepoName;
use bivouac_ports::SharedSecret;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What a signature begins with (GitHub, "Validating webhook deliveries").
const PREFIX: &str = "sha256=";

/// The secrets that a delivery may be signed with, and for which repository each of them is good.
///
/// The general secret is good for every repository but those of the projects that have a secret of their own. A project's
/// secret is good for its repository alone. Each source holds one secret a line, so that one can replace another. An empty
/// line is no secret: with it everybody could sign.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Owned>);

/// Secrets from one source, and the repository that they are good for. `None`: they are the general ones.
#[derive(Clone)]
struct Owned {
    repo: Option<RepoName>,
    source: SharedSecret,
}

/// Whose secret a delivery was signed with. One secret may be that of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    general: bool,
    projects: Vec<RepoName>,
}

impl Secrets {
    /// General secrets that stay as they are. Without any, nothing is ever signed rightly.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        secrets.into_iter().fold(Self::default(), |secrets, secret| secrets.with_general(secret.into()))
    }

    /// With the general secret from this source.
    #[must_use]
    pub fn with_general(mut self, source: SharedSecret) -> Self {
        self.0.push(Owned { repo: None, source });
        self
    }

    /// With the secret of one project from this source. The general one is not good for its repository any more.
    #[must_use]
    pub fn with_project(mut self, repo: RepoName, source: SharedSecret) -> Self {
        self.0.push(Owned { repo: Some(repo), source });
        self
    }

    /// Whether there is none, so that nothing could ever be accepted.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Whose secret `signature` of `body` was made with. `None`: nobody's that is known. The comparison takes the same time
    /// wherever the first difference is, and every secret is tried whichever fits.
    pub fn signer(&self, body: &[u8], signature: Signature) -> Option<Signer> {
        let mut signer = Signer::default();
        for Owned { repo, source } in &self.0 {
            let secret = source.current();
            let fits = lines(secret.value()).fold(false, |before, secret| is_signed(secret, body, signature) | before);
            match repo {
                _ if !fits => {}
                None => signer.general = true,
                Some(repo) => signer.projects.push(repo.clone()),
            }
        }
        (signer != Signer::default()).then_some(signer)
    }

    /// Whether a project has a secret of its own, so that it matters which repository a delivery names.
    pub fn differ(&self) -> bool {
        self.0.iter().any(|owned| owned.repo.is_some())
    }

    /// Whether a delivery by `signer` may speak of this repository. One that names none needs the general secret.
    pub fn may_speak_of(&self, signer: &Signer, repo: Option<&str>) -> bool {
        // GitHub does not tell names apart by case.
        let is = |owner: &RepoName| repo.is_some_and(|repo| owner.as_str().eq_ignore_ascii_case(repo));
        let has_its_own = self.0.iter().any(|owned| owned.repo.as_ref().is_some_and(is));
        if has_its_own { signer.projects.iter().any(is) } else { signer.general }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|owned| lines(owned.source.current().value()).count()).sum()
    }
}

/// The secrets of one source.
fn lines(secret: &SecretString) -> impl Iterator<Item = &str> {
    secret.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty())
}

fn is_signed(secret: &str, body: &[u8], signature: Signature) -> bool {
    // HMAC takes keys of any length, so this cannot fail.
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mut mac| {
        mac.update(body);
        mac.verify_slice(&signature.0).is_ok()
    })
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.count())
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
        assert!(secrets(&[SECRET]).signer(PAYLOAD, signature(SIGNATURE)).is_some());
        assert!(secrets(&[SECRET]).signer(PAYLOAD, signature(&SIGNATURE.replace("ea0eb", "EA0EB"))).is_some());
    }

    #[test]
    fn anything_else_is_wrong() {
        let right = signature(SIGNATURE);
        assert!(secrets(&[SECRET]).signer(b"Hello, World", right).is_none());
        assert!(secrets(&["another"]).signer(PAYLOAD, right).is_none());
        assert!(secrets(&[SECRET]).signer(PAYLOAD, signature(&SIGNATURE.replace("3e17", "3e18"))).is_none());
        assert!(secrets(&[]).signer(PAYLOAD, right).is_none(), "without a secret nothing is signed");
    }

    #[test]
    fn while_a_secret_is_changed_both_count() {
        for known in [[SECRET, "new"], ["new", SECRET]] {
            assert!(secrets(&known).signer(PAYLOAD, signature(SIGNATURE)).is_some());
        }
    }

    /// A general secret, and one of `acme/shop` alone.
    fn two() -> Secrets {
        let general = Secrets::new([SecretString::from("general")]);
        general.with_project("acme/shop".parse().unwrap(), SharedSecret::from("old\nshop\n"))
    }

    fn signed_with(secret: &str) -> Signature {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(PAYLOAD);
        Signature(mac.finalize().into_bytes().into())
    }

    #[test]
    fn a_secret_is_good_for_its_own_repository_alone() {
        let secrets = two();
        assert!(secrets.differ() && !Secrets::new([SecretString::from("general")]).differ());
        let may = |secret: &str, repo| {
            let signer = secrets.signer(PAYLOAD, signed_with(secret)).unwrap();
            secrets.may_speak_of(&signer, repo)
        };
        for (secret, repo, expected) in [
            ("shop", Some("acme/shop"), true),
            ("old", Some("Acme/Shop"), true),
            ("shop", Some("acme/other"), false),
            ("shop", None, false),
            ("general", Some("acme/shop"), false),
            ("general", Some("ACME/shop"), false),
            ("general", Some("acme/other"), true),
            ("general", Some("nobody/knows"), true),
            ("general", None, true),
        ] {
            assert_eq!(may(secret, repo), expected, "{secret} {repo:?}");
        }
        assert_eq!(secrets.signer(PAYLOAD, signed_with("old\nshop")), None, "each line is a secret, not all of them");
    }

    #[test]
    fn a_secret_that_two_share_is_good_for_both() {
        let secrets = two().with_project("acme/other".parse().unwrap(), SharedSecret::from("shop"));
        let signer = secrets.signer(PAYLOAD, signed_with("shop")).unwrap();
        assert!(secrets.may_speak_of(&signer, Some("acme/shop")) && secrets.may_speak_of(&signer, Some("acme/other")));
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

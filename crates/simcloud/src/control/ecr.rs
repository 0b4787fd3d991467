use std::sync::Arc;

use serde_json::json;

use crate::model::World;
use crate::model::ecr::{Manifest, Mutability, Repository};
use crate::model::scope::digest;
use crate::shared::Shared;

/// ECR beside the wire: pushing needs no layers here. A clone is the same handle.
#[derive(Clone, Debug)]
pub struct EcrControl {
    shared: Arc<Shared>,
}

/// The digests of an index and of what it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedIndex {
    /// The index, which the tag names.
    pub index: String,
    /// The image for `linux/amd64`, untagged.
    pub image: String,
    /// The attestation of how it was built, untagged.
    pub attestation: String,
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

impl EcrControl {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a repository with movable tags. Called again it changes nothing.
    pub fn create_repository(&self, name: &str) {
        self.shared.with(|world| {
            let made = Repository::new(name, Mutability::Mutable, world.now);
            world.ecr.repositories.entry(name.to_owned()).or_insert(made);
        });
    }

    /// Pushes a new image under the tag, which moves to it whatever the repository's
    /// mutability, and gives its digest. The repository is made if it is not there.
    pub fn push_image(&self, repository: &str, tag: &str) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let (text, config) = image(&format!("{repository}:{tag} {nonce}"), &[]);
            keep(world, repository, config);
            put(world, repository, &text, Some(tag))
        })
    }

    /// Pushes a new image whose configuration has labels, as `docker build --label` makes them.
    pub fn push_labelled(&self, repository: &str, tag: &str, labels: &[(&str, &str)]) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let (text, config) = image(&format!("{repository}:{tag} {nonce}"), labels);
            keep(world, repository, config);
            put(world, repository, &text, Some(tag))
        })
    }

    /// Pushes a manifest of this media type under the tag, as a registry does that knows more kinds than its clients, and
    /// gives its digest.
    pub fn push_typed(&self, repository: &str, tag: &str, media_type: &str) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let (text, config) = image(&format!("{repository}:{tag} {nonce}"), &[]);
            keep(world, repository, config);
            put(world, repository, &text.replace(OCI_MANIFEST, media_type), Some(tag))
        })
    }

    /// Pushes an image without a tag and gives its digest.
    pub fn push_untagged(&self, repository: &str) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let (text, config) = image(&format!("untagged {nonce}"), &[]);
            keep(world, repository, config);
            put(world, repository, &text, None)
        })
    }

    /// Pushes what `docker buildx build --push` pushes for one platform: the image and its
    /// attestation without tags, then an index of both under the tag.
    pub fn push_index(&self, repository: &str, tag: &str) -> PushedIndex {
        self.push_labelled_index(repository, tag, &[])
    }

    /// The same, with labels in the image's configuration.
    pub fn push_labelled_index(&self, repository: &str, tag: &str, labels: &[(&str, &str)]) -> PushedIndex {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let (image_text, config) = image(&format!("{repository}:{tag} {nonce}"), labels);
            keep(world, repository, config);
            let image = put(world, repository, &image_text, None);
            let provenance = [("in-toto.io/predicate-type", "https://slsa.dev/provenance/v0.2")];
            let config = configuration(&format!("attestation {nonce}"), &[]);
            let attestation_text = manifest(&format!("attestation {nonce}"), &provenance, &config);
            keep(world, repository, config);
            let attestation = put(world, repository, &attestation_text, None);
            let index = json!({
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [
                    {
                        "mediaType": OCI_MANIFEST, "digest": image, "size": image_text.len(),
                        "platform": { "architecture": "amd64", "os": "linux" },
                    },
                    {
                        "mediaType": OCI_MANIFEST, "digest": attestation,
                        "size": attestation_text.len(),
                        "annotations": {
                            "vnd.docker.reference.digest": image,
                            "vnd.docker.reference.type": "attestation-manifest",
                        },
                        "platform": { "architecture": "unknown", "os": "unknown" },
                    },
                ],
            });
            let index = put(world, repository, &index.to_string(), Some(tag));
            PushedIndex { index, image, attestation }
        })
    }

    /// Pushes an index that has no tag, and so many images that it names, as a build leaves behind when its tag moves.
    /// Gives the index.
    pub fn push_untagged_index(&self, repository: &str, children: usize) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let manifests: Vec<_> = (0..children)
                .map(|child| {
                    let (text, config) = image(&format!("{repository} {nonce} {child}"), &[]);
                    keep(world, repository, config);
                    let digest = put(world, repository, &text, None);
                    json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": text.len() })
                })
                .collect();
            let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
            put(world, repository, &index.to_string(), None)
        })
    }

    /// Pushes a referrer, such as a signature, whose subject is `subject`.
    pub fn push_referrer(&self, repository: &str, subject: &str) -> String {
        self.create_repository(repository);
        self.shared.with(|world| {
            let nonce = world.rng.u64(..);
            let empty = digest(b"{}");
            let text = json!({
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
                "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 },
                "layers": [{ "mediaType": "application/octet-stream", "digest": digest(&nonce.to_le_bytes()), "size": 8 }],
                "subject": { "mediaType": OCI_MANIFEST, "digest": subject, "size": 0 },
            });
            put(world, repository, &text.to_string(), None)
        })
    }

    /// The digest a tag names, if any.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        self.shared.with(|world| {
            let image = world.ecr.repositories.get(repository)?.tagged(tag)?;
            Some(image.digest.clone())
        })
    }

    /// The digests of all manifests in a repository, in order.
    pub fn digests(&self, repository: &str) -> Vec<String> {
        self.shared.with(|world| {
            let repository = world.ecr.repositories.get(repository);
            repository.map_or_else(Vec::new, |held| held.images.keys().cloned().collect())
        })
    }
}

/// An image: its manifest and its configuration.
fn image(content: &str, labels: &[(&str, &str)]) -> (String, String) {
    let config = configuration(content, labels);
    (manifest(content, &[], &config), config)
}

/// An OCI image configuration, as small as one is.
fn configuration(content: &str, labels: &[(&str, &str)]) -> String {
    let labels: serde_json::Map<_, _> = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [digest(format!("layer {content}").as_bytes())] },
    })
    .to_string()
}

/// Stores a configuration as a blob.
fn keep(world: &mut World, repository: &str, config: String) {
    if let Some(held) = world.ecr.repositories.get_mut(repository) {
        held.blobs.insert(digest(config.as_bytes()), config);
    }
}

/// An OCI image manifest whose content, and with it the digest, follows from `content`.
fn manifest(content: &str, layer_annotations: &[(&str, &str)], config: &str) -> String {
    let annotations: serde_json::Map<_, _> =
        layer_annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let layer_type = if annotations.is_empty() {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    } else {
        "application/vnd.in-toto+json"
    };
    let mut layer = json!({
        "mediaType": layer_type,
        "digest": digest(format!("layer {content}").as_bytes()),
        "size": 50_000_000 + content.len(),
    });
    if !annotations.is_empty() {
        layer["annotations"] = annotations.into();
    }
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": OCI_CONFIG,
            "digest": digest(config.as_bytes()),
            "size": config.len(),
        },
        "layers": [layer],
    })
    .to_string()
}

/// Stores what this module made itself; it has all a registry asks for.
fn put(world: &mut World, repository: &str, text: &str, tag: Option<&str>) -> String {
    let now = world.now;
    let digest = digest(text.as_bytes());
    let stored = Manifest::read(text, None).ok().and_then(|manifest| {
        let held = world.ecr.repositories.get_mut(repository)?;
        held.force(manifest, tag, now);
        Some(())
    });
    debug_assert!(stored.is_some(), "a manifest of our own is readable");
    digest
}

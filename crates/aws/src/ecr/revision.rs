//! Of which commit an image says it is, and for which processors.
//!
//! The statement is `org.opencontainers.image.revision`, among the annotations of an index or a manifest, or among the labels
//! of an image's configuration (OCI image specification, "Annotations"). A manifest is asked of ECR itself; a configuration
//! is a blob, which ECR answers with an address of S3.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use bivouac_model::ImageDigest;
use bivouac_ports::{Error, Meaning, Result};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Ecr;
use crate::calls::{BATCH_GET_IMAGE, GET_DOWNLOAD_URL_FOR_LAYER};
use crate::error::from_sdk;

/// The annotation, and the label.
const REVISION: &str = "org.opencontainers.image.revision";
/// What a manifest may be for us to read it. Without these ECR answers the first only.
pub(super) const ACCEPTED: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];
/// The largest configuration that is read. It is a few KB; the OCI distribution specification asks registries to take
/// manifests of 4 MB ("Pushing Manifests"), and a configuration is no larger than that.
const LARGEST: u64 = 4 * 1024 * 1024;
/// The most platforms of an index that are asked, which is the most ids of one BatchGetImage.
const MOST_PLATFORMS: usize = 100;
/// How long a configuration may take to come; as an attempt of any other call.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most characters of a statement that are kept: twice a SHA-256. What is longer names no commit.
const LONGEST: usize = 128;

/// As much of a manifest or an index as is asked for.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    annotations: HashMap<String, String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Platform {
    os: Option<String>,
    architecture: Option<String>,
}

impl Descriptor {
    /// An attestation of how the others were built stands beside them in an index (BuildKit's documentation,
    /// "Attestation storage").
    fn is_image(&self) -> bool {
        let unknown = self.platform.as_ref().is_some_and(|platform| platform.os.as_deref() == Some("unknown"));
        !unknown && !self.annotations.contains_key("vnd.docker.reference.type")
    }
}

#[derive(Deserialize)]
struct Configuration {
    config: Option<Container>,
    architecture: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Labels")]
    labels: Option<HashMap<String, String>>,
}

/// A statement, as it may be remembered.
fn stated(told: &HashMap<String, String>) -> Option<String> {
    let commit = told.get(REVISION)?.trim();
    (!commit.is_empty()).then(|| commit.chars().take(LONGEST).collect())
}

fn unreadable(call: &'static str) -> impl Fn(serde_json::Error) -> Error {
    move |error| Error::new(Meaning::Invalid, call, "the answer is no manifest or configuration").caused_by(error)
}

impl Ecr {
    /// See [`bivouac_ports::Registry::revision`].
    pub(super) async fn read_revision(&self, repository: &str, digest: &ImageDigest) -> Result<Option<String>> {
        let manifests = self.manifests(repository, &[digest.as_str().to_owned()]).await?;
        let Some(manifest) = manifests.into_iter().next() else {
            return Err(Error::new(Meaning::NotFound, BATCH_GET_IMAGE.name, "the image is not there"));
        };
        if let Some(commit) = stated(&manifest.annotations) {
            return Ok(Some(commit));
        }
        let Some(platforms) = &manifest.manifests else { return self.of_one(repository, &manifest).await };
        let images = platforms.iter().filter(|platform| platform.is_image());
        let digests: Vec<String> = images.take(MOST_PLATFORMS).map(|platform| platform.digest.clone()).collect();
        if digests.is_empty() {
            return Ok(None);
        }
        let mut said = Vec::new();
        for image in self.manifests(repository, &digests).await? {
            said.push(self.of_one(repository, &image).await?);
        }
        // One that is missing or silent, or says something else, spoils it: which one will run is not ours to know.
        let first = said.first().cloned().flatten();
        Ok(first.filter(|_| said.len() == digests.len() && said.windows(2).all(|two| two[0] == two[1])))
    }

    /// What the image of one platform says.
    async fn of_one(&self, repository: &str, manifest: &Manifest) -> Result<Option<String>> {
        if let Some(commit) = stated(&manifest.annotations) {
            return Ok(Some(commit));
        }
        let read = self.configuration(repository, manifest).await?;
        let container = read.and_then(|read| read.config);
        Ok(container.and_then(|container| container.labels).as_ref().and_then(stated))
    }

    /// See [`bivouac_ports::Registry::architectures`].
    pub(super) async fn read_architectures(&self, repository: &str, digest: &ImageDigest) -> Result<Vec<String>> {
        let manifests = self.manifests(repository, &[digest.as_str().to_owned()]).await?;
        let Some(manifest) = manifests.into_iter().next() else {
            return Err(Error::new(Meaning::NotFound, BATCH_GET_IMAGE.name, "the image is not there"));
        };
        let mut found: Vec<String> = match &manifest.manifests {
            Some(platforms) => {
                let images = platforms.iter().filter(|platform| platform.is_image());
                images.filter_map(|image| image.platform.as_ref()?.architecture.clone()).collect()
            }
            None => {
                let read = self.configuration(repository, &manifest).await?;
                read.and_then(|read| read.architecture).into_iter().collect()
            }
        };
        found.retain(|architecture| !architecture.is_empty());
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The configuration of the image of one platform; `None` when it names none that may be read.
    async fn configuration(&self, repository: &str, manifest: &Manifest) -> Result<Option<Configuration>> {
        let Some(config) = manifest.config.as_ref().filter(|config| config.size <= LARGEST) else { return Ok(None) };
        let blob = self.blob(repository, &config.digest).await?;
        serde_json::from_slice(&blob).map(Some).map_err(unreadable(GET_DOWNLOAD_URL_FOR_LAYER.name))
    }

    /// Those of some manifests that are there.
    async fn manifests(&self, repository: &str, digests: &[String]) -> Result<Vec<Manifest>> {
        let id = |digest: &String| ImageIdentifier::builder().image_digest(digest).build();
        let request = self
            .client
            .batch_get_image()
            .repository_name(repository)
            .set_image_ids(Some(digests.iter().map(id).collect()))
            .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()));
        let answer = request.send().await.map_err(|error| from_sdk(&BATCH_GET_IMAGE, error))?;
        let refused = answer
            .failures()
            .iter()
            .find(|failure| !matches!(failure.failure_code(), Some(ImageFailureCode::ImageNotFound) | None));
        if let Some(refused) = refused {
            let reason = refused.failure_reason().unwrap_or("the image cannot be read");
            return Err(Error::new(Meaning::Unavailable, BATCH_GET_IMAGE.name, reason));
        }
        let texts = answer.images().iter().filter_map(|image| image.image_manifest());
        texts.map(|text| serde_json::from_str(text).map_err(unreadable(BATCH_GET_IMAGE.name))).collect()
    }

    /// A blob, held to its digest.
    async fn blob(&self, repository: &str, digest: &str) -> Result<Vec<u8>> {
        let call = GET_DOWNLOAD_URL_FOR_LAYER.name;
        let request = self.client.get_download_url_for_layer().repository_name(repository).layer_digest(digest);
        let answer = request.send().await.map_err(|error| from_sdk(&GET_DOWNLOAD_URL_FOR_LAYER, error))?;
        let url = answer.download_url().unwrap_or_default();
        let fetched = tokio::time::timeout(PATIENCE, self.fetch(url)).await;
        let bytes = fetched.map_err(|_| Error::new(Meaning::Unavailable, call, "the blob did not come in time"))??;
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if digest.strip_prefix("sha256:") != Some(hash.as_str()) {
            return Err(Error::new(Meaning::Invalid, call, "the blob is not what its digest says"));
        }
        Ok(bytes)
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>> {
        let call = GET_DOWNLOAD_URL_FOR_LAYER.name;
        // The address carries its own permission, so it stands in no message.
        let lost = |why: &str| Error::new(Meaning::Unavailable, call, format!("the blob could not be fetched: {why}"));
        let Some(connector) = &self.connector else { return Err(lost("this build has no HTTPS")) };
        let request = HttpRequest::get(url).map_err(|_| lost("its address is none"))?;
        let answer = connector.call(request).await.map_err(|_| lost("no connection"))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(lost(&format!("HTTP status {status}")));
        }
        let mut stream = ByteStream::new(answer.into_body());
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.try_next().await.map_err(|_| lost("it broke off"))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > LARGEST {
                return Err(Error::new(Meaning::Invalid, call, "the configuration of the image is too large"));
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(text: &str) -> Manifest {
        serde_json::from_str(text).expect("a manifest")
    }

    #[test]
    fn a_statement_is_short_and_not_empty() {
        let said = |commit: &str| stated(&[(REVISION.to_owned(), commit.to_owned())].into());
        assert_eq!(said(" 0123abc\n").as_deref(), Some("0123abc"));
        assert_eq!(said("  "), None);
        assert_eq!(said(&"a".repeat(5000)).map(|commit| commit.len()), Some(LONGEST));
        assert_eq!(stated(&HashMap::new()), None);
    }

    #[test]
    fn attestations_are_no_images() {
        let index = manifest(
            r#"{"schemaVersion":2,"manifests":[
                {"digest":"sha256:a","size":1,"platform":{"os":"linux","architecture":"amd64"}},
                {"digest":"sha256:b","size":1,"platform":{"os":"unknown","architecture":"unknown"}},
                {"digest":"sha256:c","annotations":{"vnd.docker.reference.type":"attestation-manifest"}},
                {"digest":"sha256:d"}]}"#,
        );
        let images = index.manifests.unwrap_or_default().into_iter().filter(Descriptor::is_image);
        assert_eq!(images.map(|image| image.digest).collect::<Vec<_>>(), ["sha256:a", "sha256:d"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*", label in ".*") {
            let _ = serde_json::from_str::<Manifest>(&text);
            let _ = serde_json::from_str::<Configuration>(&text);
            if let Some(commit) = stated(&[(REVISION.to_owned(), label)].into()) {
                prop_assert!((1..=LONGEST).contains(&commit.chars().count()));
            }
        }
    }
}

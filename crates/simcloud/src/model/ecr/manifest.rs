//! What a manifest says of itself: its kind, its size, what it points to.

use serde::Deserialize;

use super::super::scope::digest;

/// Docker's and OCI's media types for something that lists other manifests.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Given to a manifest that names no media type of its own (OCI image specification).
const OCI_INDEX: &str = INDEXES[0];
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A manifest, read as far as a registry reads it.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) text: String,
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) artifact_media_type: Option<String>,
    pub(crate) size: u64,
    pub(crate) children: Vec<String>,
    pub(crate) subject: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    size: u64,
}

impl Manifest {
    /// Reads a manifest. `media_type` is what the pusher said beside it, if anything.
    pub(crate) fn read(text: &str, media_type: Option<&str>) -> Result<Self, serde_json::Error> {
        let body: Body = serde_json::from_str(text)?;
        let is_index = body.manifests.is_some();
        let media_type = media_type
            .map(str::to_owned)
            .or(body.media_type)
            .unwrap_or_else(|| if is_index { OCI_INDEX } else { OCI_MANIFEST }.to_owned());
        // The kind of an artifact is its artifactType, else the media type of its configuration.
        let config_type = body.config.as_ref().and_then(|config| config.media_type.clone());
        let artifact_media_type = body.artifact_type.or(config_type);
        let children = body.manifests.unwrap_or_default();
        let size = body.layers.iter().chain(&body.config).map(|part| part.size).sum();
        Ok(Self {
            digest: digest(text.as_bytes()),
            text: text.to_owned(),
            media_type,
            artifact_media_type,
            size,
            children: children.into_iter().map(|child| child.digest).collect(),
            subject: body.subject.map(|subject| subject.digest),
        })
    }

    pub(crate) fn is_index(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_index_points_to_its_children() {
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":7}}]}}"#, digest(b"child"));
        let index = Manifest::read(&text, None).unwrap();
        assert!(index.is_index());
        assert_eq!(index.children, [digest(b"child")]);
        assert_eq!(index.digest, digest(text.as_bytes()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Manifest::read(&text, None);
        }
    }
}

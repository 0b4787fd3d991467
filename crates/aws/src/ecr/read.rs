//! From ECR's images to ours.

use aws_sdk_ecr::types::ImageDetail;
use bivouac_model::{Image, ImageDigest, ImageTag, ImageView};

use crate::time::timestamp;

/// Manifests that Fargate can pull: Docker's and OCI's images and lists ("Container image manifest format support" in
/// the ECR user guide).
const RUNNABLE_MANIFESTS: &[&str] = &[
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

/// What the configuration of a manifest is when the manifest is a container's image. Others are Helm charts
/// (`application/vnd.cncf.helm.config.v1+json`), signatures, software bills.
pub(super) const RUNNABLE_ARTIFACTS: &[&str] =
    &["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];

/// What is behind a tag.
pub(super) fn view(detail: &ImageDetail, uri: &str) -> ImageView {
    if let Some(unusable) = why_unusable(detail) {
        return ImageView::Unusable(unusable);
    }
    match image(detail, uri) {
        Some(image) => ImageView::Found(image),
        None => ImageView::Unusable("The registry names no digest for this image.".to_owned()),
    }
}

/// The same under each of its tags, so that a list and a look say the same. A tag that is none is left out.
pub(super) fn tagged(detail: &ImageDetail, uri: &str) -> Vec<(ImageTag, ImageView)> {
    let view = view(detail, uri);
    let tags = detail.image_tags().iter().filter_map(|tag| ImageTag::try_from(tag.clone()).ok());
    tags.map(|tag| (tag, view.clone())).collect()
}

fn image(detail: &ImageDetail, uri: &str) -> Option<Image> {
    Some(Image {
        digest: ImageDigest::new(detail.image_digest().filter(|digest| !digest.is_empty())?),
        pushed_at: timestamp(detail.image_pushed_at()),
        repository_uri: uri.to_owned(),
    })
}

/// A media type that is absent says nothing against the image; one that is no container image's does.
fn why_unusable(detail: &ImageDetail) -> Option<String> {
    let unknown = |told: Option<&str>, runnable: &[&str]| {
        told.filter(|kind| !kind.is_empty() && !runnable.contains(kind)).map(str::to_owned)
    };
    let kind = unknown(detail.image_manifest_media_type(), RUNNABLE_MANIFESTS)
        .or_else(|| unknown(detail.artifact_media_type(), RUNNABLE_ARTIFACTS))?;
    Some(format!("The tag names something of the type {kind}, which is no container image."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URI: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com/superset-ci";

    #[test]
    fn an_image_is_found_under_each_of_its_tags() {
        let detail = ImageDetail::builder()
            .image_digest("sha256:aa")
            .image_tags("pr-1-ci")
            .image_tags("latest")
            .image_tags("no tag at all")
            .image_manifest_media_type("application/vnd.oci.image.index.v1+json")
            .build();
        let tags: Vec<String> = tagged(&detail, URI).into_iter().map(|(tag, _)| tag.as_str().to_owned()).collect();
        assert_eq!(tags, ["pr-1-ci", "latest"]);
        let ImageView::Found(image) = view(&detail, URI) else { panic!("it is an image") };
        assert_eq!((image.digest.as_str(), image.repository_uri.as_str()), ("sha256:aa", URI));
    }

    #[test]
    fn a_chart_and_an_unknown_manifest_are_unusable_in_a_sentence() {
        let chart = ImageDetail::builder()
            .image_digest("sha256:aa")
            .image_tags("pr-1-ci")
            .image_manifest_media_type("application/vnd.oci.image.manifest.v1+json")
            .artifact_media_type("application/vnd.cncf.helm.config.v1+json")
            .build();
        let ImageView::Unusable(why) = view(&chart, URI) else { panic!("a chart runs nowhere") };
        assert_eq!(
            why,
            "The tag names something of the type application/vnd.cncf.helm.config.v1+json, which is no container image."
        );
        assert_eq!(tagged(&chart, URI), [("pr-1-ci".parse().unwrap(), ImageView::Unusable(why))]);
        let odd = ImageDetail::builder().image_digest("sha256:aa").image_manifest_media_type("text/plain").build();
        assert!(matches!(view(&odd, URI), ImageView::Unusable(_)));
        let bare = ImageDetail::builder().image_digest("sha256:aa").build();
        assert!(matches!(view(&bare, URI), ImageView::Found(_)));
    }

    proptest! {
        #[test]
        fn whatever_the_registry_says_is_a_view(
            digest in any::<Option<String>>(),
            tags in proptest::collection::vec(any::<String>(), 0..4),
            manifest in any::<Option<String>>(),
            artifact in any::<Option<String>>(),
            secs in any::<i64>(),
        ) {
            let detail = ImageDetail::builder()
                .set_image_digest(digest.clone())
                .set_image_tags(Some(tags))
                .set_image_manifest_media_type(manifest)
                .set_artifact_media_type(artifact)
                .image_pushed_at(aws_sdk_ecr::primitives::DateTime::from_secs(secs))
                .build();
            let found = matches!(view(&detail, URI), ImageView::Found(_));
            prop_assert!(!found || digest.is_some_and(|digest| !digest.is_empty()));
            prop_assert!(tagged(&detail, URI).iter().all(|(_, listed)| *listed == view(&detail, URI)));
        }
    }
}

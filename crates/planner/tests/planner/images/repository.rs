//! A repository in memory, with a registry's rules, and the loop that a controller runs around the planner.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bivouac_model::{EnvKey, ImageDigest, ImageRef, ListedImage, ManifestKind, PullRequestState, Record};
use bivouac_planner::Policy;
use bivouac_planner::images::{
    Hold, ImagePlan, ImageRoots, ImagesObserved, Manifest, Observations, Verdict, plan_images, to_read,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use crate::fixtures::{REPOSITORY, policy, start};

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A repository and who uses it.
pub(crate) struct Repository {
    pub policy: Policy,
    pub now: DateTime<Utc>,
    pub held: BTreeMap<ImageDigest, (ListedImage, String)>,
    pub records: Vec<Record>,
    pub running: Vec<ImageDigest>,
    pub defined: Vec<String>,
    pub pulls: BTreeMap<EnvKey, PullRequestState>,
    pub hold: Option<Hold>,
    pub observations: Observations,
    /// What the registry answers instead of a manifest.
    pub spoiled: HashMap<ImageDigest, Manifest>,
}

impl Repository {
    pub fn new() -> Self {
        Self {
            policy: policy(),
            now: start(),
            held: BTreeMap::new(),
            records: Vec::new(),
            running: Vec::new(),
            defined: Vec::new(),
            pulls: BTreeMap::new(),
            hold: None,
            observations: Observations::new(),
            spoiled: HashMap::new(),
        }
    }

    /// Pushes a manifest, old enough to go.
    pub fn push(&mut self, manifest: &Json, tags: &[&str]) -> ImageDigest {
        let text = manifest.to_string();
        let digest = ImageDigest::of(text.as_bytes());
        let media_type = manifest["mediaType"].as_str().unwrap_or_default();
        let is_container = manifest["config"]["mediaType"].as_str().is_some_and(|kind| kind.contains("image"));
        let kind = match media_type {
            OCI_INDEX | DOCKER_LIST => ManifestKind::Index,
            OCI_MANIFEST | DOCKER_MANIFEST if is_container && manifest["artifactType"].is_null() => ManifestKind::Image,
            _ => ManifestKind::Other,
        };
        for held in self.held.values_mut() {
            held.0.tags = held.0.tags.iter().filter(|tag| !tags.contains(&&***tag)).cloned().collect();
        }
        let bytes =
            manifest["layers"].as_array().into_iter().flatten().filter_map(|layer| layer["size"].as_u64()).sum();
        let fresh = || ListedImage {
            digest: digest.clone(),
            tags: Box::default(),
            kind,
            bytes,
            pushed_at: None,
            subject: manifest["subject"]["digest"].as_str().map(ImageDigest::new),
            archived: false,
        };
        let image = &mut self.held.entry(digest.clone()).or_insert_with(|| (fresh(), text.clone())).0;
        image.pushed_at = Some(self.now - TimeDelta::days(2));
        let all: BTreeSet<Box<str>> = image.tags.iter().cloned().chain(tags.iter().map(|tag| (*tag).into())).collect();
        image.tags = all.into_iter().collect();
        digest
    }

    pub fn image(&mut self, content: &str, tags: &[&str]) -> ImageDigest {
        self.push(&image(content), tags)
    }

    pub fn index(&mut self, children: &[&ImageDigest], tags: &[&str]) -> ImageDigest {
        self.push(&index(children), tags)
    }

    /// Pushed this long ago.
    pub fn aged(&mut self, digest: &ImageDigest, age: TimeDelta) {
        self.held.get_mut(digest).unwrap().0.pushed_at = Some(self.now - age);
    }

    pub fn pull(&mut self, pr: u64, state: PullRequestState) {
        self.pulls.insert(format!("apache/superset#{pr}").parse().unwrap(), state);
    }

    pub fn inventory(&self) -> Vec<ListedImage> {
        self.held.values().map(|(image, _)| image.clone()).collect()
    }

    pub fn plan(&self) -> (Vec<ListedImage>, ImagePlan) {
        let inventory = self.inventory();
        let mut roots = ImageRoots::default();
        self.running.iter().for_each(|digest| roots.runs(digest));
        self.defined.iter().for_each(|reference| roots.defined(REPOSITORY, reference));
        roots.wanted(REPOSITORY, &self.policy, &self.records);
        let manifests: HashMap<ImageDigest, Manifest> = to_read(&inventory, &self.policy, self.now)
            .map(|image| {
                let read =
                    || Manifest::read(&image.digest, &self.held[&image.digest].1, image.kind == ManifestKind::Index);
                (image.digest.clone(), self.spoiled.get(&image.digest).cloned().unwrap_or_else(read))
            })
            .collect();
        let observed = ImagesObserved {
            repository: REPOSITORY,
            inventory: &inventory,
            manifests: &manifests,
            roots: &roots,
            pulls: &self.pulls,
            hold: self.hold,
        };
        let plan = plan_images(&observed, &self.policy, self.now);
        assert_eq!(plan.verdicts.len(), inventory.len());
        (inventory, plan)
    }

    /// The verdict on one manifest.
    pub fn verdict(&self, digest: &ImageDigest) -> Verdict {
        let (inventory, plan) = self.plan();
        let at = inventory.iter().position(|image| image.digest == *digest).expect("it is there");
        assert!(plan.verdicts[at].sentence(&inventory).ends_with('.'));
        plan.verdicts[at].clone()
    }

    pub fn reason(&self, digest: &ImageDigest) -> &'static str {
        self.verdict(digest).reason()
    }

    /// One pass: plan, confirm, delete as ECR does. Answers how many calls were made and how many ids were refused.
    pub fn pass(&mut self) -> (usize, usize) {
        let (inventory, plan) = self.plan();
        let confirmed = self.observations.confirm(plan.levels(&inventory), self.now, RESYNC.to_std().unwrap());
        let mut refused = 0;
        for call in &confirmed.calls {
            assert!(call.len() <= 100, "ECR takes a hundred a call");
            for image in call {
                refused += usize::from(!self.delete(image));
            }
        }
        self.now += RESYNC;
        (confirmed.calls.len(), refused)
    }

    /// As ECR deletes; `false`: refused.
    fn delete(&mut self, image: &ImageRef) -> bool {
        let (digest, tag) = match image {
            ImageRef::Digest(digest) => (digest.clone(), None),
            ImageRef::Tag(tag) | ImageRef::TagOf(tag, _) => match self.tagged(tag) {
                Some(digest) => (digest, Some(tag.clone())),
                None => return false,
            },
        };
        if let ImageRef::TagOf(_, expected) = image
            && *expected != digest
        {
            return false;
        }
        let Some((held, _)) = self.held.get(&digest) else { return false };
        if let Some(tag) = tag
            && held.tags.len() > 1
        {
            let held = &mut self.held.get_mut(&digest).unwrap().0;
            held.tags = held.tags.iter().filter(|other| **other != tag).cloned().collect();
            return true;
        }
        // ImageReferencedByManifestList
        let names = |text: &String| {
            let manifest: Json = serde_json::from_str(text).unwrap();
            let children = manifest["manifests"].as_array().into_iter().flatten();
            children.into_iter().any(|child| child["digest"] == digest.as_str())
        };
        if self.held.values().any(|(list, text)| list.kind == ManifestKind::Index && names(text)) {
            return false;
        }
        self.held.remove(&digest);
        true
    }

    pub fn tagged(&self, tag: &str) -> Option<ImageDigest> {
        self.held
            .values()
            .find(|(image, _)| image.tags.iter().any(|held| **held == *tag))
            .map(|(image, _)| image.digest.clone())
    }

    pub fn has(&self, digest: &ImageDigest) -> bool {
        self.held.contains_key(digest)
    }
}

pub(crate) const RESYNC: TimeDelta = TimeDelta::seconds(30);

/// An image manifest (OCI image specification, "Image Manifest", its example).
pub(crate) fn image(content: &str) -> Json {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &ImageDigest::of(content.as_bytes())),
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": ImageDigest::of(format!("layer of {content}").as_bytes()).as_str(), "size": 32_654,
        }],
    })
}

/// An image index (OCI image specification, "Image Index", its example).
pub(crate) fn index(children: &[&ImageDigest]) -> Json {
    let manifests: Vec<Json> = children
        .iter()
        .map(|child| {
            let mut descriptor = descriptor(OCI_MANIFEST, child);
            descriptor["platform"] = json!({ "architecture": "amd64", "os": "linux" });
            descriptor
        })
        .collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })
}

/// OCI image specification, "Content Descriptors".
pub(crate) fn descriptor(media_type: &str, digest: &ImageDigest) -> Json {
    json!({ "mediaType": media_type, "digest": digest.as_str(), "size": 7143 })
}

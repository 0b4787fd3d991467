//! What is in use, and so is kept with everything that it needs (invariant 4).

use std::collections::{HashMap, HashSet};

use bivouac_model::{Desired, EnvKey, ImageDigest, ImageTag, ItemKey, Phase, Record};

use crate::policy::Policy;
use crate::reason;

/// Who uses an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// A task that runs.
    Task,
    /// An ACTIVE task definition, whoever's it is.
    TaskDefinition,
    /// A record.
    Record,
}

/// The roots of one repository.
#[derive(Clone, Debug, Default)]
pub struct ImageRoots {
    pub(super) digests: HashMap<ImageDigest, Use>,
    pub(super) tags: HashMap<Box<str>, Use>,
    /// Pull requests whose record is not down to the ground yet: their tags are its own business.
    pub(super) busy: HashSet<ItemKey>,
}

impl ImageRoots {
    /// The image that a task runs.
    pub fn runs(&mut self, digest: &ImageDigest) {
        self.digests.entry(digest.clone()).or_insert(Use::Task);
    }

    /// An image that a live task definition names, as it is written there: `host/name:tag`, `host/name@digest`, or both.
    /// The host is not looked at: an account has several names for its registry, and a root too many does no harm.
    pub fn defined(&mut self, repository: &str, reference: &str) {
        let (path, digest) = match reference.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (reference, None),
        };
        let path = path.split_once('/').map_or(path, |(_, path)| path);
        let (name, tag) = match path.rsplit_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (path, None),
        };
        if name != repository {
            return;
        }
        if let Some(digest) = digest {
            self.digests.entry(ImageDigest::new(digest)).or_insert(Use::TaskDefinition);
        }
        // With a digest the tag is decoration.
        if digest.is_none() {
            self.tags.entry(tag.unwrap_or("latest").into()).or_insert(Use::TaskDefinition);
        }
    }

    /// What the records need of a repository, whatever else they say.
    pub fn wanted(&mut self, repository: &str, policy: &Policy, records: &[Record]) {
        for record in records {
            if is_over(record) {
                continue;
            }
            self.busy.insert(record.key.clone());
            if let Some(digest) = record.status.as_ref().and_then(|status| status.machinery.image_digest.as_ref()) {
                self.digests.entry(digest.clone()).or_insert(Use::Record);
            }
            for tag in tags_of(repository, policy, record) {
                self.tags.entry(tag.as_str().into()).or_insert(Use::Record);
            }
        }
    }

    pub(super) fn is_busy(&self, key: &EnvKey) -> bool {
        self.busy.contains(&ItemKey::from(key))
    }
}

/// Nothing of it is left and nobody wants it back: a tombstone that answers the newest wish.
fn is_over(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| {
        let revived = status.reason == reason::DOWN_REQUESTED
            && !record.desired.as_ref().is_ok_and(|desired| desired.desired == Desired::Down);
        status.phase == Phase::Terminated && record.generation == status.machinery.observed_generation && !revived
    })
}

/// The tags that a record names: its own, and the one of the pattern, which it falls back to.
fn tags_of(repository: &str, policy: &Policy, record: &Record) -> Vec<ImageTag> {
    let Ok(key) = record.key.env() else { return Vec::new() };
    let Some(project) = policy.projects.get(&key.repo).filter(|project| project.ecr_repository == repository) else {
        return Vec::new();
    };
    let desired = record.desired.as_ref().ok();
    let head_sha = desired.and_then(|desired| desired.head_sha.as_deref());
    let own = desired.and_then(|desired| desired.image_tag.clone());
    own.into_iter().chain(project.tag(&key, head_sha)).collect()
}

//! The tags that go with one pull request: those of its record that no other record needs.

use std::collections::{BTreeSet, HashMap};

use bivouac_model::{Desired, EnvKey, ImageDigest, ImageTag, ImageView, Phase, Record};

use crate::policy::Policy;
use crate::project::Project;

/// What is in the registry's repository, by tag.
type Images = HashMap<ImageTag, ImageView>;

/// Which tags and images the records need that are not down.
///
/// ECR deletes an image with its last tag. So an image that another record runs keeps one tag, whosever that is, and any
/// other tag of it may go.
#[derive(Debug, Default)]
pub struct TagUse {
    /// How many records name a tag of a repository.
    named: HashMap<(String, ImageTag), usize>,
    /// How many records run an image.
    runs: HashMap<ImageDigest, usize>,
    /// The tags of those images, by repository.
    tags: HashMap<(String, ImageDigest), Vec<ImageTag>>,
}

impl TagUse {
    /// Counts what every record needs.
    pub fn of(policy: &Policy, records: &[Record]) -> Self {
        let mut uses = Self::default();
        for record in records.iter().filter(|record| !is_down(record)) {
            if let Some(digest) = deployed(record) {
                *uses.runs.entry(digest.clone()).or_default() += 1;
            }
            let Some((repository, tags)) = named_tags(policy, record) else { continue };
            for tag in tags {
                *uses.named.entry((repository.to_owned(), tag)).or_default() += 1;
            }
        }
        uses
    }

    /// Takes in every tag of a repository. Without it, an image that another record runs keeps all its tags.
    pub fn list(&mut self, repository: &str, images: &Images) {
        for (tag, view) in images {
            let ImageView::Found(image) = view else { continue };
            if self.runs.contains_key(&image.digest) {
                let tags = self.tags.entry((repository.to_owned(), image.digest.clone())).or_default();
                tags.push(tag.clone());
            }
        }
    }

    /// Returns the tags of a record that are among `images` and that may go with its pull request. `None`: the record names
    /// no repository. `images` needs only what the record itself [names](named_tags).
    pub fn own(&self, policy: &Policy, record: &Record, images: &Images) -> Option<OwnTags> {
        let (repository, tags) = named_tags(policy, record)?;
        let mine = usize::from(!is_down(record));
        let is_named = |tag: &ImageTag| {
            self.named.get(&(repository.to_owned(), tag.clone())).is_some_and(|records| *records > mine)
        };
        let mut own = OwnTags::default();
        let mut shared: HashMap<&ImageDigest, Vec<ImageTag>> = HashMap::new();
        for tag in tags.into_iter().filter(|tag| !is_named(tag)) {
            match images.get(&tag) {
                Some(ImageView::Found(image)) if self.runs_elsewhere(record, &image.digest) => {
                    shared.entry(&image.digest).or_default().push(tag);
                }
                Some(ImageView::Found(_) | ImageView::Unusable(_)) => own.tags.push(tag),
                _ => {}
            }
        }
        for (digest, mut tags) in shared {
            own.shares = true;
            let all = self.tags.get(&(repository.to_owned(), digest.clone()));
            // The least of the record's own tags stays if no other does.
            let stays = all.is_some_and(|all| all.iter().any(|tag| !tags.contains(tag)));
            let kept = match all {
                None => tags.len(),
                Some(_) => usize::from(!stays),
            };
            own.tags.extend(tags.split_off(kept));
        }
        own.tags.sort_unstable();
        Some(own)
    }

    fn runs_elsewhere(&self, record: &Record, digest: &ImageDigest) -> bool {
        let mine = usize::from(deployed(record) == Some(digest));
        self.runs.get(digest).is_some_and(|records| *records > mine)
    }
}

/// The tags that go with a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTags {
    /// The tags, in order.
    pub tags: Vec<ImageTag>,
    /// Another record runs one of the images, so one tag of it has to stay.
    pub shares: bool,
}

/// The tags that are a pull request's own by name, and their repository: the tag that its record deploys and the one of the
/// project's pattern.
pub fn named_tags<'a>(policy: &'a Policy, record: &Record) -> Option<(&'a str, BTreeSet<ImageTag>)> {
    let (key, project) = policy.project_of(record)?;
    let head_sha = record.desired.as_ref().ok().and_then(|desired| desired.head_sha.as_deref());
    let tags = deployed_tag(project, &key, record).into_iter().chain(project.tag(&key, head_sha)).collect();
    Some((&project.ecr_repository, tags))
}

/// The tag that a record deploys.
pub fn deployed_tag(project: &Project, key: &EnvKey, record: &Record) -> Option<ImageTag> {
    let desired = record.desired.as_ref().ok()?;
    desired.image_tag.clone().or_else(|| project.tag(key, desired.head_sha.as_deref()))
}

/// The image that a record which is not down runs.
fn deployed(record: &Record) -> Option<&ImageDigest> {
    record.status.as_ref().filter(|_| !is_down(record))?.machinery.image_digest.as_ref()
}

/// No record needs its image any more: it is not wanted, or it is gone.
fn is_down(record: &Record) -> bool {
    let is_wanted_down = record.desired.as_ref().is_ok_and(|desired| desired.desired == Desired::Down);
    is_wanted_down || record.status.as_ref().is_some_and(|status| status.phase == Phase::Terminated)
}

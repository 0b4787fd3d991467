//! The plan for one repository: a verdict for each manifest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bivouac_model::{EnvKey, ImageDigest, ImageRef, ListedImage, ManifestKind, PullRequestState};
use chrono::{DateTime, Utc};

use super::graph::{Graph, Place};
use super::manifest::Manifest;
use super::roots::ImageRoots;
use super::tags::{Standing, Stays, Tags};
use super::verdict::{Condemned, Hold, Kept, Verdict};
use crate::policy::Policy;

/// What was seen of one repository, and of who uses it. The inventory comes first: who began to use an image after it was
/// taken, is among the roots all the same.
#[derive(Clone, Copy, Debug)]
pub struct ImagesObserved<'a> {
    /// Its name.
    pub repository: &'a str,
    /// Every manifest of it.
    pub inventory: &'a [ListedImage],
    /// Those that [`to_read`] asked for. What is not there counts as one that could not be read.
    pub manifests: &'a HashMap<ImageDigest, Manifest>,
    /// Who uses what.
    pub roots: &'a ImageRoots,
    /// What is known of pull requests; one that is not there was not asked for.
    pub pulls: &'a BTreeMap<EnvKey, PullRequestState>,
    /// Why nothing may go in this pass, if so.
    pub hold: Option<Hold>,
}

/// What is to become of a repository's images.
#[derive(Clone, Debug, Default)]
pub struct ImagePlan {
    /// For each manifest, in the order of the inventory.
    pub verdicts: Vec<Verdict>,
    /// Tags of closed pull requests, of images that stay for another reason.
    pub tags: Vec<TagRemoval>,
    /// Pull requests on which something hangs, and that the forge was not asked for.
    pub ask: BTreeSet<EnvKey>,
    depths: Vec<Option<u32>>,
}

/// A tag that goes without its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRemoval {
    /// The image, by its place in the inventory.
    pub image: usize,
    /// The tag.
    pub tag: Box<str>,
    /// Whose it is.
    pub of: EnvKey,
}

/// The manifests that have to be read before planning: every list, and what may refer to something though the listing does
/// not say so. A container's image is neither, so the many images of a repository cost no call.
pub fn to_read<'a>(
    inventory: &'a [ListedImage],
    policy: &Policy,
    now: DateTime<Utc>,
) -> impl Iterator<Item = &'a ListedImage> {
    let grace = policy.untagged_image_grace;
    inventory.iter().filter(move |image| match image.kind {
        ManifestKind::Index => true,
        // One that stays anyway need not be read.
        ManifestKind::Other => image.subject.is_none() && image.tags.is_empty() && !is_young(image, grace, now),
        ManifestKind::Image => false,
    })
}

fn is_young(image: &ListedImage, grace: Duration, now: DateTime<Utc>) -> bool {
    image.pushed_at.is_none_or(|pushed| (now - pushed).to_std().unwrap_or_default() < grace)
}

/// Decides for every manifest of a repository.
pub fn plan_images(observed: &ImagesObserved<'_>, policy: &Policy, now: DateTime<Utc>) -> ImagePlan {
    let inventory = observed.inventory;
    let graph = Graph::new(inventory, observed.manifests);
    let depths = graph.depths();
    let mut plan = ImagePlan::default();
    let tags = Tags::new(observed.repository, policy, observed.roots, observed.pulls);

    let mut kept: Vec<Option<Kept>> = Vec::with_capacity(inventory.len());
    // Whose pull requests' tags go, of each image that has such.
    let mut closed: BTreeMap<Place, Vec<(Box<str>, EnvKey)>> = BTreeMap::new();
    for (at, image) in (0..).zip(inventory) {
        let judged = judge(image, &tags);
        let young = is_young(image, policy.untagged_image_grace, now);
        let used = observed.roots.digests.get(&image.digest).copied().or(judged.used);
        if !young {
            if !judged.closed.is_empty() {
                closed.insert(at, judged.closed);
            }
            if used.is_none() || judged.keeps.is_some() {
                plan.ask.extend(judged.ask);
            }
        }
        kept.push(match (used, image.pushed_at) {
            (Some(used), _) => Some(Kept::Used(used)),
            _ if judged.keeps.is_some() => judged.keeps,
            _ if image.archived => Some(Kept::Archived),
            (None, None) => Some(Kept::NoTime),
            (None, Some(_)) if young => Some(Kept::Young),
            _ if judged.only_references && !graph.refers.contains(&at) => Some(Kept::ElsewhereSubject),
            _ => None,
        });
    }
    doubt(&graph, &depths, &mut kept);
    reach(&graph, &mut kept);
    if let Some((list, why)) = graph.unread.first() {
        let perhaps = Kept::PerhapsChild(*list, why.clone());
        kept.iter_mut().filter(|kept| kept.is_none()).for_each(|kept| *kept = Some(perhaps.clone()));
    }
    if let Some(hold) = observed.hold {
        kept.iter_mut().filter(|kept| kept.is_none()).for_each(|kept| *kept = Some(Kept::Held(hold)));
    }

    plan.verdicts.reserve(inventory.len());
    for (at, kept) in (0..).zip(kept) {
        let image = &inventory[at as usize];
        let closed = closed.remove(&at).unwrap_or_default();
        plan.verdicts.push(match kept {
            Some(kept) => {
                // The last tag would take the image with it.
                if closed.len() < image.tags.len() && observed.hold.is_none() && graph.unread.is_empty() {
                    let removed = closed.into_iter();
                    plan.tags.extend(removed.map(|(tag, of)| TagRemoval { image: at as usize, tag, of }));
                }
                Verdict::Kept(kept)
            }
            None => Verdict::Condemned(match closed.into_iter().next() {
                Some((_, of)) => Condemned::Closed(of),
                None if image.tags.is_empty() => Condemned::Untagged,
                None => Condemned::Referrer,
            }),
        });
    }
    plan.depths = depths;
    plan
}

/// What the tags of one image say.
#[derive(Default)]
struct Judged {
    used: Option<super::Use>,
    /// Why its tags keep it, if one does.
    keeps: Option<Kept>,
    closed: Vec<(Box<str>, EnvKey)>,
    ask: Vec<EnvKey>,
    /// It has tags, and each of them stands for a reference.
    only_references: bool,
}

fn judge(image: &ListedImage, tags: &Tags<'_>) -> Judged {
    let mut judged = Judged { only_references: !image.tags.is_empty(), ..Judged::default() };
    for tag in &image.tags {
        let standing = tags.standing(tag);
        judged.only_references &= standing == Standing::Reference;
        match standing {
            Standing::Reference => {}
            Standing::Used(used) => judged.used = judged.used.or(Some(used)),
            Standing::Ordinary => judged.keeps = Some(Kept::Tagged),
            Standing::Closed(of) => judged.closed.push((tag.clone(), of)),
            Standing::PullRequest(of, stays) => {
                if stays == Stays::NotAsked {
                    judged.ask.push(of.clone());
                }
                judged.keeps = judged.keeps.or(Some(Kept::PullRequest(of, stays)));
            }
        }
    }
    judged
}

/// Lists that are not believed stay, and everything that they name is reached from them.
fn doubt(graph: &Graph, depths: &[Option<u32>], kept: &mut [Option<Kept>]) {
    let mut keep = |at: Place, why: Kept| {
        let kept = &mut kept[at as usize];
        if kept.is_none() {
            *kept = Some(why);
        }
    };
    for (at, why) in graph.unread.iter().chain(&graph.unsure) {
        keep(*at, Kept::Unread(why.clone()));
    }
    for at in &graph.outside {
        keep(*at, Kept::Outside);
    }
    for (at, depth) in (0..).zip(depths) {
        // What is only named by a circle is no list of it, but is reached from it in any case.
        if depth.is_none() && !graph.children[at as usize].is_empty() {
            keep(at, Kept::Circular);
        }
    }
}

/// Keeps what is reached from what is kept.
fn reach(graph: &Graph, kept: &mut [Option<Kept>]) {
    let mut reached: Vec<Place> = (0..).zip(&*kept).filter(|(_, kept)| kept.is_some()).map(|(at, _)| at).collect();
    while let Some(at) = reached.pop() {
        for child in &graph.children[at as usize] {
            let kept = &mut kept[*child as usize];
            if kept.is_none() {
                *kept = Some(Kept::Child(at));
                reached.push(*child);
            }
        }
        for referrer in graph.referrers.get(&at).into_iter().flatten() {
            let kept = &mut kept[*referrer as usize];
            if kept.is_none() {
                *kept = Some(Kept::Referrer(at));
                reached.push(*referrer);
            }
        }
    }
}

impl ImagePlan {
    /// What is to be deleted, in the order in which it can be: a list before what it names. Those of one level do not
    /// depend on each other.
    pub fn levels(&self, inventory: &[ListedImage]) -> Vec<Vec<ImageRef>> {
        // First what goes with its subject: without that, nobody would know any more that it may go.
        let mut levels: Vec<Vec<ImageRef>> = vec![Vec::new(), Vec::new()];
        for removal in &self.tags {
            levels[0].push(ImageRef::Tag(removal.tag.clone()));
        }
        for (at, image) in inventory.iter().enumerate() {
            if !self.verdicts.get(at).is_some_and(Verdict::is_condemned) {
                continue;
            }
            let depth = self.depths.get(at).copied().flatten().unwrap_or_default() as usize;
            let tagged_referrer =
                !image.tags.is_empty() && self.verdicts[at] == Verdict::Condemned(Condemned::Referrer);
            let level = if tagged_referrer { 0 } else { depth + 1 };
            if levels.len() <= level {
                levels.resize_with(level + 1, Vec::new);
            }
            if image.tags.is_empty() {
                levels[level].push(ImageRef::Digest(image.digest.clone()));
            }
            // By each tag, so that a tag which moved meanwhile takes nothing with it.
            levels[level].extend(image.tags.iter().map(|tag| ImageRef::TagOf(tag.clone(), image.digest.clone())));
        }
        levels.retain(|level| !level.is_empty());
        levels
    }
}

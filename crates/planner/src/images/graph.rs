//! What refers to what in a repository: lists to what they name, referrers to their subject.

use std::collections::{HashMap, HashSet};

use bivouac_model::{ImageDigest, ListedImage, ManifestKind};

use super::fallback;
use super::manifest::{Manifest, Unread};

/// A manifest, by its place in the inventory. Four bytes, since of a hundred thousand each is held several times.
pub(super) type Place = u32;

/// The references of one repository.
pub(super) struct Graph {
    /// What each list names, of what is here.
    pub children: Vec<Box<[Place]>>,
    /// What refers to a manifest that is here.
    pub referrers: HashMap<Place, Vec<Place>>,
    /// What refers to something that is here.
    pub refers: HashSet<Place>,
    /// Lists that name a manifest that is not here.
    pub outside: Vec<Place>,
    /// Lists that could not be read, and why.
    pub unread: Vec<(Place, Unread)>,
    /// What is no list and could not be read either, so that its subject is not known.
    pub unsure: Vec<(Place, Unread)>,
}

impl Graph {
    pub fn new(inventory: &[ListedImage], manifests: &HashMap<ImageDigest, Manifest>) -> Self {
        let places: HashMap<&str, Place> =
            (0..).zip(inventory).map(|(at, image)| (image.digest.as_str(), at)).collect();
        let place = |digest: &ImageDigest| places.get(digest.as_str()).copied();
        let mut graph = Self {
            children: Vec::with_capacity(inventory.len()),
            referrers: HashMap::new(),
            refers: HashSet::new(),
            outside: Vec::new(),
            unread: Vec::new(),
            unsure: Vec::new(),
        };
        for (at, image) in (0..).zip(inventory) {
            let (mut children, mut subject) = (Box::default(), image.subject.as_ref());
            match manifests.get(&image.digest) {
                Some(Manifest::Read(links)) => {
                    subject = subject.or(links.subject.as_ref());
                    children = links.children.iter().filter_map(place).collect();
                    if children.len() < links.children.len() {
                        graph.outside.push(at);
                    }
                }
                Some(Manifest::Unread(why)) if image.kind == ManifestKind::Index => {
                    graph.unread.push((at, why.clone()))
                }
                None if image.kind == ManifestKind::Index => {
                    graph.unread.push((at, Unread::Refused("it was not asked for".into())));
                }
                // What is no list names no others, but may refer to one.
                Some(Manifest::Unread(why)) => graph.unsure.push((at, why.clone())),
                None => {}
            }
            graph.children.push(children);
            let by_tags = image.tags.iter().filter_map(|tag| fallback::subject_of(tag));
            for subject in subject.into_iter().cloned().chain(by_tags) {
                if let Some(subject) = place(&subject).filter(|subject| *subject != at) {
                    graph.referrers.entry(subject).or_default().push(at);
                    graph.refers.insert(at);
                }
            }
        }
        graph
    }

    /// How far below the topmost list each manifest is: what is to go, goes by this order. `None`: in a circle, or below
    /// one.
    ///
    /// Digests cannot make a circle, since each holds those below it; a registry that answers one is not believed.
    pub fn depths(&self) -> Vec<Option<u32>> {
        let mut parents = vec![0u32; self.children.len()];
        for child in self.children.iter().flatten() {
            parents[*child as usize] += 1;
        }
        let mut depths = vec![None; self.children.len()];
        let mut free: Vec<(Place, u32)> =
            (0..).zip(&parents).filter(|(_, parents)| **parents == 0).map(|(at, _)| (at, 0)).collect();
        let mut lowest = vec![0u32; self.children.len()];
        while let Some((at, depth)) = free.pop() {
            depths[at as usize] = Some(depth);
            for child in &self.children[at as usize] {
                let child_at = *child as usize;
                lowest[child_at] = lowest[child_at].max(depth + 1);
                parents[child_at] -= 1;
                if parents[child_at] == 0 {
                    free.push((*child, lowest[child_at]));
                }
            }
        }
        depths
    }
}

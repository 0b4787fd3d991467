//! Whose a tag is, and whether it may go.

use std::collections::BTreeMap;

use bivouac_model::{EnvKey, PullRequestState};

use super::fallback;
use super::roots::{ImageRoots, Use};
use crate::policy::Policy;
use crate::project::Project;

/// What a tag means for the image that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Somebody uses it.
    Used(Use),
    /// It stands for a reference to another manifest, so it goes with that one.
    Reference,
    /// It is no pull request's.
    Ordinary,
    /// It is a pull request's that is not known to be closed, or that has a record still.
    PullRequest(EnvKey, Stays),
    /// It is a pull request's that is closed.
    Closed(EnvKey),
}

/// Why the tag of a pull request stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// The pull request is open.
    Open,
    /// The pull request has a record that is not done with.
    Record,
    /// There is no such pull request, so the tag is somebody else's.
    NoSuchPullRequest,
    /// The forge was not asked yet, or did not answer.
    NotAsked,
}

/// What tags of one repository are judged by.
pub(super) struct Tags<'a> {
    projects: Vec<&'a Project>,
    roots: &'a ImageRoots,
    pulls: &'a BTreeMap<EnvKey, PullRequestState>,
}

impl<'a> Tags<'a> {
    pub fn new(
        repository: &str,
        policy: &'a Policy,
        roots: &'a ImageRoots,
        pulls: &'a BTreeMap<EnvKey, PullRequestState>,
    ) -> Self {
        let projects = policy.projects.values().filter(|project| project.ecr_repository == repository).collect();
        Self { projects, roots, pulls }
    }

    /// A tag is a pull request's if it is exactly what a project's pattern makes for it, of whatever commit. One that may be
    /// several pull requests' goes only when all of them are closed.
    pub fn standing(&self, tag: &str) -> Standing {
        if let Some(used) = self.roots.tags.get(tag) {
            return Standing::Used(*used);
        }
        if fallback::subject_of(tag).is_some() {
            return Standing::Reference;
        }
        let owners = self.projects.iter().flat_map(|project| {
            let prs = project.image_tag.prs_of_tag(tag);
            prs.into_iter().map(|pr| EnvKey { repo: project.repo.clone(), pr })
        });
        let mut closed = None;
        for owner in owners {
            if let Some(stays) = self.stays(&owner) {
                return Standing::PullRequest(owner, stays);
            }
            closed = closed.or(Some(owner));
        }
        closed.map_or(Standing::Ordinary, Standing::Closed)
    }

    fn stays(&self, key: &EnvKey) -> Option<Stays> {
        if self.roots.is_busy(key) {
            return Some(Stays::Record);
        }
        match self.pulls.get(key) {
            Some(PullRequestState::Closed) => None,
            Some(PullRequestState::Open) => Some(Stays::Open),
            Some(PullRequestState::NotFound) => Some(Stays::NoSuchPullRequest),
            Some(PullRequestState::Unknown) | None => Some(Stays::NotAsked),
        }
    }
}

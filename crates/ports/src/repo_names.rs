//! The repositories behind the configured names: which one each name stands for, and how it is called now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bivouac_model::RepoName;

/// The repositories of the configuration by their ids, which stay when a repository is renamed or transferred. A clone shares
/// the state.
///
/// It holds only answers of the forge to this process, never a delivery. It is empty after a restart, so a repository that was
/// replaced while no process ran counts as the configured one.
#[derive(Clone, Debug, Default)]
pub struct RepoNames(Arc<Mutex<BTreeMap<RepoName, Known>>>);

#[derive(Clone, Debug)]
struct Known {
    id: u64,
    moved: Option<Moved>,
}

/// A repository that has another name than the configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The id that it keeps.
    pub id: u64,
    /// The name that it has now.
    pub to: RepoName,
    /// Whether another repository has the configured name now. Nothing is done in that one.
    pub is_replaced: bool,
}

impl RepoNames {
    /// Notes that the repository of this id answered under its configured name. `false`: another repository was known by this
    /// name, so nothing is noted.
    #[must_use]
    pub fn answered(&self, repo: &RepoName, id: u64) -> bool {
        let mut all = self.all();
        let known = all.entry(repo.clone()).or_insert(Known { id, moved: None });
        if known.id == id {
            known.moved = None;
        }
        known.id == id
    }

    /// Notes that a repository has another name. The last call holds.
    pub fn moved(&self, repo: &RepoName, moved: Moved) {
        let id = moved.id;
        self.all().insert(repo.clone(), Known { id, moved: Some(moved) });
    }

    /// Returns the id behind a configured name, if an answer showed it.
    pub fn id(&self, repo: &RepoName) -> Option<u64> {
        Some(self.all().get(repo)?.id)
    }

    /// Returns where the repository is, if it has another name than the configured one.
    pub fn moved_from(&self, repo: &RepoName) -> Option<Moved> {
        self.all().get(repo)?.moved.clone()
    }

    /// Returns the configured name of the repository that has this name or this id now. `None`: none is known to have been
    /// renamed to it.
    pub fn configured(&self, name: &str, id: Option<u64>) -> Option<RepoName> {
        let all = self.all();
        let has_name = |known: &Known| known.moved.as_ref().is_some_and(|moved| is_same(&moved.to, name));
        let by_id = all.iter().find(|(_, known)| Some(known.id) == id);
        let found = by_id.or_else(|| all.iter().find(|(_, known)| has_name(known)));
        found.map(|(repo, _)| repo.clone())
    }

    /// Whether a configured name is known to stand for another repository than that of this id.
    pub fn is_another(&self, name: &str, id: u64) -> bool {
        self.all().iter().any(|(repo, known)| is_same(repo, name) && known.id != id)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<RepoName, Known>> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// GitHub does not tell names apart by case.
fn is_same(repo: &RepoName, name: &str) -> bool {
    repo.as_str().eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(name: &str) -> RepoName {
        name.parse().unwrap()
    }

    fn moved(id: u64, to: &str) -> Moved {
        Moved { id, to: repo(to), is_replaced: false }
    }

    #[test]
    fn a_repository_is_found_by_its_new_name_and_by_its_id() {
        let names = RepoNames::default();
        let old = repo("acme/shop");
        assert_eq!(names.configured("acme/store", Some(7)), None, "nothing is known yet");
        assert!(names.answered(&old, 7));
        assert_eq!(names.configured("acme/store", Some(7)), Some(old.clone()), "by its id before the name is known");
        names.moved(&old, moved(7, "acme/store"));
        assert_eq!(names.configured("Acme/Store", None), Some(old.clone()));
        assert_eq!(names.configured("acme/other", Some(8)), None);
        assert_eq!(names.moved_from(&old), Some(moved(7, "acme/store")));
        assert!(names.answered(&old, 7), "it was renamed back");
        assert_eq!((names.moved_from(&old), names.configured("acme/store", None)), (None, None));
    }

    #[test]
    fn another_repository_under_the_name_is_not_taken_for_it() {
        let names = RepoNames::default();
        let old = repo("acme/shop");
        names.moved(&old, moved(7, "acme/store"));
        assert!(!names.answered(&old, 8));
        assert_eq!(names.moved_from(&old), Some(moved(7, "acme/store")));
        assert!(names.is_another("ACME/shop", 8) && !names.is_another("acme/shop", 7) && !names.is_another("a/b", 8));
    }
}

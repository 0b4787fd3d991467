//! Repositories that get another name or another owner. The old name leads to the new one, until it is given away again.

use super::{Model, Repository, fold, split};
use crate::github::HubError;

impl Model {
    /// Gives a repository another full name; its id and everything in it stay. The owner has to be an account.
    pub fn rename_repository(&mut self, old: &str, new: &str) -> Result<(), HubError> {
        let (owner, name) = split(new)?;
        self.require(old)?;
        let is_same = fold(old) == fold(new);
        if !is_same && self.repository(new).is_some() {
            return Err(HubError::NameTaken { name: new.to_owned() });
        }
        let Some(mut repository) = self.repositories.remove(&fold(old)) else {
            return Err(HubError::NoRepository { name: old.to_owned() });
        };
        let was = repository.full_name();
        (repository.owner, repository.name) = (owner.to_owned(), name.to_owned());
        if !is_same {
            self.former_names.insert(fold(old), repository.id);
        }
        self.former_names.remove(&fold(new));
        self.repositories.insert(fold(new), repository);
        for other in self.repositories.values_mut() {
            other.follow(&was, new);
        }
        Ok(())
    }

    /// The repository that had this name before, if no other one has it now.
    pub fn moved(&self, full_name: &str) -> Option<&Repository> {
        self.repository_of_id(*self.former_names.get(&fold(full_name))?)
    }

    pub fn repository_of_id(&self, id: u64) -> Option<&Repository> {
        self.repositories.values().find(|repository| repository.id == id)
    }
}

impl Repository {
    /// Names another repository as it is called now.
    fn follow(&mut self, old: &str, new: &str) {
        let parents = self.parent.iter_mut();
        let heads = self.pulls.values_mut().map(|pull| &mut pull.head_repository);
        for name in parents.chain(heads).filter(|name| name.eq_ignore_ascii_case(old)) {
            new.clone_into(name);
        }
    }
}

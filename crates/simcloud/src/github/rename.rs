//! A repository is renamed or transferred: the change, and the webhooks that are sent of it.

use serde_json::{Value, json};

use super::HubError;
use super::acts::{Actor, Acts};
use super::model::AccountKind;
use super::shape::{self, Links};

impl Acts<'_> {
    /// Gives a repository another name, as its owner. The same name changes and sends nothing.
    pub fn rename_repository(&mut self, at: &str, name: &str) -> Result<(), HubError> {
        let repository = self.state.model.require(at)?;
        let (owner, before) = (repository.owner.clone(), repository.name.clone());
        if before == name {
            return Ok(());
        }
        let new = format!("{owner}/{name}");
        self.state.model.rename_repository(at, &new)?;
        self.state.post.rename(at, &new);
        let changes = json!({ "changes": { "repository": { "name": { "from": before } } } });
        self.tell("repository", "renamed", &new, &Actor::person(&owner), |_, _, _| changes);
        Ok(())
    }

    /// Gives a repository to another account, as its old owner. The same owner changes and sends nothing.
    pub fn transfer_repository(&mut self, at: &str, owner: &str) -> Result<(), HubError> {
        let repository = self.state.model.require(at)?;
        let (before, name) = (repository.owner.clone(), repository.name.clone());
        if before.eq_ignore_ascii_case(owner) {
            return Ok(());
        }
        let owner = self.state.model.ensure_account(owner, AccountKind::Organization, self.now).login.clone();
        let new = format!("{owner}/{name}");
        self.state.model.rename_repository(at, &new)?;
        self.state.post.rename(at, &new);
        let from = former_owner(self, self.links, &before);
        let changes = json!({ "changes": { "owner": { "from": from } } });
        self.tell("repository", "transferred", &new, &Actor::person(&before), |_, _, _| changes);
        Ok(())
    }
}

/// `changes.owner.from` of `repository.transferred`: an organization or a user, each under its own name.
fn former_owner(acts: &Acts<'_>, links: &Links, login: &str) -> Value {
    let model = &acts.state.model;
    match model.account(login).filter(|owner| owner.kind == AccountKind::Organization) {
        Some(owner) => json!({ "organization": shape::organization(links, owner) }),
        None => json!({ "user": shape::user_of(model, links, login) }),
    }
}

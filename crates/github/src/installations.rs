//! Where the app is installed: one client for each installation, which keeps that installation's token fresh.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bivouac_model::RepoName;
use bivouac_ports::{Error, Meaning};
use octocrab::Octocrab;
use octocrab::models::InstallationId;

use crate::answer::Installation;
use crate::client::{Ask, Client};
use crate::operation::GET_INSTALLATION;

/// What is known of installations. Repositories are those of the configuration, so this stays small.
#[derive(Default)]
pub(crate) struct Installations(Mutex<Known>);

#[derive(Default)]
struct Known {
    of_repo: HashMap<RepoName, u64>,
    // A clone of an installation's client would not share its token with the original.
    clients: HashMap<u64, Arc<Octocrab>>,
}

impl Installations {
    /// The client for a repository. Asks GitHub the first time.
    ///
    /// # Errors
    /// `Denied` when the app is not installed there; else whatever became of the question.
    pub async fn of(&self, repo: &RepoName, app: &Octocrab, client: &Client) -> Result<Arc<Octocrab>, Error> {
        if let Some(known) = self.known().client(repo) {
            return Ok(known);
        }
        let path = client.located(repo, format!("/repos/{repo}/installation"));
        let ask = Ask::get(&GET_INSTALLATION, path);
        let answer = client.ask(ask).await.map_err(|failure| match failure.error {
            error if error.meaning() == Meaning::NotFound => {
                let message = format!("the GitHub App is not installed on {repo}");
                Error::new(Meaning::Denied, GET_INSTALLATION.call, message)
            }
            error => error,
        })?;
        let id = answer.read::<Installation>(&GET_INSTALLATION)?.id;
        let fresh = app.installation(InstallationId(id)).map_err(|source| {
            Error::new(Meaning::Invalid, GET_INSTALLATION.call, "the credentials are not those of an app")
                .caused_by(source)
        })?;
        let mut known = self.known();
        known.of_repo.insert(repo.clone(), id);
        Ok(Arc::clone(known.clients.entry(id).or_insert_with(|| Arc::new(fresh))))
    }

    /// Asks GitHub again the next time.
    pub fn forget(&self, repo: &RepoName) {
        let mut known = self.known();
        if let Some(id) = known.of_repo.remove(repo) {
            known.clients.remove(&id);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn client(&self, repo: &RepoName) -> Option<Arc<Octocrab>> {
        self.clients.get(self.of_repo.get(repo)?).cloned()
    }
}

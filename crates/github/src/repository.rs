//! The repository behind a configured name: whether it can be seen at all, and whether it is the one that was known.

use bivouac_model::RepoName;
use bivouac_ports::{Error, Meaning, Moved};
use serde::Deserialize;

use crate::client::{Ask, Client};
use crate::operation::GET_REPOSITORY;

/// `full-repository`.
#[derive(Debug, Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
}

/// Tells "there is no such thing in this repository" from "we may not look": GitHub answers 404 to both.
///
/// # Errors
/// Why the repository cannot be seen.
pub(crate) async fn must_be_seen(client: &Client, repo: &RepoName) -> Result<(), Error> {
    identify(client, repo).await
}

/// Asks which repository has a configured name now, and notes it. A repository that was renamed or transferred is followed by
/// its id from then on, also if another one is made under its old name.
///
/// # Errors
/// Why the repository cannot be seen.
pub(crate) async fn identify(client: &Client, repo: &RepoName) -> Result<(), Error> {
    let path = format!("/repos/{repo}");
    let known = client.names().id(repo);
    let (is_moved, seen) = match client.ask_by_name(repo, Ask::get(&GET_REPOSITORY, path)).await.map_err(Error::from) {
        Ok(answer) => (answer.moved, answer.read::<Repository>(&GET_REPOSITORY)?),
        // The old name may lead nowhere any more. The id still does.
        Err(error) if error.meaning() == Meaning::NotFound && client.names().moved_from(repo).is_some() => {
            (true, by_id(client, repo, known).await?)
        }
        Err(error) => return Err(error),
    };
    if !is_moved && client.names().answered(repo, seen.id) {
        return Ok(());
    }
    let is_replaced = known.is_some_and(|known| known != seen.id);
    let seen = match is_replaced {
        true => by_id(client, repo, known).await.map_err(|error| gone(repo, known, seen.id, error))?,
        false => seen,
    };
    let to = seen.full_name.parse().map_err(|error| {
        Error::new(Meaning::Unavailable, GET_REPOSITORY.call, "GitHub's answer has an impossible name").caused_by(error)
    })?;
    let moved = Moved { id: seen.id, to, is_replaced };
    if client.names().moved_from(repo).as_ref() != Some(&moved) {
        tracing::warn!(%repo, to = %moved.to, id = moved.id, is_replaced, "the repository has another name now");
    }
    client.names().moved(repo, moved);
    Ok(())
}

/// The repository that was known cannot be asked, and another one has its name.
fn gone(repo: &RepoName, known: Option<u64>, id: u64, error: Error) -> Error {
    if error.meaning() != Meaning::NotFound {
        return error;
    }
    let message = format!(
        "{repo} is another repository now (id {id}), and the one before it (id {}) cannot be seen. Nothing is done in the new \
         one. If it is the right one, restart bivouac.",
        known.unwrap_or_default()
    );
    Error::new(Meaning::Unavailable, GET_REPOSITORY.call, message)
}

async fn by_id(client: &Client, repo: &RepoName, id: Option<u64>) -> Result<Repository, Error> {
    let path = format!("/repositories/{}", id.unwrap_or_default());
    client.ask_by_name(repo, Ask::get(&GET_REPOSITORY, path)).await?.read(&GET_REPOSITORY)
}

//! Whether a repository can be seen at all.

use bivouac_model::RepoName;
use bivouac_ports::Error;

use crate::client::{Ask, Client};
use crate::operation::GET_REPOSITORY;

/// Tells "there is no such thing in this repository" from "we may not look": GitHub answers 404 to both.
///
/// # Errors
/// Why the repository cannot be seen.
pub(crate) async fn must_be_seen(client: &Client, repo: &RepoName) -> Result<(), Error> {
    let ask = Ask::get(&GET_REPOSITORY, format!("/repos/{repo}"));
    client.ask_in(repo, ask).await?;
    Ok(())
}

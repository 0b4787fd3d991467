//! Commits.

use axum::http::StatusCode;

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::shape;

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let name = ask.parameter("ref");
    let at = ask.repository(Need::ReadContents)?;
    let commit = at.commit(name).ok_or_else(|| {
        // GitHub's own words and status: the name is wrong, the address is not.
        let documentation = "https://docs.github.com/rest/commits/commits#get-a-commit";
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &format!("No commit found for SHA: {name}"), documentation)
    })?;
    Ok(Reply::ok(shape::commit(&ask.state.model, ask.links, at, commit)))
}

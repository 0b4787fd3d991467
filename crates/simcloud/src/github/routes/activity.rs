//! What happened to the branches of a repository.

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::Activity;
use crate::github::{paging, shape};

/// The kinds that the OpenAPI description names.
const KINDS: [&str; 6] = ["push", "force_push", "branch_creation", "branch_deletion", "pr_merge", "merge_queue_merge"];

/// `GET /repos/{owner}/{repo}/activity`, the newest first. GitHub turns the pages of this list by cursors (`before`, `after`), which
/// this has not: it answers the first page alone, and never says that there is another.
pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let query = ask.query();
    let text = |name: &str| query.get(name).map(String::as_str);
    let invalid = |field: &str, value: &str| {
        Refusal::validation("Activity", "invalid", field, &format!("{value:?} is not a {field}"))
    };
    if let Some(kind) = text("activity_type").filter(|kind| !KINDS.contains(kind)) {
        return Err(invalid("activity_type", kind));
    }
    // "The `ref` for a branch can be formatted either as `refs/heads/BRANCH_NAME` or `BRANCH_NAME`" (the description).
    let branch = text("ref").map(|name| name.trim_start_matches("refs/heads/"));
    let at = ask.repository(Need::ReadContents)?;
    let fits = |one: &&Activity| {
        branch.is_none_or(|branch| one.branch == branch)
            && text("actor").is_none_or(|login| one.actor.eq_ignore_ascii_case(login))
            && text("activity_type").is_none_or(|kind| one.kind == kind)
    };
    let mut found: Vec<&Activity> = at.activities.iter().filter(fits).collect();
    match text("direction") {
        None | Some("desc") => found.reverse(),
        Some("asc") => {}
        Some(other) => return Err(invalid("direction", other)),
    }
    found.truncate(paging::per_page(ask));
    Ok(paging::page(ask, &found, |one| shape::activity(&ask.state.model, ask.links, one)))
}

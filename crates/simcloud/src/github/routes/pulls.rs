//! Pull requests, alone and in lists.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{Permission, Pull, Repository};
use crate::github::routes::gone;
use crate::github::{HubError, paging, shape};

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("pull_number")?;
    let at = ask.repository(Need::ReadPulls)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::pull(&ask.state.model, ask.links, at, pull)))
}

/// "Lists a maximum of 250 commits for a pull request" (the description).
const MOST_COMMITS: usize = 250;

/// The commits, the oldest first.
pub(super) fn commits(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("pull_number")?;
    let at = ask.repository(Need::ReadPulls)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let all: Vec<_> = pull.commits.iter().filter_map(|sha| at.commits.get(sha)).take(MOST_COMMITS).collect();
    Ok(paging::page(ask, &all, |commit| shape::commit_simple(&ask.state.model, ask.links, at, commit)))
}

/// Changes title, body or state; the author may, and who may push. Nobody can open a merged one again.
pub(super) fn update(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("pull_number")?;
    let at = ask.repository(Need::WritePulls)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let author = ask.caller.login().is_some_and(|login| login.eq_ignore_ascii_case(&pull.author));
    if !author && ask.caller.permission(at) < Permission::Write {
        return Err(Refusal::forbidden("Must have admin rights to Repository."));
    }
    let (name, wish) = (at.full_name(), ask.object()?);
    let text = |name: &str| wish.get(name).and_then(Value::as_str).map(str::to_owned);
    let (title, body) = (text("title"), text("body"));
    let actor = ask.actor()?;
    match text("state").as_deref() {
        None => {}
        Some("closed") => ask.acts().close(&name, number, &actor, false).map_err(gone)?,
        Some("open") => ask.acts().reopen(&name, number, &actor).map_err(|error| match error {
            HubError::Merged { .. } => {
                Refusal::validation("PullRequest", "invalid", "state", "state cannot be changed. It is merged.")
            }
            other => gone(other),
        })?,
        Some(other) => return Err(unknown("state", other)),
    }
    if title.is_some() || body.is_some() {
        let pull = ask.state.model.require_pull(&name, number).map_err(gone)?;
        pull.title = title.unwrap_or_else(|| pull.title.clone());
        pull.body = body.or(pull.body.take());
        pull.updated_at = ask.now;
    }
    get(ask)
}

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let query = ask.query();
    let at = ask.repository(Need::ReadPulls)?;
    let mut pulls = Vec::new();
    for pull in at.pulls.values() {
        if wanted(&query, at, pull)? {
            pulls.push(pull);
        }
    }
    sort(&query, &mut pulls)?;
    Ok(paging::page(ask, &pulls, |pull| shape::pull_simple(&ask.state.model, ask.links, at, pull)))
}

fn wanted(query: &BTreeMap<String, String>, at: &Repository, pull: &Pull) -> Result<bool, Refusal> {
    let open = pull.closed_at.is_none();
    let state = match query.get("state").map_or("open", String::as_str) {
        "open" => open,
        "closed" => !open,
        "all" => true,
        other => return Err(unknown("state", other)),
    };
    // `head` is `user:branch`; all branches here are from `main`.
    let head_owner = pull.head_repository.split('/').next().unwrap_or(&at.owner);
    let head = query.get("head").is_none_or(|head| *head == format!("{head_owner}:{}", pull.head_ref));
    let base = query.get("base").is_none_or(|base| base == "main");
    Ok(state && head && base)
}

/// Sorts as asked. `long-running` sorts like `created`: what makes GitHub's differ is activity that is not modelled.
fn sort(query: &BTreeMap<String, String>, pulls: &mut [&Pull]) -> Result<(), Refusal> {
    let by = query.get("sort").map_or("created", String::as_str);
    match by {
        "created" | "long-running" => pulls.sort_by_key(|pull| (pull.created_at, pull.number)),
        "updated" => pulls.sort_by_key(|pull| (pull.updated_at, pull.number)),
        "popularity" => pulls.sort_by_key(|pull| (pull.comments.len(), pull.number)),
        other => return Err(unknown("sort", other)),
    }
    // "Default: desc when sort is created or sort is not specified, otherwise asc" (the description of `direction`).
    let default = if by == "created" { "desc" } else { "asc" };
    match query.get("direction").map_or(default, String::as_str) {
        "asc" => {}
        "desc" => pulls.reverse(),
        other => return Err(unknown("direction", other)),
    }
    Ok(())
}

fn unknown(field: &str, value: &str) -> Refusal {
    Refusal::validation("PullRequest", "invalid", field, &format!("{value:?} is not a {field}"))
}

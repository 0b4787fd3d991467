//! A pull request as an issue: itself, its history, its labels. There are no other issues here.

use serde_json::Value;

use super::gone;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{IssueEvent, Permission};
use crate::github::{paging, shape};

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    let at = ask.repository(Need::ReadComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::issue(&ask.state.model, ask.links, at, pull)))
}

pub(super) fn events(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    let at = ask.repository(Need::ReadComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let events: Vec<&IssueEvent> = pull.events.iter().collect();
    Ok(paging::page(ask, &events, |event| shape::issue_event(&ask.state.model, &ask.state.apps, ask.links, at, event)))
}

pub(super) fn add_labels(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (number, name) = labelled(ask)?;
    let wish = ask.object()?.remove("labels");
    let names: Option<Vec<String>> = wish.as_ref().and_then(Value::as_array).and_then(|list| {
        // A label is its name, or an object with it.
        list.iter().map(|one| one.as_str().or(one["name"].as_str()).map(str::to_owned)).collect()
    });
    let names = names.ok_or_else(|| Refusal::invalid_request("\"labels\" wasn't supplied."))?;
    if names.iter().any(|name| name.trim().is_empty() || name.chars().count() > LONGEST_LABEL) {
        return Err(Refusal::validation("Label", "invalid", "name", "name is blank or too long"));
    }
    let actor = ask.actor()?;
    for label in names {
        ask.acts().label(&name, number, &actor, &label).map_err(gone)?;
    }
    labels(ask, number)
}

pub(super) fn remove_label(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (number, name) = labelled(ask)?;
    let label = ask.parameter("name").to_owned();
    let on = ask.state.model.require_pull(&name, number).map_err(gone)?.has_label(&label);
    if !on {
        let documentation = "https://docs.github.com/rest/issues/labels#remove-a-label-from-an-issue";
        return Err(Refusal::new(axum::http::StatusCode::NOT_FOUND, "Label does not exist", documentation));
    }
    let actor = ask.actor()?;
    ask.acts().unlabel(&name, number, &actor, &label).map_err(gone)?;
    labels(ask, number)
}

/// The longest name of a label, in characters: "name is too long (maximum is 50 characters)" is GitHub's message.
const LONGEST_LABEL: usize = 50;

/// The pull request of the path and its repository, if the caller may label: who may triage can
/// (docs.github.com/organizations, Repository roles for an organization).
fn labelled(ask: &Ask<'_>) -> Result<(u64, String), Refusal> {
    let number = ask.number("issue_number")?;
    let at = ask.repository(Need::WriteComments)?;
    at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    if ask.caller.permission(at) < Permission::Triage {
        return Err(Refusal::forbidden("Must have triage rights to Repository."));
    }
    Ok((number, at.full_name()))
}

fn labels(ask: &Ask<'_>, number: u64) -> Result<Reply, Refusal> {
    let at = ask.repository(Need::ReadComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(Value::Array(shape::labels(ask.links, at, pull))))
}

//! A pull request as the issue it also is: `issue`, its labels, and its history (`issue-event-for-issue`).

use serde_json::{Value, json};

use super::{Links, association, integration, maybe_time, node_id, time, user_of};
use crate::github::app::Apps;
use crate::github::model::{IssueEvent, Label, Model, Pull, Repository, fold};

/// The colour of a label that nobody gave one, as GitHub's own form proposes.
const COLOUR: &str = "ededed";

/// `label`.
pub(in crate::github) fn label(links: &Links, at: &Repository, label: &Label) -> Value {
    json!({
        "id": label.id,
        "node_id": node_id("LA", label.id),
        // A name may hold what an address must escape; only blanks are likely.
        "url": format!("{}/labels/{}", links.repository(at), label.name.replace(' ', "%20")),
        "name": label.name,
        "description": null,
        "color": COLOUR,
        "default": false,
    })
}

/// The labels of a pull request.
pub(in crate::github) fn labels(links: &Links, at: &Repository, pull: &Pull) -> Vec<Value> {
    pull.labels.iter().filter_map(|name| at.labels.get(&fold(name))).map(|one| label(links, at, one)).collect()
}

/// `issue`.
pub(in crate::github) fn issue(model: &Model, links: &Links, at: &Repository, pull: &Pull) -> Value {
    let (api, page, n) = (links.repository(at), links.page(at), pull.number);
    let (this, html) = (format!("{api}/issues/{n}"), format!("{page}/pull/{n}"));
    json!({
        "url": this,
        "repository_url": api,
        "labels_url": format!("{this}/labels{{/name}}"),
        "comments_url": format!("{this}/comments"),
        "events_url": format!("{this}/events"),
        "timeline_url": format!("{this}/timeline"),
        "html_url": html,
        // The issue has an id of its own, apart from the pull request's.
        "id": pull.id + ISSUE_OFFSET,
        "node_id": node_id("PR", pull.id),
        "number": n,
        "title": pull.title,
        "user": user_of(model, links, &pull.author),
        "labels": labels(links, at, pull),
        "state": if pull.closed_at.is_none() { "open" } else { "closed" },
        "state_reason": null,
        "locked": pull.locked,
        "active_lock_reason": null,
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "comments": pull.comments.len(),
        "created_at": time(pull.created_at),
        "updated_at": time(pull.updated_at),
        "closed_at": maybe_time(pull.closed_at),
        "closed_by": pull.closed_by.as_deref().map_or(Value::Null, |login| user_of(model, links, login)),
        "author_association": association(at, &pull.author),
        "draft": pull.draft,
        "pull_request": {
            "url": format!("{api}/pulls/{n}"),
            "html_url": html,
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "merged_at": maybe_time(pull.merged_at),
        },
        "body": pull.body,
        "reactions": super::comment::rollup(&format!("{this}/reactions"), &[]),
        "performed_via_github_app": null,
    })
}

/// Keeps the ids of issues away from all others, which rise by one from a thousand.
const ISSUE_OFFSET: u64 = 1_000_000_000;

/// `issue-event-for-issue`.
pub(in crate::github) fn issue_event(
    model: &Model,
    apps: &Apps,
    links: &Links,
    at: &Repository,
    event: &IssueEvent,
) -> Value {
    let api = links.repository(at);
    let app = event.app.and_then(|app| apps.get(app)).map_or(Value::Null, |app| integration(model, links, app));
    let mut body = json!({
        "id": event.id,
        "node_id": node_id("EV", event.id),
        "url": format!("{api}/issues/events/{}", event.id),
        "actor": user_of(model, links, &event.actor),
        "event": event.kind,
        "commit_id": event.commit,
        "commit_url": event.commit.as_ref().map(|sha| format!("{api}/commits/{sha}")),
        "created_at": time(event.created_at),
        "performed_via_github_app": app,
    });
    if let Some(name) = &event.label {
        body["label"] = json!({ "name": name, "color": COLOUR });
    }
    body
}

//! What stands below the description of a pull request: comments, events and deployments, in the order they happened.

use chrono::{DateTime, Utc};

use super::{Entry, entry, when};
use crate::github::markdown::escape;
use crate::github::model::{Comment, Deployment, DeploymentStatus, IssueEvent, Model, Pull, Repository, fold};
use crate::github::shape::REACTIONS;

/// One thing in the conversation.
pub(super) enum Moment<'a> {
    Comment(&'a Comment),
    Event(&'a IssueEvent),
    Deployment(&'a Deployment, &'a DeploymentStatus),
}

impl Moment<'_> {
    /// When it happened; of two at the same time, the one that was made first.
    fn order(&self) -> (DateTime<Utc>, u64) {
        match self {
            Moment::Comment(comment) => (comment.created_at, comment.id),
            Moment::Event(event) => (event.created_at, event.id),
            Moment::Deployment(_, status) => (status.created_at, status.id),
        }
    }
}

/// All of a pull request, oldest first.
pub(super) fn moments<'a>(at: &'a Repository, pull: &'a Pull) -> Vec<Moment<'a>> {
    let mut all: Vec<Moment<'_>> = Vec::new();
    all.extend(pull.comments.iter().filter_map(|id| at.comments.get(id)).map(Moment::Comment));
    // Merging is told of once: the line that says "closed" adds nothing to it.
    let merged = |event: &&IssueEvent| !(event.kind == "closed" && event.commit.is_some());
    all.extend(pull.events.iter().filter(merged).map(Moment::Event));
    for deployment in deployments(at, pull) {
        all.extend(deployment.statuses.iter().map(|status| Moment::Deployment(deployment, status)));
    }
    all.sort_by_key(Moment::order);
    all
}

/// Deployments of the head commit, and those that named the branch.
fn deployments<'a>(at: &'a Repository, pull: &'a Pull) -> impl Iterator<Item = &'a Deployment> {
    at.deployments.values().filter(move |one| one.sha == pull.head_sha || one.name == pull.head_ref)
}

/// A comment, folded away when it is minimized, with its reactions below.
pub(super) fn commented(model: &Model, now: DateTime<Utc>, comment: &Comment) -> String {
    let shown = entry(
        model,
        now,
        &Entry {
            author: &comment.author,
            at: comment.created_at,
            edited: comment.updated_at != comment.created_at,
            comment: Some(comment.id),
            body: Some(&comment.body),
        },
    );
    let shown = shown + &reactions(comment);
    match comment.hidden {
        None => shown,
        Some(reason) => format!(
            "<details class=\"hidden\"><summary>{} said something that is hidden as {}</summary>{shown}</details>",
            escape(&comment.author),
            reason.to_lowercase().replace('_', " "),
        ),
    }
}

/// One pill for each kind, with who reacted so on hover.
fn reactions(comment: &Comment) -> String {
    let mut pills = String::new();
    for kind in REACTIONS {
        let who: Vec<String> =
            comment.reactions.iter().filter(|one| one.content == *kind).map(|one| escape(&one.login)).collect();
        if !who.is_empty() {
            pills += &format!("<span title=\"{}\">{} {}</span>", who.join(", "), emoji(kind), who.len());
        }
    }
    if pills.is_empty() { pills } else { format!("<p class=\"reactions\">{pills}</p>") }
}

/// A line of the history.
pub(super) fn happened(now: DateTime<Utc>, event: &IssueEvent) -> String {
    let label = event.label.as_deref().map(pill).unwrap_or_default();
    let (dot, words) = match event.kind {
        "labeled" => ("", format!("added the label {label}")),
        "unlabeled" => ("", format!("removed the label {label}")),
        "closed" => ("closed", "closed this".to_owned()),
        "reopened" => ("open", "reopened this".to_owned()),
        "merged" => ("merged", "merged this".to_owned()),
        "convert_to_draft" => ("", "made this a draft".to_owned()),
        "ready_for_review" => ("", "marked this as ready for review".to_owned()),
        other => ("", escape(other)),
    };
    line(dot, &event.actor, &words, event.created_at, now)
}

/// A state of a deployment.
pub(super) fn deployed(now: DateTime<Utc>, of: &Deployment, status: &DeploymentStatus) -> String {
    let name = format!("<strong>{}</strong>", escape(&of.environment));
    let (dot, words) = match status.state {
        "success" => ("open", format!("deployed to {name}{}", address(&status.environment_url))),
        "failure" | "error" => ("closed", format!("failed to deploy to {name}")),
        "inactive" => ("", format!("marked the deployment to {name} as inactive")),
        other => ("pending", format!("is deploying to {name} ({})", other.replace('_', " "))),
    };
    line(dot, &status.creator, &words, status.created_at, now)
}

fn line(dot: &str, actor: &str, words: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let actor = escape(actor);
    let when = when(at, now);
    format!(
        "<p class=\"event\"><span class=\"dot {dot}\"></span><span><strong>{actor}</strong> {words} {when}</span></p>"
    )
}

/// A link to an environment. Only what a browser opens and does not run becomes one.
fn address(url: &str) -> String {
    if url.starts_with("https://") || url.starts_with("http://") {
        format!(" · <a href=\"{0}\">{0}</a>", escape(url))
    } else {
        String::new()
    }
}

/// The labels of a pull request.
pub(super) fn labels(pull: &Pull) -> String {
    if pull.labels.is_empty() {
        return String::new();
    }
    format!("<span class=\"labels\">{}</span>", pull.labels.iter().map(|name| pill(name)).collect::<String>())
}

fn pill(name: &str) -> String {
    // A colour that stays with the name.
    let hue = fold(name).bytes().fold(17u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 360;
    format!("<span class=\"pill\" style=\"--hue:{hue}\">{}</span>", escape(name))
}

/// What is told about the newest commit: where it is deployed, and how its checks stand.
pub(super) fn told_of_commit(at: &Repository, pull: &Pull) -> String {
    let mut rows = String::new();
    for one in deployments(at, pull).filter(|one| one.state() != "inactive") {
        let url = one.statuses.last().map(|status| address(&status.environment_url)).unwrap_or_default();
        rows += &row(one.state(), &one.environment, &url);
    }
    for run in at.check_runs.values().filter(|run| run.head_sha == pull.head_sha) {
        let title = run.title.as_deref().map(|title| format!(" · {}", escape(title))).unwrap_or_default();
        rows += &row(run.conclusion.unwrap_or(run.status), &run.name, &title);
    }
    if rows.is_empty() { rows } else { format!("<ul class=\"told\">{rows}</ul>") }
}

fn row(state: &str, name: &str, more: &str) -> String {
    let dot = match state {
        "success" => "open",
        "failure" | "error" | "timed_out" | "action_required" => "closed",
        "queued" | "pending" | "in_progress" => "pending",
        _ => "",
    };
    let (name, word) = (escape(name), state.replace('_', " "));
    format!("<li><span class=\"dot {dot}\"></span><span><strong>{name}</strong> {word}{more}</span></li>")
}

fn emoji(content: &str) -> &'static str {
    match content {
        "+1" => "👍",
        "-1" => "👎",
        "laugh" => "😄",
        "confused" => "😕",
        "heart" => "❤️",
        "hooray" => "🎉",
        "rocket" => "🚀",
        _ => "👀",
    }
}

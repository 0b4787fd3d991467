//! Comments on pull requests. On GitHub they are comments of the issue that every pull request also is.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::github::access::Need;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::model::{AccountKind, Comment, Permission, Reaction, Repository};
use crate::github::shape::{self, REACTIONS};
use crate::github::{HubError, paging};
use axum::http::StatusCode;

/// Where the refusal to comment on a locked conversation points.
const LOCK_DOCS: &str = "https://docs.github.com/articles/locking-conversations/";

/// The longest body in characters: "Body is too long (maximum is 65536 characters)" is GitHub's own message.
const LONGEST_BODY: usize = 65_536;

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    let query = ask.query();
    let since =
        match query.get("since") {
            None => None,
            Some(text) => Some(text.parse::<DateTime<Utc>>().map_err(|_| {
                Refusal::validation("IssueComment", "invalid", "since", "since is not a time of ISO 8601")
            })?),
        };
    let at = ask.repository(Need::ReadComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let comments = pull.comments.iter().filter_map(|id| at.comments.get(id));
    let comments: Vec<&Comment> =
        comments.filter(|comment| since.is_none_or(|since| comment.updated_at >= since)).collect();
    Ok(paging::page(ask, &comments, |comment| show(ask, at, comment)))
}

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let at = ask.repository(Need::ReadComments)?;
    let comment = at.comments.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(show(ask, at, comment)))
}

pub(super) fn create(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    let at = ask.repository(Need::WriteComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    if pull.locked && ask.caller.permission(at) < Permission::Write {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Unable to create comment because issue is locked.",
            LOCK_DOCS,
        ));
    }
    let body = body(ask)?;
    let name = at.full_name();
    let author = ask.caller.login().ok_or_else(Refusal::requires_authentication)?.to_owned();
    let app = ask.caller.app();
    let id = ask.state.model.comment(&name, number, &author, app, body, ask.now).map_err(gone)?;
    let at = ask.repository(Need::WriteComments)?;
    let comment = show(ask, at, &at.comments[&id]);
    let location = comment["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::created(comment).with("location", location))
}

pub(super) fn edit(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (id, name) = own(ask)?;
    let body = body(ask)?;
    let now = ask.now;
    if let Some(comment) = ask.state.model.repository_mut(&name).and_then(|at| at.comments.get_mut(&id)) {
        // GitHub leaves `updated_at` alone when the text is the same.
        if comment.body != body {
            comment.body = body;
            comment.updated_at = now;
        }
    }
    get(ask)
}

pub(super) fn delete(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (id, name) = own(ask)?;
    ask.state.model.remove_comment(&name, id, ask.now).map_err(gone)?;
    Ok(Reply::no_content())
}

pub(super) fn react(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let at = ask.repository(Need::WriteComments)?;
    at.comments.get(&id).ok_or_else(Refusal::not_found)?;
    let name = at.full_name();
    let wish = ask.text("content")?;
    let content = *REACTIONS
        .iter()
        .find(|known| **known == wish)
        .ok_or_else(|| Refusal::validation("Reaction", "invalid", "content", &format!("{wish:?} is not a reaction")))?;
    let login = ask.caller.login().ok_or_else(Refusal::requires_authentication)?.to_owned();
    ask.state.model.ensure_account(&login, AccountKind::Bot, ask.now);
    let new = Reaction { id: ask.state.model.issue_id(), login, content, created_at: ask.now };
    let at = ask.state.model.repository_mut(&name).ok_or_else(Refusal::not_found)?;
    let reactions = &mut at.comments.get_mut(&id).ok_or_else(Refusal::not_found)?.reactions;
    // "A response with an HTTP 200 status means that you already added the reaction type to this issue comment."
    if let Some(known) = reactions.iter().find(|one| one.login == new.login && one.content == content).cloned() {
        return Ok(Reply::ok(shape::reaction(&ask.state.model, ask.links, &known)));
    }
    reactions.push(new.clone());
    Ok(Reply::created(shape::reaction(&ask.state.model, ask.links, &new)))
}

fn show(ask: &Ask<'_>, at: &Repository, comment: &Comment) -> Value {
    shape::comment(&ask.state.model, &ask.state.apps, ask.links, at, comment)
}

/// The comment of the path and its repository, if the caller may change it: its author may, and who can push.
fn own(ask: &Ask<'_>) -> Result<(u64, String), Refusal> {
    let id = ask.number("comment_id")?;
    let at = ask.repository(Need::WriteComments)?;
    let comment = at.comments.get(&id).ok_or_else(Refusal::not_found)?;
    let author = ask.caller.login().is_some_and(|login| login.eq_ignore_ascii_case(&comment.author));
    if !author && ask.caller.permission(at) < Permission::Write {
        return Err(Refusal::forbidden("Must have admin rights to Repository."));
    }
    Ok((id, at.full_name()))
}

/// The text of a comment that was sent, if GitHub would take it.
fn body(ask: &Ask<'_>) -> Result<String, Refusal> {
    let body = ask.text("body")?;
    if body.trim().is_empty() {
        return Err(Refusal::validation("IssueComment", "custom", "body", "body cannot be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        let message = format!("Body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refusal::validation("IssueComment", "unprocessable", "data", &message));
    }
    Ok(body)
}

/// What was there a moment ago, under the same lock, is there: this cannot be seen from outside.
fn gone(error: HubError) -> Refusal {
    tracing::error!(%error, "the embedded GitHub lost something");
    Refusal::server_error(StatusCode::INTERNAL_SERVER_ERROR)
}

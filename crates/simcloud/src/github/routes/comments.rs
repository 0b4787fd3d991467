//! Comments on pull requests. On GitHub they are comments of the issue that every pull request also is.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{Comment, Permission, Repository};
use crate::github::paging;
use crate::github::routes::gone;
use crate::github::shape;
use axum::http::StatusCode;

/// Where the refusal to comment on a locked conversation points.
const LOCK_DOCS: &str = "https://docs.github.com/articles/locking-conversations/";

/// The longest body in characters: "Body is too long (maximum is 65536 characters)" is GitHub's own message.
const LONGEST_BODY: usize = 65_536;

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    let since = since(ask)?;
    let at = ask.repository(Need::ReadComments)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let comments = pull.comments.iter().filter_map(|id| at.comments.get(id));
    let comments: Vec<&Comment> =
        comments.filter(|comment| since.is_none_or(|since| comment.updated_at >= since)).collect();
    Ok(paging::page(ask, &comments, |comment| show(ask, at, comment)))
}

/// Those of the whole repository.
pub(super) fn list_all(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (query, since) = (ask.query(), since(ask)?);
    let word = |name: &str, known: [&'static str; 2]| match query.get(name).map(String::as_str) {
        None => Ok(None),
        Some(given) => {
            let fits = known.into_iter().find(|word| *word == given);
            let message = format!("{given:?} is not a {name}");
            fits.map(Some).ok_or_else(|| Refusal::validation("IssueComment", "invalid", name, &message))
        }
    };
    let sort = word("sort", ["created", "updated"])?;
    // "Either `asc` or `desc`. Ignored without the `sort` parameter." Then they come by id (the description).
    let down = word("direction", ["asc", "desc"])? == Some("desc") && sort.is_some();
    let at = ask.repository(Need::ReadComments)?;
    let mut comments: Vec<&Comment> =
        at.comments.values().filter(|comment| since.is_none_or(|since| comment.updated_at >= since)).collect();
    if sort == Some("updated") {
        comments.sort_by_key(|comment| (comment.updated_at, comment.id));
    }
    if down {
        comments.reverse();
    }
    Ok(paging::page(ask, &comments, |comment| show(ask, at, comment)))
}

fn since(ask: &Ask<'_>) -> Result<Option<DateTime<Utc>>, Refusal> {
    let refuse = |_| Refusal::validation("IssueComment", "invalid", "since", "since is not a time of ISO 8601");
    ask.query().get("since").map(|text| text.parse()).transpose().map_err(refuse)
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
    let actor = ask.actor()?;
    let id = ask.acts().comment(&name, number, &actor, body).map_err(gone)?;
    let at = ask.repository(Need::WriteComments)?;
    let comment = show(ask, at, &at.comments[&id]);
    let location = comment["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::created(comment).with("location", location))
}

pub(super) fn edit(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (id, name) = own(ask)?;
    let body = body(ask)?;
    let actor = ask.actor()?;
    ask.acts().edit_comment(&name, id, &actor, body).map_err(gone)?;
    get(ask)
}

pub(super) fn delete(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (id, name) = own(ask)?;
    let actor = ask.actor()?;
    ask.acts().delete_comment(&name, id, &actor).map_err(gone)?;
    Ok(Reply::no_content())
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

//! Pages for people: a pull request with its conversation, and the list of all of a repository.
//!
//! `bivouac dev` prints their addresses, so that one can look at the comment as a contributor would see it.

mod timeline;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use super::answer::{Refusal, Reply};
use super::ask::Ask;
use super::markdown::{escape, render};
use super::model::{Account, AccountKind, Model, Permission, Pull, Repository};
use timeline::{Moment, commented, deployed, happened, labels, moments, told_of_commit};

const STYLE: &str = include_str!("page.css");

/// A page loads itself anew this often, in seconds, so that an edited comment shows without a script.
/// Ours: about as long as a person waits before reaching for the key.
const REFRESH: u32 = 4;

/// The conversation of one pull request.
pub(super) fn pull_request(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let Some(at) = visible(ask) else {
        return Ok(nothing_here());
    };
    let number = ask.parameter("pull_number").parse().ok();
    let Some(pull) = number.and_then(|number: u64| at.pulls.get(&number)) else {
        return Ok(nothing_here());
    };
    let model = &ask.state.model;
    let name = escape(&at.full_name());
    let mut entries = entry(
        model,
        ask.now,
        &Entry { author: &pull.author, at: pull.created_at, edited: false, comment: None, body: pull.body.as_deref() },
    );
    for moment in moments(at, pull) {
        entries += &match moment {
            Moment::Comment(comment) => commented(model, ask.now, comment),
            Moment::Event(event) => happened(ask.now, event),
            Moment::Deployment(of, status) => deployed(ask.now, of, status),
        };
    }
    let (state, word) = state(pull);
    let body = format!(
        "<header><p class=\"path\"><a href=\"/{name}/pulls\">{name}</a></p>\
         <h1>{title} <span class=\"number\">#{number}</span></h1>\
         <p class=\"facts\"><span class=\"state {state}\">{word}</span> <strong>{author}</strong> wants to merge \
         <code>{head}</code> at <code>{sha}</code> into <code>main</code></p>{labels}{deployments}</header>\
         <main>{entries}</main>",
        title = escape(&pull.title),
        number = pull.number,
        author = escape(&pull.author),
        head = escape(&branch(at, pull)),
        sha = escape(&pull.head_sha.chars().take(7).collect::<String>()),
        labels = labels(pull),
        deployments = told_of_commit(at, pull),
    );
    Ok(document(StatusCode::OK, &format!("{} · {name}#{}", escape(&pull.title), pull.number), &body))
}

/// All pull requests of a repository, newest first.
pub(super) fn pull_requests(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let Some(at) = visible(ask) else {
        return Ok(nothing_here());
    };
    let name = escape(&at.full_name());
    let mut rows = String::new();
    for pull in at.pulls.values().rev() {
        let (state, word) = state(pull);
        rows += &format!(
            "<li><span class=\"dot {state}\" title=\"{word}\"></span><a href=\"/{name}/pull/{number}\">{title}</a>\
             {labels}<span class=\"meta\">#{number} by {author} · {comments} comment{s}</span></li>",
            number = pull.number,
            title = escape(&pull.title),
            author = escape(&pull.author),
            labels = labels(pull),
            comments = pull.comments.len(),
            s = if pull.comments.len() == 1 { "" } else { "s" },
        );
    }
    let list = if rows.is_empty() {
        "<p class=\"empty\">No pull requests yet.</p>".to_owned()
    } else {
        format!("<ul class=\"pulls\">{rows}</ul>")
    };
    let body = format!(
        "<header><p class=\"path\">{name}</p><h1>Pull requests <span class=\"number\">{open} open</span></h1></header>\
         <main>{list}</main>",
        open = at.open_pulls(),
    );
    Ok(document(StatusCode::OK, &format!("Pull requests · {name}"), &body))
}

/// What nobody may see without credentials has no page.
fn visible<'a>(ask: &'a Ask<'_>) -> Option<&'a Repository> {
    let at = ask.state.model.repository(&ask.repository_name())?;
    (ask.caller.permission(at) > Permission::None).then_some(at)
}

struct Entry<'a> {
    author: &'a str,
    at: DateTime<Utc>,
    edited: bool,
    comment: Option<u64>,
    body: Option<&'a str>,
}

fn entry(model: &Model, now: DateTime<Utc>, entry: &Entry<'_>) -> String {
    let account: Option<&Account> = model.account(entry.author);
    let bot = account.is_some_and(|account| account.kind == AccountKind::Bot);
    // A colour that stays with the account, from its id; the angle spreads neighbours over the circle.
    let hue = account.map_or(0, |account| account.id * 137 % 360);
    let initial: String = entry.author.chars().take(1).flat_map(char::to_uppercase).collect();
    let text = match entry.body.filter(|body| !body.trim().is_empty()) {
        Some(body) => render(body),
        None => "<p class=\"empty\">No description provided.</p>".to_owned(),
    };
    let anchor = entry.comment.map_or_else(|| "description".to_owned(), |id| format!("issuecomment-{id}"));
    format!(
        "<article id=\"{anchor}\"><span class=\"avatar\" style=\"background:hsl({hue} 45% 46%)\">{initial}</span>\
         <section><h2><strong>{author}</strong>{bot} <a href=\"#{anchor}\">{verb} {when}</a>{edited}</h2>\
         <div class=\"text\">{text}</div></section></article>",
        initial = escape(&initial),
        author = escape(entry.author),
        bot = if bot { " <span class=\"label\">bot</span>" } else { "" },
        verb = if entry.comment.is_some() { "commented" } else { "opened this" },
        when = when(entry.at, now),
        edited = if entry.edited { " <span class=\"edited\">· edited</span>" } else { "" },
    )
}

fn state(pull: &Pull) -> (&'static str, &'static str) {
    match (pull.merged_at, pull.closed_at) {
        (Some(_), _) => ("merged", "Merged"),
        (None, Some(_)) => ("closed", "Closed"),
        (None, None) => ("open", "Open"),
    }
}

fn branch(at: &Repository, pull: &Pull) -> String {
    let owner = pull.head_repository.split('/').next().unwrap_or_default();
    if owner.eq_ignore_ascii_case(&at.owner) { pull.head_ref.clone() } else { format!("{owner}:{}", pull.head_ref) }
}

/// How long ago, in words, with the time itself on hover.
fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    let words = match seconds {
        0..=9 => "just now".to_owned(),
        10..=119 => format!("{seconds} seconds ago"),
        120..=7_199 => format!("{} minutes ago", seconds / 60),
        7_200..=172_799 => format!("{} hours ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    };
    let exact = super::shape::time(at);
    format!("<time datetime=\"{exact}\" title=\"{exact}\">{words}</time>")
}

fn nothing_here() -> Reply {
    let body = "<header><h1>Nothing here</h1></header><main><p class=\"empty\">The embedded GitHub has no such page.</p></main>";
    document(StatusCode::NOT_FOUND, "Nothing here", body)
}

fn document(status: StatusCode, title: &str, body: &str) -> Reply {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"{REFRESH}\"><title>{title}</title><style>{STYLE}</style></head>\
         <body>{body}<footer>Embedded GitHub of Bivouac. Nothing here leaves this machine.</footer></body></html>\n"
    );
    Reply::html(status, page)
        // Even if a text got through, nothing would run or be fetched but pictures.
        .with("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:")
        .with("cache-control", "no-store")
}

//! Comments and what people stick on them: `issue-comment`, `reaction`.

use serde_json::{Value, json};

use super::{Links, association, integration, node_id, time, user_of};
use crate::github::app::Apps;
use crate::github::model::{Comment, Model, Reaction, Repository};

/// The reactions there are (docs.github.com/rest/reactions/reactions).
pub(in crate::github) const REACTIONS: &[&str] =
    &["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// `issue-comment`.
pub(in crate::github) fn comment(
    model: &Model,
    apps: &Apps,
    links: &Links,
    at: &Repository,
    comment: &Comment,
) -> Value {
    let (api, page, id) = (links.repository(at), links.page(at), comment.id);
    let this = format!("{api}/issues/comments/{id}");
    let app = comment.app.and_then(|app| apps.get(app)).map_or(Value::Null, |app| integration(model, links, app));
    let reactions = rollup(&format!("{this}/reactions"), &comment.reactions);
    json!({
        "url": this,
        "html_url": format!("{page}/pull/{}#issuecomment-{id}", comment.number),
        "issue_url": format!("{api}/issues/{}", comment.number),
        "id": id,
        "node_id": node_id("IC", id),
        "user": user_of(model, links, &comment.author),
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "body": comment.body,
        "author_association": association(at, &comment.author),
        "performed_via_github_app": app,
        "reactions": reactions,
        "minimized": comment.hidden.map(|word| json!({ "reason": word.to_lowercase().replace('_', "-") })),
    })
}

/// `reaction-rollup`.
pub(super) fn rollup(url: &str, reactions: &[Reaction]) -> Value {
    let mut body = json!({ "url": url, "total_count": reactions.len() });
    for kind in REACTIONS {
        body[*kind] = json!(reactions.iter().filter(|one| one.content == *kind).count());
    }
    body
}

/// `reaction`.
pub(in crate::github) fn reaction(model: &Model, links: &Links, reaction: &Reaction) -> Value {
    json!({
        "id": reaction.id,
        "node_id": node_id("REA", reaction.id),
        "user": user_of(model, links, &reaction.login),
        "content": reaction.content,
        "created_at": time(reaction.created_at),
    })
}

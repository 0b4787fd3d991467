//! `pull-request-review` and `pull-request-review-comment`.

use serde_json::{Value, json};

use super::{Links, association, node_id, time, user_of};
use crate::github::model::{LineComment, Model, Pull, Repository, Review};

/// `pull-request-review`.
pub(in crate::github) fn review(model: &Model, links: &Links, at: &Repository, pull: &Pull, review: &Review) -> Value {
    let (api, page, number) = (links.repository(at), links.page(at), pull.number);
    let html = format!("{page}/pull/{number}#pullrequestreview-{}", review.id);
    let pull_request = format!("{api}/pulls/{number}");
    json!({
        "id": review.id,
        "node_id": node_id("PRR", review.id),
        "user": user_of(model, links, &review.author),
        "body": review.body,
        "state": review.state,
        "html_url": html,
        "pull_request_url": pull_request,
        "_links": { "html": { "href": html }, "pull_request": { "href": pull_request } },
        "submitted_at": time(review.submitted_at),
        "commit_id": review.commit,
        "author_association": association(at, &review.author),
    })
}

/// `pull-request-review-comment`.
pub(in crate::github) fn line_comment(
    model: &Model,
    links: &Links,
    at: &Repository,
    pull: &Pull,
    comment: &LineComment,
) -> Value {
    let (api, page, number, id) = (links.repository(at), links.page(at), pull.number, comment.id);
    let this = format!("{api}/pulls/comments/{id}");
    let html = format!("{page}/pull/{number}#discussion_r{id}");
    let pull_request = format!("{api}/pulls/{number}");
    json!({
        "url": this,
        "pull_request_review_id": comment.review,
        "id": id,
        "node_id": node_id("PRRC", id),
        "diff_hunk": "@@ -1 +1 @@\n-before\n+after",
        "path": "README.md",
        "position": 2,
        "original_position": 2,
        "commit_id": comment.commit,
        "original_commit_id": comment.commit,
        "user": user_of(model, links, &comment.author),
        "body": comment.body,
        "created_at": time(comment.created_at),
        "updated_at": time(comment.created_at),
        "html_url": html,
        "pull_request_url": pull_request,
        "author_association": association(at, &comment.author),
        "_links": {
            "self": { "href": this },
            "html": { "href": html },
            "pull_request": { "href": pull_request },
        },
        "line": 1,
        "original_line": 1,
        "side": "RIGHT",
        "subject_type": "line",
    })
}

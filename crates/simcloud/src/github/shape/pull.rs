//! Pull requests: `pull-request-simple` in lists, `pull-request` alone.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::issue::labels;
use super::repository::repository;
use super::user::extend;
use super::{Links, association, maybe_time, node_id, time, user_of};
use crate::github::model::{Model, Pull, Repository};

/// A name for a commit that nobody made: the test merge, the tip of the base branch. Same input, same name.
pub(in crate::github) fn invented_sha(of: &str) -> String {
    // Git names are 40 hexadecimal digits, which are 20 bytes.
    Sha256::digest(of.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// The commit that merging makes, or would make.
pub(in crate::github) fn merge_commit(pull: &Pull) -> String {
    invented_sha(&format!("{}#{}", pull.head_sha, pull.number))
}

fn end(model: &Model, links: &Links, at: &Repository, branch: &str, sha: &str) -> Value {
    json!({
        "label": format!("{}:{branch}", at.owner),
        "ref": branch,
        "sha": sha,
        "user": user_of(model, links, &at.owner),
        "repo": repository(model, links, at),
    })
}

/// `pull-request-simple`.
pub(in crate::github) fn pull_simple(model: &Model, links: &Links, at: &Repository, pull: &Pull) -> Value {
    let (api, page) = (links.repository(at), links.page(at));
    let n = pull.number;
    let (this, issue, html) = (format!("{api}/pulls/{n}"), format!("{api}/issues/{n}"), format!("{page}/pull/{n}"));
    let statuses = format!("{api}/statuses/{}", pull.head_sha);
    let head = model.repository(&pull.head_repository).unwrap_or(at);
    let base_sha = invented_sha(&format!("{}@main", at.full_name()));
    let mut body = json!({
        "url": this,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": issue,
        "commits_url": format!("{this}/commits"),
        "review_comments_url": format!("{this}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "number": n,
        "state": if pull.closed_at.is_none() { "open" } else { "closed" },
        "locked": pull.locked,
        "active_lock_reason": null,
        "title": pull.title,
        "user": user_of(model, links, &pull.author),
        "body": pull.body,
        "labels": labels(links, at, pull),
        "milestone": null,
        "draft": pull.draft,
        "assignee": null, "assignees": [],
        "requested_reviewers": [], "requested_teams": [],
        "author_association": association(at, &pull.author),
        "auto_merge": null,
        "merge_commit_sha": merge_commit(pull),
        "created_at": time(pull.created_at),
        "updated_at": time(pull.updated_at),
        "closed_at": maybe_time(pull.closed_at),
        "merged_at": maybe_time(pull.merged_at),
    });
    extend(
        &mut body,
        json!({
            "head": end(model, links, head, &pull.head_ref, &pull.head_sha),
            "base": end(model, links, at, "main", &base_sha),
            "_links": {
                "self": { "href": this },
                "html": { "href": html },
                "issue": { "href": issue },
                "comments": { "href": format!("{issue}/comments") },
                "review_comments": { "href": format!("{this}/comments") },
                "review_comment": { "href": format!("{api}/pulls/comments{{/number}}") },
                "commits": { "href": format!("{this}/commits") },
                "statuses": { "href": statuses },
            },
        }),
    );
    body
}

/// `pull-request`.
pub(in crate::github) fn pull(model: &Model, links: &Links, at: &Repository, pull: &Pull) -> Value {
    let mut body = pull_simple(model, links, at, pull);
    let open = pull.closed_at.is_none();
    extend(
        &mut body,
        json!({
            "merged": pull.merged_at.is_some(),
            // GitHub computes it for open ones only.
            "mergeable": open.then_some(true),
            "mergeable_state": if open { "clean" } else { "unknown" },
            "rebaseable": open.then_some(true),
            "merged_by": pull.merged_by.as_deref().map_or(Value::Null, |login| user_of(model, links, login)),
            "comments": pull.comments.len(),
            "review_comments": 0,
            "maintainer_can_modify": pull.head_repository != at.full_name(),
            "commits": pull.commits.len(),
            "additions": 1,
            "deletions": 0,
            "changed_files": 1,
        }),
    );
    body
}

//! What is told about commits: `commit`, `deployment`, `deployment-status`, `check-run`.

use serde_json::{Value, json};

use super::{Links, extend, integration, invented_sha, maybe_time, node_id, time, user_of};
use crate::github::app::Apps;
use crate::github::model::{CheckRun, Commit, Deployment, DeploymentStatus, Model, Pull, Repository, fold};

/// `commit` alone, with the counts and files that only then come with it. The hub knows no files.
pub(in crate::github) fn commit(model: &Model, links: &Links, at: &Repository, one: &Commit) -> Value {
    let mut body = commit_simple(model, links, at, one);
    extend(&mut body, json!({ "stats": { "additions": 1, "deletions": 0, "total": 1 }, "files": [] }));
    body
}

/// `commit`, as lists have it.
pub(in crate::github) fn commit_simple(model: &Model, links: &Links, at: &Repository, commit: &Commit) -> Value {
    let (api, sha) = (links.repository(at), &commit.sha);
    let this = format!("{api}/commits/{sha}");
    let author = user_of(model, links, &commit.author);
    let signed = json!({
        "name": commit.author,
        "email": format!("{}@users.noreply.github.com", fold(&commit.author)),
        "date": time(commit.committed_at),
    });
    let tree = invented_sha(&format!("{sha} tree"));
    let parent = invented_sha(&format!("{}@main", at.full_name()));
    json!({
        "url": this,
        "sha": sha,
        "node_id": format!("C_kw{sha}"),
        "html_url": format!("{}/commit/{sha}", links.page(at)),
        "comments_url": format!("{this}/comments"),
        "commit": {
            "url": format!("{api}/git/commits/{sha}"),
            "author": signed,
            "committer": signed,
            "message": "Change something",
            "comment_count": 0,
            "tree": { "sha": tree, "url": format!("{api}/git/trees/{tree}") },
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        },
        "author": author,
        "committer": author,
        "parents": [{
            "sha": parent,
            "url": format!("{api}/commits/{parent}"),
            "html_url": format!("{}/commit/{parent}", links.page(at)),
        }],
    })
}

fn via(model: &Model, apps: &Apps, links: &Links, app: Option<u64>) -> Value {
    app.and_then(|app| apps.get(app)).map_or(Value::Null, |app| integration(model, links, app))
}

/// `deployment`.
pub(in crate::github) fn deployment(
    model: &Model,
    apps: &Apps,
    links: &Links,
    at: &Repository,
    this: &Deployment,
) -> Value {
    let api = links.repository(at);
    let url = format!("{api}/deployments/{}", this.id);
    json!({
        "url": url,
        "id": this.id,
        "node_id": node_id("DE", this.id),
        "sha": this.sha,
        "ref": this.name,
        "task": this.task,
        "payload": this.payload,
        "original_environment": this.environment,
        "environment": this.environment,
        "description": this.description,
        "creator": user_of(model, links, &this.creator),
        "created_at": time(this.created_at),
        "updated_at": time(this.updated_at),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": api,
        "transient_environment": this.transient,
        "production_environment": this.production,
        "performed_via_github_app": via(model, apps, links, this.app),
    })
}

/// `deployment-status`.
pub(in crate::github) fn deployment_status(
    model: &Model,
    apps: &Apps,
    links: &Links,
    at: &Repository,
    of: &Deployment,
    status: &DeploymentStatus,
) -> Value {
    let api = links.repository(at);
    let deployment = format!("{api}/deployments/{}", of.id);
    let mut shown = json!({
        "url": format!("{deployment}/statuses/{}", status.id),
        "id": status.id,
        "node_id": node_id("DES", status.id),
        "state": status.state,
        "creator": user_of(model, links, &status.creator),
        "description": status.description,
        "environment": status.environment,
        // The old name of `log_url`; both always say the same.
        "target_url": status.log_url,
        "log_url": status.log_url,
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
        "deployment_url": deployment,
        "repository_url": api,
        "performed_via_github_app": via(model, apps, links, status.app),
    });
    // The description does not require it, gives it the default "" and the format `uri`, which "" is not: without an
    // address it can only be left out.
    if !status.environment_url.is_empty() {
        shown["environment_url"] = json!(status.environment_url);
    }
    shown
}

/// `check-run`.
pub(in crate::github) fn check_run(
    model: &Model,
    apps: &Apps,
    links: &Links,
    at: &Repository,
    run: &CheckRun,
) -> Value {
    let api = links.repository(at);
    let url = format!("{api}/check-runs/{}", run.id);
    let html = format!("{}/runs/{}", links.page(at), run.id);
    let own =
        |pull: &&Pull| pull.head_sha == run.head_sha && pull.head_repository.eq_ignore_ascii_case(&at.full_name());
    let pulls: Vec<Value> = at.pulls.values().filter(own).map(|pull| pull_minimal(links, at, pull)).collect();
    json!({
        "id": run.id,
        "head_sha": run.head_sha,
        "node_id": node_id("CR", run.id),
        "external_id": run.external_id,
        "url": url,
        "html_url": html,
        "details_url": run.details_url.as_ref().unwrap_or(&html),
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": maybe_time(run.started_at),
        "completed_at": maybe_time(run.completed_at),
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": 0,
            "annotations_url": format!("{url}/annotations"),
        },
        "name": run.name,
        // One suite a commit and app; its number is that of nothing else.
        "check_suite": { "id": run.app * 1_000_000 + at.id },
        "app": via(model, apps, links, Some(run.app)),
        "pull_requests": pulls,
    })
}

/// `pull-request-minimal`.
pub(in crate::github) fn pull_minimal(links: &Links, at: &Repository, pull: &Pull) -> Value {
    let api = links.repository(at);
    let repository = json!({ "id": at.id, "url": api, "name": at.name });
    let base = invented_sha(&format!("{}@main", at.full_name()));
    json!({
        "id": pull.id,
        "number": pull.number,
        "url": format!("{api}/pulls/{}", pull.number),
        "head": { "ref": pull.head_ref, "sha": pull.head_sha, "repo": repository },
        "base": { "ref": "main", "sha": base, "repo": repository },
    })
}

//! The bodies of events, property by property as the schemas of `@octokit/openapi-webhooks` 12.1.0 have them.
//!
//! What every event has, the repository, its organization, the sender, the installation, is added where it is mailed.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::github::State;
use crate::github::model::{Pull, Repository, fold};
use crate::github::shape::{self, Links, node_id, time, user_of};

/// A version of a package to publish with [`Person::publish`](crate::github::Person::publish): a container image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name within the owner's packages.
    pub name: String,
    /// The tag it was pushed under.
    pub tag: String,
    /// Its digest, `sha256:…`.
    pub digest: String,
}

/// A run of a workflow to tell of with [`Person::run_workflow`](crate::github::Person::run_workflow).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// The name of the workflow, and of its file: `NAME.yml`.
    pub workflow: String,
    /// What started it, such as `pull_request`.
    pub event: String,
    /// The pull request whose head it ran for.
    pub number: u64,
    /// `requested`, `in_progress` or `completed`.
    pub action: String,
    /// How it ended, such as `success`; of a completed one.
    pub conclusion: Option<String>,
}

/// What is made up for something that the hub does not keep.
pub(in crate::github) struct Made<'a> {
    /// Its id; the one after it is taken too.
    pub id: u64,
    /// Who made it.
    pub by: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

/// What every event about a comment tells: the pull request as the issue it also is, and the comment.
pub(in crate::github) fn about_comment(state: &State, links: &Links, at: &Repository, id: u64) -> Value {
    let (model, apps) = (&state.model, &state.apps);
    let comment = at.comments.get(&id);
    let pull = comment.and_then(|comment| at.pulls.get(&comment.number));
    json!({
        "issue": pull.map(|pull| shape::issue(model, links, at, pull)),
        "comment": comment.map(|comment| shape::comment(model, apps, links, at, comment)),
    })
}

/// What every event about a pull request tells.
pub(in crate::github) fn about_pull(state: &State, links: &Links, at: &Repository, pull: &Pull) -> Value {
    json!({ "number": pull.number, "pull_request": shape::pull(&state.model, links, at, pull) })
}

/// `ping`.
pub(super) fn ping(links: &Links, hook: &super::Hook, at: Option<&Repository>) -> Value {
    json!({
        // One of the sentences of `GET /zen`.
        "zen": "Approachable is better than simple.",
        "hook_id": hook.id,
        "hook": shape::hook(links, hook, None, at),
    })
}

/// `registry_package`, action `published`, of a container image.
pub(in crate::github) fn registry_package(
    state: &State,
    links: &Links,
    at: &Repository,
    package: &Package,
    made: &Made<'_>,
) -> Value {
    let (id, now) = (made.id, time(made.now));
    let owner = user_of(&state.model, links, &at.owner);
    let page = format!("{}/orgs/{}/packages/container/package/{}", links.base, at.owner, package.name);
    let address = format!("ghcr.io/{}/{}:{}", fold(&at.owner), package.name, package.tag);
    let version = id + 1;
    let package_version = json!({
        "id": version,
        "version": package.digest,
        "name": package.digest,
        "description": "",
        "summary": "",
        "html_url": format!("{page}/{version}"),
        "author": user_of(&state.model, links, made.by),
        "created_at": now,
        "updated_at": now,
        "metadata": [],
        "package_files": [],
        "installation_command": format!("docker pull {address}"),
        "package_url": address,
        "target_commitish": "main",
        "container_metadata": {
            "tag": { "name": package.tag, "digest": package.digest },
            "labels": { "description": "", "source": "", "revision": "", "image_url": "", "licenses": "" },
            "manifest": {
                "digest": package.digest,
                "media_type": "application/vnd.docker.distribution.manifest.v2+json",
                "uri": format!("repositories/{}/{}/manifests/{}", fold(&at.owner), package.name, package.digest),
                "size": 0,
                "config": { "digest": package.digest, "media_type": "application/vnd.docker.container.image.v1+json", "size": 0 },
                "layers": [],
            },
        },
    });
    json!({
        "registry_package": {
            "id": id,
            "name": package.name,
            "namespace": at.owner,
            "description": "",
            "ecosystem": "CONTAINER",
            "package_type": "CONTAINER",
            "html_url": page,
            "created_at": now,
            "updated_at": now,
            "owner": owner,
            "package_version": package_version,
            "registry": {
                "about_url": "https://docs.github.com/packages/learn-github-packages/introduction-to-github-packages",
                "name": "GitHub CONTAINER registry",
                "type": "CONTAINER",
                "url": format!("https://CONTAINER.pkg.github.com/{}", at.owner),
                "vendor": "GitHub Inc",
            },
        },
    })
}

/// `workflow_run`.
pub(in crate::github) fn workflow_run(
    state: &State,
    links: &Links,
    at: &Repository,
    pull: &Pull,
    run: &WorkflowRun,
    made: &Made<'_>,
) -> Value {
    let (model, id, now) = (&state.model, made.id, time(made.now));
    let api = links.repository(at);
    let this = format!("{api}/actions/runs/{id}");
    // A workflow keeps its number over all its runs.
    let workflow = run.workflow.bytes().fold(7u64, |sum, byte| (sum * 31 + u64::from(byte)) % 100_000_000);
    let path = format!(".github/workflows/{}.yml", fold(&run.workflow));
    let head = model.repository(&pull.head_repository).unwrap_or(at);
    // GitHub leaves the list empty for a pull request from a fork.
    let own = pull.head_repository.eq_ignore_ascii_case(&at.full_name());
    let pulls: Vec<Value> = own.then(|| shape::pull_minimal(links, at, pull)).into_iter().collect();
    let actor = user_of(model, links, made.by);
    let author = json!({ "name": pull.author, "email": format!("{}@users.noreply.github.com", fold(&pull.author)) });
    let completed = run.action == "completed";
    json!({
        "workflow": {
            "id": workflow,
            "node_id": node_id("W", workflow),
            "name": run.workflow,
            "path": path,
            "state": "active",
            "created_at": time(at.created_at),
            "updated_at": time(at.created_at),
            "url": format!("{api}/actions/workflows/{workflow}"),
            "html_url": format!("{}/blob/main/{path}", links.page(at)),
            "badge_url": format!("{}/workflows/{}/badge.svg", links.page(at), run.workflow),
        },
        "workflow_run": {
            "id": id,
            "node_id": node_id("WFR", id),
            "name": run.workflow,
            "display_title": pull.title,
            "path": path,
            "event": run.event,
            "status": if completed { "completed" } else { run.action.as_str() },
            "conclusion": if completed { json!(run.conclusion) } else { Value::Null },
            "head_branch": pull.head_ref,
            "head_sha": pull.head_sha,
            "head_commit": {
                "id": pull.head_sha,
                "tree_id": shape::invented_sha(&format!("{} tree", pull.head_sha)),
                "message": pull.title,
                "timestamp": now,
                "author": author,
                "committer": author,
            },
            "head_repository": shape::repository(model, links, head),
            "repository": shape::repository(model, links, at),
            "pull_requests": pulls,
            "actor": actor,
            "triggering_actor": actor,
            "workflow_id": workflow,
            "run_number": 1,
            "run_attempt": 1,
            "run_started_at": now,
            "created_at": now,
            "updated_at": now,
            "check_suite_id": id + 1,
            "check_suite_node_id": node_id("CS", id + 1),
            "check_suite_url": format!("{api}/check-suites/{}", id + 1),
            "url": this,
            "html_url": format!("{}/actions/runs/{id}", links.page(at)),
            "artifacts_url": format!("{this}/artifacts"),
            "cancel_url": format!("{this}/cancel"),
            "jobs_url": format!("{this}/jobs"),
            "logs_url": format!("{this}/logs"),
            "rerun_url": format!("{this}/rerun"),
            "previous_attempt_url": null,
            "workflow_url": format!("{api}/actions/workflows/{workflow}"),
            "referenced_workflows": [],
        },
    })
}

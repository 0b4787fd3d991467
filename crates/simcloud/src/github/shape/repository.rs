//! Repositories: `repository` and `full-repository`.

use serde_json::{Value, json};

use super::user::{extend, permissions};
use super::{Links, node_id, time, user_of};
use crate::github::model::{Model, Permission, Repository};

/// The address properties of a repository, and what follows its own address in them.
const ADDRESSES: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// `repository`: the form inside other resources.
pub(in crate::github) fn repository(model: &Model, links: &Links, repository: &Repository) -> Value {
    let (api, page) = (links.repository(repository), links.page(repository));
    let open = repository.open_pulls();
    let full_name = repository.full_name();
    let mut body = json!({
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": repository.name,
        "full_name": full_name,
        "owner": user_of(model, links, &repository.owner),
        "private": repository.private,
        "visibility": if repository.private { "private" } else { "public" },
        "html_url": page,
        "description": null,
        "fork": repository.parent.is_some(),
        "url": api,
        "git_url": format!("git://github.com/{full_name}.git"),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("{page}.git"),
        "svn_url": page,
        "mirror_url": null,
        "homepage": null,
        "language": null,
        "license": null,
        "topics": [],
        "default_branch": "main",
        "size": 0,
        "forks": 0, "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0, "watchers_count": 0,
        "open_issues": open, "open_issues_count": open,
    });
    extend(
        &mut body,
        json!({
            "is_template": false,
            "has_issues": true,
            "has_projects": true,
            "has_wiki": true,
            "has_pages": false,
            "has_downloads": true,
            "has_discussions": false,
            "archived": false,
            "disabled": false,
            "allow_forking": true,
            "web_commit_signoff_required": false,
            "pushed_at": time(repository.pushed_at),
            "created_at": time(repository.created_at),
            "updated_at": time(repository.pushed_at),
        }),
    );
    for (property, rest) in ADDRESSES {
        body[*property] = json!(format!("{api}{rest}"));
    }
    body
}

/// `full-repository`: the answer to a question for the repository itself.
pub(in crate::github) fn full_repository(model: &Model, links: &Links, this: &Repository, caller: Permission) -> Value {
    let mut body = repository(model, links, this);
    extend(&mut body, json!({ "subscribers_count": 0, "network_count": 0, "permissions": permissions(caller) }));
    if let Some(parent) = this.parent.as_deref().and_then(|name| model.repository(name)) {
        let parent = repository(model, links, parent);
        extend(&mut body, json!({ "parent": parent.clone(), "source": parent }));
    }
    body
}

//! Accounts: `simple-user`, `public-user`, `repository-collaborator-permission`.

use serde_json::{Value, json};

use super::{Links, node_id, time};
use crate::github::model::{Account, AccountKind, Membership, Permission, Team};

fn kind(account: &Account) -> &'static str {
    match account.kind {
        AccountKind::User => "User",
        AccountKind::Organization => "Organization",
        AccountKind::Bot => "Bot",
    }
}

/// `simple-user`.
pub(in crate::github) fn user(links: &Links, account: &Account) -> Value {
    let Account { id, login, .. } = account;
    // A bot's login has brackets, which an address must escape.
    let name = login.replace('[', "%5B").replace(']', "%5D");
    let api = format!("{}/users/{name}", links.base);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("U", *id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{}/{name}", links.base),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": kind(account),
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// `public-user`: what `GET /user` answers for a token that has not the `user` scope.
pub(in crate::github) fn own_user(links: &Links, account: &Account, public_repositories: usize) -> Value {
    let mut body = user(links, account);
    let more = json!({
        "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
        "twitter_username": null, "notification_email": null,
        "public_repos": public_repositories, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": time(account.created_at),
        "updated_at": time(account.created_at),
    });
    extend(&mut body, more);
    body
}

/// `organization-simple-webhooks`.
pub(in crate::github) fn organization(links: &Links, account: &Account) -> Value {
    let Account { id, login, .. } = account;
    let api = format!("{}/orgs/{login}", links.base);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("O", *id),
        "url": api,
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "hooks_url": format!("{api}/hooks"),
        "issues_url": format!("{api}/issues"),
        "members_url": format!("{api}/members{{/member}}"),
        "public_members_url": format!("{api}/public_members{{/member}}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "description": "",
    })
}

/// `team-membership`. Nobody here is a maintainer of a team.
pub(in crate::github) fn team_membership(
    links: &Links,
    organization: &Account,
    team: &Team,
    login: &str,
    membership: Membership,
) -> Value {
    json!({
        "url": format!("{}/organizations/{}/team/{}/memberships/{login}", links.base, organization.id, team.id),
        "role": "member",
        "state": membership.word(),
    })
}

/// `repository-collaborator-permission`.
pub(in crate::github) fn collaborator_permission(links: &Links, account: &Account, permission: Permission) -> Value {
    let mut who = user(links, account);
    extend(&mut who, json!({ "role_name": permission.role(), "permissions": permissions(permission) }));
    json!({ "permission": permission.base(), "role_name": permission.role(), "user": who })
}

/// The five booleans that come with a repository or a collaborator.
pub(super) fn permissions(permission: Permission) -> Value {
    json!({
        "admin": permission >= Permission::Admin,
        "maintain": permission >= Permission::Maintain,
        "push": permission >= Permission::Write,
        "triage": permission >= Permission::Triage,
        "pull": permission >= Permission::Read,
    })
}

/// Adds the properties of one object to another.
pub(in crate::github) fn extend(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

//! Apps: `integration`, `installation`, `installation-token`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Links, node_id, time, user_of};
use crate::github::app::{App, Installation};
use crate::github::grants::Grants;
use crate::github::model::{Model, fold};

/// The `permissions` object. A permission that is not there was not granted.
fn granted(grants: &Grants) -> Value {
    let mut all = Map::from_iter([("metadata".to_owned(), json!("read"))]);
    for (resource, level) in grants.iter() {
        all.insert(resource.name().to_owned(), json!(level.word()));
    }
    Value::Object(all)
}

/// `integration`.
pub(in crate::github) fn integration(model: &Model, links: &Links, app: &App) -> Value {
    json!({
        "id": app.id,
        "slug": app.slug,
        "client_id": app.client_id(),
        "node_id": node_id("A", app.id),
        "owner": user_of(model, links, &app.owner),
        "name": app.slug,
        "description": null,
        "external_url": links.base,
        "html_url": format!("{}/apps/{}", links.base, app.slug),
        "created_at": time(app.created_at),
        "updated_at": time(app.created_at),
        "permissions": granted(&app.permissions),
        "events": app.events,
        "installations_count": app.installations,
    })
}

/// `installation`.
pub(in crate::github) fn installation(model: &Model, links: &Links, app: &App, this: &Installation) -> Value {
    let account = model.account(&this.account);
    let account_kind = user_of(model, links, &this.account)["type"].clone();
    json!({
        "id": this.id,
        "account": user_of(model, links, &this.account),
        "repository_selection": "all",
        "access_tokens_url": format!("{}/app/installations/{}/access_tokens", links.base, this.id),
        "repositories_url": format!("{}/installation/repositories", links.base),
        "html_url": format!("{}/organizations/{}/settings/installations/{}", links.base, fold(&this.account), this.id),
        "app_id": app.id,
        "client_id": app.client_id(),
        "app_slug": app.slug,
        "target_id": account.map_or(0, |account| account.id),
        "target_type": account_kind,
        "permissions": granted(&app.permissions),
        "events": app.events,
        "created_at": time(this.created_at),
        "updated_at": time(this.created_at),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": null,
        "suspended_at": null,
    })
}

/// `installation-token`.
pub(in crate::github) fn installation_token(
    token: &str,
    expires_at: DateTime<Utc>,
    grants: &Grants,
    repositories: Option<Vec<Value>>,
) -> Value {
    let mut body = json!({
        "token": token,
        "expires_at": time(expires_at),
        "permissions": granted(grants),
        "repository_selection": if repositories.is_some() { "selected" } else { "all" },
    });
    if let Some(repositories) = repositories {
        body["repositories"] = Value::Array(repositories);
    }
    body
}

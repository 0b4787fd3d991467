//! What an app asks with its JSON web token.

use chrono::TimeDelta;
use serde_json::{Map, Value};

use crate::github::access::{Caller, Rights};
use crate::github::answer::{DOCS, Refusal, Reply};
use crate::github::app::App;
use crate::github::ask::Ask;
use crate::github::grants::{Grants, Level, Resource};
use crate::github::model::AccountKind;
use crate::github::shape;
use axum::http::StatusCode;

/// "Installation tokens expire one hour from the time you create them" (the OpenAPI description of this endpoint).
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);

pub(super) fn own_app(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let app = proven(ask)?;
    Ok(Reply::ok(shape::integration(&ask.state.model, ask.links, app)))
}

pub(super) fn installation(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let app = proven(ask)?;
    // An app sees the repositories it is installed on, private or not, so the usual check does not apply.
    let at = ask.state.model.repository(&ask.repository_name()).ok_or_else(Refusal::not_found)?;
    let this = ask.state.apps.on_account(app.id, &at.owner).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::installation(&ask.state.model, ask.links, app, this)))
}

pub(super) fn access_token(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let app = proven(ask)?;
    let id = ask.number("installation_id")?;
    let this = ask.state.apps.installation(id).filter(|one| one.app == app.id).ok_or_else(Refusal::not_found)?;
    let wish = ask.object()?;
    let grants = permissions(&wish, app)?;
    let selected = selection(ask, &wish, &this.account)?;
    let mut rights = Rights::granted(grants.clone());
    if let Some(names) = &selected {
        rights = rights.only(names.iter().map(String::as_str));
    }
    let login = app.login();
    let caller = Caller::Installation {
        app: app.id,
        installation: id,
        account: this.account.clone(),
        login: login.clone(),
        rights,
    };
    let expires_at = ask.now + TOKEN_LIFETIME;
    ask.state.model.ensure_account(&login, AccountKind::Bot, ask.now);
    // `ghs_` is what GitHub's installation tokens begin with. Anybody may guess ours: they open nothing but this model.
    let token = format!("ghs_{:036}", ask.state.model.issue_id());
    ask.state.tokens.add(&token, caller, Some(expires_at));
    let model = &ask.state.model;
    let shown = selected.map(|names| {
        let known = names.iter().filter_map(|name| model.repository(name));
        known.map(|at| shape::repository(model, ask.links, at)).collect()
    });
    Ok(Reply::created(shape::installation_token(&token, expires_at, &grants, shown)))
}

pub(super) fn proven<'a>(ask: &'a Ask<'_>) -> Result<&'a App, Refusal> {
    let refuse = || Refusal::new(StatusCode::UNAUTHORIZED, "A JSON web token could not be decoded", DOCS);
    match ask.caller {
        Caller::App { app } => ask.state.apps.get(*app).ok_or_else(refuse),
        _ => Err(refuse()),
    }
}

/// The wished permissions, which may not go beyond what the app has; all of them when none is named.
fn permissions(wish: &Map<String, Value>, app: &App) -> Result<Grants, Refusal> {
    let Some(named) = wish.get("permissions").and_then(Value::as_object) else {
        return Ok(app.permissions.clone());
    };
    let mut grants = Grants::none();
    for (name, level) in named.iter().filter(|(name, _)| *name != "metadata") {
        let resource = Resource::named(name).ok_or_else(not_granted)?;
        let wished = if level == "read" { Level::Read } else { Level::Write };
        if wished > app.permissions.level(resource) {
            return Err(not_granted());
        }
        grants = grants.with(resource, wished);
    }
    Ok(grants)
}

fn not_granted() -> Refusal {
    let message = "The permissions requested are not granted to this installation.";
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message, DOCS)
}

/// The wished repositories by full name; absent when the token shall open all of the account's.
fn selection(ask: &Ask<'_>, wish: &Map<String, Value>, account: &str) -> Result<Option<Vec<String>>, Refusal> {
    let list = |name: &str| wish.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (names, ids) = (list("repositories"), list("repository_ids"));
    if names.is_empty() && ids.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for wanted in names.iter().chain(&ids) {
        let mut repositories = ask.state.model.repositories();
        let hit = repositories.find(|at| {
            let named = wanted.as_str().is_some_and(|name| at.name.eq_ignore_ascii_case(name));
            at.owner.eq_ignore_ascii_case(account) && (named || wanted.as_u64() == Some(at.id))
        });
        let hit = hit.map(|at| at.full_name()).ok_or_else(|| {
            let message = "There is at least one repository that does not exist or is not accessible to the parent \
                           installation.";
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message, DOCS)
        })?;
        found.push(hit);
    }
    Ok(Some(found))
}

//! `/user` and `/rate_limit`: the caller about itself.

use serde_json::json;

use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::shape;

pub(super) fn own_user(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let login = match ask.caller {
        Caller::Person { login, .. } => login,
        Caller::Anonymous => return Err(Refusal::requires_authentication()),
        // An installation is nobody's login.
        Caller::Installation { .. } | Caller::App { .. } => {
            return Err(Refusal::not_by("integration"));
        }
    };
    let account = ask.state.model.account(login).ok_or_else(Refusal::bad_credentials)?;
    let public = |at: &&crate::github::model::Repository| !at.private && at.owner.eq_ignore_ascii_case(login);
    let count = ask.state.model.repositories().filter(public).count();
    Ok(Reply::ok(shape::own_user(ask.links, account, count)))
}

pub(super) fn rate_limit(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let limit = match ask.caller {
        Caller::Anonymous => ask.limits.anonymous_per_hour,
        _ => ask.limits.per_hour,
    };
    let quota = ask.state.quotas.peek(&ask.caller.quota_name(), limit, ask.now);
    let core = json!({
        "limit": quota.limit,
        "used": quota.used,
        "remaining": quota.remaining(),
        "reset": quota.resets_at.timestamp(),
    });
    // Search has its own quota of 30 a minute; nothing here uses it.
    let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": ask.now.timestamp() + 60 });
    Ok(Reply::ok(json!({ "resources": { "core": core, "search": search }, "rate": core })))
}

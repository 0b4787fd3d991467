//! Webhooks as their owner may see them.

use super::apps::proven;
use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::Permission;
use crate::github::webhook::{Hook, HookTarget};
use crate::github::{paging, shape};

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let at = ask.repository(Need::ReadHooks)?;
    // Who does not administer the repository is not told that it has such a page.
    if matches!(ask.caller, Caller::Person { login, .. } if at.permission(login) < Permission::Admin) {
        return Err(Refusal::not_found());
    }
    let post = &ask.state.post;
    let hooks: Vec<&Hook> = post.hooks_of(&HookTarget::Repository(at.full_name())).collect();
    Ok(paging::page(ask, &hooks, |hook| shape::hook(ask.links, hook, post.last_of(hook.id), Some(at))))
}

pub(super) fn of_app(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let app = proven(ask)?;
    let hook = ask.state.post.hooks_of(&HookTarget::App(app.id)).next().ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::webhook_config(hook)))
}

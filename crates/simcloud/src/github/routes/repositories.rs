//! A repository, and who may do what in it.

use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::Permission;
use crate::github::shape;
use axum::http::StatusCode;

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let at = ask.repository(Need::Metadata)?;
    Ok(Reply::ok(shape::full_repository(&ask.state.model, ask.links, at, ask.caller.permission(at))))
}

pub(super) fn permission(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let at = ask.repository(Need::Metadata)?;
    match ask.caller {
        Caller::Anonymous => return Err(Refusal::requires_authentication()),
        Caller::App { .. } => return Err(Refusal::not_by("integration")),
        Caller::Person { .. } if ask.caller.permission(at) < Permission::Write => {
            return Err(Refusal::forbidden("Must have push access to view collaborator permission."));
        }
        Caller::Person { .. } | Caller::Installation { .. } => {}
    }
    let login = ask.parameter("username");
    let account = ask.state.model.account(login).ok_or_else(|| {
        let documentation =
            "https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user";
        Refusal::new(StatusCode::NOT_FOUND, &format!("{login} is not a user"), documentation)
    })?;
    Ok(Reply::ok(shape::collaborator_permission(ask.links, account, at.permission(login))))
}

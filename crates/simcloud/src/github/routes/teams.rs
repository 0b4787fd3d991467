//! Who belongs to a team.

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::model::fold;
use crate::github::shape;

pub(super) fn membership(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (organization, slug) = (ask.parameter("org"), ask.parameter("team_slug"));
    let login = ask.parameter("username");
    ask.caller.check_members(organization)?;
    let model = &ask.state.model;
    let account = model.account(organization).ok_or_else(Refusal::not_found)?;
    let team = model.team(organization, slug).ok_or_else(Refusal::not_found)?;
    let user = model.account(login).ok_or_else(Refusal::not_found)?;
    let membership = team.members.get(&fold(login)).copied().ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::team_membership(ask.links, account, team, &user.login, membership)))
}

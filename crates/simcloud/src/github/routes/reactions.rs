//! Reactions to comments.

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{AccountKind, Permission, Reaction};
use crate::github::paging;
use crate::github::shape::{self, REACTIONS};

pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let wanted = ask.query().get("content").map(|content| known(content)).transpose()?;
    let at = ask.repository(Need::ReadComments)?;
    let comment = at.comments.get(&id).ok_or_else(Refusal::not_found)?;
    let reactions: Vec<&Reaction> =
        comment.reactions.iter().filter(|one| wanted.is_none_or(|wanted| one.content == wanted)).collect();
    Ok(paging::page(ask, &reactions, |one| shape::reaction(&ask.state.model, ask.links, one)))
}

pub(super) fn create(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let at = ask.repository(Need::WriteComments)?;
    at.comments.get(&id).ok_or_else(Refusal::not_found)?;
    let name = at.full_name();
    let content = known(&ask.text("content")?)?;
    let login = ask.actor()?.login;
    ask.state.model.ensure_account(&login, AccountKind::Bot, ask.now);
    let new = Reaction { id: ask.state.model.issue_id(), login, content, created_at: ask.now };
    let at = ask.state.model.repository_mut(&name).ok_or_else(Refusal::not_found)?;
    let comment = at.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
    // "A response with an HTTP 200 status means that you already added the reaction type to this issue comment."
    if let Some(known) = comment.add_reaction(new.clone()).cloned() {
        return Ok(Reply::ok(shape::reaction(&ask.state.model, ask.links, &known)));
    }
    Ok(Reply::created(shape::reaction(&ask.state.model, ask.links, &new)))
}

/// One's own reaction goes; that of another is for those who administer.
pub(super) fn delete(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (comment, id) = (ask.number("comment_id")?, ask.number("reaction_id")?);
    let at = ask.repository(Need::WriteComments)?;
    let name = at.full_name();
    let reactions = &at.comments.get(&comment).ok_or_else(Refusal::not_found)?.reactions;
    let reaction = reactions.iter().find(|one| one.id == id).ok_or_else(Refusal::not_found)?;
    let own = ask.caller.login().is_some_and(|login| login.eq_ignore_ascii_case(&reaction.login));
    if !own && ask.caller.permission(at) < Permission::Admin {
        return Err(Refusal::forbidden("Must have admin rights to Repository."));
    }
    let at = ask.state.model.repository_mut(&name).ok_or_else(Refusal::not_found)?;
    at.comments.get_mut(&comment).ok_or_else(Refusal::not_found)?.reactions.retain(|one| one.id != id);
    Ok(Reply::no_content())
}

fn known(wish: &str) -> Result<&'static str, Refusal> {
    REACTIONS
        .iter()
        .find(|known| **known == wish)
        .copied()
        .ok_or_else(|| Refusal::validation("Reaction", "invalid", "content", &format!("{wish:?} is not a reaction")))
}

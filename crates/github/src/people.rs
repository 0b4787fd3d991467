//! Who may do what, and what they wrote. Everything here fails closed: what is not plainly a permission is none.

use bivouac_model::RepoName;
use bivouac_ports::{CommentId, Error, Meaning, Permission, WrittenComment};
use serde::Deserialize;

use crate::answer::{Comment, User};
use crate::client::{Ask, Client};
use crate::login::Login;
use crate::operation::{GET_COMMENT, GET_MEMBERSHIP, GET_PERMISSION};
use crate::repository;

/// The longest slug of a team that enters a path. Ours: GitHub makes it of the name, which ends at 255 characters.
const LONGEST_SLUG: usize = 255;

/// `repository-collaborator-permission`.
#[derive(Debug, Deserialize)]
struct Granted {
    permission: String,
    /// `null` when the account is gone.
    user: Option<User>,
}

/// `team-membership`.
#[derive(Debug, Deserialize)]
struct Membership {
    state: String,
}

/// See [`bivouac_ports::Conversation::permission`].
pub(crate) async fn permission(client: &Client, repo: &RepoName, login: &str) -> Result<Permission, Error> {
    let Some(login) = Login::new(login) else { return Ok(Permission::None) };
    let ask = Ask::get(&GET_PERMISSION, format!("/repos/{repo}/collaborators/{login}/permission"));
    let granted: Granted = match client.ask_in(repo, ask).await.map_err(Error::from) {
        Ok(answer) => answer.read(&GET_PERMISSION)?,
        Err(error) if error.meaning() == Meaning::NotFound => {
            // There is no such user; or we lost our own sight of the repository, which must not read as theirs.
            repository::must_be_seen(client, repo).await?;
            return Ok(Permission::None);
        }
        Err(error) => return Err(error),
    };
    // A name that was given up can be taken by another: the answer has to be about the name that was asked.
    if !granted.user.is_some_and(|user| login.is(&user.login)) {
        return Ok(Permission::None);
    }
    Ok(match granted.permission.as_str() {
        "admin" => Permission::Admin,
        "write" => Permission::Write,
        "read" => Permission::Read,
        _ => Permission::None,
    })
}

/// See [`bivouac_ports::Conversation::is_in_team`]. Members of teams below it count, as GitHub has it.
pub(crate) async fn is_in_team(client: &Client, repo: &RepoName, team: &str, login: &str) -> Result<bool, Error> {
    let Some(login) = Login::new(login) else { return Ok(false) };
    let Some((owner, slug)) = split(team) else {
        let message = "a team is named owner/slug, with the letters, digits, `-` and `_` of its address";
        return Err(Error::new(Meaning::Invalid, GET_MEMBERSHIP.call, message));
    };
    let ask = Ask::get(&GET_MEMBERSHIP, format!("/orgs/{owner}/teams/{slug}/memberships/{login}"));
    match client.ask_in(repo, ask).await.map_err(Error::from) {
        // `pending`: invited, and no member yet.
        Ok(answer) => Ok(answer.read::<Membership>(&GET_MEMBERSHIP)?.state == "active"),
        Err(error) if error.meaning() == Meaning::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// See [`bivouac_ports::Conversation::comment`].
pub(crate) async fn comment(client: &Client, id: &CommentId) -> Result<Option<WrittenComment>, Error> {
    let ask = Ask::get(&GET_COMMENT, format!("/repos/{}/issues/comments/{}", id.repo, id.id));
    let comment: Comment = match client.ask_in(&id.repo, ask).await.map_err(Error::from) {
        Ok(answer) => answer.read(&GET_COMMENT)?,
        Err(error) if error.meaning() == Meaning::NotFound => {
            // It was removed; or we lost our own sight of the repository, which must not read as that.
            repository::must_be_seen(client, &id.repo).await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let number = comment.issue_url.rsplit('/').next().and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| {
        Error::new(Meaning::Unavailable, GET_COMMENT.call, "GitHub's answer has not the shape it should have")
    })?;
    let author = comment.user.map(|user| user.login).unwrap_or_default();
    Ok(Some(WrittenComment { number, author, body: comment.body, created_at: comment.created_at }))
}

fn split(team: &str) -> Option<(Login<'_>, &str)> {
    let (owner, slug) = team.split_once('/')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let is_slug = (1..=LONGEST_SLUG).contains(&slug.len()) && slug.bytes().all(plain);
    Some((Login::new(owner)?, slug)).filter(|_| is_slug)
}

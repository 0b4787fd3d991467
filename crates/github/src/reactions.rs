//! Reactions to comments.

use bivouac_ports::{CommentId, Error, Reaction};
use http::Method;
use serde_json::json;

use crate::client::{Ask, Client};
use crate::operation::CREATE_REACTION;

/// See [`bivouac_ports::Conversation::react`].
///
/// GitHub answers 200 where the reaction was there and 201 where it is new, so to react twice is to react once and a lost
/// answer needs no care.
pub(crate) async fn react(client: &Client, comment: &CommentId, reaction: Reaction) -> Result<(), Error> {
    let content = match reaction {
        Reaction::Eyes => "eyes",
        Reaction::Rocket => "rocket",
        Reaction::Confused => "confused",
    };
    let path = format!("/repos/{}/issues/comments/{}/reactions", comment.repo, comment.id);
    let ask = Ask::write(&CREATE_REACTION, Method::POST, path, json!({ "content": content }));
    client.ask_in(&comment.repo, ask).await?;
    Ok(())
}

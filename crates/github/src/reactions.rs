//! Reactions to comments.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bivouac_ports::{Audience, CommentId, Error, Reaction};
use http::Method;
use serde_json::json;

use crate::client::{Ask, Client};
use crate::operation::CREATE_REACTION;

/// How many are remembered. Ours: those of weeks. Who gives one again after that gives it to no effect.
const REMEMBERED: usize = 4096;

/// The reactions of this process. One that was given is not given again: to no effect, it would take the turn of a write.
#[derive(Debug, Default)]
pub(crate) struct Reactions(Mutex<HashSet<(CommentId, Reaction)>>);

impl Reactions {
    /// See [`bivouac_ports::Conversation::react`].
    ///
    /// GitHub answers 200 where the reaction was there and 201 where it is new, so to react twice is to react once and a
    /// lost answer needs no care.
    pub async fn react(
        &self,
        client: &Client,
        comment: &CommentId,
        reaction: Reaction,
        audience: Audience,
    ) -> Result<(), Error> {
        let this = (comment.clone(), reaction);
        if self.given().contains(&this) {
            return Ok(());
        }
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::Confused => "confused",
        };
        let path = format!("/repos/{}/issues/comments/{}/reactions", comment.repo, comment.id);
        let ask = Ask::write(&CREATE_REACTION, Method::POST, path, json!({ "content": content })).to(audience);
        client.ask_in(&comment.repo, ask).await?;
        let mut given = self.given();
        if given.len() >= REMEMBERED {
            given.clear();
        }
        given.insert(this);
        Ok(())
    }

    fn given(&self) -> std::sync::MutexGuard<'_, HashSet<(CommentId, Reaction)>> {
        // A set is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

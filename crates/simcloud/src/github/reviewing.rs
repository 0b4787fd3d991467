//! Reviews, comments on lines and descriptions: the changes, and the webhooks that follow.

use serde_json::{Value, json};

use super::HubError;
use super::acts::{Actor, Acts};
use super::model::{LineComment, Pull, Repository, Review};
use super::shape::{self, Links};
use super::{State, webhook};

impl Acts<'_> {
    pub fn review(&mut self, at: &str, number: u64, actor: &Actor, body: String) -> Result<u64, HubError> {
        let id = self.add_review(at, number, actor, body)?;
        self.tell_of_review("submitted", at, number, actor, id, json!({}));
        Ok(id)
    }

    fn add_review(&mut self, at: &str, number: u64, actor: &Actor, body: String) -> Result<u64, HubError> {
        let (now, id) = (self.now, self.state.model.issue_id());
        let pull = self.state.model.require_pull(at, number)?;
        let (author, commit) = (actor.login.clone(), pull.head_sha.clone());
        pull.reviews.insert(id, Review { id, author, body, state: "COMMENTED", commit, submitted_at: now });
        pull.updated_at = now;
        Ok(id)
    }

    pub fn edit_review(&mut self, at: &str, number: u64, id: u64, actor: &Actor, body: String) -> Result<(), HubError> {
        let missing = || HubError::NoComment { repository: at.to_owned(), id };
        let review = self.state.model.require_pull(at, number)?.reviews.get_mut(&id).ok_or_else(missing)?;
        if review.body == body {
            return Ok(());
        }
        let before = std::mem::replace(&mut review.body, body);
        self.tell_of_review("edited", at, number, actor, id, json!({ "changes": { "body": { "from": before } } }));
        Ok(())
    }

    pub fn comment_on_line(&mut self, at: &str, number: u64, actor: &Actor, body: String) -> Result<u64, HubError> {
        let review = self.add_review(at, number, actor, String::new())?;
        let (now, id) = (self.now, self.state.model.issue_id());
        let pull = self.state.model.require_pull(at, number)?;
        let (author, commit) = (actor.login.clone(), pull.head_sha.clone());
        pull.line_comments.insert(id, LineComment { id, review, author, body, commit, created_at: now });
        self.tell_of_review("submitted", at, number, actor, review, json!({}));
        self.tell("pull_request_review_comment", "created", at, actor, |state, links, at| {
            about(state, links, at, number, |pull| {
                let comment = pull.line_comments.get(&id);
                json!({ "comment": comment.map(|one| shape::line_comment(&state.model, links, at, pull, one)) })
            })
        });
        Ok(id)
    }

    pub fn describe(&mut self, at: &str, number: u64, actor: &Actor, body: String) -> Result<(), HubError> {
        let now = self.now;
        let pull = self.state.model.require_pull(at, number)?;
        if pull.body.as_ref() == Some(&body) {
            return Ok(());
        }
        let before = pull.body.replace(body).unwrap_or_default();
        pull.updated_at = now;
        self.tell("pull_request", "edited", at, actor, |state, links, at| {
            let Some(pull) = at.pulls.get(&number) else { return Value::Null };
            let mut more = webhook::about_pull(state, links, at, pull);
            more["changes"] = json!({ "body": { "from": before } });
            more
        });
        Ok(())
    }

    fn tell_of_review(&mut self, action: &str, at: &str, number: u64, actor: &Actor, id: u64, extra: Value) {
        self.tell("pull_request_review", action, at, actor, |state, links, at| {
            about(state, links, at, number, |pull| {
                let review = pull.reviews.get(&id).map(|one| {
                    let mut review = shape::review(&state.model, links, at, pull, one);
                    // Events write in lower case what the interface writes in capitals.
                    review["state"] = json!(one.state.to_lowercase());
                    review
                });
                let mut more = json!({ "review": review });
                shape::extend(&mut more, extra);
                more
            })
        });
    }
}

fn about(state: &State, links: &Links, at: &Repository, number: u64, more: impl FnOnce(&Pull) -> Value) -> Value {
    let Some(pull) = at.pulls.get(&number) else { return Value::Null };
    let mut body = json!({ "pull_request": shape::pull_simple(&state.model, links, at, pull) });
    shape::extend(&mut body, more(pull));
    body
}

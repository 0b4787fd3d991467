//! Comments of ours on pull requests: found by marker and author, made once, edited.

use bivouac_model::EnvKey;
use bivouac_ports::{Audience, Error, Meaning};
use http::Method;
use serde_json::json;

use crate::answer::Comment;
use crate::author::Ourselves;
use crate::client::{Ask, Client};
use crate::comment::is_marked;
use crate::doubt::Doubt;
use crate::operation::{CREATE_COMMENT, GET_COMMENT, LIST_COMMENTS, UPDATE_COMMENT};

/// The most pages of comments. Ours: 100,000 comments, far beyond what GitHub itself can show.
const MOST_PAGES: u32 = 1000;

/// A comment that there is at most once: one pull request, one marker, one author.
#[derive(Clone, Copy)]
pub(crate) struct Single<'a> {
    pub client: &'a Client,
    pub ourselves: &'a Ourselves,
    pub doubt: &'a Doubt,
    /// Where it stands.
    pub key: &'a EnvKey,
    /// Its first line.
    pub marker: &'a str,
    /// For whom it is written.
    pub audience: Audience,
}

/// The comment that a search found, if any.
type Found = Option<Comment>;

impl Single<'_> {
    /// The comment of this number. `None` when it is gone, not ours, or of another pull request.
    pub async fn look(&self, id: u64) -> Result<Found, Error> {
        let author = self.ourselves.author(self.client).await?;
        let ask = Ask::get(&GET_COMMENT, format!("/repos/{}/issues/comments/{id}", self.key.repo));
        let comment: Comment = match self.client.ask_in(&self.key.repo, ask).await.map_err(Error::from) {
            Ok(answer) => answer.read(&GET_COMMENT)?,
            // Somebody removed it.
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let here = comment.issue_url.ends_with(&format!("/issues/{}", self.key.pr));
        let ours = here && author.wrote(&comment) && is_marked(&comment.body, self.marker);
        Ok(ours.then_some(comment))
    }

    /// The oldest comment that bears the marker *and* is written by us.
    ///
    /// If there are more, from an older mistake, the oldest is kept up to date, since it is the one that people have
    /// linked to; the others stay, since deleting cannot be undone and a person does it with one click.
    pub async fn search(&self) -> Result<Found, Error> {
        let author = self.ourselves.author(self.client).await?;
        let fits = |comment: &Comment| author.wrote(comment) && is_marked(&comment.body, self.marker);
        // A comment that is removed while we turn a page moves the first of the next page out of sight. Not to have seen
        // ours is believed only after a second reading where there was a page to turn.
        for reading in 0..2 {
            for page in 1..=MOST_PAGES {
                let path = format!("/repos/{}/issues/{}/comments?per_page=100&page={page}", self.key.repo, self.key.pr);
                let answer = self.client.ask_in(&self.key.repo, Ask::get(&LIST_COMMENTS, path)).await?;
                let comments: Vec<Comment> = answer.read(&LIST_COMMENTS)?;
                if let Some(found) = comments.into_iter().find(fits) {
                    return Ok(Some(found));
                }
                if !answer.has_next() {
                    if page == 1 || reading == 1 {
                        return Ok(None);
                    }
                    break;
                }
            }
        }
        Err(Error::new(Meaning::Invalid, LIST_COMMENTS.call, "the pull request has more comments than can be read"))
    }

    /// To edit twice is to edit once, so a lost answer needs no care.
    pub async fn edit(&self, id: u64, text: &str) -> Result<u64, Error> {
        let path = format!("/repos/{}/issues/comments/{id}", self.key.repo);
        let ask = Ask::write(&UPDATE_COMMENT, Method::PATCH, path, json!({ "body": text })).to(self.audience);
        self.client.ask_in(&self.key.repo, ask).await?;
        Ok(id)
    }

    /// Makes the comment, once, also when the answer is lost. Search before.
    pub async fn create(&self, text: &str) -> Result<u64, Error> {
        let path = format!("/repos/{}/issues/{}/comments", self.key.repo, self.key.pr);
        let ask = Ask::write(&CREATE_COMMENT, Method::POST, path, json!({ "body": text })).to(self.audience);
        let made = self.client.ask_in(&self.key.repo, ask).await;
        let comment = self.doubt.settle(&CREATE_COMMENT, made, || self.search()).await?;
        Ok(comment.id)
    }
}

//! The one comment: found, made, edited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bivouac_model::{CommentView, EnvKey, SaidComment};
use bivouac_ports::{Error, Meaning};
use http::Method;
use serde_json::json;
use tokio::sync::Mutex as Turnstile;

use crate::answer::Comment;
use crate::author::Ourselves;
use crate::client::{Ask, Client, Failure};
use crate::comment::{Renderer, same_but_for_cost};
use crate::operation::{CREATE_COMMENT, GET_COMMENT, LIST_COMMENTS, UPDATE_COMMENT};

/// How many pull requests are remembered before the idle ones are forgotten. Ours: ten times what one cluster holds, in a
/// few hundred kilobytes. What is forgotten is found again by asking.
const REMEMBERED: usize = 8192;
/// The most pages of comments. Ours: 100,000 comments, far beyond what GitHub itself can show.
const MOST_PAGES: u32 = 1000;

/// Keeps the comments of this process.
#[derive(Debug)]
pub(crate) struct Sticky {
    renderer: Renderer,
    ourselves: Ourselves,
    doubt: Vec<Duration>,
    last: Mutex<HashMap<EnvKey, Arc<Turnstile<Option<Last>>>>>,
}

/// What this process itself wrote or saw last; so it is ours for certain.
#[derive(Clone, Debug)]
struct Last {
    id: u64,
    said: String,
}

/// The comment that a search found, if any.
type Found = Option<Comment>;

impl Sticky {
    pub fn new(renderer: Renderer, doubt: Vec<Duration>) -> Self {
        Self { renderer, ourselves: Ourselves::default(), doubt, last: Mutex::default() }
    }

    /// See [`bivouac_ports::Forge::say`]. Two calls for one pull request follow each other.
    pub async fn say(
        &self,
        client: &Client,
        view: &CommentView,
        said: Option<&SaidComment>,
    ) -> Result<SaidComment, Error> {
        let identity = view.identity();
        if let Some(said) = said.filter(|said| said.said == identity) {
            return Ok(said.clone());
        }
        let turnstile = self.turnstile(&view.key);
        let mut last = turnstile.lock().await;
        let told = said.and_then(|said| said.id);
        // Said by this process, and not remembered by the record: it was read before, or has no room for it.
        if let Some(last) = last.as_ref()
            && last.said == identity
            && told.is_none_or(|id| id == last.id)
        {
            return Ok(SaidComment { id: Some(last.id), said: identity });
        }
        let text = self.renderer.render(view);
        let id = match self.known(client, view, told, last.as_ref(), &text).await? {
            Some(id) => id,
            None => match self.search(client, &view.key).await? {
                Some(found) => self.settle_on(client, view, &found, &text).await?,
                None => self.create(client, view, &text).await?,
            },
        };
        *last = Some(Last { id, said: identity.clone() });
        Ok(SaidComment { id: Some(id), said: identity })
    }

    /// Edits the comment whose id is known. `None` when it is not there, or not ours.
    async fn known(
        &self,
        client: &Client,
        view: &CommentView,
        told: Option<u64>,
        last: Option<&Last>,
        text: &str,
    ) -> Result<Option<u64>, Error> {
        let Some(id) = told.or(last.map(|last| last.id)) else { return Ok(None) };
        let written = if last.is_some_and(|last| last.id == id) {
            self.edit(client, view, id, text).await
        } else {
            // The id comes from a record, which others can write: look before overwriting somebody's comment.
            match self.look(client, &view.key, id).await {
                Ok(Some(found)) => self.settle_on(client, view, &found, text).await,
                Ok(None) => return Ok(None),
                Err(error) => Err(error),
            }
        };
        match written {
            Ok(id) => Ok(Some(id)),
            // Somebody removed it.
            Err(error) if error.meaning() == Meaning::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one comment. `None` when it is not ours or of another pull request.
    async fn look(&self, client: &Client, key: &EnvKey, id: u64) -> Result<Found, Error> {
        let author = self.ourselves.author(client).await?;
        let ask = Ask::get(&GET_COMMENT, format!("/repos/{}/issues/comments/{id}", key.repo));
        let comment: Comment = client.ask_in(&key.repo, ask).await?.read(&GET_COMMENT)?;
        let here = comment.issue_url.ends_with(&format!("/issues/{}", key.pr));
        let ours = here && author.wrote(&comment) && self.renderer.is_marked(&comment.body, key);
        Ok(ours.then_some(comment))
    }

    /// The oldest comment that bears our marker *and* is written by us.
    ///
    /// If there are more, from an older mistake, the oldest is kept up to date, since it is the one that people have
    /// linked to; the others stay, since deleting cannot be undone and a person does it with one click.
    async fn search(&self, client: &Client, key: &EnvKey) -> Result<Found, Error> {
        let author = self.ourselves.author(client).await?;
        let marker_fits = |comment: &Comment| author.wrote(comment) && self.renderer.is_marked(&comment.body, key);
        // A comment that is removed while we turn a page moves the first of the next page out of sight. Not to have seen
        // ours is believed only after a second reading where there was a page to turn.
        for reading in 0..2 {
            for page in 1..=MOST_PAGES {
                let path = format!("/repos/{}/issues/{}/comments?per_page=100&page={page}", key.repo, key.pr);
                let answer = client.ask_in(&key.repo, Ask::get(&LIST_COMMENTS, path)).await?;
                let comments: Vec<Comment> = answer.read(&LIST_COMMENTS)?;
                if let Some(found) = comments.into_iter().find(marker_fits) {
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

    /// Makes a comment of ours say `text`, if it does not already.
    async fn settle_on(&self, client: &Client, view: &CommentView, found: &Comment, text: &str) -> Result<u64, Error> {
        if same_but_for_cost(&found.body, text) {
            return Ok(found.id);
        }
        self.edit(client, view, found.id, text).await
    }

    /// To edit twice is to edit once, so a lost answer needs no care.
    async fn edit(&self, client: &Client, view: &CommentView, id: u64, text: &str) -> Result<u64, Error> {
        let path = format!("/repos/{}/issues/comments/{id}", view.key.repo);
        let ask = Ask::write(&UPDATE_COMMENT, Method::PATCH, path, json!({ "body": text }));
        client.ask_in(&view.key.repo, ask).await?;
        Ok(id)
    }

    /// Makes the comment, once. After a lost answer it is looked for and never made again here: who calls again looks
    /// first as well.
    async fn create(&self, client: &Client, view: &CommentView, text: &str) -> Result<u64, Error> {
        let path = format!("/repos/{}/issues/{}/comments", view.key.repo, view.key.pr);
        let ask = Ask::write(&CREATE_COMMENT, Method::POST, path, json!({ "body": text }));
        let made = client.ask_in(&view.key.repo, ask).await.and_then(|answer| {
            let made = answer.read::<Comment>(&CREATE_COMMENT);
            made.map_err(|error| Failure { error, unsure: true })
        });
        match made {
            Ok(comment) => Ok(comment.id),
            Err(failure) if failure.unsure => {
                for pause in &self.doubt {
                    tokio::time::sleep(*pause).await;
                    match self.search(client, &view.key).await {
                        Ok(Some(found)) => return Ok(found.id),
                        Ok(None) => {}
                        // GitHub is down; the first failure tells more.
                        Err(_) => break,
                    }
                }
                Err(failure.error)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// The turnstile of a pull request: one passes at a time.
    fn turnstile(&self, key: &EnvKey) -> Arc<Turnstile<Option<Last>>> {
        // A map is whole between its calls, also after a panic.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED && !last.contains_key(key) {
            last.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        }
        Arc::clone(last.entry(key.clone()).or_default())
    }
}

//! Which pull requests changed, and the reviews of one. GitHub has no list of all reviews of a repository.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bivouac_model::{EnvKey, PrNumber, RepoName};
use bivouac_ports::{ChangedPull, Error, Meaning, PostedComment};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::answer::Answer;
use crate::client::{Ask, Client};
use crate::operation::{LIST_CHANGED_PULLS, LIST_REVIEWS, Operation};
use crate::repository;

/// The most pages of one list. Ours: a thousand pull requests, or reviews of one of them.
const MOST_PAGES: u32 = 10;
/// How many answers are remembered beside their entity tags. Ours: more than change within minutes; a longer list of others is
/// read again, and costs one call each.
const REMEMBERED: usize = 256;

/// `pull-request-simple`, of which the last change matters.
#[derive(Debug, Deserialize)]
struct Listed {
    number: u64,
    updated_at: DateTime<Utc>,
}

/// `pull-request-review`.
#[derive(Debug, Deserialize)]
struct Review {
    id: u64,
    html_url: String,
    /// `null` when the account is gone.
    user: Option<Author>,
    body: Option<String>,
    /// Absent as long as the review is pending.
    submitted_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct Author {
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// The last answers that were one page.
#[derive(Debug, Default)]
pub(crate) struct Reviews(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    changed: HashMap<RepoName, Tagged<ChangedPull>>,
    reviews: HashMap<EnvKey, Tagged<PostedComment>>,
}

#[derive(Debug)]
struct Tagged<T> {
    etag: String,
    /// Whether the list goes on behind this page.
    has_next: bool,
    items: Arc<[T]>,
}

impl<T> Clone for Tagged<T> {
    fn clone(&self) -> Self {
        Self { etag: self.etag.clone(), has_next: self.has_next, items: Arc::clone(&self.items) }
    }
}

impl Reviews {
    /// See [`bivouac_ports::Conversation::changed_pulls`].
    ///
    /// The list is read from the newest change on. What changes while a page is turned moves to its beginning and pushes others
    /// behind, so nothing gets out of sight.
    pub async fn changed(
        &self,
        client: &Client,
        repo: &RepoName,
        since: DateTime<Utc>,
    ) -> Result<Vec<ChangedPull>, Error> {
        let mut changed: Vec<ChangedPull> = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = format!("/repos/{repo}/pulls?state=all&sort=updated&direction=desc&per_page=100&page={page}");
            let known = if page == 1 { self.known().changed.get(repo).cloned() } else { None };
            let read = one_page(client, repo, &LIST_CHANGED_PULLS, path, known, changed_pulls).await?;
            if page == 1 && !read.etag.is_empty() {
                self.known().changed.insert(repo.clone(), read.clone());
            }
            let is_old = |pull: &ChangedPull| pull.updated_at < since;
            changed.extend(read.items.iter().filter(|pull| !is_old(pull)).copied());
            if !read.has_next || read.items.last().is_none_or(is_old) {
                break;
            }
        }
        // One that changed while a page was turned is in the list twice, as it was and as it is.
        changed.sort_by_key(|pull| (pull.pr, std::cmp::Reverse(pull.updated_at)));
        changed.dedup_by_key(|pull| pull.pr);
        Ok(changed)
    }

    /// See [`bivouac_ports::Conversation::reviews`].
    pub async fn of(&self, client: &Client, key: &EnvKey) -> Result<Vec<PostedComment>, Error> {
        let mut reviews = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = format!("/repos/{}/pulls/{}/reviews?per_page=100&page={page}", key.repo, key.pr);
            let known = if page == 1 { self.known().reviews.get(key).cloned() } else { None };
            let posted = |answer: &Answer| posted(answer, key.pr);
            let read = match one_page(client, &key.repo, &LIST_REVIEWS, path, known, posted).await {
                Err(error) if error.meaning() == Meaning::NotFound => {
                    repository::must_be_seen(client, &key.repo).await?;
                    return Ok(Vec::new());
                }
                read => read?,
            };
            reviews.extend(read.items.iter().cloned());
            if page == 1 && !read.etag.is_empty() {
                let mut known = self.known();
                if known.reviews.len() >= REMEMBERED {
                    known.reviews.clear();
                }
                known.reviews.insert(key.clone(), read.clone());
            }
            if !read.has_next {
                break;
            }
        }
        Ok(reviews)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn one_page<T>(
    client: &Client,
    repo: &RepoName,
    operation: &'static Operation,
    path: String,
    known: Option<Tagged<T>>,
    read: impl Fn(&Answer) -> Result<Vec<T>, Error>,
) -> Result<Tagged<T>, Error> {
    let ask = Ask { etag: known.as_ref().map(|known| known.etag.as_str()), ..Ask::get(operation, path) };
    let answer = client.ask_in(repo, ask).await.map_err(Error::from)?;
    match known {
        Some(known) if answer.is_unchanged() => Ok(known),
        _ => {
            let etag = answer.header("etag").unwrap_or_default().to_owned();
            Ok(Tagged { etag, has_next: answer.has_next(), items: read(&answer)?.into() })
        }
    }
}

fn changed_pulls(answer: &Answer) -> Result<Vec<ChangedPull>, Error> {
    let listed: Vec<Listed> = answer.read(&LIST_CHANGED_PULLS)?;
    let changed = |Listed { number, updated_at }| Some(ChangedPull { pr: PrNumber::new(number).ok()?, updated_at });
    Ok(listed.into_iter().filter_map(changed).collect())
}

fn posted(answer: &Answer, pr: PrNumber) -> Result<Vec<PostedComment>, Error> {
    let reviews: Vec<Review> = answer.read(&LIST_REVIEWS)?;
    let posted = |review: Review| {
        let body = review.body.filter(|body| !body.is_empty())?;
        let created_at = review.submitted_at?;
        let is_by_person = review.user.as_ref().is_some_and(|author| author.kind == "User");
        Some(PostedComment {
            id: review.id,
            issue: pr.get(),
            author: review.user.map(|author| author.login),
            is_by_person,
            created_at,
            updated_at: created_at,
            url: review.html_url,
            body,
        })
    };
    Ok(reviews.into_iter().filter_map(posted).collect())
}

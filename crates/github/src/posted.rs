//! What people wrote in a repository since a moment: one list, whose first page costs nothing while nothing changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bivouac_model::RepoName;
use bivouac_ports::{Error, PostedComment, PostedComments};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use crate::answer::Answer;
use crate::client::{Ask, Client};
use crate::operation::LIST_REPOSITORY_COMMENTS;

/// The most pages of one call. Ours: a thousand comments; who asks again from there on reads the rest.
const MOST_PAGES: u32 = 10;
/// The largest page that is remembered beside its entity tag, in bytes of its comments. Ours: a hundred comments of two
/// screens. A larger one is read again, and costs one call.
const REMEMBERED: usize = 512 * 1024;

/// `issue-comment` of the OpenAPI description, with what says who wrote it where and when.
#[derive(Debug, Deserialize)]
struct Listed {
    id: u64,
    html_url: String,
    issue_url: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// `null` when the account is gone.
    user: Option<Author>,
    #[serde(default)]
    body: String,
}

#[derive(Debug, Deserialize)]
struct Author {
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// The last answer for each repository that was one page and small enough.
#[derive(Debug, Default)]
pub(crate) struct Posted(Mutex<HashMap<RepoName, Known>>);

#[derive(Clone, Debug)]
struct Known {
    path: String,
    etag: String,
    comments: Arc<[PostedComment]>,
}

impl Posted {
    /// See [`bivouac_ports::Conversation::comments_since`].
    ///
    /// A comment that is written while a page is turned comes at the end of the list. One that is edited moves from its place
    /// to the end, and one that is removed leaves its place: the first of the next page is then out of sight. So each page
    /// after the first is asked for as the first page since the last change that was seen, and not by its number.
    pub async fn since(&self, client: &Client, repo: &RepoName, since: DateTime<Utc>) -> Result<PostedComments, Error> {
        let (mut comments, mut seen) = (Vec::new(), HashSet::new());
        let mut from = since;
        for page in 0..MOST_PAGES {
            let (read, is_last) = self.page(client, repo, from, page == 0).await?;
            let last = read.last().map(|comment| comment.updated_at);
            let new = |one: &&PostedComment| seen.insert(one.id);
            comments.extend(read.iter().filter(new).cloned());
            let Some(last) = last.filter(|_| !is_last) else {
                return Ok(PostedComments { comments, is_complete: true });
            };
            // The last second again, since it may go on behind the page. A hundred changes within one second are more than
            // GitHub lets anybody make; the rest of such a second is passed over.
            let again = last - TimeDelta::seconds(1);
            from = if again > from { again } else { last.max(from + TimeDelta::seconds(1)) };
        }
        Ok(PostedComments { comments, is_complete: false })
    }

    /// One page, and whether it is the last.
    async fn page(
        &self,
        client: &Client,
        repo: &RepoName,
        since: DateTime<Utc>,
        is_first: bool,
    ) -> Result<(Arc<[PostedComment]>, bool), Error> {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = format!("/repos/{repo}/issues/comments?since={since}&sort=updated&direction=asc&per_page=100");
        let known = if is_first { self.known(repo).filter(|known| known.path == path) } else { None };
        let ask = Ask::get(&LIST_REPOSITORY_COMMENTS, path.clone());
        let ask = Ask { etag: known.as_ref().map(|known| known.etag.as_str()), ..ask };
        let answer = client.ask_in(repo, ask).await?;
        if let (true, Some(known)) = (answer.is_unchanged(), &known) {
            return Ok((Arc::clone(&known.comments), true));
        }
        let comments = read(&answer)?;
        let is_last = !answer.has_next();
        if is_first {
            let size: usize = comments.iter().map(|comment| comment.body.len()).sum();
            let etag = answer.header("etag").filter(|_| is_last && size <= REMEMBERED);
            let known = etag.map(|etag| Known { path, etag: etag.to_owned(), comments: Arc::clone(&comments) });
            self.remember(repo, known);
        }
        Ok((comments, is_last))
    }

    fn known(&self, repo: &RepoName) -> Option<Known> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(repo).cloned()
    }

    fn remember(&self, repo: &RepoName, known: Option<Known>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some(known) => drop(all.insert(repo.clone(), known)),
            None => drop(all.remove(repo)),
        }
    }
}

fn read(answer: &Answer) -> Result<Arc<[PostedComment]>, Error> {
    let listed: Vec<Listed> = answer.read(&LIST_REPOSITORY_COMMENTS)?;
    Ok(listed.into_iter().filter_map(posted).collect())
}

/// `None` for a comment whose issue has no number, which GitHub does not make.
fn posted(listed: Listed) -> Option<PostedComment> {
    let issue = listed.issue_url.rsplit('/').next()?.parse().ok()?;
    let is_by_person = listed.user.as_ref().is_some_and(|author| author.kind == "User");
    Some(PostedComment {
        id: listed.id,
        issue,
        author: listed.user.map(|author| author.login),
        is_by_person,
        created_at: listed.created_at,
        updated_at: listed.updated_at,
        url: listed.html_url,
        body: listed.body,
    })
}

//! Pull requests: which are open. What did not change costs nothing of the quota, by entity tags.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{EnvKey, PrNumber, PullRequestState, RepoName};
use bivouac_ports::{Error, Meaning};

use crate::answer::{Answer, Pull};
use crate::client::{Ask, Client};
use crate::operation::{GET_PULL, GET_REPOSITORY, LIST_PULLS, Operation};

/// The most pages. Ours: 100,000 open pull requests.
const MOST_PAGES: usize = 1000;
/// How often a list is read in search of two readings that agree. Ours: a list that moves four times within seconds will
/// be read at the next pass.
const MOST_READINGS: usize = 4;
/// How many single pull requests are remembered. Ours: a few hundred kilobytes.
const REMEMBERED: usize = 4096;

/// What was answered last, with its entity tags.
#[derive(Debug, Default)]
pub(crate) struct Pulls(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    lists: HashMap<RepoName, Vec<Tagged<Page>>>,
    single: HashMap<EnvKey, Tagged<PullRequestState>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    numbers: Vec<PrNumber>,
    has_next: bool,
}

#[derive(Clone, Debug)]
struct Tagged<T> {
    etag: Option<String>,
    content: T,
}

impl Pulls {
    /// See [`bivouac_ports::Forge::pull_request`].
    ///
    /// A pull request that is not found is `NotFound` only where its repository is: GitHub answers 404 also for what the
    /// token may not see, and an environment must not be taken down because a permission was.
    pub async fn state(&self, client: &Client, key: &EnvKey) -> Result<PullRequestState, Error> {
        let known = self.known().single.get(key).cloned();
        let path = format!("/repos/{}/pulls/{}", key.repo, key.pr);
        let ask = Ask { etag: known.as_ref().and_then(|known| known.etag.as_deref()), ..Ask::get(&GET_PULL, path) };
        let answer = match client.ask_in(&key.repo, ask).await.map_err(Error::from) {
            Ok(answer) => answer,
            Err(error) if error.meaning() == Meaning::NotFound => {
                let ask = Ask::get(&GET_REPOSITORY, format!("/repos/{}", key.repo));
                client.ask_in(&key.repo, ask).await?;
                return Ok(PullRequestState::NotFound);
            }
            Err(error) => return Err(error),
        };
        if let (true, Some(known)) = (answer.is_unchanged(), known) {
            return Ok(known.content);
        }
        let state = match answer.read::<Pull>(&GET_PULL)?.state.as_str() {
            "open" => PullRequestState::Open,
            "closed" => PullRequestState::Closed,
            // A word that is newer than this program.
            _ => PullRequestState::Unknown,
        };
        let mut known = self.known();
        if known.single.len() >= REMEMBERED {
            known.single.clear();
        }
        known.single.insert(key.clone(), Tagged { etag: etag(&answer), content: state });
        Ok(state)
    }

    /// See [`bivouac_ports::Forge::open_pull_requests`].
    ///
    /// The list is read from the oldest on, so that a new one only adds to its end. One that closes while we turn a page
    /// moves the first of the next page out of sight; so where there are pages to turn, the numbers count only when two
    /// readings after each other agree. The second costs nothing if nothing changed.
    pub async fn open(&self, client: &Client, repo: &RepoName) -> Result<BTreeSet<PrNumber>, Error> {
        let mut known = self.known().lists.get(repo).cloned().unwrap_or_default();
        for _ in 0..MOST_READINGS {
            let pages = read(client, repo, &known).await?;
            let same = pages.iter().map(|page| &page.content).eq(known.iter().map(|page| &page.content));
            let whole = pages.len() == 1 || same;
            known = pages;
            self.known().lists.insert(repo.clone(), known.clone());
            if whole {
                return Ok(known.into_iter().flat_map(|page| page.content.numbers).collect());
            }
        }
        Err(Error::new(Meaning::Unavailable, LIST_PULLS.call, "the list of pull requests changes while it is read"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads all pages once; those that did not change are taken from `known`.
async fn read(client: &Client, repo: &RepoName, known: &[Tagged<Page>]) -> Result<Vec<Tagged<Page>>, Error> {
    let mut pages: Vec<Tagged<Page>> = Vec::new();
    while pages.len() < MOST_PAGES {
        let known = known.get(pages.len());
        let number = pages.len() + 1;
        let path = format!("/repos/{repo}/pulls?state=open&sort=created&direction=asc&per_page=100&page={number}");
        let ask = Ask { etag: known.and_then(|page| page.etag.as_deref()), ..Ask::get(&LIST_PULLS, path) };
        let answer = client.ask_in(repo, ask).await?;
        let page = match known {
            Some(known) if answer.is_unchanged() => known.clone(),
            _ => Tagged { etag: etag(&answer), content: page(&answer, &LIST_PULLS)? },
        };
        let has_next = page.content.has_next;
        pages.push(page);
        if !has_next {
            return Ok(pages);
        }
    }
    Err(Error::new(Meaning::Invalid, LIST_PULLS.call, "the repository has more open pull requests than can be read"))
}

fn page(answer: &Answer, operation: &'static Operation) -> Result<Page, Error> {
    let pulls: Vec<Pull> = answer.read(operation)?;
    let numbers = pulls.iter().map(|pull| PrNumber::new(pull.number)).collect::<Result<_, _>>().map_err(|error| {
        Error::new(Meaning::Unavailable, operation.call, "GitHub told an impossible number").caused_by(error)
    })?;
    Ok(Page { numbers, has_next: answer.has_next() })
}

fn etag(answer: &Answer) -> Option<String> {
    answer.header("etag").map(str::to_owned)
}

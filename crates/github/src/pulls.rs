//! Pull requests: which are open, and which commits they have. What did not change costs nothing of the quota, by entity tags.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bivouac_model::{Branch, EnvKey, PrNumber, PullRequest, RepoName};
use bivouac_ports::{Error, Meaning, OpenPullRequests};
use chrono::{DateTime, Utc};

use crate::answer::{Answer, Commit, End, Pull};
use crate::client::{Ask, Client};
use crate::operation::{GET_PULL, LIST_COMMITS, LIST_PULLS, Operation};
use crate::repository;

/// The most pages. Ours: 100,000 open pull requests.
const MOST_PAGES: usize = 1000;
/// How often a list is read in search of two readings that agree. Ours: a list that moves four times within seconds will
/// be read at the next pass.
const MOST_READINGS: usize = 4;
/// The most pages of commits: GitHub lists 250 at most ("List commits on a pull request"), and one page more would be its mistake.
const MOST_COMMIT_PAGES: u32 = 4;
/// How many single pull requests are remembered. Ours: a few hundred kilobytes.
const REMEMBERED: usize = 4096;

/// What was answered last, with its entity tags.
#[derive(Debug, Default)]
pub(crate) struct Pulls(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    lists: HashMap<RepoName, List>,
    single: HashMap<EnvKey, Tagged<PullRequest>>,
}

/// A list as it was read, and what it comes to.
#[derive(Clone, Debug, Default)]
struct List {
    pages: Vec<Tagged<Page>>,
    open: OpenPullRequests,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    pulls: Arc<[PullRequest]>,
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
    /// A pull request that is not found is not there only where its repository is: GitHub answers 404 also for what the
    /// token may not see, and an environment must not be taken down because a permission was.
    pub async fn one(&self, client: &Client, key: &EnvKey) -> Result<Option<PullRequest>, Error> {
        let known = self.known().single.get(key).cloned();
        let path = format!("/repos/{}/pulls/{}", key.repo, key.pr);
        let ask = Ask { etag: known.as_ref().and_then(|known| known.etag.as_deref()), ..Ask::get(&GET_PULL, path) };
        let answer = match client.ask_in(&key.repo, ask).await.map_err(Error::from) {
            Ok(answer) => answer,
            Err(error) if error.meaning() == Meaning::NotFound => {
                repository::must_be_seen(client, &key.repo).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if let (true, Some(known)) = (answer.is_unchanged(), known) {
            return Ok(Some(PullRequest { seen_at: answer.date(), ..known.content }));
        }
        let answered: Pull = answer.read(&GET_PULL)?;
        if is_another(client, &key.repo, &answered) {
            repository::identify(client, &key.repo).await?;
            return Err(Error::new(Meaning::Unavailable, GET_PULL.call, ANOTHER));
        }
        let pull = pull(answered, &GET_PULL)?;
        let mut known = self.known();
        if known.single.len() >= REMEMBERED {
            known.single.clear();
        }
        known.single.insert(key.clone(), Tagged { etag: etag(&answer), content: pull.clone() });
        Ok(Some(PullRequest { seen_at: answer.date(), ..pull }))
    }

    /// See [`bivouac_ports::Forge::open_pull_requests`].
    ///
    /// The list is read from the oldest on, so that a new one only adds to its end. One that closes while we turn a page
    /// moves the first of the next page out of sight; so where there are pages to turn, the numbers count only when two
    /// readings after each other agree. The second costs nothing if nothing changed.
    pub async fn open(&self, client: &Client, repo: &RepoName) -> Result<OpenPullRequests, Error> {
        if client.names().moved_from(repo).is_some() {
            // It may have its old name again, or a newer one.
            repository::identify(client, repo).await?;
        }
        let mut known = self.known().lists.get(repo).cloned().unwrap_or_default();
        for _ in 0..MOST_READINGS {
            let (pages, seen_at) = read(client, repo, &known.pages).await?;
            let same = pages.iter().map(|page| &page.content).eq(known.pages.iter().map(|page| &page.content));
            let whole = pages.len() == 1 || same;
            let pulls = if same { known.open.pulls } else { open(&pages).pulls };
            let open = OpenPullRequests { pulls, seen_at };
            known = List { pages, open };
            self.known().lists.insert(repo.clone(), known.clone());
            if whole {
                return Ok(known.open);
            }
        }
        Err(Error::new(Meaning::Unavailable, LIST_PULLS.call, "the list of pull requests changes while it is read"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`bivouac_ports::Forge::commits`].
pub(crate) async fn commits(client: &Client, key: &EnvKey) -> Result<Vec<String>, Error> {
    let mut commits = Vec::new();
    for page in 1..=MOST_COMMIT_PAGES {
        let path = format!("/repos/{}/pulls/{}/commits?per_page=100&page={page}", key.repo, key.pr);
        let answer = client.ask_in(&key.repo, Ask::get(&LIST_COMMITS, path)).await?;
        commits.extend(answer.read::<Vec<Commit>>(&LIST_COMMITS)?.into_iter().map(|commit| commit.sha));
        if !answer.has_next() {
            break;
        }
    }
    Ok(commits)
}

/// Reads all pages once; those that did not change are taken from `known`. Beside them the time of the last answer: a head that was
/// seen counts from when it was certainly seen.
async fn read(
    client: &Client,
    repo: &RepoName,
    known: &[Tagged<Page>],
) -> Result<(Vec<Tagged<Page>>, Option<DateTime<Utc>>), Error> {
    let mut pages: Vec<Tagged<Page>> = Vec::new();
    while pages.len() < MOST_PAGES {
        let known = known.get(pages.len());
        let number = pages.len() + 1;
        let path = format!("/repos/{repo}/pulls?state=open&sort=created&direction=asc&per_page=100&page={number}");
        let ask = Ask { etag: known.and_then(|page| page.etag.as_deref()), ..Ask::get(&LIST_PULLS, path) };
        let answer = client.ask_in(repo, ask).await?;
        let seen_at = answer.date();
        let page = match known {
            Some(known) if answer.is_unchanged() => known.clone(),
            _ => Tagged { etag: etag(&answer), content: page(client, repo, &answer).await? },
        };
        let has_next = page.content.has_next;
        pages.push(page);
        if !has_next {
            return Ok((pages, seen_at));
        }
    }
    Err(Error::new(Meaning::Invalid, LIST_PULLS.call, "the repository has more open pull requests than can be read"))
}

async fn page(client: &Client, repo: &RepoName, answer: &Answer) -> Result<Page, Error> {
    let pulls: Vec<Pull> = answer.read(&LIST_PULLS)?;
    if pulls.iter().any(|pull| is_another(client, repo, pull)) {
        repository::identify(client, repo).await?;
        return Err(Error::new(Meaning::Unavailable, LIST_PULLS.call, ANOTHER));
    }
    let pulls = pulls.into_iter().map(|answer| pull(answer, &LIST_PULLS)).collect::<Result<_, _>>()?;
    Ok(Page { pulls, has_next: answer.has_next() })
}

/// Said once, when another repository has the name of one that is known. The next call asks for the known one by its id.
const ANOTHER: &str = "another repository has this name now";

/// Whether a pull request is of another repository than the one that is known by this name. The first one that is seen is
/// known from then on.
fn is_another(client: &Client, repo: &RepoName, pull: &Pull) -> bool {
    let base = pull.base.repo.as_ref();
    base.is_some_and(|base| match client.names().id(repo) {
        Some(known) => known != base.id,
        None => !client.names().answered(repo, base.id),
    })
}

fn open(pages: &[Tagged<Page>]) -> OpenPullRequests {
    let pulls = pages.iter().flat_map(|page| page.content.pulls.iter());
    pulls.map(|pull| (pull.number, pull.clone())).collect()
}

fn pull(answer: Pull, operation: &'static Operation) -> Result<PullRequest, Error> {
    let number = PrNumber::new(answer.number).map_err(|error| {
        Error::new(Meaning::Unavailable, operation.call, "GitHub told an impossible number").caused_by(error)
    })?;
    let is_open = match answer.state.as_str() {
        "open" => true,
        "closed" => false,
        word => {
            let message = format!("GitHub says that {number} is `{word}`, a word that is newer than this program");
            return Err(Error::new(Meaning::Unavailable, operation.call, message));
        }
    };
    Ok(PullRequest {
        number,
        is_open,
        is_from_fork: is_from_fork(&answer.head, &answer.base),
        branch: branch(&answer.head),
        seen_at: None,
        head_sha: answer.head.sha,
        author: answer.user.map(|user| user.login).unwrap_or_default(),
        labels: answer.labels.into_iter().map(|label| label.name).collect(),
    })
}

/// A repository that is gone was another one.
fn is_from_fork(head: &End, base: &End) -> bool {
    let id = |end: &End| end.repo.as_ref().map(|repository| repository.id);
    head.repo.is_none() || id(head) != id(base)
}

/// Where its commits are pushed to. A name that no repository can have is as good as none.
fn branch(head: &End) -> Option<Branch> {
    let repo = head.repo.as_ref()?.full_name.parse().ok()?;
    Some(Branch { repo, name: head.branch.clone() })
}

fn etag(answer: &Answer) -> Option<String> {
    answer.header("etag").map(str::to_owned)
}

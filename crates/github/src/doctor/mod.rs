//! What we may do on GitHub, what is missing, and how to mend it. Nothing is written to find out.

mod app;
mod token;
mod webhook;

use bivouac_model::RepoName;
use bivouac_ports::{Error, Meaning};

use crate::client::{Ask, Client};
use crate::forge::GitHub;
use crate::operation::LIST_ACTIVITIES;

/// What is asked of GitHub besides what the settings of the door switch on.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The repositories of the configuration.
    pub repos: Vec<RepoName>,
    /// Whether the bot is served, so that events have to arrive.
    pub bot: bool,
    /// Whether teams decide who may do what.
    pub teams: bool,
    /// Where the bot is reached from outside, such as `https://bivouac.example.org/webhooks/github`, if it is known.
    pub webhook_url: Option<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, in a few words.
    pub what: String,
    /// How it stands.
    pub state: Standing,
    /// What was seen, where it is more than that it is so or not: GitHub's own words, mostly. May be empty.
    pub seen: String,
    /// What a person has to do, or may look at; empty where all is well.
    pub mend: String,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// As it should be.
    Ok,
    /// Not as it should be: something will not work.
    Missing,
    /// It cannot be told from here.
    Unknown,
}

/// What the settings switch on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switched {
    pub deployments: bool,
    pub check_run: bool,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self { what: what.into(), state: Standing::Ok, seen: String::new(), mend: String::new() }
    }

    fn missing(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), state: Standing::Missing, seen: String::new(), mend: mend.into() }
    }

    fn unknown(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), state: Standing::Unknown, seen: String::new(), mend: mend.into() }
    }

    /// GitHub says no, in its own words.
    fn refused(what: impl Into<String>, error: &Error, mend: impl Into<String>) -> Self {
        Self { seen: error.to_string(), ..Self::missing(what, mend) }
    }

    /// GitHub was asked and told nothing.
    fn untold(what: impl Into<String>, error: &Error) -> Self {
        Self { seen: error.to_string(), ..Self::unknown(what, "look again later; until then nothing can be told") }
    }

    /// The first question is who we are. Without an answer there is no other. `api_url` is where it was asked: another address
    /// than that of the interface answers as if there were nothing, redirects to its pages, or sends one of them.
    fn unknown_to_github(what: impl Into<String>, error: &Error, api_url: &str, mend: &str) -> Self {
        let mend = match error.meaning() {
            Meaning::Denied => mend.to_owned(),
            Meaning::Throttled => "look again later: GitHub had too many calls of ours".to_owned(),
            Meaning::NotFound | Meaning::Invalid => format!(
                "see whether `github.api_url`, which is {api_url}, is the address of the interface: \
                 https://api.github.com, or https://HOST/api/v3 of a GitHub Enterprise Server"
            ),
            Meaning::Conflict | Meaning::Unavailable => format!(
                "see whether this machine reaches GitHub, and whether `github.api_url`, which is {api_url}, is the address of \
                 the interface: https://api.github.com, or https://HOST/api/v3 of a GitHub Enterprise Server"
            ),
        };
        Self::refused(what, error, mend)
    }

    /// `Ok`, or `Missing` with what mends it.
    fn of(what: impl Into<String>, holds: bool, mend: impl Into<String>) -> Self {
        if holds { Self::ok(what) } else { Self::missing(what, mend) }
    }
}

/// Whether we learn who pushed to a repository. Where we do not, an environment follows no push of a maintainer to a branch that
/// outsiders push to as well, and every commit of it needs an `up` of its own.
async fn pushes(client: &Client, repo: &RepoName) -> Finding {
    let what = format!("{repo}: who pushed can be read");
    let ask = Ask::get(&LIST_ACTIVITIES, format!("/repos/{repo}/activity?per_page=1"));
    match client.ask_in(repo, ask).await.map_err(Error::from) {
        Ok(_) => Finding::ok(what),
        Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound) => {
            Finding::refused(what, &error, format!("grant {}", LIST_ACTIVITIES.permission))
        }
        Err(error) => Finding::untold(what, &error),
    }
}

impl GitHub {
    /// Looks at everything that `needs` takes, the general first. Reads only; asked again, it looks again.
    ///
    /// There is always an answer: what GitHub does not tell is [`Standing::Unknown`], and a GitHub that cannot be asked is
    /// one finding that says so.
    pub async fn check(&self, needs: &Needs) -> Vec<Finding> {
        for repo in &needs.repos {
            // A repository that cannot be seen is a finding below.
            let _ = crate::repository::identify(&self.client, repo).await;
        }
        if self.client.is_app() {
            app::check(&self.client, needs, self.switched).await
        } else {
            token::check(&self.client, needs, self.switched).await
        }
    }
}

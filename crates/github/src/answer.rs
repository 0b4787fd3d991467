//! What GitHub answered, and the shapes we read out of it: only the fields we use, so that others may change.

use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use bivouac_ports::{Error, Meaning};
use chrono::{DateTime, Utc};

use crate::operation::Operation;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status, 2xx or 304.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// Whether the request was redirected, so that the answer is of another address than was asked.
    pub moved: bool,
}

impl Answer {
    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// When GitHub answered, by its own clock and in whole seconds. An answer that nothing changed has its time too.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc2822(self.header("date")?).ok().map(|date| date.to_utc())
    }

    /// Nothing changed since the entity tag we sent.
    pub fn is_unchanged(&self) -> bool {
        self.status == 304
    }

    /// Whether a page follows. The address in the header is not used: behind a proxy it may lead elsewhere.
    pub fn has_next(&self) -> bool {
        self.header("link").is_some_and(|link| link.contains("rel=\"next\""))
    }

    /// The number of the last page, told only where there is more than one and GitHub counts them.
    pub fn last_page(&self) -> Option<u32> {
        let last = self.header("link")?.split(',').find(|link| link.contains("rel=\"last\""))?;
        let address = last.split_once('<')?.1.split_once('>')?.0;
        let query = address.split_once('?')?.1;
        query.split('&').find_map(|pair| pair.strip_prefix("page="))?.parse().ok()
    }

    /// The body as JSON of this shape.
    ///
    /// # Errors
    /// `Unavailable`: an answer that is cut or from something else in between comes right by asking again.
    pub fn read<T: DeserializeOwned>(&self, operation: &'static Operation) -> Result<T, Error> {
        serde_json::from_str(&self.body).map_err(|error| {
            Error::new(Meaning::Unavailable, operation.call, "GitHub's answer has not the shape it should have")
                .caused_by(error)
        })
    }
}

/// A header, if it is there and is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `issue-comment` of the OpenAPI description.
#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    pub id: u64,
    /// The author; `null` when the account is gone.
    pub user: Option<User>,
    /// The Markdown; absent when another media type was asked for.
    #[serde(default)]
    pub body: String,
    /// The address of its issue, which ends with the number.
    pub issue_url: String,
    pub created_at: DateTime<Utc>,
}

/// `simple-user`, and what `GET /user` answers.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub id: u64,
    pub login: String,
}

/// `integration`.
#[derive(Debug, Deserialize)]
pub(crate) struct App {
    pub slug: String,
}

/// `installation`.
#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    pub id: u64,
}

/// `pull-request` and `pull-request-simple`.
#[derive(Debug, Deserialize)]
pub(crate) struct Pull {
    pub number: u64,
    /// `open` or `closed`.
    pub state: String,
    /// The author; `null` when the account is gone.
    pub user: Option<User>,
    pub head: End,
    pub base: End,
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// `head` and `base` of a pull request.
#[derive(Debug, Deserialize)]
pub(crate) struct End {
    pub sha: String,
    /// The name of the branch.
    #[serde(rename = "ref")]
    pub branch: String,
    /// `null` when the fork was deleted.
    pub repo: Option<EndRepository>,
}

/// The repository of an end.
#[derive(Debug, Deserialize)]
pub(crate) struct EndRepository {
    pub id: u64,
    pub full_name: String,
}

/// A label, of which only the name matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Label {
    pub name: String,
}

/// `commit`, of which only the name matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Commit {
    pub sha: String,
}

/// `activity`.
#[derive(Debug, Deserialize)]
pub(crate) struct Activity {
    pub before: String,
    pub after: String,
    #[serde(rename = "ref")]
    pub reference: String,
    pub timestamp: DateTime<Utc>,
    /// `null` when the account is gone.
    pub actor: Option<User>,
}

/// Any error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default)]
    pub message: String,
}

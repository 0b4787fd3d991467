//! Who lives on the embedded forge, and how they comment: through its HTTP interface, as a person with a token does.

use std::time::Duration;

use bivouac_simcloud::github::{Hub, HubError, Permission, Rights};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::story::REPOSITORY;

/// The account of the bot.
pub const BOT: &str = "bivouac-bot";
/// Its token. Like those below it opens nothing anywhere.
pub const BOT_TOKEN: &str = "embedded-token";

/// Who may write to the repository.
pub const MAINTAINER: Person = Person { login: "maya", token: "maya-token", permission: "write" };
/// Who may read it, as everybody may, and comment.
pub const OUTSIDER: Person = Person { login: "otto", token: "otto-token", permission: "read" };

/// How long the forge of this process may take to answer; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A person of the embedded forge.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// How they are called.
    pub login: &'static str,
    /// What opens the interface to them.
    pub token: &'static str,
    /// What they may do to the repository, in GitHub's word.
    pub permission: &'static str,
}

impl Person {
    /// For scripts.
    pub fn json(&self) -> Value {
        json!({ "login": self.login, "permission": self.permission, "token": self.token })
    }

    /// A command line that writes a comment as this person, to be pasted. Two lines at most, and silent unless it fails:
    /// what comes of it is shown here.
    pub fn curl(&self, forge: &str, pr: u64, comment: &str, break_line: &str) -> String {
        let (url, token, body) = (comments_url(forge, pr), self.token, json!({ "body": comment }));
        format!("curl -fsS -o /dev/null {url}{break_line} -H 'Authorization: Bearer {token}' -d '{body}'")
    }
}

/// Settles everybody in: the bot may write too, since only then GitHub tells it what others may do.
///
/// # Errors
/// When the repository is not there.
pub fn settle(hub: &Hub) -> Result<(), HubError> {
    hub.add_token(BOT_TOKEN, BOT, Rights::commenter());
    hub.set_permission(REPOSITORY, BOT, Permission::Write)?;
    for person in [MAINTAINER, OUTSIDER] {
        // What a person's own token commonly has.
        hub.add_token(person.token, person.login, Rights::classic(["repo"]));
    }
    hub.set_permission(REPOSITORY, MAINTAINER.login, Permission::Write)
}

/// A way to the forge's interface.
#[derive(Clone, Debug)]
pub struct Browser {
    http: reqwest::Client,
    forge: String,
}

/// Why a comment was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommentError {
    /// The way to the forge.
    #[error("the embedded forge was not reached")]
    Http(#[from] reqwest::Error),
    /// Its answer.
    #[error("the embedded forge answered a comment with {0}")]
    Refused(StatusCode),
}

impl Browser {
    /// A way to the forge at `forge`, past any proxy.
    ///
    /// # Errors
    /// When the HTTP client cannot be made, which no configuration of ours causes.
    pub fn new(forge: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).user_agent("bivouac-dev").build()?;
        Ok(Self { http, forge: forge.to_owned() })
    }

    /// Writes a comment. Called twice, there are two.
    ///
    /// # Errors
    /// [`CommentError`].
    pub async fn comment(&self, person: Person, pr: u64, text: &str) -> Result<(), CommentError> {
        let request = self
            .http
            .post(comments_url(&self.forge, pr))
            .header(AUTHORIZATION, format!("Bearer {}", person.token))
            .header(CONTENT_TYPE, "application/json")
            .body(json!({ "body": text }).to_string());
        match request.send().await?.status() {
            status if status.is_success() => Ok(()),
            status => Err(CommentError::Refused(status)),
        }
    }
}

fn comments_url(forge: &str, pr: u64) -> String {
    format!("{forge}/repos/{REPOSITORY}/issues/{pr}/comments")
}

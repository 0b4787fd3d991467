//! Texts of people on a pull request outside of its conversation: reviews, comments on lines, and the description.

use bivouac_model::{EnvKey, PrNumber};
use bivouac_ports::{Error, Meaning, TextId, WrittenComment};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::User;
use crate::client::{Ask, Client};
use crate::operation::{GET_PULL, GET_REVIEW, GET_REVIEW_COMMENT, Operation};
use crate::repository;

/// `pull-request-review`.
#[derive(Debug, Deserialize)]
struct Review {
    /// `null` when the account is gone.
    user: Option<User>,
    body: Option<String>,
    /// Absent as long as the review is pending, when only its author sees it.
    submitted_at: Option<DateTime<Utc>>,
}

/// `pull-request-review-comment`.
#[derive(Debug, Deserialize)]
struct ReviewComment {
    user: Option<User>,
    #[serde(default)]
    body: String,
    created_at: DateTime<Utc>,
    pull_request_url: String,
}

/// `pull-request`, of which the description matters.
#[derive(Debug, Deserialize)]
struct Described {
    user: Option<User>,
    body: Option<String>,
    created_at: DateTime<Utc>,
}

/// See [`bivouac_ports::Conversation::text`].
pub(crate) async fn text(client: &Client, key: &EnvKey, id: TextId) -> Result<Option<WrittenComment>, Error> {
    let (repo, pr) = (&key.repo, key.pr);
    let written = |number, user: Option<User>, body, created_at| WrittenComment {
        number,
        author: user.map(|user| user.login).unwrap_or_default(),
        body,
        created_at,
    };
    match id {
        TextId::Review(id) => {
            let path = format!("/repos/{repo}/pulls/{pr}/reviews/{id}");
            let review = get::<Review>(client, key, &GET_REVIEW, path).await?;
            Ok(review.and_then(|Review { user, body, submitted_at }| {
                Some(written(pr, user, body.unwrap_or_default(), submitted_at?))
            }))
        }
        TextId::ReviewComment(id) => {
            let path = format!("/repos/{repo}/pulls/comments/{id}");
            let comment = get::<ReviewComment>(client, key, &GET_REVIEW_COMMENT, path).await?;
            let shape = "GitHub's answer has not the shape it should have";
            let number = |url: &str| url.rsplit('/').next()?.parse::<PrNumber>().ok();
            comment.map_or(Ok(None), |ReviewComment { user, body, created_at, pull_request_url }| {
                let number = number(&pull_request_url);
                let number = number.ok_or_else(|| Error::new(Meaning::Unavailable, GET_REVIEW_COMMENT.call, shape))?;
                Ok(Some(written(number, user, body, created_at)))
            })
        }
        TextId::Description => {
            let described = get::<Described>(client, key, &GET_PULL, format!("/repos/{repo}/pulls/{pr}")).await?;
            Ok(described
                .map(|Described { user, body, created_at }| written(pr, user, body.unwrap_or_default(), created_at)))
        }
    }
}

/// Reads one thing; `None`: it is not there, in a repository that we can see.
async fn get<T: DeserializeOwned>(
    client: &Client,
    key: &EnvKey,
    operation: &'static Operation,
    path: String,
) -> Result<Option<T>, Error> {
    match client.ask_in(&key.repo, Ask::get(operation, path)).await.map_err(Error::from) {
        Ok(answer) => answer.read(operation).map(Some),
        Err(error) if error.meaning() == Meaning::NotFound => {
            // It was removed; or we lost our own sight of the repository, which must not read as that.
            repository::must_be_seen(client, &key.repo).await?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

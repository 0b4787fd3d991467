//! The last events of a pull request: who put a label on or took it off, and when it was closed.

use bivouac_model::EnvKey;
use bivouac_ports::{Error, LabelChange, Meaning};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::answer::{Answer, Label, User};
use crate::client::{Ask, Client};
use crate::operation::LIST_EVENTS;

/// The most pages. Ours: 20,000 events, beyond any pull request that people still read.
const MOST_PAGES: u32 = 200;

/// `issue-event`, of which labels and closings matter.
#[derive(Debug, Deserialize)]
struct Event {
    event: String,
    /// `null` when the account is gone.
    actor: Option<User>,
    created_at: DateTime<Utc>,
    label: Option<Label>,
}

/// See [`bivouac_ports::Conversation::last_label_change`].
pub(crate) async fn last_change(client: &Client, key: &EnvKey, label: &str) -> Result<Option<LabelChange>, Error> {
    // GitHub keeps no two labels whose names differ in case alone.
    let label = label.to_lowercase();
    let change = |event: Event| {
        let is_on = match event.event.as_str() {
            "labeled" => true,
            "unlabeled" => false,
            _ => return None,
        };
        let is_ours = event.label.is_some_and(|on| on.name.to_lowercase() == label);
        let actor = event.actor.map(|user| user.login).unwrap_or_default();
        is_ours.then_some(LabelChange { is_on, actor, at: event.created_at })
    };
    last(client, key, change).await
}

/// See [`bivouac_ports::Conversation::last_closing`].
pub(crate) async fn last_closing(client: &Client, key: &EnvKey) -> Result<Option<DateTime<Utc>>, Error> {
    last(client, key, |event: Event| (event.event == "closed").then_some(event.created_at)).await
}

/// Returns the newest event that `pick` takes.
///
/// GitHub lists the oldest first. So the last pages are read first, and the search ends with the first find.
async fn last<T>(client: &Client, key: &EnvKey, pick: impl Fn(Event) -> Option<T>) -> Result<Option<T>, Error> {
    let first = page(client, key, 1).await?;
    let mut end = first.last_page().unwrap_or(1).max(1);
    // What comes while we read comes behind the end we were told.
    while end > 1 && end <= MOST_PAGES {
        let answer = page(client, key, end).await?;
        if answer.has_next() {
            end += 1;
            continue;
        }
        return search_backwards(client, key, pick, answer, end, first).await;
    }
    if end > 1 || first.has_next() {
        let message = "the pull request has more events than can be read";
        return Err(Error::new(Meaning::Invalid, LIST_EVENTS.call, message));
    }
    newest(&first, &pick)
}

async fn search_backwards<T>(
    client: &Client,
    key: &EnvKey,
    pick: impl Fn(Event) -> Option<T>,
    last: Answer,
    end: u32,
    first: Answer,
) -> Result<Option<T>, Error> {
    if let Some(found) = newest(&last, &pick)? {
        return Ok(Some(found));
    }
    for number in (2..end).rev() {
        if let Some(found) = newest(&page(client, key, number).await?, &pick)? {
            return Ok(Some(found));
        }
    }
    newest(&first, &pick)
}

async fn page(client: &Client, key: &EnvKey, number: u32) -> Result<Answer, Error> {
    let path = format!("/repos/{}/issues/{}/events?per_page=100&page={number}", key.repo, key.pr);
    Ok(client.ask_in(&key.repo, Ask::get(&LIST_EVENTS, path)).await?)
}

/// The newest event on a page that `pick` takes.
fn newest<T>(answer: &Answer, pick: impl Fn(Event) -> Option<T>) -> Result<Option<T>, Error> {
    let events: Vec<Event> = answer.read(&LIST_EVENTS)?;
    Ok(events.into_iter().rev().find_map(pick))
}

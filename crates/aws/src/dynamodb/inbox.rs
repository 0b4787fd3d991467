//! The door to what arrived and is not handled yet: two items for each letter, in the table of events.
//!
//! | partition | range key | what | until |
//! |---|---|---|---|
//! | `delivery#<id>` | `taken` | the memory that this id was taken, and where its letter lies | a week |
//! | `inbox` | time + `#` + id | the letter | it is done, or a month |
//! | `read#<list>` | `position` | how far a list of the forge was read | for good |
//!
//! Both are written by one TransactWriteItems on the condition that there is no memory yet, so there is never a memory
//! without its letter, which would lose the letter, nor a letter without its memory, which would have it taken twice.
//! A second name of a letter is one more memory in the same transaction; if it is there already, it stays as it is.
//!
//! One partition takes 1,000 write units a second (developer guide, "Best practices for designing and using partition keys
//! effectively"), and a letter in a transaction costs two for each KB: hundreds of ordinary letters a second.

mod reading;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem};
use bivouac_ports::{Error, Inbox, InboxCursor, InboxPage, Letter, Meaning, ReadPosition, Received, Result};
use chrono::{DateTime, TimeDelta, Utc};

use super::journal::{AT, ENVIRONMENT, from_sort_key, no_table, purge_at, sort_key};
use super::tables::{PURGE_AT, TableNames};
use super::value::Attributes;
use crate::Sdk;
use crate::calls::{DELETE_ITEM, GET_ITEM, QUERY, TRANSACT_WRITE_ITEMS};
use crate::error::{from_sdk, meaning};

/// The partition of the letters. An event's is `owner/name#pr`, so this is none.
const INBOX: &str = "inbox";
/// The one range key in the partition of a delivery.
const TAKEN: &str = "taken";
/// The id of a letter. It is in the range key as well, which no filter may name.
const DELIVERY: &str = "delivery";
const CONTENT: &str = "content";
/// In the memory of a delivery: the range key of its letter.
const LETTER: &str = "letter";

/// How long an id is remembered. GitHub redelivers by hand for three days (its documentation, "Redelivering webhooks");
/// a week leaves room for other senders.
const REMEMBER: TimeDelta = TimeDelta::days(7);
/// How long a letter that nobody ever finishes is kept. After a month, the open pull requests have long been compared.
const KEEP: TimeDelta = TimeDelta::days(30);
/// The most a letter may hold: an item holds 400 KB, and the rest is for what else is in it.
const MOST_BYTES: usize = 300 * 1024;
/// The most bytes of an id. GitHub's are of 36; a range key holds 1,024.
const MOST_ID_BYTES: usize = 256;

/// How often a letter is tried that somebody else takes at the same moment.
const MOST_TRIES: u32 = 5;
/// How long to wait before that, times the tries so far: a transaction takes some 10 ms, and whoever sent the letter waits.
const TRY_AGAIN: Duration = Duration::from_millis(15);

/// The inbox in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoInbox {
    client: Client,
    table: String,
}

/// Why a letter was not taken.
enum Refusal {
    /// Its id is remembered.
    Remembered,
    /// Its second name is remembered, and its id is not.
    NameRemembered,
    /// Somebody takes one of this id just now.
    Busy(Error),
    /// Anything else.
    Failed(Error),
}

impl DynamoInbox {
    /// The inbox of the installation whose tables begin with `prefix`.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        Self { client: sdk.dynamodb(), table: TableNames::with_prefix(prefix).events }
    }

    /// All items, or none.
    async fn write(&self, letter: &Letter, name: Option<&str>) -> Result<(), Refusal> {
        let second = name.map(|name| memory(name, letter));
        let (first, letter) = items(letter);
        let put = |item| Put::builder().table_name(&self.table).set_item(Some(item));
        let new = |item| {
            put(item)
                .condition_expression("attribute_not_exists(#environment)")
                .expression_attribute_names("#environment", ENVIRONMENT)
        };
        let mut request = self.client.transact_write_items();
        for put in [new(first), put(letter)].into_iter().chain(second.map(new)) {
            let put = put.build().map_err(|error| {
                Refusal::Failed(Error::new(Meaning::Invalid, TRANSACT_WRITE_ITEMS.name, error.to_string()))
            })?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        // The SDK makes a token for the request, so an attempt of its own that comes twice within ten minutes is answered
        // as the first one was (API reference, `ClientRequestToken`).
        request.send().await.map(drop).map_err(|error| self.refusal(error))
    }

    fn refusal(&self, error: SdkError<TransactWriteItemsError>) -> Refusal {
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons().to_vec()
            }
            _ => return Refusal::Failed(no_table(&self.table, from_sdk(&TRANSACT_WRITE_ITEMS, error))),
        };
        explain(&reasons, from_sdk(&TRANSACT_WRITE_ITEMS, error))
    }

    /// The range key of the letter of this id, by its memory.
    async fn remembered(&self, id: &str) -> Result<Option<String>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(ENVIRONMENT, AttributeValue::S(partition(id)))
            .key(AT, AttributeValue::S(TAKEN.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| no_table(&self.table, from_sdk(&GET_ITEM, error)))?;
        Ok(output.item.and_then(|mut item| match item.remove(LETTER) {
            Some(AttributeValue::S(at)) => Some(at),
            _ => None,
        }))
    }

    /// The range keys of the letters of this id, by reading all letters.
    async fn found(&self, id: &str) -> Result<Vec<String>> {
        let mut pages = self
            .letters()
            .filter_expression("#delivery = :delivery")
            .projection_expression("#at")
            .expression_attribute_names("#delivery", DELIVERY)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":delivery", AttributeValue::S(id.to_owned()))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
            found.extend(page.items().iter().filter_map(|item| item.get(AT)?.as_s().ok().cloned()));
        }
        Ok(found)
    }

    /// Removes one letter; one that is gone is removed already.
    async fn remove(&self, at: String) -> Result<()> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.key(ENVIRONMENT, AttributeValue::S(INBOX.to_owned())).key(AT, AttributeValue::S(at));
        let output = request.send().await;
        output.map(drop).map_err(|error| no_table(&self.table, from_sdk(&DELETE_ITEM, error)))
    }

    /// All letters, the oldest first.
    fn letters(&self) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#environment = :inbox")
            .expression_attribute_names("#environment", ENVIRONMENT)
            .expression_attribute_values(":inbox", AttributeValue::S(INBOX.to_owned()))
            .consistent_read(true)
    }
}

impl DynamoInbox {
    async fn keep(&self, letter: &Letter, mut name: Option<&str>) -> Result<Received> {
        check(letter)?;
        let mut tries = 1;
        loop {
            match self.write(letter, name).await {
                Ok(()) => return Ok(Received::New),
                Err(Refusal::Remembered) => return Ok(Received::Before),
                // What is remembered under this name is another letter's, and stays.
                Err(Refusal::NameRemembered) => name = None,
                Err(Refusal::Busy(_)) if tries < MOST_TRIES => {
                    tokio::time::sleep(TRY_AGAIN * tries).await;
                    tries += 1;
                }
                Err(Refusal::Busy(error) | Refusal::Failed(error)) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl Inbox for DynamoInbox {
    async fn take(&self, letter: &Letter) -> Result<Received> {
        self.keep(letter, None).await
    }

    async fn take_also_as(&self, letter: &Letter, name: &str) -> Result<Received> {
        check_id(name)?;
        // One transaction cannot write one item twice.
        self.keep(letter, Some(name).filter(|name| *name != letter.id)).await
    }

    async fn waiting(&self, most: usize) -> Result<Vec<Letter>> {
        let mut letters = Vec::new();
        // DynamoDB takes no limit of 0.
        if most == 0 {
            return Ok(letters);
        }
        let mut pages = self.letters().limit(i32::try_from(most).unwrap_or(i32::MAX)).into_paginator().send();
        let mut unreadable = 0_usize;
        while letters.len() < most
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
            for item in page.items() {
                match decode(item) {
                    Some(letter) => letters.push(letter),
                    None => unreadable += 1,
                }
            }
        }
        letters.truncate(most);
        if unreadable > 0 {
            tracing::warn!(unreadable, "table {} holds letters that cannot be read", self.table);
        }
        Ok(letters)
    }

    async fn done(&self, id: &str) -> Result<()> {
        check_id(id)?;
        if let Some(at) = self.remembered(id).await? {
            return self.remove(at).await;
        }
        // The memory is older than a week, or somebody removed it; the letter may be there yet.
        for at in self.found(id).await? {
            self.remove(at).await?;
        }
        Ok(())
    }

    async fn page(&self, after: Option<&InboxCursor>, most: usize) -> Result<InboxPage> {
        self.read_page(after, most).await
    }

    async fn read_position(&self, list: &str) -> Result<Option<ReadPosition>> {
        self.position(list).await
    }

    async fn advance(&self, list: &str, position: &ReadPosition) -> Result<()> {
        self.move_on(list, position).await
    }
}

fn partition(id: &str) -> String {
    format!("delivery#{id}")
}

/// The memory that a letter was taken, under one of its names.
fn memory(name: &str, letter: &Letter) -> Attributes {
    Attributes::from([
        (ENVIRONMENT.to_owned(), AttributeValue::S(partition(name))),
        (AT.to_owned(), AttributeValue::S(TAKEN.to_owned())),
        (LETTER.to_owned(), AttributeValue::S(sort_key(letter.received_at, &letter.id))),
        (PURGE_AT.to_owned(), purge_at(letter.received_at, REMEMBER)),
    ])
}

/// The memory and the letter.
fn items(letter: &Letter) -> (Attributes, Attributes) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let at = sort_key(letter.received_at, &letter.id);
    let memory = memory(&letter.id, letter);
    let letter = Attributes::from([
        (ENVIRONMENT.to_owned(), text(INBOX)),
        (AT.to_owned(), AttributeValue::S(at)),
        (DELIVERY.to_owned(), text(&letter.id)),
        (CONTENT.to_owned(), text(&letter.content)),
        (PURGE_AT.to_owned(), purge_at(letter.received_at, KEEP)),
    ]);
    (memory, letter)
}

fn decode(item: &Attributes) -> Option<Letter> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let (received_at, _): (DateTime<Utc>, _) = from_sort_key(text(AT)?)?;
    Some(Letter { id: text(DELIVERY)?.clone(), received_at, content: text(CONTENT)?.clone() })
}

fn check(letter: &Letter) -> Result<()> {
    check_id(&letter.id)?;
    let bytes = letter.content.len();
    if bytes > MOST_BYTES {
        let text = format!("a letter of {bytes} bytes is too large; allowed: {MOST_BYTES}");
        return Err(Error::new(Meaning::Invalid, TRANSACT_WRITE_ITEMS.name, text));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<()> {
    if (1..=MOST_ID_BYTES).contains(&id.len()) {
        return Ok(());
    }
    let text = format!("a delivery's id of {} bytes; allowed: 1 to {MOST_ID_BYTES}", id.len());
    Err(Error::new(Meaning::Invalid, TRANSACT_WRITE_ITEMS.name, text))
}

/// What cancelled a transaction, by the reasons of its items: the memory, the letter, and perhaps the memory of its second
/// name. `cancelled` says only that it was.
fn explain(reasons: &[CancellationReason], cancelled: Error) -> Refusal {
    const FAILED: &str = "ConditionalCheckFailed";
    let codes = || reasons.iter().filter_map(|reason| Some((reason.code()?, reason.message().unwrap_or_default())));
    // Only memories have conditions. That of the id comes first: whatever else happened, the letter was taken before.
    if reasons.first().is_some_and(|reason| reason.code() == Some(FAILED)) {
        return Refusal::Remembered;
    }
    if codes().any(|(code, _)| code == FAILED) {
        return Refusal::NameRemembered;
    }
    // A reason that does not pass by itself comes before one that does.
    let worst = codes().filter(|(code, _)| *code != "None").max_by_key(|(code, _)| *code != "TransactionConflict");
    match worst {
        Some(("TransactionConflict", _)) => Refusal::Busy(cancelled),
        Some((code, message)) => {
            let meaning = match code {
                "ThrottlingError" | "ProvisionedThroughputExceeded" => Meaning::Throttled,
                "AccessDenied" => Meaning::Denied,
                "ValidationError" | "ItemCollectionSizeLimitExceeded" => Meaning::Invalid,
                other => meaning(&TRANSACT_WRITE_ITEMS, other, message, 500),
            };
            let text = if message.is_empty() { code } else { message };
            Refusal::Failed(Error::new(meaning, TRANSACT_WRITE_ITEMS.name, text).caused_by(cancelled))
        }
        None => Refusal::Failed(cancelled),
    }
}

#[cfg(test)]
mod tests;

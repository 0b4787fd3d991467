//! The door to the table of events: the audit.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{Decision, Event, ItemKey};
use bivouac_ports::{Error, Journal, Meaning, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::try_join_all;

use super::tables::{PURGE_AT, TableNames};
use super::value::Attributes;
use crate::Sdk;
use crate::calls::{PUT_ITEM, QUERY};
use crate::error::from_sdk;

/// The hash key of the table of events.
pub(super) const ENVIRONMENT: &str = "environment";
/// Its range key.
pub(super) const AT: &str = "at";
const ACTOR: &str = "actor";
const ACTION: &str = "action";
const REASON: &str = "reason";
const MESSAGE: &str = "message";
const HEAD_SHA: &str = "head_sha";
const URL: &str = "url";
const DECISION: &str = "decision";

/// Between the time and what tells apart the events of the same moment. No time holds one, so the first ends the time.
pub(super) const TIE: char = '#';

/// How many events are written at once. One command makes one or two; DynamoDB takes far more.
const AT_ONCE: usize = 8;

/// The events of all environments in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoJournal {
    client: Client,
    table: String,
    keep: Duration,
}

impl DynamoJournal {
    /// How long an event is kept if nobody says otherwise: a quarter, which is what people look back over in a review.
    pub const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// The events of the installation whose tables begin with `prefix`, each kept for `keep` from when it happened.
    /// DynamoDB forgets it within a few days after that (developer guide, "Using time to live").
    pub fn new(sdk: &Sdk, prefix: &str, keep: Duration) -> Self {
        Self { client: sdk.dynamodb(), table: TableNames::with_prefix(prefix).events, keep }
    }

    /// Writes one event, unless it stands there: what was written down is never written over.
    async fn write(&self, event: &Event) -> Result<()> {
        let output = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.encode(event)))
            .condition_expression("attribute_not_exists(#environment)")
            .expression_attribute_names("#environment", ENVIRONMENT)
            .send()
            .await;
        match output.map_err(|error| no_table(&self.table, from_sdk(&PUT_ITEM, error))) {
            // It stands there: by an earlier call, or by this one, whose first answer was lost.
            Err(error) if error.meaning() == Meaning::Conflict => Ok(()),
            other => other.map(drop),
        }
    }

    fn encode(&self, event: &Event) -> Attributes {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let keep = TimeDelta::from_std(self.keep).unwrap_or(TimeDelta::MAX);
        let mut item = Attributes::from([
            (ENVIRONMENT.to_owned(), text(&event.environment.to_string())),
            (AT.to_owned(), AttributeValue::S(sort_key(event.at, &event.tie))),
            (ACTOR.to_owned(), text(&event.actor)),
            (ACTION.to_owned(), text(&event.action)),
            (REASON.to_owned(), text(&event.reason)),
            (MESSAGE.to_owned(), text(&event.message)),
            (PURGE_AT.to_owned(), purge_at(event.at, keep)),
        ]);
        for (name, value) in [
            (HEAD_SHA, event.head_sha.as_deref()),
            (URL, event.url.as_deref()),
            (DECISION, event.decision.map(Decision::as_str)),
        ] {
            item.extend(value.map(|value| (name.to_owned(), text(value))));
        }
        item
    }
}

#[async_trait]
impl Journal for DynamoJournal {
    async fn append(&self, events: &[Event]) -> Result<()> {
        for some in events.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|event| self.write(event))).await?;
        }
        Ok(())
    }

    async fn newest(&self, environment: &ItemKey, most: usize) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        // DynamoDB takes no limit of 0.
        if most == 0 {
            return Ok(events);
        }
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#environment = :environment")
            .expression_attribute_names("#environment", ENVIRONMENT)
            .expression_attribute_values(":environment", AttributeValue::S(environment.to_string()))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .into_paginator()
            .send();
        let mut unreadable = 0_usize;
        while events.len() < most
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
            for item in page.items() {
                match decode(environment, item) {
                    Some(event) => events.push(event),
                    None => unreadable += 1,
                }
            }
        }
        events.truncate(most);
        if unreadable > 0 {
            tracing::warn!(%environment, unreadable, "table {} holds events that cannot be read", self.table);
        }
        Ok(events)
    }
}

/// The range key of an event: sorts by time, and is the same for the same event.
pub(super) fn sort_key(at: DateTime<Utc>, tie: &str) -> String {
    // Nanoseconds always, since without them one time could be the beginning of another.
    format!("{}{TIE}{tie}", at.to_rfc3339_opts(SecondsFormat::Nanos, true))
}

/// The other way; `None` for what no [`sort_key`] is.
pub(super) fn from_sort_key(key: &str) -> Option<(DateTime<Utc>, &str)> {
    let (at, tie) = key.split_once(TIE)?;
    Some((DateTime::parse_from_rfc3339(at).ok()?.to_utc(), tie))
}

/// When DynamoDB may forget what is kept for so long, in the seconds that its time-to-live wants.
pub(super) fn purge_at(from: DateTime<Utc>, keep: TimeDelta) -> AttributeValue {
    let at = from.checked_add_signed(keep).unwrap_or(DateTime::<Utc>::MAX_UTC);
    AttributeValue::N(at.timestamp().to_string())
}

/// Reads an event. When, who and what are what makes it one; anything else that is missing or spoiled is only itself lost.
///
/// What else the table holds (what arrived and is not handled yet) names neither actor nor action.
fn decode(environment: &ItemKey, item: &Attributes) -> Option<Event> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let (at, tie) = from_sort_key(text(AT)?)?;
    Some(Event {
        environment: environment.clone(),
        at,
        tie: tie.to_owned(),
        actor: text(ACTOR)?.clone(),
        action: text(ACTION)?.clone(),
        reason: text(REASON).cloned().unwrap_or_default(),
        message: text(MESSAGE).cloned().unwrap_or_default(),
        head_sha: text(HEAD_SHA).cloned(),
        url: text(URL).cloned(),
        decision: [Decision::Allowed, Decision::Denied]
            .into_iter()
            .find(|decision| text(DECISION).is_some_and(|word| word == decision.as_str())),
    })
}

/// A table that is missing, said with its name and what makes it.
pub(super) fn no_table(table: &str, error: Error) -> Error {
    if error.meaning() != Meaning::NotFound {
        return error;
    }
    let text = format!("there is no table {table}: `bivouac init` makes it");
    Error::new(Meaning::NotFound, error.call(), text).caused_by(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_sort_as_times_do_and_are_read_back(
            one in 0..4_000_000_000_i64, other in 0..4_000_000_000_i64, nanos in 0..1_000_000_000_u32, tie in ".{0,20}",
        ) {
            let time = |seconds| DateTime::from_timestamp(seconds, nanos).unwrap();
            let (a, b) = (sort_key(time(one), &tie), sort_key(time(other), &tie));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(from_sort_key(&a), Some((time(one), tie.as_str())));
        }

        #[test]
        fn no_item_panics(at in ".{0,40}", actor in proptest::option::of(".{0,10}"), number in any::<bool>()) {
            let environment = ItemKey { repo: "a/b".into(), pr: "1".into() };
            let mut item = Attributes::from([(AT.to_owned(), AttributeValue::S(at))]);
            if number {
                item.insert(ACTION.to_owned(), AttributeValue::N("1".into()));
            }
            item.extend(actor.map(|actor| (ACTOR.to_owned(), AttributeValue::S(actor))));
            prop_assert_eq!(decode(&environment, &item), None);
        }
    }

    #[test]
    fn what_is_kept_for_ever_is_no_overflow() {
        let far = purge_at(DateTime::<Utc>::MAX_UTC, TimeDelta::MAX);
        assert_eq!(far, AttributeValue::N(DateTime::<Utc>::MAX_UTC.timestamp().to_string()));
    }
}

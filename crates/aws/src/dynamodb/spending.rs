//! The ledger of spending, in the table of events.
//!
//! | partition | range key | item | until |
//! |---|---|---|---|
//! | `spending#2026-11` | `owner/name#123` | what the environment spent in that month | 13 months after it |
//!
//! One Query reads all of a month. An event's partition ends in `#` and a number, and no month is a number of DynamoDB, so
//! the two never meet.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{ItemKey, Month, SpendingEntry, Usd, Value};
use bivouac_ports::{Error, Meaning, Result, SpendingStore};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::try_join_all;

use super::journal::{AT, ENVIRONMENT, no_table, purge_at};
use super::tables::{PURGE_AT, TableNames};
use super::update::{REVISION, Update};
use super::value::{Attributes, from_attribute};
use crate::Sdk;
use crate::calls::{QUERY, UPDATE_ITEM};
use crate::error::from_sdk;

/// What was spent in all months before.
const BEFORE: &str = "before_usd";
/// What was spent in the month until `as_of`.
const SPENT: &str = "spent_usd";
/// What an hour costs since then.
const HOURLY: &str = "hourly_usd";
const AS_OF: &str = "as_of";
const REQUESTED_BY: &str = "requested_by";

/// How long an entry is kept after its month: a year and a month, so that the same month a year ago can be looked up.
const KEEP: TimeDelta = TimeDelta::days(396);

/// The ledger of spending in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoSpending {
    client: Client,
    table: String,
}

impl DynamoSpending {
    /// The ledger of the installation whose tables begin with `prefix`.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        Self { client: sdk.dynamodb(), table: TableNames::with_prefix(prefix).events }
    }
}

impl DynamoSpending {
    async fn month(&self, month: Month) -> Result<Vec<SpendingEntry>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#environment = :month")
            .expression_attribute_names("#environment", ENVIRONMENT)
            .expression_attribute_values(":month", AttributeValue::S(partition(month)))
            .consistent_read(true)
            .into_paginator()
            .send();
        let (mut entries, mut unreadable) = (Vec::new(), 0_usize);
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
            for item in page.items() {
                match decode(month, item) {
                    Some(entry) => entries.push(entry),
                    None => unreadable += 1,
                }
            }
        }
        if unreadable > 0 {
            tracing::warn!(%month, unreadable, "table {} holds spending that cannot be read", self.table);
        }
        Ok(entries)
    }
}

#[async_trait]
impl SpendingStore for DynamoSpending {
    async fn months(&self, months: &[Month]) -> Result<Vec<SpendingEntry>> {
        let months = try_join_all(months.iter().map(|month| self.month(*month))).await?;
        Ok(months.into_iter().flatten().collect())
    }

    async fn write(&self, entry: &SpendingEntry, seen: Option<u64>) -> Result<()> {
        let mut update = encode(entry, seen).map_err(|text| Error::new(Meaning::Invalid, UPDATE_ITEM.name, text))?;
        let revision = seen.map(|revision| AttributeValue::N(revision.to_string()));
        update.require(&[REVISION], revision);
        self.client
            .update_item()
            .table_name(&self.table)
            .key(ENVIRONMENT, AttributeValue::S(partition(entry.month)))
            .key(AT, AttributeValue::S(entry.environment.to_string()))
            .update_expression(update.expression())
            .set_condition_expression(update.condition())
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .send()
            .await
            .map(drop)
            .map_err(|error| self.explain(entry, from_sdk(&UPDATE_ITEM, error)))
    }
}

impl DynamoSpending {
    fn explain(&self, entry: &SpendingEntry, error: Error) -> Error {
        if error.meaning() != Meaning::Conflict {
            return no_table(&self.table, error);
        }
        let text = format!("the spending of {} in {} was written meanwhile", entry.environment, entry.month);
        Error::new(Meaning::Conflict, UPDATE_ITEM.name, text).caused_by(error)
    }
}

fn partition(month: Month) -> String {
    format!("spending#{month}")
}

fn encode(entry: &SpendingEntry, seen: Option<u64>) -> Result<Update, String> {
    let money = |usd: Usd| Value::Number(usd.decimal());
    let as_of = entry.as_of.to_rfc3339_opts(SecondsFormat::Secs, true);
    let AttributeValue::N(purge_at) = purge_at(entry.month.ends(), KEEP) else {
        return Err("no time to live".to_owned());
    };
    let mut update = Update::default();
    for (name, value) in [
        (BEFORE, Some(money(entry.before))),
        (SPENT, Some(money(entry.spent))),
        (HOURLY, Some(money(entry.hourly))),
        (AS_OF, Some(Value::String(as_of))),
        (REQUESTED_BY, entry.requested_by.clone().map(Value::String)),
        (REVISION, Some(Value::Number(seen.map_or(1, |seen| seen.saturating_add(1)).to_string()))),
        (PURGE_AT, Some(Value::Number(purge_at))),
    ] {
        update.put(name, value.as_ref())?;
    }
    Ok(update)
}

fn decode(month: Month, item: &Attributes) -> Option<SpendingEntry> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let money = |name: &str| {
        let number: f64 = item.get(name)?.as_n().ok()?.parse().ok()?;
        number.is_finite().then(|| Usd::from_dollars(number))
    };
    let (repo, pr) = text(AT)?.rsplit_once('#')?;
    let as_of: DateTime<Utc> = DateTime::parse_from_rfc3339(text(AS_OF)?).ok()?.to_utc();
    // It lies in its month or is the month's end. Anything else is a mistake of a person.
    let as_of = as_of.clamp(month.begins(), month.ends());
    Some(SpendingEntry {
        environment: ItemKey { repo: repo.into(), pr: pr.into() },
        month,
        before: money(BEFORE)?,
        spent: money(SPENT)?,
        hourly: money(HOURLY)?,
        as_of,
        requested_by: text(REQUESTED_BY).cloned(),
        revision: from_attribute(item.get(REVISION)?).as_u64()?,
    })
}

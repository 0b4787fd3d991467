//! The heads of pull requests that were seen, and the commits that commands named: one item each, in the table of events.
//!
//! | partition | range key | what |
//! |---|---|---|
//! | `heads#owner/name#7` | `seen#` + time + `#` + commit | a head, and when an answer of the forge showed it |
//! | `heads#owner/name#7` | `named#` + commit + `#` + command | a commit that a command named |
//!
//! Items are put and never changed: the key of a sighting says all of it, and a name that stands there already stays.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::EnvKey;
use bivouac_ports::{Meaning, NamedCommit, Result, SeenHead, SeenHeads};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::journal::{AT, ENVIRONMENT, from_sort_key, no_table, purge_at, sort_key};
use super::tables::{PURGE_AT, TableNames};
use super::value::Attributes;
use crate::Sdk;
use crate::calls::{PUT_ITEM, QUERY};
use crate::error::from_sdk;

/// What the range keys of sightings begin with.
const SEEN: &str = "seen#";
/// What the range keys of named commits begin with.
const NAMED: &str = "named#";
const SHA: &str = "sha";
const COMMAND: &str = "command";
const GIVEN_AT: &str = "given_at";
const HEAD: &str = "head_sha";

/// How long an item is kept. Ours: the bot records a head again long before (`bivouac_bot`, two months), and an environment lives
/// for a week at most (`guardrails.max_ttl`) unless it is approved again.
const KEEP: TimeDelta = TimeDelta::days(180);
/// The most sightings that are searched for one commit. Ours: an item has some 250 bytes, so this is less than the 1 MB of one
/// page, and more pushes than a person makes to one pull request.
const MOST_SEARCHED: i32 = 2000;
/// The most commands that are read about one commit, as the port says.
const MOST_NAMED: i32 = 100;

/// The memory of heads in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoHeads {
    client: Client,
    table: String,
}

impl DynamoHeads {
    /// Returns the memory of the installation whose tables begin with `prefix`.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        Self { client: sdk.dynamodb(), table: TableNames::with_prefix(prefix).events }
    }

    /// Puts an item, unless one of its key is there: it says the same, or was there first.
    async fn put(&self, item: Attributes) -> Result<()> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let request = request
            .condition_expression("attribute_not_exists(#environment)")
            .expression_attribute_names("#environment", ENVIRONMENT);
        match request.send().await.map_err(|error| no_table(&self.table, from_sdk(&PUT_ITEM, error))) {
            Err(error) if error.meaning() == Meaning::Conflict => Ok(()),
            other => other.map(drop),
        }
    }

    /// The sightings before a moment, the newest first. Times of the same moment sort behind the bound, which has nothing after
    /// the time.
    fn seen_before(&self, key: &EnvKey, before: DateTime<Utc>) -> QueryFluentBuilder {
        self.of(key)
            .key_condition_expression("#environment = :partition AND #at BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(SEEN.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(format!("{SEEN}{}", bound(before))))
            .scan_index_forward(false)
    }

    fn of(&self, key: &EnvKey) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_names("#environment", ENVIRONMENT)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":partition", AttributeValue::S(partition(key)))
    }

    async fn read(&self, request: QueryFluentBuilder) -> Result<Vec<Attributes>> {
        let output = request.send().await.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
        Ok(output.items.unwrap_or_default())
    }
}

#[async_trait]
impl SeenHeads for DynamoHeads {
    async fn record_seen(&self, key: &EnvKey, head: &SeenHead) -> Result<()> {
        let at = format!("{SEEN}{}", sort_key(head.at, &head.sha));
        self.put(item(key, at, head.at, &[])).await
    }

    async fn record_named(&self, key: &EnvKey, named: &NamedCommit) -> Result<()> {
        let given_at = named.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let texts = [(SHA, &named.sha), (COMMAND, &named.command), (GIVEN_AT, &given_at), (HEAD, &named.head)];
        self.put(item(key, format!("{NAMED}{}#{}", named.sha, named.command), named.at, &texts)).await
    }

    async fn newest_seen(&self, key: &EnvKey, before: DateTime<Utc>) -> Result<Option<SeenHead>> {
        let newest = self.read(self.seen_before(key, before).limit(1)).await?;
        Ok(newest.first().and_then(seen))
    }

    async fn was_seen(&self, key: &EnvKey, sha: &str, before: DateTime<Utc>) -> Result<bool> {
        let found = self.read(self.seen_before(key, before).limit(MOST_SEARCHED)).await?;
        Ok(found.iter().filter_map(seen).any(|head| head.sha == sha))
    }

    async fn named(&self, key: &EnvKey, sha: &str) -> Result<Vec<NamedCommit>> {
        let request = self
            .of(key)
            .key_condition_expression("#environment = :partition AND begins_with(#at, :named)")
            .expression_attribute_values(":named", AttributeValue::S(format!("{NAMED}{sha}#")))
            .limit(MOST_NAMED);
        Ok(self.read(request).await?.iter().filter_map(named).collect())
    }
}

/// An event's partition is `owner/name#pr`, so this is none.
fn partition(key: &EnvKey) -> String {
    format!("heads#{key}")
}

/// What every key of this moment begins with and is longer than.
fn bound(before: DateTime<Utc>) -> String {
    let mut bound = sort_key(before, "");
    bound.pop();
    bound
}

fn item(key: &EnvKey, at: String, from: DateTime<Utc>, texts: &[(&str, &String)]) -> Attributes {
    let mut item = Attributes::from([
        (ENVIRONMENT.to_owned(), AttributeValue::S(partition(key))),
        (AT.to_owned(), AttributeValue::S(at)),
        (PURGE_AT.to_owned(), purge_at(from, KEEP)),
    ]);
    item.extend(texts.iter().map(|(name, text)| ((*name).to_owned(), AttributeValue::S((*text).clone()))));
    item
}

/// Reads a sighting. An item of another form is none.
fn seen(item: &Attributes) -> Option<SeenHead> {
    let (at, sha) = from_sort_key(item.get(AT)?.as_s().ok()?.strip_prefix(SEEN)?)?;
    Some(SeenHead { sha: sha.to_owned(), at })
}

fn named(item: &Attributes) -> Option<NamedCommit> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let at = text(GIVEN_AT)?.parse().ok()?;
    Some(NamedCommit { sha: text(SHA)?, command: text(COMMAND)?, at, head: text(HEAD)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sighting_is_before_the_moments_after_it_alone(
            seconds in 0..4_000_000_000_i64, nanos in 0..1_000_000_000_u32,
            other in 0..4_000_000_000_i64, more in 0..1_000_000_000_u32, sha in "[0-9a-f]{40}",
        ) {
            let at = DateTime::from_timestamp(seconds, nanos).unwrap();
            for before in [DateTime::from_timestamp(other, more).unwrap(), at] {
                let key = format!("{SEEN}{}", sort_key(at, &sha));
                let within = key.as_str() >= SEEN && key <= format!("{SEEN}{}", bound(before));
                prop_assert_eq!(within, at < before);
            }
            let item = Attributes::from([(AT.to_owned(), AttributeValue::S(format!("{SEEN}{}", sort_key(at, &sha))))]);
            prop_assert_eq!(seen(&item), Some(SeenHead { sha, at }));
        }
    }
}

//! The door to the table of environments.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use bivouac_model::{ItemKey, Phase, Problem, Record, STATUS_ATTRIBUTES, Status, decode_record, encode_status};
use bivouac_ports::{DesiredChange, Error, Meaning, RecordStore, Result};

use super::tables::{BY_PHASE, TableNames};
use super::update::Update;
use super::value::{Attributes, PR, REPO, from_attributes, item_key, key_attributes, size};
use super::{init, update};
use crate::Sdk;
use crate::calls::{Call, GET_ITEM, QUERY, SCAN, UPDATE_ITEM};
use crate::error::from_sdk;

/// The attribute that counts the writes of clients.
const GENERATION: &str = "generation";

/// The hash key of the index of phases.
const PHASE: &str = "phase";

/// How often a wish is tried while others write the same record. Each try that fails is another's that succeeded, so this
/// is more writers at one instant than a pull request has people and bots.
const MOST_TRIES: usize = 50;

/// "The maximum item size in DynamoDB is 400 KB, which includes both attribute name binary length (UTF-8 length) and
/// attribute value lengths" (DynamoDB developer guide, "Service, account, and table quotas").
const MAX_ITEM_BYTES: usize = 400 * 1024;
/// What is left of it to the status. Ours: several times what a status with every condition and the longest messages takes.
const STATUS_BYTES: usize = 16 * 1024;

/// The table of environments in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoRecords {
    client: Client,
    names: TableNames,
}

impl DynamoRecords {
    /// The table of the installation whose tables begin with `prefix`.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        Self { client: sdk.dynamodb(), names: TableNames::with_prefix(prefix) }
    }

    fn not_found(&self, error: Error) -> Error {
        if error.meaning() != Meaning::NotFound {
            return error;
        }
        let text = format!("there is no table {}: `bivouac init` makes it", self.names.environments);
        Error::new(Meaning::NotFound, error.call(), text).caused_by(error)
    }

    /// Writes a wish, if its conditions hold. They have to make sure that the generation can be counted on.
    async fn write_wish(&self, key: &ItemKey, update: Update) -> Result<u64, Refusal> {
        let attributes = self.update(key, update, ReturnValue::UpdatedNew).await?;
        attributes.get(GENERATION).and_then(whole).ok_or_else(|| {
            let text = format!("the answer does not tell the new generation of {key}");
            Refusal { error: Error::new(Meaning::Unavailable, UPDATE_ITEM.name, text), found: None }
        })
    }

    async fn update(&self, key: &ItemKey, update: Update, answer: ReturnValue) -> Result<Attributes, Refusal> {
        let output = self
            .client
            .update_item()
            .table_name(&self.names.environments)
            .set_key(Some(key_attributes(key)))
            .update_expression(update.expression())
            .set_condition_expression(update.condition())
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values((!update.values.is_empty()).then_some(update.values))
            .return_values(answer)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match output {
            Ok(output) => Ok(output.attributes.unwrap_or_default()),
            Err(error) => {
                let found = match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(failure)) => failure.item.clone(),
                    _ => None,
                };
                Err(Refusal { error: self.not_found(from_sdk(&UPDATE_ITEM, error)), found })
            }
        }
    }
}

/// An update that was refused, and the item as it stood then if a condition failed.
struct Refusal {
    error: Error,
    found: Option<Attributes>,
}

#[async_trait]
impl RecordStore for DynamoRecords {
    async fn all(&self) -> Result<Vec<Record>> {
        let mut pages =
            self.client.scan().table_name(&self.names.environments).consistent_read(true).into_paginator().send();
        let mut records = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.not_found(from_sdk(&SCAN, error)))?;
            for attributes in page.items() {
                records.push(decode(attributes, &SCAN)?);
            }
        }
        Ok(records)
    }

    async fn in_phase(&self, phase: Phase) -> Result<Vec<Record>> {
        // An index is read eventually consistent; DynamoDB takes no other read of it.
        let mut pages = self
            .client
            .query()
            .table_name(&self.names.environments)
            .index_name(BY_PHASE)
            .key_condition_expression("#phase = :phase")
            .expression_attribute_names("#phase", PHASE)
            .expression_attribute_values(":phase", AttributeValue::S(phase.as_str().to_owned()))
            .into_paginator()
            .send();
        let mut records = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.not_found(from_sdk(&QUERY, error)))?;
            for attributes in page.items() {
                records.push(decode(attributes, &QUERY)?);
            }
        }
        Ok(records)
    }

    async fn get(&self, key: &ItemKey) -> Result<Option<Record>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.names.environments)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.not_found(from_sdk(&GET_ITEM, error)))?;
        output.item.map(|attributes| decode(&attributes, &GET_ITEM)).transpose()
    }

    async fn write_status(&self, seen: &Record, status: &Status) -> Result<()> {
        let revision = seen.status.as_ref().map(|status| status.machinery.revision);
        let expected = Expected { generation: seen.generation.map(number), revision: revision.map(number) };
        let next = revision.map_or(1, |revision| revision.saturating_add(1));
        let refusal = match self.update(&seen.key, status_update(status, next, &expected)?, ReturnValue::None).await {
            Ok(_) => return Ok(()),
            Err(refusal) => refusal,
        };
        // What the condition compares is what the record *means*. An item may mean the same and hold something else: a
        // generation that is no number, or the revision of a status that somebody spoiled. If what stands there is still
        // what was seen, the write is done on the condition that exactly this stands there.
        if let Some(found) = &refusal.found
            && let Some(exact) = Expected::exactly(found, seen)
        {
            let next = exact.revision.as_ref().and_then(whole).map_or(1, |revision| revision.saturating_add(1));
            let update = status_update(status, next, &exact)?;
            return match self.update(&seen.key, update, ReturnValue::None).await {
                Ok(_) => Ok(()),
                Err(refusal) => Err(explain_status(&seen.key, refusal.error)),
            };
        }
        Err(explain_status(&seen.key, refusal.error))
    }

    async fn write_desired(&self, key: &ItemKey, change: &DesiredChange) -> Result<u64> {
        // An expression cannot ask whether a number is whole. So the write is conditional on what stands there, and what a
        // refusal shows is looked at before it is written over: `Invalid` means that nothing was written.
        let mut stands = None;
        for _ in 0..MOST_TRIES {
            let mut update = desired_update(change)?;
            update.require(&[GENERATION], stands.take());
            let refusal = match self.write_wish(key, update).await {
                Ok(generation) => return Ok(generation),
                Err(refusal) if refusal.error.meaning() != Meaning::Conflict => {
                    return Err(explain_desired(key, refusal.error));
                }
                Err(refusal) => refusal,
            };
            // Nothing is there any more if the record was deleted meanwhile.
            stands = countable(key, &refusal.found.unwrap_or_default())?;
        }
        let text = format!("{key} was written by others {MOST_TRIES} times meanwhile");
        Err(Error::new(Meaning::Conflict, UPDATE_ITEM.name, text))
    }

    async fn write_desired_over(&self, key: &ItemKey, seen: Option<&Record>, change: &DesiredChange) -> Result<u64> {
        let mut update = desired_update(change)?;
        match seen {
            None => update.require(&[REPO], None),
            // The last number cannot be counted on, though a condition would find it.
            Some(Record { generation: Some(u64::MAX), .. }) => return Err(no_generation(key, &u64::MAX.to_string())),
            Some(seen) => {
                update.require_existing(REPO);
                update.require(&[GENERATION], seen.generation.map(number));
            }
        }
        match self.write_wish(key, update).await {
            Ok(generation) => Ok(generation),
            Err(Refusal { error, found }) => {
                // Reading again would not help.
                countable(key, &found.unwrap_or_default())?;
                Err(explain_desired(key, error))
            }
        }
    }

    async fn init(&self) -> Result<Vec<String>> {
        let specs = self.names.specs();
        let [environments, events, leases] = &specs;
        let bring = |spec| init::bring(&self.client, spec);
        // Creating takes seconds each, so all at once; a sentence that says what is wrong comes before "not yet".
        let results = futures::join!(bring(environments), bring(events), bring(leases));
        let mut done = Vec::new();
        for result in [results.0, results.1, results.2] {
            done.extend(result?);
        }
        Ok(done)
    }

    async fn check(&self) -> Result<()> {
        self.problems().await.into_iter().next().map_or(Ok(()), Err)
    }

    async fn problems(&self) -> Vec<Error> {
        let specs = self.names.specs();
        let [environments, events, leases] = &specs;
        let look = |spec| init::problems(&self.client, spec);
        let (environments, events, leases) = futures::join!(look(environments), look(events), look(leases));
        let all = [environments, events, leases].map(|found| found.unwrap_or_else(|error| vec![error]));
        all.into_iter().flatten().collect()
    }
}

/// What has to stand in the item for a status to be written; `None`: nothing.
struct Expected {
    generation: Option<AttributeValue>,
    revision: Option<AttributeValue>,
}

impl Expected {
    /// What stands there, if that means what was seen.
    fn exactly(found: &Attributes, seen: &Record) -> Option<Self> {
        let record = decode_record(seen.key.clone(), &from_attributes(found));
        let revision_of = |record: &Record| record.status.as_ref().map(|status| status.machinery.revision);
        if record.generation != seen.generation || revision_of(&record) != revision_of(seen) {
            return None;
        }
        let revision = match found.get(update::STATUS) {
            Some(AttributeValue::M(status)) => status.get(update::REVISION).cloned(),
            _ => None,
        };
        Some(Self { generation: found.get(GENERATION).cloned(), revision })
    }
}

fn status_update(status: &Status, revision: u64, expected: &Expected) -> Result<Update> {
    let mut status = status.clone();
    status.machinery.revision = revision;
    let mut update = Update::default();
    for (name, value) in encode_status(&status) {
        update.put(name, value.as_ref()).map_err(|text| Error::new(Meaning::Invalid, UPDATE_ITEM.name, text))?;
    }
    // Without this, an update of an item that was deleted meanwhile would bring it back.
    update.require_existing(REPO);
    update.require(&[GENERATION], expected.generation.clone());
    update.require(&[update::STATUS, update::REVISION], expected.revision.clone());
    Ok(update)
}

fn desired_update(change: &DesiredChange) -> Result<Update> {
    let mut update = Update::default();
    for (name, value) in change {
        if matches!(*name, GENERATION | REPO | PR) {
            let text = format!("`{name}` is no part of a wish: the store writes it");
            return Err(Error::new(Meaning::Invalid, UPDATE_ITEM.name, text));
        }
        update.put(name, value.as_ref()).map_err(|text| Error::new(Meaning::Invalid, UPDATE_ITEM.name, text))?;
    }
    update.count(GENERATION);
    Ok(update)
}

fn decode(attributes: &HashMap<String, AttributeValue>, call: &Call) -> Result<Record> {
    // Complete or an error: an item without its key cannot be left out silently.
    let key = item_key(attributes).ok_or_else(|| {
        Error::new(Meaning::Invalid, call.name, "the table has an item without `repo` (S) and `pr` (N)")
    })?;
    let mut record = decode_record(key, &from_attributes(attributes));
    if let Some(problem) = too_large_for_a_status(attributes) {
        record.desired = Err(record.desired.err().into_iter().flatten().chain([problem]).collect());
    }
    Ok(record)
}

/// A record that cannot be answered must not be followed: what was begun for it would be forgotten, its end included.
fn too_large_for_a_status(attributes: &Attributes) -> Option<Problem> {
    let theirs = attributes.iter().filter(|(name, _)| !STATUS_ATTRIBUTES.contains(&name.as_str()));
    let bytes: usize = theirs.map(|(name, value)| name.len() + size(value)).sum();
    let most = MAX_ITEM_BYTES - STATUS_BYTES;
    (bytes > most).then(|| {
        Problem::sentence(format!(
            "the item takes {bytes} bytes; allowed: at most {most}, so that its status finds room within DynamoDB's 400 KB"
        ))
    })
}

/// What may be counted on: nothing, or a whole number that is not the last one.
fn countable(key: &ItemKey, found: &Attributes) -> Result<Option<AttributeValue>> {
    match found.get(GENERATION) {
        None => Ok(None),
        Some(stands) if whole(stands).is_some_and(|number| number < u64::MAX) => Ok(Some(stands.clone())),
        Some(stands) => Err(no_generation(key, &shown(stands))),
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn whole(attribute: &AttributeValue) -> Option<u64> {
    super::value::from_attribute(attribute).as_u64()
}

fn shown(attribute: &AttributeValue) -> String {
    super::value::from_attribute(attribute).to_string()
}

/// DynamoDB's words for an item over 400 KB differ between PutItem and UpdateItem, and between it and its emulators; all
/// of them speak of the item's size.
fn too_large(error: &Error) -> bool {
    error.meaning() == Meaning::Invalid && error.message().to_lowercase().contains("item size")
}

fn explain_status(key: &ItemKey, error: Error) -> Error {
    let text = match error.meaning() {
        Meaning::Conflict => format!("{key} was written or deleted meanwhile"),
        Meaning::Invalid if too_large(&error) => format!(
            "{key} leaves no room for its status within DynamoDB's 400 KB for an item: make `flags`, `config` or attributes of your own smaller"
        ),
        _ => return error,
    };
    Error::new(error.meaning(), UPDATE_ITEM.name, text).caused_by(error)
}

fn explain_desired(key: &ItemKey, error: Error) -> Error {
    let text = match error.meaning() {
        Meaning::Conflict => format!("{key} was written or deleted meanwhile"),
        Meaning::Invalid if too_large(&error) => {
            format!("{key} would be larger than DynamoDB's 400 KB for an item: make `flags` or `config` smaller")
        }
        _ => return error,
    };
    Error::new(error.meaning(), UPDATE_ITEM.name, text).caused_by(error)
}

fn no_generation(key: &ItemKey, holds: &str) -> Error {
    let text = format!("generation of {key} holds {holds}; allowed: a whole number from 0 (N), or nothing");
    Error::new(Meaning::Invalid, UPDATE_ITEM.name, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_shown_in_every_refusal() {
        let key = ItemKey { repo: "a/b".into(), pr: "1".into() };
        for (meaning, message) in [
            (Meaning::Conflict, "The conditional request failed"),
            (Meaning::Invalid, "ValidationException: Item size to update has exceeded the maximum allowed size"),
        ] {
            let error = explain_status(&key, Error::new(meaning, UPDATE_ITEM.name, message));
            assert!(error.message().contains("a/b#1"), "{error}");
            assert_eq!(error.meaning(), meaning);
        }
    }

    #[test]
    fn only_a_whole_number_is_counted_on() {
        let key = ItemKey { repo: "a/b".into(), pr: "1".into() };
        let holds = |value: AttributeValue| countable(&key, &Attributes::from([(GENERATION.to_owned(), value)]));
        assert_eq!(countable(&key, &Attributes::new()).unwrap(), None);
        assert_eq!(holds(number(7)).unwrap(), Some(number(7)));
        for bad in ["1.5", "-1", "1000000000000000000000000000000", "18446744073709551615"] {
            let error = holds(AttributeValue::N(bad.into())).unwrap_err();
            assert!(error.message().starts_with(&format!("generation of a/b#1 holds {bad}; ")), "{error}");
        }
        assert!(holds(AttributeValue::S("two".into())).is_err());
    }

    #[test]
    fn an_item_that_leaves_no_room_for_its_status_is_a_problem_of_the_record() {
        let item = |bytes: usize| {
            let note = ("note".to_owned(), AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(vec![0; bytes])));
            let key = key_attributes(&ItemKey { repo: "a/b".into(), pr: "1".into() });
            key.into_iter().chain([note]).collect::<Attributes>()
        };
        assert!(decode(&item(380_000), &GET_ITEM).unwrap().desired.is_ok());
        let problems = decode(&item(400_000), &GET_ITEM).unwrap().desired.unwrap_err();
        let sentence = problems[0].to_string();
        assert!(sentence.starts_with("the item takes 400015 bytes; allowed: at most 393216"), "{sentence}");
    }

    #[test]
    fn only_what_means_the_same_is_matched_exactly() {
        let attributes = |generation: AttributeValue| {
            Attributes::from([
                (GENERATION.to_owned(), generation),
                (update::STATUS.to_owned(), AttributeValue::M([(update::REVISION.to_owned(), number(7))].into())),
            ])
        };
        let seen = decode_record(
            ItemKey { repo: "a/b".into(), pr: "1".into() },
            &from_attributes(&attributes(AttributeValue::S("x".into()))),
        );
        let revision = seen.status.as_ref().map(|status| status.machinery.revision);
        assert_eq!((seen.generation, revision), (None, Some(7)), "of a status without a phase the rest is kept");
        let exact = Expected::exactly(&attributes(AttributeValue::N("-5".into())), &seen).unwrap();
        assert_eq!((exact.generation, exact.revision), (Some(AttributeValue::N("-5".into())), Some(number(7))));
        assert!(Expected::exactly(&attributes(number(5)), &seen).is_none(), "a new generation is a new wish");
    }

    #[test]
    fn a_value_is_shown_as_people_write_it() {
        assert_eq!(shown(&AttributeValue::N("2.5".into())), "2.5");
        assert_eq!(whole(&AttributeValue::N("2.5".into())), None);
    }
}

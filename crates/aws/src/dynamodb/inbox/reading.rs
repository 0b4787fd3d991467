//! What waits, a page at a time, and how far a list of the forge was read.

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_ports::{InboxCursor, InboxPage, Meaning, ReadPosition, Result};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{AT, Attributes, DynamoInbox, ENVIRONMENT, INBOX, decode, no_table};
use crate::calls::{GET_ITEM, PUT_ITEM, QUERY};
use crate::error::from_sdk;

/// The one range key in the partition of a list.
const POSITION: &str = "position";
const BEGUN_AT: &str = "begun_at";
const READ_UNTIL: &str = "read_until";

impl DynamoInbox {
    /// One Query. A page ends at 1 MB too, so large deliveries do not fill the memory.
    pub(super) async fn read_page(&self, after: Option<&InboxCursor>, most: usize) -> Result<InboxPage> {
        // DynamoDB takes no limit of 0.
        let mut request = self.letters().limit(i32::try_from(most.max(1)).unwrap_or(i32::MAX));
        if let Some(InboxCursor(at)) = after {
            request = request
                .exclusive_start_key(ENVIRONMENT, AttributeValue::S(INBOX.to_owned()))
                .exclusive_start_key(AT, AttributeValue::S(at.clone()));
        }
        let output = request.send().await.map_err(|error| no_table(&self.table, from_sdk(&QUERY, error)))?;
        let letters: Vec<_> = output.items().iter().filter_map(decode).collect();
        let unreadable = output.items().len() - letters.len();
        if unreadable > 0 {
            tracing::warn!(unreadable, "table {} holds letters that cannot be read", self.table);
        }
        let next = output.last_evaluated_key().and_then(|key| key.get(AT)?.as_s().ok()).cloned();
        Ok(InboxPage { letters, next: next.map(InboxCursor) })
    }

    pub(super) async fn position(&self, list: &str) -> Result<Option<ReadPosition>> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let request = request.key(ENVIRONMENT, AttributeValue::S(partition(list)));
        let output = request.key(AT, AttributeValue::S(POSITION.to_owned())).send().await;
        let output = output.map_err(|error| no_table(&self.table, from_sdk(&GET_ITEM, error)))?;
        Ok(output.item.as_ref().and_then(read))
    }

    /// Times of one form sort as they pass, so the condition compares texts.
    pub(super) async fn move_on(&self, list: &str, position: &ReadPosition) -> Result<()> {
        let until = AttributeValue::S(form(position.read_until));
        let item = Attributes::from([
            (ENVIRONMENT.to_owned(), AttributeValue::S(partition(list))),
            (AT.to_owned(), AttributeValue::S(POSITION.to_owned())),
            (BEGUN_AT.to_owned(), AttributeValue::S(form(position.begun_at))),
            (READ_UNTIL.to_owned(), until.clone()),
        ]);
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let request = request
            .condition_expression("attribute_not_exists(#until) OR #until < :until")
            .expression_attribute_names("#until", READ_UNTIL)
            .expression_attribute_values(":until", until);
        match request.send().await.map_err(|error| no_table(&self.table, from_sdk(&PUT_ITEM, error))) {
            // Another process read at least as far, or this call was made before and its answer lost.
            Err(error) if error.meaning() == Meaning::Conflict => Ok(()),
            other => other.map(drop),
        }
    }
}

/// An event's partition is `owner/name#pr` and a delivery's `inbox`, so this is neither.
fn partition(list: &str) -> String {
    format!("read#{list}")
}

fn form(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// A position that cannot be read is none: reading begins at the present again.
fn read(item: &Attributes) -> Option<ReadPosition> {
    let time = |name: &str| {
        let text = item.get(name)?.as_s().ok()?;
        Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
    };
    Some(ReadPosition { begun_at: time(BEGUN_AT)?, read_until: time(READ_UNTIL)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_texts() {
        let at = |seconds, nanos| form(DateTime::from_timestamp(seconds, nanos).unwrap());
        assert!(at(9, 999_999_999) < at(10, 0) && at(10, 0) < at(10, 1));
    }

    #[test]
    fn a_spoiled_position_is_none() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = |begun: &str, until: &str| {
            Attributes::from([(BEGUN_AT.to_owned(), text(begun)), (READ_UNTIL.to_owned(), text(until))])
        };
        let time = "2026-11-23T12:00:00Z";
        assert!(read(&item(time, time)).is_some());
        assert!(read(&item(time, "yesterday")).is_none() && read(&Attributes::new()).is_none());
    }
}

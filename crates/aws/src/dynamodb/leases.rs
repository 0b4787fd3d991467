//! The door to the leases.

mod spoiled;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::Value;
use bivouac_ports::{Clock, Error, LeaseView, Leases, Meaning, Result, SystemClock};
use chrono::SecondsFormat;

use super::tables::TableNames;
use super::update::Update;
use super::value::Attributes;
use crate::Sdk;
use crate::calls::{GET_ITEM, UPDATE_ITEM};
use crate::error::from_sdk;

/// The hash key of the table of leases.
const NAME: &str = "name";
const HOLDER: &str = "holder";
const VERSION: &str = "version";
/// The holder's period, in milliseconds.
const PERIOD: &str = "period_ms";
/// For people who look into the table. Nobody decides by it: clocks differ, so a claimant watches the version instead.
const RENEWED_AT: &str = "renewed_at";

/// The table of leases in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoLeases {
    client: Client,
    table: String,
}

impl DynamoLeases {
    /// The leases of the installation whose tables begin with `prefix`.
    pub fn new(sdk: &Sdk, prefix: &str) -> Self {
        Self { client: sdk.dynamodb(), table: TableNames::with_prefix(prefix).leases }
    }

    async fn put(&self, name: &str, lease: &LeaseView, seen: Seen<'_>) -> Result<()> {
        let renewed_at = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let number = |number: u64| Value::Number(number.to_string());
        let period = u64::try_from(lease.period.as_millis()).unwrap_or(u64::MAX);
        let mut update = Update::default();
        for (attribute, value) in [
            (HOLDER, lease.holder.as_ref().map(|holder| Value::String(holder.clone()))),
            (VERSION, Some(number(lease.version))),
            (PERIOD, Some(number(period))),
            (RENEWED_AT, Some(Value::String(renewed_at))),
        ] {
            update
                .put(attribute, value.as_ref())
                .map_err(|text| Error::new(Meaning::Invalid, UPDATE_ITEM.name, text))?;
        }
        match seen {
            Seen::Nothing => update.require(&[NAME], None),
            Seen::Version(version) => update.require(&[VERSION], Some(AttributeValue::N(version.to_string()))),
            Seen::Content(item) => {
                for name in spoiled::OURS {
                    update.require(&[name], item.get(name).cloned());
                }
            }
        }
        let expression = update.expression();
        let condition = update.condition();
        self.client
            .update_item()
            .table_name(&self.table)
            .key(NAME, AttributeValue::S(name.to_owned()))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .send()
            .await
            .map_err(|error| self.explain(name, from_sdk(&UPDATE_ITEM, error)))?;
        Ok(())
    }

    async fn item(&self, name: &str) -> Result<Option<Attributes>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(NAME, AttributeValue::S(name.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.explain(name, from_sdk(&GET_ITEM, error)))?;
        Ok(output.item)
    }

    fn explain(&self, name: &str, error: Error) -> Error {
        let text = match error.meaning() {
            Meaning::NotFound => format!("there is no table {}: `bivouac init` makes it", self.table),
            Meaning::Conflict => format!("lease {name} was written meanwhile"),
            _ => return error,
        };
        Error::new(error.meaning(), error.call(), text).caused_by(error)
    }
}

/// What the item has to be still for a write to be done.
enum Seen<'a> {
    /// There is none.
    Nothing,
    /// Its version.
    Version(u64),
    /// It is spoiled, and its content is this.
    Content(&'a Attributes),
}

#[async_trait]
impl Leases for DynamoLeases {
    async fn read(&self, name: &str) -> Result<Option<LeaseView>> {
        Ok(self.item(name).await?.as_ref().map(spoiled::view))
    }

    async fn write(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()> {
        let Some(version) = seen else { return self.put(name, lease, Seen::Nothing).await };
        let written = self.put(name, lease, Seen::Version(version)).await;
        if !matches!(&written, Err(error) if error.meaning() == Meaning::Conflict) || !spoiled::may_be_word(version) {
            return written;
        }
        // The item may have no version that can be read. If it is what was seen, it may be replaced while it is just that.
        match self.item(name).await? {
            Some(item) if spoiled::version_of(&item).is_none() && spoiled::word(&item) == version => {
                self.put(name, lease, Seen::Content(&item)).await
            }
            _ => written,
        }
    }
}

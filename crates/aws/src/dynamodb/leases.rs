//! The door to the leases.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::Value;
use bivouac_ports::{Clock, Error, LeaseView, Leases, Meaning, Result, SystemClock};
use chrono::SecondsFormat;

use super::tables::TableNames;
use super::update::Update;
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

    async fn put(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()> {
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
            None => update.require(&[NAME], None),
            Some(version) => update.require(&[VERSION], Some(AttributeValue::N(version.to_string()))),
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

    fn explain(&self, name: &str, error: Error) -> Error {
        let text = match error.meaning() {
            Meaning::NotFound => format!("there is no table {}: `bivouac init` makes it", self.table),
            Meaning::Conflict => format!("lease {name} was written meanwhile"),
            _ => return error,
        };
        Error::new(error.meaning(), error.call(), text).caused_by(error)
    }
}

#[async_trait]
impl Leases for DynamoLeases {
    async fn read(&self, name: &str) -> Result<Option<LeaseView>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(NAME, AttributeValue::S(name.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.explain(name, from_sdk(&GET_ITEM, error)))?;
        let Some(item) = output.item else { return Ok(None) };
        let version =
            item.get(VERSION).and_then(|version| super::value::from_attribute(version).as_u64()).ok_or_else(|| {
                let text = format!(
                    "lease {name} has no `version` that is a whole number (N): remove the item from table {}",
                    self.table
                );
                Error::new(Meaning::Invalid, GET_ITEM.name, text)
            })?;
        let holder =
            item.get(HOLDER).and_then(|holder| holder.as_s().ok()).filter(|holder| !holder.is_empty()).cloned();
        let period =
            item.get(PERIOD).and_then(|period| super::value::from_attribute(period).as_u64()).unwrap_or_default();
        Ok(Some(LeaseView { holder, version, period: Duration::from_millis(period) }))
    }

    async fn write(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()> {
        self.put(name, lease, seen).await
    }
}

//! What the others rely on in the journal, the inbox, the ledger of spending and the wishes over what was read, asked of the
//! real adapters.
//!
//! Each function of [`heads`], [`inbox`], [`journal`], [`spending`] and [`wishes_over`] is one promise. It makes tables of its own at whatever
//! speaks DynamoDB, does there what people and other programs do with the plain client, and removes them afterwards: among
//! a hundred tables DynamoDB Local takes minutes to make another.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_aws::{DynamoRecords, Endpoints, Sdk, SdkSettings, StaticCredentials};
use bivouac_model::ItemKey;
use bivouac_ports::{NoMeter, RecordStore as _};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;

mod heads;
mod inbox;
mod journal;
mod spending;
mod wishes_over;

/// Any would do.
const REGION: &str = "us-west-2";

/// One promise.
type Promise = for<'a> fn(&'a Tables) -> BoxFuture<'a, ()>;

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        /// All promises, with their names.
        pub(super) const PROMISES: &[(&str, super::Promise)] =
            &[$((stringify!($name), |tables| Box::pin($name(tables)))),*];
    };
}
use promises;

/// Holds every promise against what speaks DynamoDB at this URL, one after another, also after one is broken.
pub async fn keep_every_promise(endpoint: &str) {
    let mut broken = Vec::new();
    let all = [journal::PROMISES, inbox::PROMISES, heads::PROMISES, spending::PROMISES, wishes_over::PROMISES];
    for (name, promise) in all.concat() {
        let tables = Tables::made(endpoint).await;
        if AssertUnwindSafe(promise(&tables)).catch_unwind().await.is_err() {
            broken.push(name);
        }
        for table in ["environments", "events", "leases"] {
            let _ = tables.client.delete_table().table_name(format!("{}-{table}", tables.prefix)).send().await;
        }
    }
    assert!(broken.is_empty(), "broken: {broken:?}");
}

/// One installation, and a plain client.
pub struct Tables {
    sdk: Sdk,
    prefix: String,
    client: Client,
}

impl Tables {
    async fn made(endpoint: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // The process too, since an emulator may outlive a run.
        let prefix = format!("events-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let settings = SdkSettings {
            region: Some(REGION.into()),
            endpoints: Endpoints { dynamodb: Some(endpoint.to_owned()), ..Endpoints::default() },
            credentials: Some(StaticCredentials::of_no_account()),
        };
        let sdk = Sdk::load(&settings, Arc::new(NoMeter)).await.expect("a configuration");
        let credentials = aws_sdk_dynamodb::config::Credentials::new("client", "client", None, None, "test");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_dynamodb::config::Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(endpoint)
            .build();
        let tables = Self { sdk, prefix, client: Client::from_conf(config) };
        tables.records().init().await.expect("tables");
        tables
    }

    fn records(&self) -> DynamoRecords {
        DynamoRecords::new(&self.sdk, &self.prefix)
    }

    /// Everything in the table of events, by partition and range key.
    async fn events_table(&self) -> HashMap<(String, String), HashMap<String, AttributeValue>> {
        let request = self.client.scan().table_name(format!("{}-events", self.prefix)).consistent_read(true);
        let mut items = request.into_paginator().items().send();
        let mut found = HashMap::new();
        while let Some(item) = items.next().await {
            let item = item.expect("an item");
            let key = |name: &str| item[name].as_s().expect("a key is text").clone();
            found.insert((key("environment"), key("at")), item);
        }
        found
    }

    /// Writes an item into the table of events, as a person might.
    async fn put_event(&self, environment: &str, at: &str, attributes: &[(&str, AttributeValue)]) {
        let mut item: HashMap<_, _> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        item.insert("environment".into(), text(environment));
        item.insert("at".into(), text(at));
        let request = self.client.put_item().table_name(format!("{}-events", self.prefix));
        request.set_item(Some(item)).send().await.expect("put");
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn key(pr: &str) -> ItemKey {
    ItemKey { repo: "apache/superset".into(), pr: pr.into() }
}

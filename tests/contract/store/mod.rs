//! What the controller relies on in the record store, its feed and the leases, asked of the real adapters.
//!
//! Each function that [`PROMISES`] names is one promise; the files beside this say what each is about. A promise writes as
//! clients do, with the plain DynamoDB client, and asks through the adapters at whatever speaks DynamoDB and its streams.
//! Every promise makes tables of its own, so that others may use the same endpoint meanwhile.

mod leases;
mod news;
mod statuses;
mod tables;
mod wishes;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use bivouac_aws::{DynamoRecords, Endpoints, Sdk, SdkSettings, StaticCredentials};
use bivouac_model::{ItemKey, Machinery, Phase, Record, Status, Usd};
use bivouac_ports::{NoMeter, RecordStore as _};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// The longest that a test waits for a write to come back as news. DynamoDB Local takes up to a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Any would do.
const REGION: &str = "us-west-2";

/// Something that speaks DynamoDB and its streams.
pub struct Store {
    /// Its URL.
    endpoint: String,
    /// What the installations that were made there are called.
    prefixes: Mutex<Vec<String>>,
}

impl Store {
    /// What answers at this URL.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), prefixes: Mutex::default() }
    }

    /// Holds every promise against it, one after another, also after one is broken. Each has tables of its own, which are
    /// removed afterwards: among a hundred tables DynamoDB Local takes minutes to add an index to one.
    pub async fn keeps_every_promise(&self) {
        let mut broken = Vec::new();
        for (name, promise) in PROMISES {
            if AssertUnwindSafe(promise(self)).catch_unwind().await.is_err() {
                broken.push(*name);
            }
            let prefixes = std::mem::take(&mut *self.prefixes.lock().expect("nobody panics while holding it"));
            let client = self.client();
            for prefix in prefixes {
                for table in ["environments", "events", "leases"] {
                    // Not every promise makes all three.
                    let _ = client.delete_table().table_name(format!("{prefix}-{table}")).send().await;
                }
            }
        }
        assert!(broken.is_empty(), "broken: {broken:?}");
    }

    /// A plain client.
    fn client(&self) -> Client {
        let credentials = aws_sdk_dynamodb::config::Credentials::new("client", "client", None, None, "test");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_dynamodb::config::Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(&self.endpoint)
            .build();
        Client::from_conf(config)
    }
}

/// One promise.
type Promise = for<'a> fn(&'a Store) -> BoxFuture<'a, ()>;

macro_rules! promises {
    ($($about:ident { $($name:ident,)+ })+) => {
        /// All promises, with their names.
        const PROMISES: &[(&str, Promise)] = &[$($((stringify!($name), |store| Box::pin($about::$name(store))),)+)+];
    };
}

promises! {
    tables {
        tables_are_made_once,
        two_may_make_the_tables_at_once,
        a_table_with_another_key_is_told_and_left_alone,
        what_a_table_lacks_is_added,
        what_is_missing_is_told_by_name,
    }
    statuses {
        a_status_is_read_back_as_it_was_written,
        records_are_found_by_their_phase,
        a_status_touches_nothing_that_clients_wrote,
        a_status_keeps_what_another_release_wrote,
        a_status_from_an_old_view_is_refused,
        a_wish_written_meanwhile_comes_first,
        a_lost_answer_is_seen_by_reading_again,
        a_deleted_record_stays_deleted,
        a_record_that_was_overwritten_whole_is_answered_anew,
        spoiled_records_are_answered_too,
        of_two_who_answer_a_spoiled_record_one_loses,
        impossible_keys_are_answered_too,
    }
    wishes {
        wishes_are_counted,
        wishes_written_at_once_are_all_counted,
        a_generation_that_is_no_number_is_told,
        every_type_in_every_attribute_is_told_by_name,
        an_item_that_grows_too_large_is_told,
        a_thousand_and_one_records_are_all_read,
        two_thousand_five_hundred_records_are_all_read,
    }
    news {
        every_write_of_a_client_is_news,
        own_writes_are_no_news,
    }
    leases {
        of_two_claimants_one_wins,
        a_lease_is_renewed_and_given_back,
        a_spoiled_lease_is_replaced_by_one_who_saw_it_as_it_is,
    }
}

/// One installation: tables of its own, the adapters on them, and a plain client.
struct Installation {
    sdk: Sdk,
    prefix: String,
    records: DynamoRecords,
    client: Client,
}

impl Installation {
    /// Without tables yet.
    async fn bare(store: &Store) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // The process too, since an emulator may outlive a run.
        let prefix = format!("contract-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let settings = SdkSettings {
            region: Some(REGION.into()),
            endpoints: Endpoints { dynamodb: Some(store.endpoint.clone()), ..Endpoints::default() },
            credentials: Some(StaticCredentials::of_no_account()),
        };
        let sdk = Sdk::load(&settings, Arc::new(NoMeter)).await.expect("a configuration");
        store.prefixes.lock().expect("nobody panics while holding it").push(prefix.clone());
        let records = DynamoRecords::new(&sdk, &prefix);
        Self { sdk, prefix, records, client: store.client() }
    }

    async fn made(store: &Store) -> Self {
        let installation = Self::bare(store).await;
        installation.records.init().await.expect("tables");
        installation
    }

    fn environments(&self) -> String {
        format!("{}-environments", self.prefix)
    }

    /// Writes an item whole, as `aws dynamodb put-item` does.
    async fn put(&self, key: &ItemKey, attributes: &[(&str, AttributeValue)]) {
        self.client
            .put_item()
            .table_name(self.environments())
            .set_item(Some(item(key, attributes)))
            .send()
            .await
            .expect("put");
    }

    /// Sets one attribute, as `aws dynamodb update-item` does.
    async fn set(&self, key: &ItemKey, attribute: &str, value: AttributeValue) {
        self.client
            .update_item()
            .table_name(self.environments())
            .set_key(Some(item(key, &[])))
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", value)
            .send()
            .await
            .expect("set");
    }

    async fn delete(&self, key: &ItemKey) {
        let request = self.client.delete_item().table_name(self.environments());
        request.set_key(Some(item(key, &[]))).send().await.expect("delete");
    }

    /// The item as it stands, without the adapter.
    async fn raw(&self, key: &ItemKey) -> HashMap<String, AttributeValue> {
        let request = self.client.get_item().table_name(self.environments()).consistent_read(true);
        request.set_key(Some(item(key, &[]))).send().await.expect("get").item.expect("an item")
    }

    async fn get(&self, key: &ItemKey) -> Record {
        self.records.get(key).await.expect("get").expect("a record")
    }

    async fn put_many(&self, count: usize, bytes: usize) {
        let padding = AttributeValue::S("x".repeat(bytes));
        let all: Vec<WriteRequest> = (1..=count)
            .map(|pr| {
                let item = item(&key(&pr.to_string()), &[("note", padding.clone())]);
                let put = PutRequest::builder().set_item(Some(item)).build().expect("a request");
                WriteRequest::builder().put_request(put).build()
            })
            .collect();
        // The most that BatchWriteItem takes.
        for batch in all.chunks(25) {
            let request = self.client.batch_write_item().request_items(self.environments(), batch.to_vec());
            let output = request.send().await.expect("a batch");
            assert!(output.unprocessed_items().is_none_or(HashMap::is_empty), "an emulator throttles");
        }
    }
}

fn key(pr: &str) -> ItemKey {
    ItemKey { repo: "apache/superset".into(), pr: pr.into() }
}

fn item(key: &ItemKey, attributes: &[(&str, AttributeValue)]) -> HashMap<String, AttributeValue> {
    let mut item: HashMap<_, _> = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    item.insert("repo".into(), text(&key.repo));
    item.insert("pr".into(), number(&key.pr));
    item
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.into())
}

fn map<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn status(phase: Phase) -> Status {
    Status {
        phase,
        reason: "Healthy".into(),
        message: "It answers.".into(),
        url: Some("http://203.0.113.7:8080".into()),
        public_ip: Some([203, 0, 113, 7].into()),
        expires_at: time("2026-11-25T12:00:00Z"),
        hourly_cost_usd: Usd::from_dollars(0.0173),
        cost_usd: Usd::from_dollars(0.83),
        updated_at: time("2026-11-23T12:00:00Z"),
        purge_at: None,
        machinery: Machinery { observed_generation: Some(1), ..Machinery::default() },
    }
}

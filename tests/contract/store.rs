//! What the controller relies on in the record store, its feed and the leases, asked of the real adapters.
//!
//! Each function is one promise. It writes as clients do, with the plain DynamoDB client, and asks through the adapters
//! at whatever speaks DynamoDB and its streams. Every promise makes tables of its own, so that others may use the same
//! endpoint meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest, ScalarAttributeType,
    WriteRequest,
};
use bivouac_aws::{DynamoFeed, DynamoLeases, DynamoRecords, Endpoints, Sdk, SdkSettings, StaticCredentials};
use bivouac_model::{ItemKey, Machinery, Phase, Record, Status, Usd, Value};
use bivouac_ports::{LeaseView, Leases as _, Meaning, NoMeter, RecordFeed as _, RecordStore as _};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};

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
    ($($name:ident),* $(,)?) => {
        /// All promises, with their names.
        const PROMISES: &[(&str, Promise)] = &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}

promises![
    tables_are_made_once,
    two_may_make_the_tables_at_once,
    a_table_with_another_key_is_told_and_left_alone,
    what_a_table_lacks_is_added,
    what_is_missing_is_told_by_name,
    a_status_is_read_back_as_it_was_written,
    a_status_touches_nothing_that_clients_wrote,
    a_status_from_an_old_view_is_refused,
    a_wish_written_meanwhile_comes_first,
    a_lost_answer_is_seen_by_reading_again,
    a_deleted_record_stays_deleted,
    a_record_that_was_overwritten_whole_is_answered_anew,
    spoiled_records_are_answered_too,
    of_two_who_answer_a_spoiled_record_one_loses,
    impossible_keys_are_answered_too,
    wishes_are_counted,
    wishes_written_at_once_are_all_counted,
    a_generation_that_is_no_number_is_told,
    every_type_in_every_attribute_is_told_by_name,
    an_item_that_grows_too_large_is_told,
    a_thousand_and_one_records_are_all_read,
    two_thousand_five_hundred_records_are_all_read,
    every_write_of_a_client_is_news,
    own_writes_are_no_news,
    of_two_claimants_one_wins,
    a_lease_is_renewed_and_given_back,
];

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

// ---- tables ----

async fn tables_are_made_once(store: &Store) {
    let one = Installation::bare(store).await;
    let done = one.records.init().await.expect("tables");
    assert!(done.iter().any(|sentence| *sentence == format!("created table {}", one.environments())), "{done:?}");
    assert_eq!(one.records.init().await.expect("again"), Vec::<String>::new());
    one.records.check().await.expect("all is as it should be");

    let describe = one.client.describe_table().table_name(one.environments()).send().await.expect("a table");
    let table = describe.table.expect("a table");
    let stream = table.stream_specification().expect("a stream");
    assert_eq!(stream.stream_view_type().expect("a view").as_str(), "NEW_AND_OLD_IMAGES");
    assert_eq!(table.billing_mode_summary().expect("billing").billing_mode(), Some(&BillingMode::PayPerRequest));
    let index = &table.global_secondary_indexes()[0];
    assert_eq!(index.index_name(), Some("by-phase"));
    assert_eq!(index.projection().expect("a projection").projection_type().expect("a type").as_str(), "ALL");
    for table in ["environments", "events"] {
        let request = one.client.describe_time_to_live().table_name(format!("{}-{table}", one.prefix));
        let ttl = request.send().await.expect("time to live").time_to_live_description.expect("time to live");
        assert_eq!(ttl.attribute_name(), Some("purge_at"), "{table}");
    }

    // The index finds what has both of its attributes.
    one.put(&key("1"), &[]).await;
    one.put(&key("2"), &[]).await;
    one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
    let request = one.client.query().table_name(one.environments()).index_name("by-phase");
    let request = request.key_condition_expression("phase = :p").expression_attribute_values(":p", text("Ready"));
    let found = request.send().await.expect("a query");
    assert_eq!(found.items().iter().map(|item| &item["pr"]).collect::<Vec<_>>(), [&number("1")]);
}

async fn two_may_make_the_tables_at_once(store: &Store) {
    let one = Installation::bare(store).await;
    let other = one.records.clone();
    let (first, second) = tokio::join!(one.records.init(), other.init());
    first.expect("the first");
    second.expect("the second");
    one.records.check().await.expect("all is as it should be");
}

async fn create(one: &Installation, table: &str, keys: &[(&str, ScalarAttributeType)]) {
    let mut request = one.client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for ((name, scalar), part) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition = AttributeDefinition::builder().attribute_name(*name).attribute_type(scalar.clone());
        let element = KeySchemaElement::builder().attribute_name(*name).key_type(part);
        request = request
            .attribute_definitions(definition.build().expect("a definition"))
            .key_schema(element.build().expect("an element"));
    }
    request.send().await.expect("a table");
}

async fn a_table_with_another_key_is_told_and_left_alone(store: &Store) {
    let one = Installation::bare(store).await;
    create(&one, &one.environments(), &[("pr", ScalarAttributeType::S)]).await;
    for error in [one.records.init().await.map(drop), one.records.check().await] {
        let error = error.expect_err("a wrong key");
        assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
        assert!(
            error.message().contains("has the key pr (S, hash) and should have repo (S, hash) and pr (N, range)"),
            "{error}"
        );
    }
    let describe = one.client.describe_table().table_name(one.environments()).send().await.expect("a table");
    let table = describe.table.expect("a table");
    assert!(table.stream_specification().is_none() && table.global_secondary_indexes().is_empty(), "{table:?}");
}

async fn what_a_table_lacks_is_added(store: &Store) {
    let one = Installation::bare(store).await;
    create(&one, &one.environments(), &[("repo", ScalarAttributeType::S), ("pr", ScalarAttributeType::N)]).await;
    one.put(&key("1"), &[("image_tag", text("t"))]).await;
    let error = one.records.check().await.expect_err("it lacks the index");
    assert!(error.message().contains("no index by-phase: `bivouac init` adds it"), "{error}");
    let done = one.records.init().await.expect("tables").join("\n");
    for part in ["index by-phase", "stream", "time to live"] {
        assert!(done.contains(part), "{part}: {done}");
    }
    one.records.check().await.expect("all is as it should be");
    assert_eq!(one.raw(&key("1")).await["image_tag"], text("t"));
}

async fn what_is_missing_is_told_by_name(store: &Store) {
    let one = Installation::bare(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    let (all, got) = (one.records.all().await, one.records.get(&key("1")).await);
    let (wished, checked) = (one.records.write_desired(&key("1"), &Vec::new()).await, one.records.check().await);
    for error in [all.map(drop), got.map(drop), wished.map(drop), checked] {
        let error = error.expect_err("no tables");
        assert_eq!(error.meaning(), Meaning::NotFound, "{error}");
        assert!(error.message().contains(&one.environments()) && error.message().contains("bivouac init"), "{error}");
    }
    let error = leases.read("leader").await.expect_err("no tables");
    assert!(error.message().contains(&format!("{}-leases", one.prefix)), "{error}");
}

// ---- statuses ----

async fn a_status_is_read_back_as_it_was_written(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    assert_eq!(one.records.get(&key("2")).await.expect("get"), None);
    let mut written = status(Phase::Ready);
    for revision in 1..=3 {
        one.records.write_status(&one.get(&key("1")).await, &written).await.expect("a status");
        written.machinery.revision = revision;
        assert_eq!(one.get(&key("1")).await.status.as_ref(), Some(&written));
    }
    // What has no value is removed.
    written.url = None;
    written.purge_at = Some(time("2026-12-23T12:00:00Z"));
    one.records.write_status(&one.get(&key("1")).await, &written).await.expect("a status");
    let raw = one.raw(&key("1")).await;
    assert!(!raw.contains_key("url"));
    assert_eq!(raw["purge_at"], number(&time("2026-12-23T12:00:00Z").timestamp().to_string()));
}

async fn a_status_touches_nothing_that_clients_wrote(store: &Store) {
    let one = Installation::made(store).await;
    let theirs = [
        ("image_tag", text("t")),
        ("generation", number("3")),
        ("flags", map([("A", AttributeValue::Bool(true)), ("N", number("1.5"))])),
        ("team", AttributeValue::Ss(vec!["a".into(), "b".into()])),
        ("blob", AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0, 255]))),
        ("ttl", AttributeValue::Null(true)),
    ];
    one.put(&key("1"), &theirs).await;
    one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
    let raw = one.raw(&key("1")).await;
    for (name, value) in theirs {
        assert_eq!(raw[name], value, "{name}");
    }
    let change = vec![("image_tag", Some(Value::String("u".into()))), ("flags", None)];
    assert_eq!(one.records.write_desired(&key("1"), &change).await.expect("a wish"), 4);
    let raw = one.raw(&key("1")).await;
    assert_eq!((&raw["image_tag"], raw.get("flags")), (&text("u"), None));
    assert_eq!(raw["phase"], text("Ready"), "a wish leaves the status");
    assert_eq!(raw["team"], AttributeValue::Ss(vec!["a".into(), "b".into()]));
}

async fn conflict(one: &Installation, seen: &Record) {
    let error = one.records.write_status(seen, &status(Phase::Failed)).await.expect_err("an old view");
    assert_eq!(error.meaning(), Meaning::Conflict, "{error}");
}

async fn a_status_from_an_old_view_is_refused(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let fresh = one.get(&key("1")).await;
    one.records.write_status(&fresh, &status(Phase::Pending)).await.expect("the first");
    let pending = one.get(&key("1")).await;
    one.records.write_status(&pending, &status(Phase::Ready)).await.expect("the second");
    conflict(&one, &fresh).await;
    conflict(&one, &pending).await;
    assert_eq!(one.get(&key("1")).await.status.expect("a status").phase, Phase::Ready);
}

async fn a_wish_written_meanwhile_comes_first(store: &Store) {
    let one = Installation::made(store).await;
    for generation in [None, Some(number("1"))] {
        let attributes: Vec<_> = generation.into_iter().map(|generation| ("generation", generation)).collect();
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        let down = vec![("desired", Some(Value::String("down".into())))];
        one.records.write_desired(&key("1"), &down).await.expect("a wish");
        conflict(&one, &seen).await;
        one.records.write_status(&one.get(&key("1")).await, &status(Phase::Terminating)).await.expect("a new view");
    }
}

async fn a_lost_answer_is_seen_by_reading_again(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let seen = one.get(&key("1")).await;
    one.records.write_status(&seen, &status(Phase::Ready)).await.expect("done, and the answer is lost");
    conflict(&one, &seen).await;
    let status_now = one.get(&key("1")).await.status.expect("a status");
    assert!(status_now.says_the_same(&status(Phase::Ready)));
}

async fn a_deleted_record_stays_deleted(store: &Store) {
    let one = Installation::made(store).await;
    for answered in [false, true] {
        one.put(&key("1"), &[]).await;
        if answered {
            one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
        }
        let seen = one.get(&key("1")).await;
        one.delete(&key("1")).await;
        conflict(&one, &seen).await;
        assert_eq!(one.records.get(&key("1")).await.expect("get"), None);
    }
}

async fn a_record_that_was_overwritten_whole_is_answered_anew(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[("generation", number("1"))]).await;
    one.records.write_status(&one.get(&key("1")).await, &status(Phase::Ready)).await.expect("a status");
    let seen = one.get(&key("1")).await;
    one.put(&key("1"), &[("image_tag", text("new"))]).await;
    conflict(&one, &seen).await;
    let fresh = one.get(&key("1")).await;
    assert_eq!((fresh.generation, &fresh.status), (None, &None));
    one.records.write_status(&fresh, &status(Phase::Starting)).await.expect("a status");
    assert_eq!(one.get(&key("1")).await.status.expect("a status").machinery.revision, 1);
}

/// What people, and clients with a mistake, make of what only the store should count.
fn spoiled() -> Vec<(&'static str, Vec<(&'static str, AttributeValue)>)> {
    let revision = |value| ("status", map([("revision", value)]));
    vec![
        ("a generation in words", vec![("generation", text("two"))]),
        ("a negative generation", vec![("generation", number("-5"))]),
        ("half a generation", vec![("generation", number("1.5"))]),
        ("a null generation", vec![("generation", AttributeValue::Null(true))]),
        ("a status without a phase", vec![revision(number("7"))]),
        ("a phase that is none", vec![("phase", text("Happy")), ("expires_at", text("soon")), revision(number("7"))]),
        ("a status in words", vec![("status", text("fine"))]),
        ("a revision in words", vec![revision(text("seven"))]),
        ("a revision in words, with a phase", {
            vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z")), revision(text("seven"))]
        }),
        ("a status in words, with a phase", {
            vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z")), ("status", text("fine"))]
        }),
        ("a phase and no status", vec![("phase", text("Ready")), ("expires_at", text("2026-11-25T12:00:00Z"))]),
        ("everything at once", vec![("generation", map([])), revision(AttributeValue::Bool(true))]),
    ]
}

async fn spoiled_records_are_answered_too(store: &Store) {
    let one = Installation::made(store).await;
    for (what, attributes) in spoiled() {
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        one.records.write_status(&seen, &status(Phase::Invalid)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let after = one.get(&key("1")).await;
        assert!(after.status.as_ref().is_some_and(|status| status.phase == Phase::Invalid), "{what}");
        one.records.write_status(&after, &status(Phase::Ready)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
}

async fn of_two_who_answer_a_spoiled_record_one_loses(store: &Store) {
    let one = Installation::made(store).await;
    for (what, attributes) in spoiled() {
        one.put(&key("1"), &attributes).await;
        let seen = one.get(&key("1")).await;
        let (first, second) = (status(Phase::Invalid), status(Phase::Failed));
        let (first, second) =
            tokio::join!(one.records.write_status(&seen, &first), one.records.write_status(&seen, &second));
        let won = usize::from(first.is_ok()) + usize::from(second.is_ok());
        assert_eq!(won, 1, "{what}: {first:?} {second:?}");
    }
}

async fn impossible_keys_are_answered_too(store: &Store) {
    let one = Installation::made(store).await;
    let keys =
        [("a/b", "0"), ("a/b", "-1"), ("a/b", "1.5"), ("a/b", "99999999999999999999"), ("nobody", "1"), ("🚀", "1")];
    for (repo, pr) in keys {
        one.put(&ItemKey { repo: repo.into(), pr: pr.into() }, &[]).await;
    }
    let all = one.records.all().await.expect("all");
    assert_eq!(all.len(), keys.len());
    for record in all {
        assert!(record.desired.is_err(), "{}", record.key);
        one.records.write_status(&record, &status(Phase::Invalid)).await.expect("a status");
        assert!(one.get(&record.key).await.status.is_some(), "{}", record.key);
    }
}

// ---- wishes ----

async fn wishes_are_counted(store: &Store) {
    let one = Installation::made(store).await;
    let wish = |tag: &str| vec![("image_tag", Some(Value::String(tag.into())))];
    assert_eq!(one.records.write_desired(&key("1"), &wish("a")).await.expect("a wish"), 1);
    assert_eq!(one.records.write_desired(&key("1"), &wish("b")).await.expect("a wish"), 2);
    assert_eq!(one.records.write_desired(&key("1"), &Vec::new()).await.expect("the same wish again"), 3);
    let record = one.get(&key("1")).await;
    assert_eq!(record.generation, Some(3));
    let desired = record.desired.expect("a wish");
    assert_eq!(desired.image_tag.expect("a tag").as_str(), "b");
    let error =
        one.records.write_desired(&key("1"), &vec![("generation", None)]).await.expect_err("not part of a wish");
    assert_eq!(error.meaning(), Meaning::Invalid);
}

async fn wishes_written_at_once_are_all_counted(store: &Store) {
    let one = Installation::made(store).await;
    let one_key = key("1");
    let nothing = Vec::new();
    let written = join_all((0..20).map(|_| one.records.write_desired(&one_key, &nothing))).await;
    let generations: BTreeSet<u64> = written.into_iter().map(|generation| generation.expect("a wish")).collect();
    assert_eq!(generations, (1..=20).collect());
}

async fn a_generation_that_is_no_number_is_told(store: &Store) {
    let one = Installation::made(store).await;
    for generation in [text("two"), AttributeValue::Bool(true), number("1.5"), AttributeValue::Null(true)] {
        one.put(&key("1"), &[("generation", generation.clone())]).await;
        let error = one.records.write_desired(&key("1"), &Vec::new()).await.expect_err("no number");
        assert_eq!(error.meaning(), Meaning::Invalid, "{generation:?}: {error}");
        assert!(error.message().starts_with("generation of apache/superset#1 holds"), "{error}");
        assert!(error.message().ends_with("allowed: a whole number from 0 (N), or nothing"), "{error}");
    }
}

async fn every_type_in_every_attribute_is_told_by_name(store: &Store) {
    let one = Installation::made(store).await;
    let attributes = [
        "desired",
        "image_tag",
        "flags",
        "config",
        "ttl",
        "pinned",
        "size",
        "head_sha",
        "requested_by",
        "requested_at",
        "request_url",
        "restarted_at",
        "generation",
    ];
    let values = [
        text("\u{7}"),
        number("-5"),
        AttributeValue::Bool(true),
        AttributeValue::L(vec![]),
        map([("0", AttributeValue::L(vec![]))]),
        AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([1])),
        AttributeValue::Ss(vec!["a".into()]),
        AttributeValue::Ns(vec!["1".into()]),
        AttributeValue::Bs(vec![aws_sdk_dynamodb::primitives::Blob::new([1])]),
    ];
    let mut expected = HashMap::new();
    for (row, attribute) in attributes.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let key = key(&(1 + row * values.len() + column).to_string());
            one.put(&key, &[(attribute, value.clone())]).await;
            let right = *attribute == "pinned" && matches!(value, AttributeValue::Bool(_));
            expected.insert(key, (*attribute, right));
        }
    }
    let all = one.records.all().await.expect("all");
    assert_eq!(all.len(), expected.len());
    for record in all {
        let (attribute, right) = expected[&record.key];
        match record.desired {
            Ok(_) => assert!(right, "{attribute} of {} was taken", record.key),
            Err(problems) => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                let sentence = problems[0].to_string();
                assert!(!right && sentence.starts_with(attribute) && sentence.contains("; allowed: "), "{sentence}");
            }
        }
    }
}

// ---- sizes ----

async fn an_item_that_grows_too_large_is_told(store: &Store) {
    let one = Installation::made(store).await;
    // Within 400 KB (409,600 bytes) with its key, and without room for a status.
    let nearly = 409_600 - 100;
    one.put(&key("1"), &[("note", text(&"x".repeat(nearly)))]).await;
    let seen = one.get(&key("1")).await;
    let error = one.records.write_status(&seen, &status(Phase::Ready)).await.expect_err("no room");
    assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
    assert!(error.message().contains("apache/superset#1 leaves no room for its status"), "{error}");
    let change = vec![("requested_by", Some(Value::String("x".repeat(500_000))))];
    let error = one.records.write_desired(&key("2"), &change).await.expect_err("no room");
    assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
    assert!(error.message().contains("400 KB"), "{error}");
    assert_eq!(one.records.all().await.expect("all").len(), 1, "and the rest goes on");
}

async fn all_are_read(store: &Store, count: usize) {
    let one = Installation::made(store).await;
    // So that they take more than one page of 1 MB.
    one.put_many(count, 1_200).await;
    let all = one.records.all().await.expect("all");
    let keys: BTreeSet<_> = all.iter().map(|record| record.key.pr.clone()).collect();
    assert_eq!((all.len(), keys.len()), (count, count));
}

async fn a_thousand_and_one_records_are_all_read(store: &Store) {
    all_are_read(store, 1_001).await;
}

async fn two_thousand_five_hundred_records_are_all_read(store: &Store) {
    all_are_read(store, 2_500).await;
}

// ---- news ----

/// Reads news until all of these were told; answers everything that was.
async fn news_of(feed: &mut DynamoFeed, wanted: &[ItemKey]) -> Vec<ItemKey> {
    let mut told = Vec::new();
    while !wanted.iter().all(|key| told.contains(key)) {
        let next = tokio::time::timeout(PATIENCE, feed.next()).await;
        let keys = next.unwrap_or_else(|_| panic!("only {told:?} was told")).expect("news");
        assert!(!keys.is_empty());
        told.extend(keys);
    }
    told
}

async fn every_write_of_a_client_is_news(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("99"), &[]).await;
    let mut feed = DynamoFeed::new(&one.sdk, &one.prefix);
    feed.begin().await.expect("a place");
    let keys: Vec<_> = (1..=30).map(|pr| key(&pr.to_string())).collect();
    for key in &keys {
        one.put(key, &[("image_tag", text("a"))]).await;
    }
    let told = news_of(&mut feed, &keys).await;
    assert!(!told.contains(&key("99")), "what was written before the feed began is no news");
    one.set(&key("1"), "image_tag", text("b")).await;
    news_of(&mut feed, &[key("1")]).await;
    one.delete(&key("2")).await;
    news_of(&mut feed, &[key("2")]).await;
    one.records.write_desired(&key("3"), &Vec::new()).await.expect("a wish");
    news_of(&mut feed, &[key("3")]).await;
    // Overwritten whole: the status is gone, and has to be found again.
    one.records.write_status(&one.get(&key("4")).await, &status(Phase::Ready)).await.expect("a status");
    one.put(&key("4"), &[("image_tag", text("a"))]).await;
    news_of(&mut feed, &[key("4")]).await;
}

async fn own_writes_are_no_news(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let mut feed = DynamoFeed::new(&one.sdk, &one.prefix);
    feed.begin().await.expect("a place");
    for phase in [Phase::Pending, Phase::Starting, Phase::Ready] {
        one.records.write_status(&one.get(&key("1")).await, &status(phase)).await.expect("a status");
    }
    one.put(&key("2"), &[]).await;
    // One shard, so what was written before would have been told before.
    assert_eq!(news_of(&mut feed, &[key("2")]).await, [key("2")]);
}

// ---- leases ----

fn lease(holder: Option<&str>, version: u64) -> LeaseView {
    LeaseView { holder: holder.map(Into::into), version, period: Duration::from_millis(15_250) }
}

async fn of_two_claimants_one_wins(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    assert_eq!(leases.read("leader").await.expect("read"), None);
    for (seen, version) in [(None, 1), (Some(1), 2)] {
        let (a, b) = (lease(Some("a"), version), lease(Some("b"), version));
        let (first, second) = tokio::join!(leases.write("leader", &a, seen), leases.write("leader", &b, seen));
        let (winner, loser) = if first.is_ok() { (a, second) } else { (b, first) };
        assert_eq!(loser.expect_err("one loses").meaning(), Meaning::Conflict);
        assert_eq!(leases.read("leader").await.expect("read"), Some(winner));
    }
    assert_eq!(leases.read("another").await.expect("read"), None, "each name is a lease of its own");
}

async fn a_lease_is_renewed_and_given_back(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    let mut seen = None;
    for version in 1..=3 {
        leases.write("leader", &lease(Some("a"), version), seen).await.expect("claimed, then renewed");
        seen = Some(version);
    }
    for stale in [None, Some(1), Some(2), Some(4)] {
        let error = leases.write("leader", &lease(Some("b"), 9), stale).await.expect_err("an old view");
        assert_eq!(error.meaning(), Meaning::Conflict, "{stale:?}: {error}");
    }
    leases.write("leader", &lease(None, 4), Some(3)).await.expect("given back");
    assert_eq!(leases.read("leader").await.expect("read"), Some(lease(None, 4)));
    leases.write("leader", &lease(Some("b"), 5), Some(4)).await.expect("taken by the next");
}

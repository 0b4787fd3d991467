//! Making the tables, and looking whether they are as they should be.

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use bivouac_aws::DynamoLeases;
use bivouac_model::Phase;
use bivouac_ports::{Leases as _, Meaning, RecordStore as _};

use super::{Installation, Store, key, number, status, text};

pub(super) async fn tables_are_made_once(store: &Store) {
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

pub(super) async fn two_may_make_the_tables_at_once(store: &Store) {
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

pub(super) async fn a_table_with_another_key_is_told_and_left_alone(store: &Store) {
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

pub(super) async fn what_a_table_lacks_is_added(store: &Store) {
    let one = Installation::bare(store).await;
    create(&one, &one.environments(), &[("repo", ScalarAttributeType::S), ("pr", ScalarAttributeType::N)]).await;
    one.put(&key("1"), &[("image_tag", text("t"))]).await;
    let error = one.records.check().await.expect_err("it lacks the index");
    assert!(error.message().contains("no index by-phase: `bivouac init` adds it"), "{error}");
    let problems: Vec<String> = one.records.problems().await.iter().map(ToString::to_string).collect();
    for part in ["no index by-phase", "no stream", "no time to live", "no table", "-events", "-leases"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
    }
    assert_eq!(problems.len(), 5, "{problems:#?}");
    let done = one.records.init().await.expect("tables").join("\n");
    for part in ["index by-phase", "stream", "time to live"] {
        assert!(done.contains(part), "{part}: {done}");
    }
    one.records.check().await.expect("all is as it should be");
    assert!(one.records.problems().await.is_empty());
    assert_eq!(one.raw(&key("1")).await["image_tag"], text("t"));
}

pub(super) async fn what_is_missing_is_told_by_name(store: &Store) {
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

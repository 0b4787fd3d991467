use aws_sdk_dynamodb::types::{
    AttributeDefinition, GlobalSecondaryIndexDescription, KeySchemaElement, Projection, StreamSpecification,
};

use super::*;

fn spec() -> TableSpec {
    let [environments, ..] = TableNames::with_prefix("bivouac").specs();
    environments
}

fn schema(names: [&str; 2]) -> Option<Vec<KeySchemaElement>> {
    // The range first: the order in which elements are described is not said to be fixed.
    let parts = names.into_iter().zip([KeyType::Hash, KeyType::Range]).rev();
    let element = |(name, part)| KeySchemaElement::builder().attribute_name(name).key_type(part).build().unwrap();
    Some(parts.map(element).collect())
}

/// The table as it should be.
fn whole() -> TableDescription {
    let definitions = [("repo", "S"), ("pr", "N"), ("phase", "S"), ("expires_at", "S")].map(|(name, scalar)| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(scalar.into()).build().unwrap()
    });
    let stream = StreamSpecification::builder().stream_enabled(true);
    TableDescription::builder()
        .table_status(TableStatus::Active)
        .set_attribute_definitions(Some(definitions.to_vec()))
        .set_key_schema(schema(["repo", "pr"]))
        .global_secondary_indexes(index(ProjectionType::All, IndexStatus::Active))
        .stream_specification(stream.stream_view_type(StreamViewType::NewAndOldImages).build().unwrap())
        .build()
}

fn index(projection: ProjectionType, status: IndexStatus) -> GlobalSecondaryIndexDescription {
    GlobalSecondaryIndexDescription::builder()
        .index_name(BY_PHASE)
        .set_key_schema(schema(["phase", "expires_at"]))
        .projection(Projection::builder().projection_type(projection).build())
        .index_status(status)
        .build()
}

fn ttl(status: TimeToLiveStatus, attribute: &str) -> Option<TimeToLiveDescription> {
    Some(TimeToLiveDescription::builder().time_to_live_status(status).attribute_name(attribute).build())
}

fn next(change: impl FnOnce(&mut Found)) -> Step {
    let mut found = Found { table: Some(whole()), time_to_live: ttl(TimeToLiveStatus::Enabled, PURGE_AT) };
    change(&mut found);
    spec().next_step(&found)
}

fn next_of_table(change: impl FnOnce(&mut TableDescription)) -> Step {
    next(|found| change(found.table.as_mut().unwrap()))
}

#[test]
fn each_lack_has_its_step() {
    assert_eq!(spec().next_step(&Found::default()), Step::Create);
    assert_eq!(next(|_| {}), Step::Done);
    assert_eq!(next(|found| found.time_to_live = ttl(TimeToLiveStatus::Enabling, PURGE_AT)), Step::Done);
    assert_eq!(next(|found| found.time_to_live = None), Step::EnableTimeToLive);
    assert_eq!(next(|found| found.time_to_live = ttl(TimeToLiveStatus::Disabled, "x")), Step::EnableTimeToLive);
    assert_eq!(next_of_table(|table| table.global_secondary_indexes = None), Step::AddIndex);
    assert_eq!(next_of_table(|table| table.stream_specification = None), Step::EnableStream);
}

#[test]
fn what_is_under_way_is_waited_for() {
    let waits = [
        next_of_table(|table| table.table_status = Some(TableStatus::Creating)),
        next_of_table(|table| table.table_status = Some(TableStatus::Updating)),
        next_of_table(|table| {
            table.global_secondary_indexes = Some(vec![index(ProjectionType::All, IndexStatus::Creating)]);
        }),
        next(|found| found.time_to_live = ttl(TimeToLiveStatus::Disabling, PURGE_AT)),
    ];
    for step in waits {
        assert!(matches!(&step, Step::Wait(sentence) if sentence.contains("bivouac-environments")), "{step:?}");
    }
}

#[test]
fn what_somebody_chose_otherwise_is_told_and_never_changed() {
    let keys_only = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly);
    let keys_only = keys_only.build().unwrap();
    let wrongs = [
        (
            next_of_table(|table| table.key_schema = schema(["pr", "repo"])),
            "has the key pr (N, hash) and repo (S, range)",
        ),
        (
            next_of_table(|table| {
                table.global_secondary_indexes = Some(vec![index(ProjectionType::KeysOnly, IndexStatus::Active)]);
            }),
            "projects KEYS_ONLY and should project ALL",
        ),
        (
            next_of_table(|table| {
                let mut other = index(ProjectionType::All, IndexStatus::Active);
                other.key_schema = schema(["phase", "repo"]);
                table.global_secondary_indexes = Some(vec![other]);
            }),
            "should have phase (S, hash) and expires_at (S, range)",
        ),
        (next_of_table(|table| table.stream_specification = Some(keys_only)), "has KEYS_ONLY"),
        (next(|found| found.time_to_live = ttl(TimeToLiveStatus::Enabled, "expires")), "expires items by expires"),
        // Even while something is under way: no other step may come before.
        (
            next_of_table(|table| {
                table.table_status = Some(TableStatus::Updating);
                table.key_schema = schema(["pr", "repo"]);
            }),
            "has the key",
        ),
    ];
    for (step, part) in wrongs {
        assert!(matches!(&step, Step::Wrong(sentence) if sentence.contains(part)), "{part}: {step:?}");
    }
}

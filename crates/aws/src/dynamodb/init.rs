//! Making the tables, and looking whether they are as they should be.
//!
//! Both look at a table, ask [`TableSpec::next_step`] what is missing, and (making) do that one thing and look again. So
//! it does not matter who did what before, and two runs at once end where one would.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, Projection, ProjectionType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification,
};
use bivouac_ports::{Error, Meaning, Result};
use tokio::time::Instant;

use super::tables::{Found, Key, PURGE_AT, Step, TableSpec};
use crate::calls::{CREATE_TABLE, DESCRIBE_TABLE, DESCRIBE_TIME_TO_LIVE, UPDATE_TABLE, UPDATE_TIME_TO_LIVE};
use crate::error::from_sdk;

/// How long to wait between two looks: a small table becomes ACTIVE within seconds, and DescribeTable has a quota of its
/// own that a look a second does not feel.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long to wait in all. Adding an index to an existing table reads the whole table, and with thousands of records
/// that takes DynamoDB minutes (developer guide, "Managing Global Secondary Indexes").
const PATIENCE: Duration = Duration::from_secs(600);

/// Brings a table to its spec; answers what it did.
///
/// # Errors
/// `Invalid` for what a person has to mend, `Unavailable` when it was not ACTIVE within ten minutes.
pub(super) async fn bring(client: &Client, spec: &TableSpec) -> Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut done = Vec::new();
    let mut refused: Option<(Step, Error)> = None;
    loop {
        let step = spec.next_step(&look(client, spec).await?);
        let result = match &step {
            Step::Done => return Ok(done),
            Step::Wrong(sentence) => return Err(Error::new(Meaning::Invalid, DESCRIBE_TABLE.name, sentence)),
            Step::Wait(_) => Ok(None),
            step => take(client, spec, step).await.map(Some),
        };
        match result {
            Ok(Some(sentence)) => {
                done.push(sentence);
                refused = None;
                continue;
            }
            Ok(None) => {}
            // Somebody else changes the table: look again when that is over.
            Err(error) if error.meaning() == Meaning::Conflict => {}
            // Somebody else may have done this very step between our look and our call; if the next look wants it still,
            // the refusal stands.
            Err(error) => match refused.take() {
                Some((before, _)) if before == step => return Err(error),
                _ => refused = Some((step.clone(), error)),
            },
        }
        if Instant::now() >= deadline {
            let state = match step {
                Step::Wait(sentence) => sentence,
                _ => format!("table {} is being changed by somebody else", spec.name),
            };
            return Err(Error::new(
                Meaning::Unavailable,
                DESCRIBE_TABLE.name,
                format!("{state} still, after {} seconds: run `bivouac init` again", PATIENCE.as_secs()),
            ));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Everything that keeps a table from being as it should be, each with a sentence that says how to mend it.
///
/// # Errors
/// That of the call, when the table cannot be looked at.
pub(super) async fn problems(client: &Client, spec: &TableSpec) -> Result<Vec<Error>> {
    let found = look(client, spec).await?;
    Ok(spec.steps(&found).into_iter().filter_map(|step| problem(&spec.name, step)).collect())
}

fn problem(name: &str, step: Step) -> Option<Error> {
    let error = |meaning, text: String| Some(Error::new(meaning, DESCRIBE_TABLE.name, text));
    let lacks = |what: &str| error(Meaning::Invalid, format!("table {name} has no {what}: `bivouac init` adds it"));
    match step {
        Step::Done => None,
        Step::Create => error(Meaning::NotFound, format!("there is no table {name}: `bivouac init` makes it")),
        Step::AddIndex => lacks("index by-phase"),
        Step::EnableStream => lacks("stream"),
        Step::EnableTimeToLive => lacks("time to live"),
        Step::Wrong(sentence) => error(Meaning::Invalid, sentence),
        Step::Wait(sentence) => error(Meaning::Unavailable, sentence),
    }
}

async fn look(client: &Client, spec: &TableSpec) -> Result<Found> {
    let table = match client.describe_table().table_name(&spec.name).send().await {
        Ok(output) => output.table,
        Err(error) => match from_sdk(&DESCRIBE_TABLE, error) {
            error if error.meaning() == Meaning::NotFound => return Ok(Found::default()),
            error => return Err(error),
        },
    };
    let time_to_live = if spec.expires && table.is_some() {
        let output = client.describe_time_to_live().table_name(&spec.name).send().await;
        match output.map_err(|error| from_sdk(&DESCRIBE_TIME_TO_LIVE, error)) {
            Ok(output) => output.time_to_live_description,
            // Removed between the two calls; the next look finds no table.
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(Found::default()),
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    Ok(Found { table, time_to_live })
}

/// Takes one step, and says so.
async fn take(client: &Client, spec: &TableSpec, step: &Step) -> Result<String> {
    let name = &spec.name;
    match step {
        Step::Create => create(client, spec).await,
        Step::AddIndex => {
            let (index, key) = spec.index.ok_or_else(|| built("index"))?;
            let action = CreateGlobalSecondaryIndexAction::builder()
                .index_name(index)
                .set_key_schema(Some(schema(&key)?))
                .projection(everything())
                .build()
                .map_err(built)?;
            client
                .update_table()
                .table_name(name)
                .set_attribute_definitions(Some(definitions(spec)?))
                .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(action).build())
                .send()
                .await
                .map_err(|error| from_sdk(&UPDATE_TABLE, error))?;
            Ok(format!("added index {index} to table {name}"))
        }
        Step::EnableStream => {
            client
                .update_table()
                .table_name(name)
                .stream_specification(stream()?)
                .send()
                .await
                .map_err(|error| from_sdk(&UPDATE_TABLE, error))?;
            Ok(format!("switched on the stream of table {name}"))
        }
        Step::EnableTimeToLive => {
            let specification =
                TimeToLiveSpecification::builder().enabled(true).attribute_name(PURGE_AT).build().map_err(built)?;
            client
                .update_time_to_live()
                .table_name(name)
                .time_to_live_specification(specification)
                .send()
                .await
                .map_err(|error| from_sdk(&UPDATE_TIME_TO_LIVE, error))?;
            Ok(format!("switched on time to live of table {name} by {PURGE_AT}"))
        }
        Step::Wait(sentence) | Step::Wrong(sentence) => Ok(sentence.clone()),
        Step::Done => Ok(format!("table {name} is as it should be")),
    }
}

async fn create(client: &Client, spec: &TableSpec) -> Result<String> {
    let mut request = client
        .create_table()
        .table_name(&spec.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(&spec.key)?))
        .set_attribute_definitions(Some(definitions(spec)?));
    if let Some((index, key)) = spec.index {
        let index = GlobalSecondaryIndex::builder()
            .index_name(index)
            .set_key_schema(Some(schema(&key)?))
            .projection(everything())
            .build()
            .map_err(built)?;
        request = request.global_secondary_indexes(index);
    }
    if spec.stream {
        request = request.stream_specification(stream()?);
    }
    request.send().await.map_err(|error| from_sdk(&CREATE_TABLE, error))?;
    Ok(format!("created table {}", spec.name))
}

fn schema(key: &Key) -> Result<Vec<KeySchemaElement>> {
    key.attributes()
        .map(|(name, _, part)| KeySchemaElement::builder().attribute_name(name).key_type(part).build().map_err(built))
        .collect()
}

fn definitions(spec: &TableSpec) -> Result<Vec<AttributeDefinition>> {
    let of_index = spec.index.iter().flat_map(|(_, key)| key.attributes());
    spec.key
        .attributes()
        .chain(of_index)
        .map(|(name, scalar, _)| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(scalar.sdk()).build().map_err(built)
        })
        .collect()
}

fn everything() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

fn stream() -> Result<StreamSpecification> {
    StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .map_err(built)
}

/// A request that the SDK would not build: every required field is set above, so this says that the SDK changed.
fn built(error: impl ToString) -> Error {
    Error::new(Meaning::Invalid, "DynamoDB request", error.to_string())
}

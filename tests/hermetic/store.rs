//! The promises of the record store, its feed and the leases on the embedded DynamoDB.

use aws_sdk_dynamodb::Client;
use bivouac_simcloud::{Options, SimCloud};
use serde_json::{Value, json};

use crate::contract::differences::{Emulator, Gap};
use crate::judge::judged;
use crate::system::{System, n, s};

#[path = "../contract/store/mod.rs"]
mod contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_every_promise() {
    let cloud = SimCloud::start(judged(Options { serve_tasks: false, ..Options::default() })).await.expect("it starts");
    contract::Store::at(cloud.dynamodb_url()).keeps_every_promise().await;
    cloud.shutdown().await;
}

/// One call of DynamoDB Streams, without the adapter, whose SDK hides nothing but takes a crate of its own.
async fn streams(system: &System, operation: &str, input: Value) -> Value {
    let scope = "embedded/20260101/us-west-2/dynamodb/aws4_request";
    let request = reqwest::Client::new()
        .post(system.cloud.dynamodb_url())
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"));
    let answer = request.body(input.to_string()).send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("text"));
    assert!(status.is_success(), "{operation}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

async fn write(table: &Client, pr: u64) {
    let put = table.put_item().table_name("bivouac-environments").item("repo", s("acme/shop")).item("pr", n(pr));
    put.send().await.expect("put-item");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_shard_has_an_end_and_goes_on() {
    assert!(Emulator::Simcloud.has(Gap::OpenShardHasAnEnd));
    let system = System::without_daemon(Options::default(), crate::system::policy()).await;
    write(&system.table, 1).await;
    let table = system.table.describe_table().table_name("bivouac-environments").send().await.expect("a table");
    let arn = table.table.and_then(|table| table.latest_stream_arn).expect("a stream");
    let stream = streams(&system, "DescribeStream", json!({ "StreamArn": arn })).await;
    let shard = &stream["StreamDescription"]["Shards"][0];
    assert!(shard["SequenceNumberRange"]["EndingSequenceNumber"].is_string(), "the engine was mended: {shard}");

    // On AWS that would be the end of it. Here the next record comes in the same shard.
    let input = json!({ "StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST" });
    let iterator = streams(&system, "GetShardIterator", input).await;
    write(&system.table, 2).await;
    let page = streams(&system, "GetRecords", json!({ "ShardIterator": iterator["ShardIterator"] })).await;
    assert_eq!(page["Records"][0]["dynamodb"]["Keys"]["pr"], json!({ "N": "2" }), "{page}");
    assert!(page["NextShardIterator"].is_string(), "{page}");
}

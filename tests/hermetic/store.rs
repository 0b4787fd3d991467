//! The promises of the record store, its feed and the leases on the embedded DynamoDB.

use bivouac_simcloud::{Options, SimCloud};

#[path = "../contract/store.rs"]
mod contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_every_promise() {
    let cloud = SimCloud::start(Options { serve_tasks: false, ..Options::default() }).await.expect("it starts");
    contract::Store::at(cloud.dynamodb_url()).keeps_every_promise().await;
    cloud.shutdown().await;
}

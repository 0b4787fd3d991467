//! The promises of the record store on the embedded DynamoDB.

use bivouac_simcloud::{Options, SimCloud};

#[path = "../contract/store.rs"]
mod contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_every_promise() {
    let cloud = SimCloud::start(Options { serve_tasks: false, ..Options::default() }).await.expect("it starts");
    let store = contract::Store { endpoint: cloud.dynamodb_url() };
    let mut broken = Vec::new();
    for (name, promise) in contract::PROMISES {
        let store = contract::Store { endpoint: store.endpoint.clone() };
        // Its own task, so that one that fails does not hide the others.
        if tokio::spawn(async move { promise(&store).await }).await.is_err() {
            broken.push(*name);
        }
    }
    cloud.shutdown().await;
    assert!(broken.is_empty(), "broken: {broken:?}");
}

//! The contract of the store, held against the engine of the embedded cloud.

#[path = "../../../tests/contract/store.rs"]
mod store;

use bivouac_simcloud::{Options, SimCloud};

#[tokio::test]
async fn the_store_keeps_every_promise() {
    let cloud = SimCloud::start(Options { serve_tasks: false, ..Options::default() }).await.expect("a cloud");
    store::Store::at(cloud.dynamodb_url()).keeps_every_promise().await;
    cloud.shutdown().await;
}

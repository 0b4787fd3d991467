//! The contract of the store, kept against Amazon's own DynamoDB Local, which is the reference for it.

#[path = "../../../tests/contract/store.rs"]
mod contract;

use contract::{PROMISES, Store};

/// Where DynamoDB Local answers; `cargo xtask test` starts one and says so.
fn endpoint() -> String {
    std::env::var("BIVOUAC_TEST_DYNAMODB_URL").expect(
        "BIVOUAC_TEST_DYNAMODB_URL names DynamoDB Local: run `cargo xtask test`, or `--hermetic` to do without it",
    )
}

#[tokio::test]
async fn the_store_keeps_every_promise() {
    let store = Store { endpoint: endpoint() };
    for (name, promise) in PROMISES {
        eprintln!("{name}");
        promise(&store).await;
    }
}

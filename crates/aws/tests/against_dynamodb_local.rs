//! The contract of the store, held against Amazon's own DynamoDB Local, which is the reference for it.

#[path = "../../../tests/contract/store/mod.rs"]
mod store;

#[tokio::test]
async fn the_store_keeps_every_promise() {
    let endpoint = std::env::var("BIVOUAC_TEST_DYNAMODB_URL").expect(
        "BIVOUAC_TEST_DYNAMODB_URL says where DynamoDB Local answers: run `cargo xtask test`, which starts one, or \
         `cargo xtask test --hermetic`, which does without",
    );
    store::Store::at(endpoint).keeps_every_promise().await;
}

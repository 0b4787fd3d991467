//! The contract of the store and of the other tables, held against Amazon's own DynamoDB Local, which is the reference for
//! them.

#[path = "../../../tests/contract/store/mod.rs"]
mod store;
#[path = "../../../tests/contract/tables/mod.rs"]
mod tables;

fn endpoint() -> String {
    std::env::var("BIVOUAC_TEST_DYNAMODB_URL").expect(
        "BIVOUAC_TEST_DYNAMODB_URL says where DynamoDB Local answers: run `cargo xtask test`, which starts one, or \
         `cargo xtask test --hermetic`, which does without",
    )
}

#[tokio::test]
async fn the_store_keeps_every_promise() {
    store::Store::at(endpoint()).keeps_every_promise().await;
}

#[tokio::test]
async fn the_tables_keep_every_promise() {
    tables::keep_every_promise(&endpoint()).await;
}

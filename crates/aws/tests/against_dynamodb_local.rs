//! The contract of the store and of the other tables, held against Amazon's own DynamoDB Local, which is the reference for
//! them.

use bivouac_awsmodel::{Judge, MODELS, Proxy, Requests};

#[path = "../../../tests/contract/store/mod.rs"]
mod store;
#[path = "../../../tests/contract/tables/mod.rs"]
mod tables;

/// DynamoDB Local behind a recording that checks every call and answer against AWS's models.
fn judged() -> Proxy {
    let judge = Judge::from_environment(Requests::Conform);
    assert!(judge.is_present(), "{MODELS} is not set: run `cargo xtask test`, which installs AWS's models");
    Proxy::start(&endpoint(), judge).expect("a recording")
}

fn endpoint() -> String {
    std::env::var("BIVOUAC_TEST_DYNAMODB_URL").expect(
        "BIVOUAC_TEST_DYNAMODB_URL says where DynamoDB Local answers: run `cargo xtask test`, which starts one, or \
         `cargo xtask test --hermetic`, which does without",
    )
}

#[tokio::test]
async fn the_store_keeps_every_promise() {
    let recording = judged();
    store::Store::at(recording.url()).keeps_every_promise().await;
}

#[tokio::test]
async fn the_tables_keep_every_promise() {
    let recording = judged();
    tables::keep_every_promise(recording.url()).await;
}

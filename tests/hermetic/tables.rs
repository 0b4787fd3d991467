//! The promises of the journal, the inbox and the wishes over what was read on the embedded DynamoDB; and what becomes of
//! a letter when the store's answer is lost.

use std::sync::Arc;

use bivouac_aws::{DynamoInbox, Endpoints, Sdk, SdkSettings, StaticCredentials};
use bivouac_ports::{Inbox as _, Letter, Meaning, NoMeter, RecordStore as _};
use bivouac_simcloud::{Fault, Options, Rule, Service, SimCloud, When};

use crate::judge::judged;

#[path = "../contract/tables/mod.rs"]
mod contract;

async fn embedded() -> SimCloud {
    SimCloud::start(judged(Options { serve_tasks: false, ..Options::default() })).await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_keep_every_promise() {
    let cloud = embedded().await;
    contract::keep_every_promise(&cloud.dynamodb_url()).await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_letter_whose_answer_was_lost_waits_once() {
    for fault in [Fault::DropAfter, Fault::FailAfter] {
        let cloud = embedded().await;
        let settings = SdkSettings {
            region: Some("us-west-2".into()),
            endpoints: Endpoints { dynamodb: Some(cloud.dynamodb_url()), ..Endpoints::default() },
            credentials: Some(StaticCredentials::of_no_account()),
        };
        let sdk = Sdk::load(&settings, Arc::new(NoMeter)).await.expect("a configuration");
        bivouac_aws::DynamoRecords::new(&sdk, "bivouac").init().await.expect("tables");
        let inbox = DynamoInbox::new(&sdk, "bivouac");
        let letter = |id: &str| Letter {
            id: id.into(),
            received_at: "2026-11-23T12:00:00Z".parse().expect("a time"),
            content: "{}".into(),
        };
        // Once: the SDK tries again by itself, and whatever it is told then, the letter is there.
        let lost = Rule::operation(Service::DynamoDb, "TransactWriteItems", fault.clone());
        cloud.faults().add(lost.clone().when(When::Nth(1)));
        inbox.take(&letter("a")).await.expect("the second attempt is answered");
        assert_eq!(inbox.waiting(10).await.expect("read"), [letter("a")], "{fault:?}");
        // For good: nobody knows, and the next one to look finds it.
        cloud.faults().add(lost);
        let unknown = inbox.take(&letter("b")).await.expect_err("no answer");
        assert_eq!(unknown.meaning(), Meaning::Unavailable);
        assert_eq!(inbox.waiting(10).await.expect("read"), [letter("a"), letter("b")], "{fault:?}");
        cloud.shutdown().await;
    }
}

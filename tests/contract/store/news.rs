//! The stream: every write of a client is told, and none of the controller's own.

use bivouac_aws::DynamoFeed;
use bivouac_model::{ItemKey, Phase};
use bivouac_ports::{RecordFeed as _, RecordStore as _};

use super::{Installation, PATIENCE, Store, key, status, text};

/// Reads news until all of these were told; answers everything that was.
async fn news_of(feed: &mut DynamoFeed, wanted: &[ItemKey]) -> Vec<ItemKey> {
    let mut told = Vec::new();
    while !wanted.iter().all(|key| told.contains(key)) {
        let next = tokio::time::timeout(PATIENCE, feed.next()).await;
        let keys = next.unwrap_or_else(|_| panic!("only {told:?} was told")).expect("news");
        assert!(!keys.is_empty());
        told.extend(keys);
    }
    told
}

pub(super) async fn every_write_of_a_client_is_news(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("99"), &[]).await;
    let mut feed = DynamoFeed::new(&one.sdk, &one.prefix);
    feed.begin().await.expect("a place");
    let keys: Vec<_> = (1..=30).map(|pr| key(&pr.to_string())).collect();
    for key in &keys {
        one.put(key, &[("image_tag", text("a"))]).await;
    }
    let told = news_of(&mut feed, &keys).await;
    assert!(!told.contains(&key("99")), "what was written before the feed began is no news");
    one.set(&key("1"), "image_tag", text("b")).await;
    news_of(&mut feed, &[key("1")]).await;
    one.delete(&key("2")).await;
    news_of(&mut feed, &[key("2")]).await;
    one.records.write_desired(&key("3"), &Vec::new()).await.expect("a wish");
    news_of(&mut feed, &[key("3")]).await;
    // Overwritten whole: the status is gone, and has to be found again.
    one.records.write_status(&one.get(&key("4")).await, &status(Phase::Ready)).await.expect("a status");
    one.put(&key("4"), &[("image_tag", text("a"))]).await;
    news_of(&mut feed, &[key("4")]).await;
}

pub(super) async fn own_writes_are_no_news(store: &Store) {
    let one = Installation::made(store).await;
    one.put(&key("1"), &[]).await;
    let mut feed = DynamoFeed::new(&one.sdk, &one.prefix);
    feed.begin().await.expect("a place");
    for phase in [Phase::Pending, Phase::Starting, Phase::Ready] {
        one.records.write_status(&one.get(&key("1")).await, &status(phase)).await.expect("a status");
    }
    one.put(&key("2"), &[]).await;
    // One shard, so what was written before would have been told before.
    assert_eq!(news_of(&mut feed, &[key("2")]).await, [key("2")]);
}

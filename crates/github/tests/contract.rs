//! The forge's part of the contract suite against the embedded GitHub, so that this crate is tested by itself.

#[path = "../../../tests/contract/forge.rs"]
mod forge;

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_is_kept() {
    let mut broken = Vec::new();
    for (name, promise) in forge::PROMISES {
        // Its own task, so that one that fails does not hide the others.
        let kept = tokio::spawn(async { promise(&forge::Forge::fresh().await).await }).await;
        if kept.is_err() {
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "broken: {broken:?}");
}

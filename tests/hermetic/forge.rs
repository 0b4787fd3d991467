//! The promises of the forge on the embedded GitHub.

#[path = "../contract/forge.rs"]
mod contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_forge_keeps_every_promise() {
    let mut broken = Vec::new();
    for (name, promise) in contract::PROMISES {
        // Its own task, so that one that fails does not hide the others.
        let kept = tokio::spawn(async { promise(&contract::Forge::fresh().await).await }).await;
        if kept.is_err() {
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "broken: {broken:?}");
}

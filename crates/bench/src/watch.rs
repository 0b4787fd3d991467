//! A meter that can be waited on: which passes and reconciles ended.

use std::time::Duration;

use bivouac_ports::Meter;
use tokio::sync::watch;

/// Counts passes that saw everything, and reconciles.
#[derive(Debug, Default)]
pub struct Watch {
    passes: watch::Sender<u64>,
    reconciles: watch::Sender<u64>,
}

impl Watch {
    /// Waits until so many passes saw everything, since the start.
    pub async fn passes(&self, least: u64) {
        reached(&self.passes, least).await;
    }

    /// Waits until so many reconciles ended, since the start.
    pub async fn reconciles(&self, least: u64) {
        reached(&self.reconciles, least).await;
    }

    /// How many reconciles ended.
    #[must_use]
    pub fn reconciled(&self) -> u64 {
        *self.reconciles.borrow()
    }
}

async fn reached(count: &watch::Sender<u64>, least: u64) {
    // The sender is ours, so the channel is open for as long as we wait.
    let _ = count.subscribe().wait_for(|count| *count >= least).await;
}

impl Meter for Watch {
    fn api_call(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
    fn reconciled(&self, _: &'static str, _: Duration) {
        self.reconciles.send_modify(|count| *count += 1);
    }
    fn queue_depth(&self, _: &'static str, _: usize) {}
    fn passed(&self, result: &'static str, _: usize, _: Duration) {
        if result == "ok" {
            self.passes.send_modify(|count| *count += 1);
        }
    }
    fn phases(&self, _: &[(&'static str, usize)]) {}
    fn lease_held(&self, _: bool) {}
    fn forge_quota(&self, _: u64) {}
}

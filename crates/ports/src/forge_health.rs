//! Notifies those who wait for the forge when it answers again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bivouac_model::RepoName;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many recoveries a slow listener may be behind. One is sent for each repository that somebody waits for, and
/// repositories are those of the configuration.
const BACKLOG: usize = 256;

/// Whether a repository answers again after a call to it failed. A clone shares the state.
///
/// A notification only shortens a wait: a listener that misses one tries again at its own time.
#[derive(Clone, Debug)]
pub struct ForgeHealth {
    awaited: Arc<Mutex<HashSet<RepoName>>>,
    recoveries: broadcast::Sender<RepoName>,
}

impl Default for ForgeHealth {
    fn default() -> Self {
        Self { awaited: Arc::default(), recoveries: broadcast::channel(BACKLOG).0 }
    }
}

impl ForgeHealth {
    /// Notes that somebody waits for this repository, after a call failed. Calling it twice changes nothing.
    pub fn awaits(&self, repo: &RepoName) {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).insert(repo.clone());
    }

    /// Notes that a call to this repository succeeded. Listeners are notified if somebody waits for it.
    pub fn answered(&self, repo: &RepoName) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if awaited.remove(repo) {
            // It fails when there is no listener.
            let _ = self.recoveries.send(repo.clone());
        }
    }

    /// Listens for repositories that answer again from now on.
    #[must_use]
    pub fn listen(&self) -> Recoveries {
        Recoveries(self.recoveries.subscribe())
    }
}

/// The repositories that answer again, one after the other.
#[derive(Debug)]
pub struct Recoveries(broadcast::Receiver<RepoName>);

impl Recoveries {
    /// Waits for the next one. Waits for ever when no call is observed any more. Dropped half-way, it loses none.
    pub async fn next(&mut self) -> RepoName {
        loop {
            match self.0.recv().await {
                Ok(repo) => return repo,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_success_notifies_only_those_who_wait_for_its_repository() {
        let health = ForgeHealth::default();
        let (mut one, mut other) = (health.listen(), health.clone().listen());
        let [shop, blog]: [RepoName; 2] = ["acme/shop", "acme/blog"].map(|name| name.parse().unwrap());
        health.answered(&shop);
        health.awaits(&blog);
        health.awaits(&shop);
        health.awaits(&shop);
        health.answered(&shop);
        health.answered(&shop);
        health.answered(&blog);
        for listener in [&mut one, &mut other] {
            assert_eq!((listener.next().await, listener.next().await), (shop.clone(), blog.clone()));
            assert!(listener.0.try_recv().is_err(), "one notification for each recovery");
        }
    }
}

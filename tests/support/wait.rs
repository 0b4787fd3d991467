//! The bounded wait for a state, which every test of the running program needs.

use std::time::Duration;

/// How long a state may take to come about. Generous: the machine may be busy, and after a SIGKILL a lease has to end first.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(50);

/// Looks until `look` answers what was waited for. An `Err` says what was seen instead, for whoever reads the failure.
///
/// # Panics
/// When it did not come about in a minute, with the last thing seen.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = match look().await {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about; seen instead: {seen}");
        tokio::time::sleep(GLANCE).await;
    }
}

//! What every command works with.

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{ItemKey, Record};
use bivouac_ports::{Clock, Journal, RecordStore};
use tokio_util::sync::CancellationToken;

use super::output::{Format, Terminal};
use crate::config::Config;
use crate::exit::Failure;

/// How often a command that waits or watches reads again. A record that changes does so every few seconds
/// (`deadlines.soon`), and a read of one costs a capacity unit.
pub const PACE: Duration = Duration::from_secs(2);

/// A command's world.
pub struct Session {
    /// The configuration.
    pub config: Config,
    /// The table.
    pub store: Arc<dyn RecordStore>,
    /// The audit.
    pub journal: Arc<dyn Journal>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where output goes.
    pub terminal: Terminal,
    /// `-o`.
    pub format: Format,
    /// Who asks.
    pub user: String,
    /// How often to read again; [`PACE`].
    pub pace: Duration,
    /// Cancelled when the person wants no more of it.
    pub interrupt: CancellationToken,
}

impl Session {
    /// A record that has to be there.
    ///
    /// # Errors
    /// When it is not, or the table cannot be read.
    pub async fn record(&self, key: &ItemKey) -> Result<Record, Failure> {
        self.store.get(key).await?.ok_or_else(|| Failure::Failed(format!("environment {key} not found")))
    }
}

/// Who runs this process, for `requested_by`: what the system's log-in sets, or the least that can be said.
pub fn user(variable: impl Fn(&str) -> Option<String>) -> String {
    let fits = |name: &String| !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control);
    ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(variable).find(fits).unwrap_or_else(|| "unknown".into())
}

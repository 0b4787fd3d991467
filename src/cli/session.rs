//! What every command works with.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{ItemKey, Record};
use bivouac_ports::{Clock, Cluster, Journal, LogStore, RecordStore, SpendingStore};
use tokio_util::sync::CancellationToken;

use super::output::{Format, Terminal};
use crate::config::Config;
use crate::exit::Failure;

/// How often a command that waits or watches reads again. A record that changes does so every few seconds
/// (`deadlines.soon`), and a read of one costs a capacity unit.
pub const PACE: Duration = Duration::from_secs(2);

/// What a command reaches beside the table. Nothing is called before a command needs it.
pub struct Workload {
    /// The services and tasks.
    pub cluster: Arc<dyn Cluster>,
    /// Their logs.
    pub logs: Arc<dyn LogStore>,
    /// The region in use.
    pub region: String,
    /// Opens an address; [`browser`].
    pub browser: fn(&str) -> io::Result<()>,
}

/// Opens an address in this machine's browser, which goes on by itself.
///
/// # Errors
/// When there is none.
pub fn browser(url: &str) -> io::Result<()> {
    open::that_detached(url)
}

/// A command's world.
pub struct Session {
    /// The configuration.
    pub config: Config,
    /// The table.
    pub store: Arc<dyn RecordStore>,
    /// The audit.
    pub journal: Arc<dyn Journal>,
    /// The ledger of spending.
    pub spending: Arc<dyn SpendingStore>,
    /// The tasks and their logs.
    pub workload: Workload,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where output goes.
    pub terminal: Terminal,
    /// `-o`.
    pub format: Format,
    /// Who asks, if that is known.
    pub user: Option<String>,
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

/// Returns who runs this process, for `requested_by`: in GitHub Actions the actor of the workflow, else the account that the
/// system's log-in sets. `None`: neither says so. Then `requested_by` is left out, and no cap for each user counts the record.
pub fn user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let fits = |name: &String| !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control);
    // "Default environment variables" (docs.github.com/actions/reference). The log-in of a runner is no person's name.
    let is_workflow = variable("GITHUB_ACTIONS").as_deref() == Some("true");
    let names: &[&str] = if is_workflow { &["GITHUB_ACTOR"] } else { &["USER", "LOGNAME", "USERNAME"] };
    names.iter().filter_map(|name| variable(name)).find(fits)
}

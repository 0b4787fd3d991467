//! What the bot is connected to.

use std::sync::Arc;

use bivouac_model::ItemKey;
use bivouac_ports::{Clock, Conversation, Forge, Inbox, Journal, LogStore, Meter, RecordStore, SeenHeads};

/// Called with an environment that waits for an image when there may be one: a hint to look now. It must return at once,
/// may be called often, and nothing depends on it.
pub type Nudge = Arc<dyn Fn(&ItemKey) + Send + Sync>;

/// The doors of the bot, and nothing else of the world.
#[derive(Clone)]
pub struct Doors {
    /// The table of environments.
    pub records: Arc<dyn RecordStore>,
    /// The pull requests.
    pub forge: Arc<dyn Forge>,
    /// The people.
    pub conversation: Arc<dyn Conversation>,
    /// The audit.
    pub journal: Arc<dyn Journal>,
    /// Which commits were seen as heads, and which were named.
    pub heads: Arc<dyn SeenHeads>,
    /// What arrived and is not handled yet.
    pub inbox: Arc<dyn Inbox>,
    /// The logs of the environments' containers.
    pub logs: Arc<dyn LogStore>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub meter: Arc<dyn Meter>,
    /// The controller's ear.
    pub nudge: Nudge,
}

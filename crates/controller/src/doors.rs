//! Everything the controller reaches the world through.

use std::sync::Arc;

use bivouac_ports::{
    Clock, Cluster, Conversation, Forge, Journal, LogStore, Meter, Probe, Quotas, RecordStore, Registry, SpendingStore,
};

/// The doors of one controller. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Doors {
    /// The table of environments.
    pub records: Arc<dyn RecordStore>,
    /// The table of events: the audit.
    pub journal: Arc<dyn Journal>,
    /// The ledger of spending, in the table of events.
    pub spending: Arc<dyn SpendingStore>,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The image registry.
    pub registry: Arc<dyn Registry>,
    /// What the account may use of Fargate.
    pub quotas: Arc<dyn Quotas>,
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// The people on the forge, whose commands are reacted to; `None`: nobody's are.
    pub conversation: Option<Arc<dyn Conversation>>,
    /// The environments themselves.
    pub probe: Arc<dyn Probe>,
    /// The logs of the environments' containers.
    pub logs: Arc<dyn LogStore>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub meter: Arc<dyn Meter>,
}

//! The connections of a listener: how many there are, whose they are, and which is dropped for another.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::peer_network;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::activity::Activity;

/// How often the log says that connections are dropped: once for a flood, not once for each of its connections.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The open connections of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    /// How many of them each network has.
    shares: HashMap<IpAddr, usize>,
    idle: Arc<Notify>,
    warned_at: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    network: IpAddr,
    activity: Arc<Activity>,
    task: AbortHandle,
}

impl Connections {
    /// No connection, and at most this many.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            tasks: JoinSet::new(),
            open: HashMap::new(),
            shares: HashMap::new(),
            idle: Arc::default(),
            warned_at: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Serves one more connection until it ends by itself or is dropped.
    pub fn serve<F>(&mut self, peer: IpAddr, serve: impl FnOnce(Arc<Activity>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (network, activity) = (peer_network(peer), Activity::new(Arc::clone(&self.idle)));
        let task = self.tasks.spawn(serve(Arc::clone(&activity)));
        *self.shares.entry(network).or_default() += 1;
        self.open.insert(task.id(), Open { network, activity, task });
    }

    /// Waits until there is a place for one more, and makes it if an idle connection can be dropped. Dropped half-way, a
    /// connection may have been dropped for nothing.
    pub async fn room(&mut self) {
        let mut is_dropping = false;
        while self.len() >= self.most {
            is_dropping = is_dropping || self.drop_idle();
            let idle = Arc::clone(&self.idle);
            tokio::select! {
                () = self.one_ended() => is_dropping = false,
                () = idle.notified() => {}
            }
        }
    }

    /// Drops the connection that has been idle for the longest time, of the network that has the most connections. Returns
    /// false if all of them have a request under way.
    pub fn drop_idle(&mut self) -> bool {
        let idle = self.open.values().filter_map(|open| Some((open, open.activity.idle_since()?)));
        let share = |network| self.shares.get(network).copied().unwrap_or_default();
        let Some((open, _)) = idle.max_by_key(|(open, since)| (share(&open.network), Reverse(*since))) else {
            return false;
        };
        // A request may have begun on it in this moment.
        let is_dropped = open.activity.drop_if_idle();
        if is_dropped {
            open.task.abort();
            if self.warned_at.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                self.warned_at = Some(Instant::now());
                tracing::warn!(
                    connections = self.most,
                    network = %open.network,
                    "as many connections as allowed are open; the ones that are idle for longest are dropped"
                );
            }
        }
        is_dropped
    }

    /// Waits for the end of a connection. Waits for ever while there is none.
    pub async fn one_ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => self.forget(id),
            Some(Err(error)) => {
                note(&error);
                self.forget(error.id());
            }
        }
    }

    /// Waits for the end of all connections.
    pub async fn all_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                note(&error);
            }
        }
    }

    /// Cuts all connections off.
    pub async fn cut_off(&mut self) {
        self.tasks.shutdown().await;
    }

    fn forget(&mut self, id: Id) {
        let Some(Open { network, .. }) = self.open.remove(&id) else { return };
        if let Some(share) = self.shares.get_mut(&network) {
            *share = share.saturating_sub(1);
            if *share == 0 {
                self.shares.remove(&network);
            }
        }
    }
}

fn note(error: &JoinError) {
    if error.is_panic() {
        tracing::error!(error = error as &dyn std::error::Error, "answering a request panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connections: &mut Connections, peer: &str) -> Arc<Activity> {
        let mut kept = None;
        connections.serve(peer.parse().expect("an address"), |activity| {
            kept = Some(activity);
            std::future::pending()
        });
        kept.expect("it is served")
    }

    #[tokio::test(start_paused = true)]
    async fn the_network_with_the_most_connections_loses_one_first() {
        let mut connections = Connections::new(6);
        let single = open(&mut connections, "192.0.2.1");
        let mut many = Vec::new();
        for host in 1..=3 {
            tokio::time::advance(Duration::from_secs(1)).await;
            // Three addresses of one network.
            many.push(open(&mut connections, &format!("2001:db8::{host}")));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let two = open(&mut connections, "192.0.2.2");
        tokio::time::advance(Duration::from_secs(1)).await;
        open(&mut connections, "::ffff:192.0.2.2");
        assert_eq!(connections.len(), 6);

        let _busy = many[0].begin().expect("it is there");
        let is_dropped = |activity: &Arc<Activity>| activity.begin().is_none();
        connections.room().await;
        assert_eq!(connections.len(), 5);
        assert!(is_dropped(&many[1]), "the oldest idle one of the largest share");
        // Now there are two of each, of which the older one goes.
        open(&mut connections, "192.0.2.9");
        connections.room().await;
        assert!(is_dropped(&many[2]));
        open(&mut connections, "192.0.2.10");
        connections.room().await;
        assert!(is_dropped(&two));
        assert!(!is_dropped(&single), "one alone is safe among many");
    }

    #[tokio::test(start_paused = true)]
    async fn shares_are_forgotten_with_their_connections() {
        let mut connections = Connections::new(100);
        for host in 0..50 {
            open(&mut connections, &format!("192.0.2.{host}"));
        }
        while connections.drop_idle() {
            connections.one_ended().await;
        }
        assert_eq!((connections.len(), connections.open.len(), connections.shares.len()), (0, 0, 0));
    }
}

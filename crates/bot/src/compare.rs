//! What was missed: the open pull requests beside the records.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{Desired, EnvKey, PullRequest, Record, RepoName};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::doors::Doors;
use crate::handle::{Cause, Handler};
use crate::settings::Settings;

/// The letters that wait at the start come first: they know who did what the comparison only sees.
const FIRST_AFTER: Duration = Duration::from_secs(15);

/// Compares, and looks at each difference as the letter that was missed would have.
pub(crate) struct Comparison {
    doors: Doors,
    handler: Arc<Handler>,
    settings: Arc<Settings>,
    /// Labels that were looked at: whether the label was there, and the generation of the record then. The forge's list of
    /// events is long, and asked again only when one of the two changed.
    labels: HashMap<EnvKey, (bool, Option<u64>)>,
}

impl Comparison {
    pub fn new(doors: Doors, handler: Arc<Handler>, settings: Arc<Settings>) -> Self {
        Self { doors, handler, settings, labels: HashMap::new() }
    }

    /// Compares soon and then every few minutes, until `stop`. Dropped half-way, the next comparison does the rest.
    pub async fn run(mut self, stop: CancellationToken) {
        let first = Instant::now() + FIRST_AFTER.min(self.settings.compare_every);
        let mut tick = interval_at(first, self.settings.compare_every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.compare() => {}
            }
        }
    }

    /// One comparison of all repositories. What cannot be read is left to the next one.
    pub async fn compare(&mut self) {
        let records = match self.doors.records.all().await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "nothing is compared: the records cannot be read"
                );
                return;
            }
        };
        for project in &Arc::clone(&self.settings).projects {
            self.repository(&project.repo, &records).await;
        }
    }

    async fn repository(&mut self, repo: &RepoName, records: &[Record]) {
        let open = match self.doors.forge.open_pull_requests(repo).await {
            Ok(open) => open,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%repo, error, "the open pull requests cannot be read, and are not compared");
                return;
            }
        };
        let ours = records.iter().filter(|record| *record.key.repo == *repo.as_str());
        let records: HashMap<EnvKey, &Record> =
            ours.filter_map(|record| Some((record.key.env().ok()?, record))).collect();
        // One that is missing in the list is read before anything is done about it.
        for (key, record) in &records {
            let open = open.get(&key.pr);
            if is_wanted(record) && (open.is_none() || open.is_some_and(|pull| has_moved(record, pull))) {
                self.look(key, false).await;
            }
        }
        let Some(label) = self.settings.label.clone() else { return };
        self.labels.retain(|key, _| key.repo != *repo || open.contains_key(&key.pr));
        for (number, pull) in open.iter() {
            let key = EnvKey { repo: repo.clone(), pr: *number };
            let record = records.get(&key).copied();
            let is_on = pull.labels.iter().any(|name| name.eq_ignore_ascii_case(&label));
            let now = (is_on, record.and_then(|record| record.generation));
            if is_on != record.is_some_and(is_wanted)
                && self.labels.get(&key) != Some(&now)
                && self.look(&key, true).await
            {
                self.labels.insert(key, now);
            }
        }
    }

    /// Whether it went through.
    async fn look(&self, key: &EnvKey, is_label: bool) -> bool {
        let cause = Cause::comparison(self.doors.clock.now(), is_label);
        match self.handler.look(key, &cause).await {
            Ok(()) => true,
            Err(later) => {
                tracing::warn!(environment = %key, error = &later as &dyn std::error::Error, "a difference stays until the next comparison");
                false
            }
        }
    }
}

fn is_wanted(record: &Record) -> bool {
    record.desired.as_ref().is_ok_and(|wish| wish.desired != Desired::Down)
}

fn has_moved(record: &Record, pull: &PullRequest) -> bool {
    let bound = record.desired.as_ref().ok().and_then(|wish| wish.head_sha.as_ref());
    bound.is_some_and(|bound| *bound != pull.head_sha)
}

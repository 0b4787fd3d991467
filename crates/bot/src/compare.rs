//! What was missed: the open pull requests beside the records, and comments whose delivery did not come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{Desired, EnvKey, PullRequest, Record, RepoName};
use bivouac_ports::{Letter, OpenPullRequests};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::comments::Comments;
use crate::doors::Doors;
use crate::handle::{Cause, Handler, Looked};
use crate::reviews::Reviews;
use crate::settings::Settings;

/// The letters that wait at the start come first: they know who did what the comparison only sees.
const FIRST_AFTER: Duration = Duration::from_secs(15);

/// The longest that a delivery of a review is waited for. Ours: GitHub delivers within seconds as a rule, and whoever was not heard
/// should know soon.
const DELIVERED_AFTER: Duration = Duration::from_secs(120);

/// When a commit that stays as it is is looked at again though nothing changed: a person may have got a permission since. Ours: a
/// look costs some calls that count against the quota, and there may be dozens of such pull requests.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30 * 60);

/// Compares, and looks at each difference as the letter that was missed would have.
pub(crate) struct Comparison {
    doors: Doors,
    handler: Arc<Handler>,
    settings: Arc<Settings>,
    /// Labels that were looked at: whether the label was there, and the generation of the record then. The forge's list of
    /// events is long, and asked again only when one of the two changed.
    labels: HashMap<EnvKey, (bool, Option<u64>)>,
    /// Environments whose commit was looked at and stays as it is: the generation of the record, the head, and when.
    settled: HashMap<EnvKey, (Option<u64>, String, Instant)>,
    comments: Comments,
    reviews: Reviews,
}

impl Comparison {
    /// What is found of comments is handed to `letters`, and kept in the inbox.
    pub fn new(doors: Doors, handler: Arc<Handler>, settings: Arc<Settings>, letters: mpsc::Sender<Letter>) -> Self {
        let comments = Comments::new(doors.clone(), Arc::clone(&handler), Arc::clone(&settings), letters);
        let reviews = Reviews::new(doors.clone());
        Self { doors, handler, settings, labels: HashMap::new(), settled: HashMap::new(), comments, reviews }
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
        let wait = chrono::TimeDelta::from_std(self.settings.compare_every.min(DELIVERED_AFTER)).unwrap_or_default();
        for project in &Arc::clone(&self.settings).projects {
            let repo = &project.repo;
            let open = match self.doors.forge.open_pull_requests(repo).await {
                Ok(open) => Some(open),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%repo, error, "the open pull requests cannot be read, and are not compared");
                    None
                }
            };
            if let Some(open) = &open {
                self.repository(repo, open, &records).await;
            }
            if let Err(error) = self.comments.read(project, open.as_ref()).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%repo, error, "comments whose delivery did not come are looked for at the next comparison");
            }
            if let Err(error) = self.reviews.read(&mut self.comments, project, open.as_ref(), wait).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%repo, error, "reviews whose delivery did not come are looked for at the next comparison");
            }
        }
    }

    async fn repository(&mut self, repo: &RepoName, open: &OpenPullRequests, records: &[Record]) {
        let ours = records.iter().filter(|record| *record.key.repo == *repo.as_str());
        let records: HashMap<EnvKey, &Record> =
            ours.filter_map(|record| Some((record.key.env().ok()?, record))).collect();
        self.handler.sight_open(repo, open).await;
        self.settled.retain(|key, _| key.repo != *repo || records.get(key).is_some_and(|record| is_wanted(record)));
        for (key, record) in records.iter().filter(|(_, record)| is_wanted(record)) {
            match open.get(&key.pr) {
                // One that is missing in the list is read before anything is done about it.
                None => drop(self.look(key, false).await),
                Some(pull) => self.commit(key, record, pull).await,
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

    /// Looks at the commit of an environment, unless that came to nothing a while ago and nothing changed since.
    async fn commit(&mut self, key: &EnvKey, record: &Record, pull: &PullRequest) {
        let Some(bound) = record.desired.as_ref().ok().and_then(|wish| wish.head_sha.as_ref()) else { return };
        if *bound == pull.head_sha && self.handler.is_trusted_branch(pull) {
            return;
        }
        let is_same = |(generation, head, since): &(Option<u64>, String, Instant)| {
            *generation == record.generation && *head == pull.head_sha && since.elapsed() < LOOK_AGAIN_AFTER
        };
        if !self.settled.get(key).is_some_and(is_same) && self.look(key, false).await {
            self.settled.insert(key.clone(), (record.generation, pull.head_sha.clone(), Instant::now()));
        }
    }

    /// Whether it went through, and there is nothing left to look at.
    async fn look(&self, key: &EnvKey, is_label: bool) -> bool {
        let cause = Cause::comparison(self.doors.clock.now(), is_label);
        match self.handler.look(key, &cause).await {
            Ok(Looked::Settled) => true,
            Ok(Looked::Unknown) => false,
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

//! The sources that a scan can do without: each is given a share of the scan's time, and what comes later is not lost.
//!
//! A hanging source must not hold a scan. A source that is merely slow must stay usable: its list goes on in the background,
//! and the next scan uses it if its own list is not there in time either.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bivouac_model::{FargateQuotas, RepoName, Task};
use bivouac_ports::{Error, Meaning, OpenPullRequests, Result, TaggedImages};
use tokio_util::task::AbortOnDropHandle;

use crate::doors::Doors;

/// The most that a scan waits for a source. The slowest answers we ask for, a thousand images or interfaces, come within two
/// seconds, and the SDK gives one attempt as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The part of a resync that a scan waits for a source. All sources are asked at once, so a scan that waits for every one of
/// them is over well before the next.
const SHARE: u32 = 3;

/// How long a list may go on in the background. A hundred pages of two seconds each are a hundred thousand images; a list that
/// took longer says nothing of now.
const LONGEST: Duration = Duration::from_secs(300);

/// The sources of one controller.
pub(crate) struct Sources {
    registries: Late<String, Result<TaggedImages>>,
    pull_requests: Late<RepoName, Result<OpenPullRequests>>,
    addresses: Late<(), Result<Addresses>>,
    quotas: Late<(), Result<FargateQuotas>>,
    /// The last address that EC2 told for each interface of a running task. An interface keeps its address until it is
    /// deleted (EC2 user guide, "Public IPv4 addresses").
    known: Mutex<HashMap<String, IpAddr>>,
}

/// What EC2 answered for the interfaces that it was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(HashMap<String, Option<IpAddr>>);

impl Sources {
    /// Sources of which none is waited for longer than a scan of this resync can.
    pub fn new(resync: Duration) -> Self {
        Self::waiting_for(PATIENCE.min(resync / SHARE))
    }

    /// Sources that are waited for as long as they take, for a caller without a next scan.
    pub fn patient() -> Self {
        Self::waiting_for(LONGEST)
    }

    fn waiting_for(patience: Duration) -> Self {
        Self {
            registries: Late::new(patience),
            pull_requests: Late::new(patience),
            addresses: Late::new(patience),
            quotas: Late::new(patience),
            known: Mutex::default(),
        }
    }

    /// The tags of a registry's repository.
    pub async fn images(&self, doors: &Doors, repository: &str) -> Result<TaggedImages> {
        let (registry, name) = (Arc::clone(&doors.registry), repository.to_owned());
        let ask = || async move { registry.tagged_images(&name).await };
        self.registries.ask(repository.to_owned(), "ECR DescribeImages", ask).await
    }

    /// The open pull requests of a repository.
    pub async fn pull_requests(&self, doors: &Doors, repo: &RepoName) -> Result<OpenPullRequests> {
        let (forge, name) = (Arc::clone(&doors.forge), repo.clone());
        let ask = || async move { forge.open_pull_requests(&name).await };
        self.pull_requests.ask(repo.clone(), "GitHub list of open pull requests", ask).await
    }

    /// What the account may run.
    pub async fn quotas(&self, doors: &Doors) -> Result<FargateQuotas> {
        let quotas = Arc::clone(&doors.quotas);
        self.quotas.ask((), "Service Quotas", || async move { quotas.fargate_vcpus().await }).await
    }

    /// Resolves the addresses of all running tasks of the cluster, and answers the services of which an address stays unknown,
    /// with the reason. What is known of interfaces that are gone is forgotten.
    pub async fn resolve_all(&self, doors: &Doors, tasks: &mut [Task]) -> (HashSet<String>, Option<Error>) {
        let interfaces = interfaces(tasks);
        let running: HashSet<&String> = interfaces.iter().collect();
        self.known().retain(|interface, _| running.contains(interface));
        if interfaces.is_empty() {
            return (HashSet::new(), None);
        }
        let cluster = Arc::clone(&doors.cluster);
        let ask = || async move { ask_ec2(&*cluster, &interfaces).await };
        let answer = self.addresses.ask((), "EC2 DescribeNetworkInterfaces", ask).await;
        let unknown = self.fill(tasks, answer.as_ref().ok());
        (unknown.into_iter().filter_map(|task| tasks[task].service.clone()).collect(), answer.err())
    }

    /// Resolves the addresses of the tasks of one service, and answers whether one stays unknown.
    pub async fn resolve(&self, doors: &Doors, tasks: &mut [Task]) -> bool {
        let interfaces = interfaces(tasks);
        if interfaces.is_empty() {
            return false;
        }
        let answer = tokio::time::timeout(PATIENCE, ask_ec2(&*doors.cluster, &interfaces)).await;
        let answer = answer.unwrap_or_else(|_| Err(silent("EC2 DescribeNetworkInterfaces", PATIENCE)));
        if let Err(error) = &answer {
            tracing::warn!(error = error as &dyn std::error::Error, "EC2 did not answer; the address is unknown");
        }
        !self.fill(tasks, answer.as_ref().ok()).is_empty()
    }

    /// Sets the addresses that are known, and answers which running tasks have an unknown one.
    fn fill(&self, tasks: &mut [Task], answer: Option<&Addresses>) -> Vec<usize> {
        let mut known = self.known();
        let told = answer.into_iter().flat_map(|Addresses(told)| told);
        // An answer that came late, and knew of no address yet, takes none away.
        known.extend(told.filter_map(|(interface, address)| Some((interface.clone(), (*address)?))));
        let mut unknown = Vec::new();
        for (index, task) in tasks.iter_mut().enumerate().filter(|(_, task)| task.is_running()) {
            let Some(interface) = &task.network_interface else { continue };
            task.public_ip = known.get(interface).copied();
            let was_asked = answer.is_some_and(|Addresses(told)| told.contains_key(interface));
            if task.public_ip.is_none() && !was_asked {
                unknown.push(index);
            }
        }
        unknown
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, IpAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The interfaces of the tasks that run.
fn interfaces(tasks: &[Task]) -> Vec<String> {
    tasks.iter().filter(|task| task.is_running()).filter_map(|task| task.network_interface.clone()).collect()
}

async fn ask_ec2(cluster: &dyn bivouac_ports::Cluster, interfaces: &[String]) -> Result<Addresses> {
    let found = cluster.public_addresses(interfaces).await?;
    let told = interfaces.iter().map(|interface| (interface.clone(), found.get(interface).copied()));
    Ok(Addresses(told.collect()))
}

fn silent(call: &'static str, patience: Duration) -> Error {
    Error::new(Meaning::Unavailable, call, format!("no answer within {:.1} s", patience.as_secs_f64()))
}

/// Questions of which each is asked once at a time and waited for a while.
struct Late<K, V> {
    patience: Duration,
    /// Those that were not answered in time. One that ended since holds an answer that came late.
    questions: Mutex<HashMap<K, AbortOnDropHandle<Option<V>>>>,
}

impl<K: Hash + Eq + Clone, T: Send + 'static> Late<K, Result<T>> {
    fn new(patience: Duration) -> Self {
        Self { patience, questions: Mutex::default() }
    }

    /// The answer to a new question, or to the one that is still under way. If that does not come in time: what an earlier
    /// question answered since the last call. Each answer is used once, so none came before the last call.
    ///
    /// Dropped half-way, the question is broken off.
    ///
    /// # Errors
    /// That of the question, or `Unavailable` when nothing was answered in time.
    async fn ask<F>(&self, key: K, call: &'static str, question: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let before = self.questions().remove(&key);
        let (under_way, came_late) = match before {
            Some(ended) if ended.is_finished() => (None, answer_of(ended.await, call)),
            under_way => (under_way, None),
        };
        let mut running = under_way.unwrap_or_else(|| {
            let question = question();
            AbortOnDropHandle::new(tokio::spawn(async move { tokio::time::timeout(LONGEST, question).await.ok() }))
        });
        let answer = match tokio::time::timeout(self.patience, &mut running).await {
            Ok(ended) => answer_of(ended, call),
            Err(_) => {
                self.questions().insert(key, running);
                None
            }
        };
        answer.or(came_late).unwrap_or_else(|| Err(silent(call, self.patience)))
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<K, AbortOnDropHandle<Option<Result<T>>>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` when the question panicked or was given up.
fn answer_of<V>(ended: std::result::Result<Option<V>, tokio::task::JoinError>, call: &'static str) -> Option<V> {
    ended.unwrap_or_else(|error| {
        tracing::error!(call, error = &error as &dyn std::error::Error, "a list ended without an answer");
        None
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Answers with the number of the question, after the time that it takes now.
    struct Source {
        late: Late<(), Result<u32>>,
        asked: Arc<AtomicU32>,
    }

    impl Source {
        fn new() -> Self {
            Self { late: Late::new(5 * SECOND), asked: Arc::default() }
        }

        async fn ask(&self, takes: Duration) -> Option<u32> {
            let asked = Arc::clone(&self.asked);
            let question = || async move {
                let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(takes).await;
                Ok(number)
            };
            self.late.ask((), "a call", question).await.ok()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_used() {
        let source = Source::new();
        assert_eq!(source.ask(SECOND).await, Some(1));
        assert_eq!(source.ask(SECOND).await, Some(2), "nothing is remembered of the first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_waited_for_so_long_and_asked_once() {
        let source = Source::new();
        let began = Instant::now();
        for scan in 1..=3 {
            assert_eq!(source.ask(Duration::MAX).await, None);
            assert_eq!(began.elapsed(), 5 * SECOND * scan);
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_is_used_once_by_the_next_call() {
        let source = Source::new();
        assert_eq!(source.ask(8 * SECOND).await, None);
        tokio::time::sleep(25 * SECOND).await;
        assert_eq!(source.ask(8 * SECOND).await, Some(1), "the first one came late, and the second is not there yet");
        tokio::time::sleep(25 * SECOND).await;
        assert_eq!(source.ask(Duration::MAX).await, Some(2), "a source that is always slow stays known");
        tokio::time::sleep(25 * SECOND).await;
        assert_eq!(source.ask(SECOND).await, None, "the one under way hangs, and nothing came since");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_quick_again_is_used_at_once() {
        let source = Source::new();
        assert_eq!(source.ask(8 * SECOND).await, None);
        tokio::time::sleep(25 * SECOND).await;
        assert_eq!(source.ask(SECOND).await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_hangs_is_given_up_in_the_end() {
        let source = Source::new();
        assert_eq!(source.ask(Duration::MAX).await, None);
        tokio::time::sleep(LONGEST).await;
        assert_eq!(source.ask(SECOND).await, Some(2));
    }

    #[test]
    fn a_scan_waits_for_a_third_of_its_time_and_five_seconds_at_most() {
        let patience = |resync| Sources::new(resync).registries.patience;
        assert_eq!(patience(30 * SECOND), 5 * SECOND);
        assert_eq!(patience(3 * SECOND), SECOND);
    }
}

//! What is behind the doors, and what a test does with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bivouac_controller::{Controller, Doors, Settings};
use bivouac_model::{
    CommentView, DesiredState, EnvKey, Event, Image, ImageDigest, ItemKey, LastUse, ListedImage, Month, Phase,
    PullRequestState, Record, RepoName, SpendingEntry, Status, Usd,
};
use bivouac_planner::admission::Caps;
use bivouac_planner::{ImageCommit, Policy};
use bivouac_ports::{Error, ForgeHealth, Meaning, NoMeter, Push, Reaction, RecordFeed, RepoNames};
use bivouac_runtime::Fence;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cloud::Cloud;
use crate::doors::{Door, Feed};
use crate::fixtures::{commit, image, policy, start};

/// The world, which outlives every process.
pub(crate) struct State {
    pub(crate) records: BTreeMap<ItemKey, Record>,
    /// One for each service's name.
    pub(crate) clouds: HashMap<String, Cloud>,
    pub(crate) pull_requests: BTreeMap<EnvKey, PullRequestState>,
    /// The comments of each pull request, by what they say. More than one is a defect.
    pub(crate) comments: HashMap<EnvKey, Vec<(String, Phase)>>,
    /// What each comment was written with, the newest last.
    pub(crate) written_comments: HashMap<EnvKey, Vec<CommentView>>,
    /// The log that each comment was last written with.
    pub(crate) logs_said: HashMap<EnvKey, Option<Vec<String>>>,
    /// What every task has written.
    pub(crate) log: Vec<String>,
    /// When lines of it stand in comments.
    pub(crate) logs_in_comments: bivouac_planner::LogsInComments,
    pub(crate) forge: bool,
    /// The forge does not know our credentials.
    pub(crate) is_unauthenticated: bool,
    /// Whose comment the forge refuses, and how.
    pub(crate) comments_refused: HashMap<EnvKey, Meaning>,
    /// How often it refused one.
    pub(crate) refused_comments: usize,
    /// Notifies when the forge answers again.
    pub(crate) health: ForgeHealth,
    /// Which repositories the configured names stand for.
    pub(crate) names: RepoNames,
    /// Each change of a phase or a reason: whose, the revision that made it, the reason.
    pub(crate) changes: Vec<(ItemKey, u64, String)>,
    /// The table of events, by its key.
    pub(crate) events: BTreeMap<(ItemKey, DateTime<Utc>, String), Event>,
    pub(crate) journal: bool,
    /// The ledger of spending, by its key, and whether it answers.
    pub(crate) spending: BTreeMap<(Month, ItemKey), SpendingEntry>,
    pub(crate) ledger: bool,
    /// The heads of the pull requests that were pushed to.
    pub(crate) heads: BTreeMap<EnvKey, String>,
    /// When they were pushed, the newest first. The first commit of each pull request is older than everything.
    pub(crate) pushes: BTreeMap<EnvKey, Vec<Push>>,
    /// What the registry holds without a tag.
    pub(crate) untagged: BTreeMap<ImageDigest, ListedImage>,
    /// The labels of images.
    pub(crate) labels: HashMap<ImageDigest, String>,
    /// Who was told what by a reaction.
    pub(crate) reactions: HashSet<(u64, Reaction)>,
    /// How often somebody reacted or tried.
    pub(crate) reaction_calls: usize,
    /// What every reaction is refused with.
    pub(crate) reactions_refused: Option<Meaning>,
    /// What every application says of its last use, and how often one was asked.
    pub(crate) last_use: LastUse,
    pub(crate) use_looks: usize,
    /// How wrong the controller's clock is.
    pub(crate) skew: TimeDelta,
    /// The sources in trouble, by call.
    pub(crate) sources: HashMap<&'static str, Source>,
    /// What AWS refuses for good, by call, and the pull requests that it refuses it to. No pull request: to all.
    pub(crate) refused: Vec<(&'static str, Option<u64>, Meaning, &'static str)>,
    /// How often each call was made.
    pub(crate) asked: HashMap<&'static str, usize>,
    /// The pull requests whose applications accept connections and never answer.
    pub(crate) hanging: HashSet<u64>,
    /// Calls that change something, and when.
    pub(crate) writes: Vec<(&'static str, Instant)>,
    /// The most services that ran, or were to, at any moment.
    pub(crate) most: usize,
}

pub(crate) struct World {
    state: Mutex<State>,
    born: Instant,
    rule: Mutex<ImageCommit>,
    caps: Mutex<Caps>,
    idle_after: Mutex<Duration>,
    resync: Mutex<Duration>,
    feeds: Mutex<Vec<mpsc::UnboundedSender<ItemKey>>>,
}

/// What happens to one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    KilledBefore,
    KilledAfter,
    Fails,
    AnswerLost,
    Panics,
}

/// What is wrong with a source.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// It refuses every call at once.
    Fails,
    /// It accepts calls and never answers; its client gives up after so long.
    Hangs(Duration),
    /// It answers after so long.
    Slow(Duration),
}

/// One run of the daemon.
pub(crate) struct Process {
    pub(crate) dead: AtomicBool,
    pub(crate) calls: AtomicUsize,
    trouble: Option<(usize, Trouble)>,
    stop: CancellationToken,
}

impl Process {
    pub(crate) fn trouble_now(&self) -> Option<Trouble> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.trouble.filter(|(at, _)| *at == call).map(|(_, trouble)| trouble)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.stop.cancel();
    }

    /// As SIGTERM does.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether it came as far as its trouble.
    pub(crate) fn met_its_trouble(&self) -> bool {
        self.trouble.is_some_and(|(at, _)| self.calls() > at)
    }
}

impl State {
    /// From now on the source behind a call is in trouble.
    pub(crate) fn trouble(&mut self, calls: &[&'static str], source: Source) {
        self.sources.extend(calls.iter().map(|call| (*call, source)));
    }

    /// What the forge answers to a call about a repository, before it looks at what was asked.
    pub(crate) fn forge_answers(&self, call: &'static str, repo: &RepoName) -> Result<(), Error> {
        match (self.forge, self.is_unauthenticated) {
            (false, _) => Err(Error::new(Meaning::Unavailable, call, "the forge is down")),
            (true, true) => Err(Error::new(Meaning::Denied, call, "bad credentials").of_credentials()),
            (true, false) => {
                self.health.answered(repo);
                Ok(())
            }
        }
    }

    /// The refusal of a call about a service, if AWS refuses it.
    pub(crate) fn refuse(&self, call: &'static str, service: &str) -> Result<(), Error> {
        let is_of = |pr: &Option<u64>| pr.is_none_or(|pr| service.ends_with(&format!("pr-{pr}-service")));
        let refused = self.refused.iter().find(|(of, pr, ..)| *of == call && is_of(pr));
        refused.map_or(Ok(()), |(_, _, meaning, text)| Err(Error::new(*meaning, call, *text)))
    }

    /// Who runs, is to run, or has not stopped running yet.
    pub(crate) fn running(&self) -> usize {
        let runs = |cloud: &&Cloud| {
            cloud.active().is_some_and(|service| service.desired_count > 0) || !cloud.live_tasks().is_empty()
        };
        self.clouds.values().filter(runs).count()
    }
}

impl World {
    /// An empty world whose clock and cloud go on by themselves.
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            records: BTreeMap::new(),
            clouds: HashMap::new(),
            pull_requests: BTreeMap::new(),
            comments: HashMap::new(),
            written_comments: HashMap::new(),
            logs_said: HashMap::new(),
            log: Vec::new(),
            logs_in_comments: bivouac_planner::LogsInComments::Never,
            forge: true,
            is_unauthenticated: false,
            comments_refused: HashMap::new(),
            refused_comments: 0,
            health: ForgeHealth::default(),
            names: RepoNames::default(),
            changes: Vec::new(),
            events: BTreeMap::new(),
            journal: true,
            spending: BTreeMap::new(),
            ledger: true,
            heads: BTreeMap::new(),
            pushes: BTreeMap::new(),
            untagged: BTreeMap::new(),
            labels: HashMap::new(),
            reactions: HashSet::new(),
            reaction_calls: 0,
            reactions_refused: None,
            last_use: LastUse::Unknown("it answers with status 404".into()),
            use_looks: 0,
            skew: TimeDelta::zero(),
            sources: HashMap::new(),
            refused: Vec::new(),
            asked: HashMap::new(),
            hanging: HashSet::new(),
            writes: Vec::new(),
            most: 0,
        };
        let world = Arc::new(Self {
            state: Mutex::new(state),
            born: Instant::now(),
            rule: Mutex::new(ImageCommit::PushTime),
            caps: Mutex::new(plenty()),
            idle_after: Mutex::default(),
            resync: Mutex::new(Settings::default().resync),
            feeds: Mutex::default(),
        });
        let clouds = Arc::downgrade(&world);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                let Some(world) = clouds.upgrade() else { return };
                let now = world.now();
                for cloud in world.state().clouds.values_mut() {
                    cloud.now = now;
                    cloud.step();
                }
            }
        });
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        start() + TimeDelta::from_std(self.born.elapsed()).unwrap()
    }

    /// A client writes a wish, and the stream tells of it.
    pub(crate) fn write(&self, pr: u64, change: impl FnOnce(&mut DesiredState)) {
        let key = env(pr);
        let item = ItemKey::from(&key);
        let mut state = self.state();
        state.pull_requests.entry(key).or_insert(PullRequestState::Open);
        let now = self.now();
        let cloud = state.clouds.entry(format!("pr-{pr}-service")).or_insert_with(|| {
            let mut cloud = Cloud::new(now);
            // No two environments have an address in common.
            cloud.next = u32::try_from(pr).unwrap() * 1000;
            cloud.images.values_mut().for_each(|image| image.pushed_at = Some(now));
            cloud
        });
        cloud
            .images
            .entry(format!("pr-{pr}-ci").parse().unwrap())
            .or_insert_with(|| Image { pushed_at: Some(now), ..image(1) });
        let record = state.records.entry(item.clone()).or_insert_with(|| Record {
            key: item.clone(),
            desired: Ok(DesiredState::default()),
            generation: None,
            status: None,
        });
        change(record.desired.as_mut().unwrap());
        drop(state);
        for feed in self.feeds.lock().unwrap().iter() {
            let _ = feed.send(item.clone());
        }
    }

    /// A process, with the stream.
    pub(crate) fn start(self: &Arc<Self>, trouble: Option<(usize, Trouble)>) -> Arc<Process> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.feeds.lock().unwrap().push(sender);
        self.start_with(trouble, Some(Box::new(Feed(receiver))), Fence::unfenced())
    }

    pub(crate) fn start_with(
        self: &Arc<Self>,
        trouble: Option<(usize, Trouble)>,
        feed: Option<Box<dyn RecordFeed>>,
        fence: Fence,
    ) -> Arc<Process> {
        let stop = CancellationToken::new();
        let process = Arc::new(Process { dead: false.into(), calls: 0.into(), trouble, stop: stop.clone() });
        let controller = self.controller(&process, fence);
        tokio::spawn(Arc::new(controller).run(feed, stop));
        process
    }

    fn controller(self: &Arc<Self>, process: &Arc<Process>, fence: Fence) -> Controller {
        let settings = Settings { resync: *self.resync.lock().unwrap(), ..Settings::default() };
        Controller::new(self.doors(process), Arc::new(self.policy()), settings, fence)
    }

    /// A controller without a daemon, as `bivouac reap` has one.
    pub(crate) fn alone(self: &Arc<Self>) -> Controller {
        let stop = CancellationToken::new();
        let process = Process { dead: false.into(), calls: 0.into(), trouble: None, stop };
        self.controller(&Arc::new(process), Fence::unfenced())
    }

    fn policy(&self) -> Policy {
        let mut policy = policy();
        let rule = *self.rule.lock().unwrap();
        policy.idle_after = *self.idle_after.lock().unwrap();
        let logs_in_comments = self.state().logs_in_comments;
        for project in policy.projects.values_mut() {
            project.logs_in_comments = logs_in_comments;
            project.image_commit = rule;
            project.idle_path = Some("/idle".into());
        }
        policy.caps = *self.caps.lock().unwrap();
        policy
    }

    /// How long nobody uses an environment before the processes that start from now on put it to sleep.
    pub(crate) fn idle_after(&self, after: Duration) {
        *self.idle_after.lock().unwrap() = after;
    }

    /// How often the processes that start from now on pass over everything.
    pub(crate) fn resync(&self, resync: Duration) {
        *self.resync.lock().unwrap() = resync;
    }

    /// How the processes that start from now on know of which commit an image is.
    pub(crate) fn rule(&self, rule: ImageCommit) {
        *self.rule.lock().unwrap() = rule;
    }

    /// What the processes that start from now on may have running.
    pub(crate) fn caps(&self, caps: Caps) {
        *self.caps.lock().unwrap() = caps;
    }

    /// A commit comes to the head of a pull request.
    pub(crate) fn push(&self, pr: u64, number: u8) {
        let now = self.now();
        let mut state = self.state();
        let before = state.heads.insert(env(pr), commit(number)).unwrap_or_else(|| commit(0));
        let push = Push { before, after: commit(number), actor: Some("contributor".into()), at: now };
        state.pushes.entry(env(pr)).or_default().insert(0, push);
    }

    /// The image of a commit is pushed under the pull request's tag.
    pub(crate) fn push_image(&self, pr: u64, number: u8) {
        let pushed = Image { pushed_at: Some(self.now()), ..image(number + 1) };
        self.state().labels.insert(pushed.digest.clone(), commit(number));
        self.cloud(pr, |cloud| cloud.images.insert(format!("pr-{pr}-ci").parse().unwrap(), pushed));
    }

    /// The image that the newest task of a pull request runs.
    pub(crate) fn runs(&self, pr: u64) -> Option<u8> {
        self.cloud(pr, |cloud| {
            let task = cloud.live_tasks().pop()?;
            let picture = cloud.pictures.get(&task.task_definition)?;
            (0..40).find(|number| picture.ends_with(image(number + 1).digest.as_str()))
        })
    }

    pub(crate) fn doors(self: &Arc<Self>, process: &Arc<Process>) -> Doors {
        let door = Arc::new(Door { world: Arc::clone(self), process: Arc::clone(process) });
        Doors {
            records: door.clone(),
            journal: door.clone(),
            spending: door.clone(),
            cluster: door.clone(),
            registry: door.clone(),
            quotas: door.clone(),
            forge: door.clone(),
            conversation: Some(door.clone()),
            probe: door.clone(),
            logs: door.clone(),
            clock: door,
            meter: Arc::new(NoMeter),
        }
    }

    pub(crate) fn status(&self, pr: u64) -> Option<Status> {
        self.state().records.get(&ItemKey::from(&env(pr)))?.status.clone()
    }

    pub(crate) fn phase(&self, pr: u64) -> Option<Phase> {
        self.status(pr).map(|status| status.phase)
    }

    pub(crate) fn cloud<T>(&self, pr: u64, look: impl FnOnce(&mut Cloud) -> T) -> T {
        look(self.state().clouds.get_mut(&format!("pr-{pr}-service")).unwrap())
    }

    /// Every reaction there is, in the order of the comments.
    pub(crate) fn told(&self) -> Vec<(u64, Reaction)> {
        let mut told: Vec<_> = self.state().reactions.iter().copied().collect();
        told.sort_by_key(|(comment, reaction)| (*comment, *reaction as u8));
        told
    }

    /// What the comments of a pull request say.
    pub(crate) fn said(&self, pr: u64) -> Vec<Phase> {
        let state = self.state();
        state.comments.get(&env(pr)).into_iter().flatten().map(|(_, phase)| *phase).collect()
    }

    /// How often the comment of a pull request was written.
    pub(crate) fn edits(&self, pr: u64) -> usize {
        self.state().written_comments.get(&env(pr)).map_or(0, Vec::len)
    }

    /// The commit that the comment of a pull request says is not approved.
    pub(crate) fn newest_said(&self, pr: u64) -> Option<String> {
        self.state().written_comments.get(&env(pr))?.last()?.newer_commit.clone()
    }

    /// Whether the audit tells of every change, once.
    pub(crate) fn is_told(&self) -> bool {
        let state = self.state();
        let mut changes: Vec<_> = state.changes.clone();
        changes.sort();
        let mut told: Vec<_> = state.events.values().map(line).collect();
        told.sort();
        told == changes
    }

    /// Whether the audit tells of nothing that did not happen, and of nothing twice.
    pub(crate) fn is_told_truly(&self) -> bool {
        let state = self.state();
        let mut changes = state.changes.clone();
        state.events.values().all(|event| {
            let found = changes.iter().position(|change| *change == line(event));
            found.map(|at| changes.remove(at)).is_some()
        })
    }

    /// Whether record and comment say this.
    pub(crate) fn is(&self, pr: u64, phase: Phase) -> bool {
        self.phase(pr) == Some(phase) && self.said(pr) == [phase]
    }

    /// Waits for a state, an hour at the longest.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(3600);
        while !holds() {
            assert!(Instant::now() < deadline, "never {what}: {:#?}", self.state().records);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// What an event says, as the changes are kept.
fn line(event: &Event) -> (ItemKey, u64, String) {
    let revision = event.tie.strip_prefix("revision-").and_then(|revision| revision.parse().ok());
    (event.environment.clone(), revision.expect("a tie of the controller's"), event.reason.clone())
}

/// The address of a command.
pub(crate) fn comment(pr: u64, id: u64) -> String {
    format!("https://github.com/apache/superset/pull/{pr}#issuecomment-{id}")
}

pub(crate) fn env(pr: u64) -> EnvKey {
    format!("apache/superset#{pr}").parse().unwrap()
}

/// Caps that nothing meets.
pub(crate) fn plenty() -> Caps {
    Caps { max_environments: 1000, max_per_user: 1000, monthly_budget: Usd::from_dollars(1e6), max_vcpus: Some(1000.0) }
}

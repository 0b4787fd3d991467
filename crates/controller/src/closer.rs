//! A closer look at one environment. Looks that several reconciles take at about the same time go out together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{
    Branch, EnvKey, HeadChange, ImageRevision, ImageTag, ImageView, ItemKey, Observed, PullRequestState, PushesView,
    Record, RepoName, ServiceView, TaskDefinitionRevision,
};
use bivouac_planner::images::{OwnTags, TagUse, deployed_tag, named_tags};
use bivouac_planner::{Look, Policy, Project};
use bivouac_ports::{Error, Meaning, Push, Result};
use bivouac_runtime::{BatchError, BatchLimits, Batcher, Turn};
use tokio::sync::Semaphore;

use crate::doors::Doors;
use crate::fenced::Fenced;
use crate::idle::Signs;
use crate::sources::Sources;
use crate::world::ListedHead;

/// "You may specify up to 10 services to describe in a single operation" (ECS API reference, DescribeServices).
const SERVICES_A_CALL: usize = 10;
/// For how long nobody must have asked for a service before those that were asked for go out. Reconciles that a pass wakes
/// together have made two calls each before they ask, and are apart by what the answers differ in time: at AWS tens of
/// milliseconds. It is what a wish that comes alone waits, out of the half second that it may take.
const SERVICES_IDLE: Duration = Duration::from_millis(25);

/// How many looks at once may wait for one of the registry, the forge or EC2: as many as there are turns, so that giving a turn
/// back brings no more calls to any of them.
const ASKING: usize = 50;

/// How many environments are asked at once how they do. A probe waits five seconds for an application that hangs, so this many
/// that hang delay nobody's probe. Each takes a socket, and 1024 is the usual soft limit of a process.
const PROBES: usize = 128;

/// Takes closer looks.
pub(crate) struct Closer {
    doors: Doors,
    policy: Arc<Policy>,
    services: Batcher<String, ServiceView, Error>,
    /// What environments said of their last use.
    pub signs: Signs,
    /// What a scan can do without.
    pub sources: Sources,
    ahead: Semaphore,
    registry: Semaphore,
    forge: Semaphore,
    addresses: Semaphore,
    probes: Semaphore,
    /// Held while tags of images are removed that other records run.
    removing: tokio::sync::Mutex<()>,
}

impl Closer {
    /// `concurrency` is how many environments are reconciled at once. If that is fewer than usual, there are too few open files
    /// for more, and no more looks wait for one source.
    pub fn new(doors: Doors, policy: Arc<Policy>, resync: Duration, concurrency: usize) -> Self {
        let asking = ASKING.min(concurrency.max(1));
        let probes = if asking < ASKING { asking } else { PROBES };
        let cluster = Arc::clone(&doors.cluster);
        let limits = BatchLimits { idle: SERVICES_IDLE, ..BatchLimits::of(SERVICES_A_CALL) };
        let services = Batcher::new(limits, move |names: Vec<String>| {
            let cluster = Arc::clone(&cluster);
            async move { cluster.services(&names).await }
        });
        Self {
            doors,
            policy,
            services,
            signs: Signs::default(),
            sources: Sources::new(resync),
            ahead: Semaphore::new(asking),
            registry: Semaphore::new(asking),
            forge: Semaphore::new(asking),
            addresses: Semaphore::new(asking),
            probes: Semaphore::new(probes),
            removing: tokio::sync::Mutex::default(),
        }
    }

    /// What a reconcile begins with: of the pull request what the last list said, its head, if it was open.
    pub fn begin(&self, record: &Record, key: &EnvKey, listed: Option<ListedHead>) -> Observed {
        let pull_request = listed.is_some().then_some(PullRequestState::Open);
        let (head_sha, is_from_fork) = listed.map(|listed| (listed.sha, listed.is_from_fork)).unzip();
        let idle = self.signs.of(&record.key);
        let moved_to = self.moved_to(key);
        Observed {
            image: ImageView::NotAsked,
            pull_request,
            head_sha,
            is_from_fork,
            idle,
            moved_to,
            ..Observed::default()
        }
    }

    /// Reads a new record, and looks meanwhile at what its plan asks for, for `patience` at most. What does not answer in time is
    /// looked at again when the plan asks for it.
    ///
    /// As many as there are turns do so at once. They hold no turn, and without a bound of their own a hundred new records would
    /// open hundreds of connections.
    pub async fn read_and_look_ahead(
        &self,
        key: &EnvKey,
        item: &ItemKey,
        project: &Project,
        patience: Duration,
    ) -> (Result<Option<Record>>, Option<Ahead>) {
        let both = async {
            tokio::join!(self.doors.records.get(item), tokio::time::timeout(patience, self.look_ahead(key, project)))
        };
        let (record, ahead) = in_line(&self.ahead, both).await;
        (record, ahead.ok())
    }

    async fn look_ahead(&self, key: &EnvKey, project: &Project) -> Ahead {
        let tag = project.tag(key, None);
        // In this order, as the plan asks: an image that was read before the head cannot be of a newer commit.
        let commit = async {
            let image = self.image(project, tag.as_ref()).await;
            (image, self.pull_request(key).await)
        };
        let (family, name) = (project.family(key), project.service(key));
        let (service, task_definitions, (image, pull_request)) =
            tokio::join!(self.service(&name), self.doors.cluster.task_definitions(&family), commit);
        Ahead { tag, image, pull_request, service: service.ok(), task_definitions: task_definitions.ok() }
    }

    async fn image(&self, project: &Project, tag: Option<&ImageTag>) -> ImageView {
        let Some(tag) = tag else { return ImageView::Unknown };
        let asking = self.doors.registry.image(&project.ecr_repository, tag);
        in_line(&self.registry, asking).await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the registry did not answer");
            ImageView::Unknown
        })
    }

    async fn pull_request(&self, key: &EnvKey) -> SeenPullRequest {
        match in_line(&self.forge, self.doors.forge.pull_request(key)).await {
            Ok(Some(pull)) if pull.is_open => SeenPullRequest {
                state: PullRequestState::Open,
                head_sha: Some(pull.head_sha),
                is_from_fork: Some(pull.is_from_fork),
                branch: pull.branch,
            },
            Ok(Some(_)) => SeenPullRequest::of(PullRequestState::Closed),
            Ok(None) => SeenPullRequest::of(PullRequestState::NotFound),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the forge did not answer");
                SeenPullRequest::of(PullRequestState::Unknown)
            }
        }
    }

    /// Looks, and adds what it saw to `observed`. Taking the same look twice replaces the first.
    ///
    /// Only ECS and the table are asked within the turn. Everything else may be slow, or hang, without any other environment
    /// waiting for it: the registry, the forge, EC2 and the environments themselves.
    pub async fn look(
        &self,
        look: &Look,
        record: &Record,
        key: &EnvKey,
        project: &Project,
        observed: &mut Observed,
        turn: &mut Turn<'_>,
    ) -> Result<()> {
        match look {
            Look::Service => {
                observed.service = self.service(&project.service(key)).await?;
                observed.tasks.clear();
                observed.tasks_pending = matches!(observed.service, ServiceView::Active(_));
            }
            Look::Tasks => {
                let mut tasks = self.doors.cluster.service_tasks(&project.service(key)).await?;
                let resolving = in_line(&self.addresses, self.sources.resolve(&self.doors, &mut tasks));
                observed.unanswered.addresses = turn.aside(resolving).await;
                observed.tasks = tasks;
                observed.tasks_pending = false;
            }
            Look::Image => {
                let tag = deployed_tag(project, key, record);
                observed.image = turn.aside(self.image(project, tag.as_ref())).await;
                // A head that was read before the image proves nothing about it.
                observed.pull_request_is_fresh = false;
                observed.pushes = None;
            }
            Look::TaskDefinitions => {
                let family = project.family(key);
                observed.task_definitions = Some(self.doors.cluster.task_definitions(&family).await?);
            }
            Look::PullRequest => {
                turn.aside(self.pull_request(key)).await.add_to(observed);
                // The answer showed it, if it was not known before.
                observed.moved_to = self.moved_to(key);
            }
            Look::Pushes => {
                observed.pushes = Some(match &observed.branch {
                    None => PushesView::Hidden,
                    Some(branch) => {
                        let asking = in_line(&self.forge, self.doors.forge.pushes(&key.repo, branch));
                        pushes(turn.aside(asking).await)
                    }
                });
            }
            Look::Revision { digest } => {
                let asking = in_line(&self.registry, self.doors.registry.revision(&project.ecr_repository, digest));
                let commit = turn.aside(asking).await?;
                observed.revision = Some(ImageRevision { digest: digest.clone(), commit });
            }
            Look::Tags => {
                let own = turn.aside(in_line(&self.registry, self.own_tags(record))).await?;
                observed.own_tags = Some(own.tags);
            }
            // Answered by the ledger of places, and seen nowhere.
            Look::Room(_) => {}
            Look::Health { ip } => {
                let path = project.health_path.as_deref().unwrap_or("/");
                let probing = in_line(&self.probes, self.doors.probe.probe(*ip, project.port, path));
                observed.health = Some(turn.aside(probing).await);
            }
            Look::Idle { ip } => {
                let path = project.idle_path.as_deref().unwrap_or("/");
                let probing = in_line(&self.probes, self.doors.probe.last_use(*ip, project.port, path));
                let sign = turn.aside(probing).await.as_of(self.doors.clock.now());
                tracing::debug!(used_at = ?sign.used_at, "asked when it was last used");
                self.signs.keep(&record.key, sign.clone());
                observed.idle = Some(sign);
            }
        }
        Ok(())
    }

    fn moved_to(&self, key: &EnvKey) -> Option<RepoName> {
        self.doors.forge.names().moved_from(&key.repo).map(|moved| moved.to)
    }

    async fn service(&self, name: &str) -> Result<ServiceView> {
        match self.services.get(name.to_owned()).await {
            Ok(view) => Ok(view.unwrap_or(ServiceView::Absent)),
            Err(BatchError::Failed(error)) => Err(Error::clone(&error)),
            Err(BatchError::BrokenOff) => {
                Err(Error::new(Meaning::Unavailable, "ECS DescribeServices", "the call was broken off"))
            }
        }
    }

    /// Removes tags of a record from the registry. They are looked at once more, with no other removal under way: another record
    /// may run one of the images since the first look. So of two take-downs at once, neither takes the tag that the other left.
    ///
    /// Again, it removes what is left. Dropped half-way, the next look finds what is still there.
    ///
    /// # Errors
    /// That of a look or of the removal.
    pub async fn remove_tags(
        &self,
        fenced: &Fenced,
        record: &Record,
        repository: &str,
        tags: &[ImageTag],
    ) -> Result<()> {
        let _alone = self.removing.lock().await;
        let own = self.own_tags(record).await?.tags;
        let tags: Vec<ImageTag> = tags.iter().filter(|tag| own.contains(tag)).cloned().collect();
        match tags.is_empty() {
            true => Ok(()),
            false => fenced.write(self.doors.registry.remove_tags(repository, &tags)).await,
        }
    }

    /// The tags of a record that are in the registry now and may go with its pull request.
    async fn own_tags(&self, record: &Record) -> Result<OwnTags> {
        let Some((repository, tags)) = named_tags(&self.policy, record) else { return Ok(OwnTags::default()) };
        let records = self.doors.records.all().await?;
        let mut images = HashMap::new();
        for tag in tags {
            let view = self.doors.registry.image(repository, &tag).await?;
            images.insert(tag, view);
        }
        let mut tag_use = TagUse::of(&self.policy, &records);
        let own = tag_use.own(&self.policy, record, &images).unwrap_or_default();
        if !own.shares {
            return Ok(own);
        }
        // Only a list has every tag of an image.
        let listed = self.doors.registry.tagged_images(repository).await?;
        tag_use.list(repository, &listed);
        Ok(tag_use.own(&self.policy, record, &listed).unwrap_or_default())
    }
}

/// What was seen of an environment before its record was.
pub(crate) struct Ahead {
    /// The tag that was looked up.
    tag: Option<ImageTag>,
    image: ImageView,
    pull_request: SeenPullRequest,
    service: Option<ServiceView>,
    task_definitions: Option<Vec<TaskDefinitionRevision>>,
}

impl Ahead {
    /// Adds it to an observation of the record. If the record names another tag, the image is not known, and the head was not
    /// read after it.
    pub fn add_to(self, observed: &mut Observed, project: &Project, key: &EnvKey, record: &Record) {
        if let Some(service) = self.service {
            observed.tasks_pending = matches!(service, ServiceView::Active(_));
            observed.service = service;
        }
        observed.task_definitions = self.task_definitions;
        if self.tag.is_some() && self.tag == deployed_tag(project, key, record) {
            observed.image = self.image;
            self.pull_request.add_to(observed);
        }
    }
}

/// A pull request, as the forge answered.
struct SeenPullRequest {
    state: PullRequestState,
    head_sha: Option<String>,
    /// `None`: the answer does not say.
    is_from_fork: Option<bool>,
    branch: Option<Branch>,
}

impl SeenPullRequest {
    fn of(state: PullRequestState) -> Self {
        Self { state, head_sha: None, is_from_fork: None, branch: None }
    }

    fn add_to(self, observed: &mut Observed) {
        observed.pull_request = Some(self.state);
        observed.head_sha = self.head_sha;
        observed.pull_request_is_fresh = true;
        // That never changes.
        observed.is_from_fork = self.is_from_fork.or(observed.is_from_fork);
        // Pushes that were read before the head prove nothing about it.
        (observed.branch, observed.pushes) = (self.branch, None);
    }
}

/// What the forge answers about pushes, as the planner reads it.
fn pushes(answer: Result<Option<Vec<Push>>>) -> PushesView {
    match answer {
        Ok(Some(pushes)) => {
            let change = |Push { before, after, at, .. }| HeadChange { before, after, at };
            PushesView::Listed(pushes.into_iter().map(change).collect())
        }
        Ok(None) => PushesView::Hidden,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the forge did not list the pushes to a branch");
            PushesView::Unknown
        }
    }
}

/// Asks as soon as not too many others do.
async fn in_line<T>(line: &Semaphore, asking: impl Future<Output = T>) -> T {
    // It is never closed.
    let _permit = line.acquire().await.ok();
    asking.await
}

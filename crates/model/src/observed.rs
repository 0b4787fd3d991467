//! What was seen in the world.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Branch, Capacity, ContentHash, IdleSign, ImageTag, LedgerView, Refusal, RepoName, Room};

/// What one observation found out about one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The service of its name.
    pub service: ServiceView,
    /// The tasks of that service: those that run or start, and, after a closer look, those that stopped lately.
    pub tasks: Vec<Task>,
    /// The image that the record's tag names.
    pub image: ImageView,
    /// What the address of the newest running task answered; `None`: not asked.
    pub health: Option<Health>,
    /// What it said of its last use when it was last asked, in this observation or an earlier one; `None`: it was not.
    pub idle: Option<IdleSign>,
    /// The pull request; `None`: not asked in this observation.
    pub pull_request: Option<PullRequestState>,
    /// The forge was asked for this very pull request in this observation, rather than for a list some time ago.
    pub pull_request_is_fresh: bool,
    /// The commit at the head of the open pull request, in full; `None`: not known.
    pub head_sha: Option<String>,
    /// Whether the branch of the pull request lives in another repository; `None`: not known.
    pub is_from_fork: Option<bool>,
    /// The branch of the pull request; `None`: not asked for, or its repository is deleted.
    pub branch: Option<Branch>,
    /// The pushes to that branch; `None`: not asked after the pull request was.
    pub pushes: Option<PushesView>,
    /// What an image says of the commit it was built from; `None`: not asked in this observation.
    pub revision: Option<ImageRevision>,
    /// The live revisions of the environment's family, newest first; `None`: not looked at.
    pub task_definitions: Option<Vec<TaskDefinitionRevision>>,
    /// Tags of this pull request that are in the registry and may go with it: no other record which is not down names them,
    /// and an image that another record runs keeps one tag. `None`: not looked at.
    pub own_tags: Option<Vec<ImageTag>>,
    /// What the caps have to say to it; `None`: not asked.
    pub room: Option<Room>,
    /// The last step that AWS refused for good, of this environment or of the whole account; `None`: none was.
    pub refusal: Option<Refusal>,
    /// What the ledger of spending says of it.
    pub spending: LedgerView,
    /// The name that the repository has now, if it is another than the configured one.
    pub moved_to: Option<RepoName>,
    /// No service may be deleted before the next pass: as many were as one pass may delete.
    pub allowance_spent: bool,
    /// The clock is not where it should be by the time that passed, and no second observation has confirmed it.
    pub clock_jumped: bool,
    /// The service was described, and its tasks were not listed yet: an empty list proves nothing then.
    pub tasks_pending: bool,
    /// What was asked and gave no answer.
    pub unanswered: Unanswered,
}

/// The questions of one observation that got no answer. A missing answer is evidence about its source, and about no
/// environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// EC2 gave no address for at least one running task. A task without an address then has an unknown one.
    pub addresses: bool,
    /// The registry did not list, or did not remove, the tags of the pull request.
    pub tags: bool,
    /// ECS did not list, or did not deregister, the task definitions of the environment.
    pub task_definitions: bool,
}

/// What is known of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ServiceView {
    /// Neither listed nor asked for by name: nothing is known, so nothing is proved.
    #[default]
    Unknown,
    /// Not on the list of services, and not asked for by name. It may be draining.
    Unlisted,
    /// On the list of services, and not asked for by name.
    Listed,
    /// Asked for by name: INACTIVE, MISSING or not found.
    Absent,
    /// Asked for by name: being deleted; its name is taken until it is gone.
    Draining,
    /// Asked for by name.
    Active(Box<Service>),
}

/// An ACTIVE service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The tag `bivouac:managed`: the instance it belongs to; absent: nobody's.
    pub managed_by: Option<String>,
    /// The tags `bivouac:repo` and `bivouac:pr`, as `repo#pr`.
    pub owner: Option<String>,
    /// The tag `bivouac:spec`.
    pub spec: Option<ContentHash>,
    /// The tag `bivouac:hash-version`.
    pub hash_version: Option<String>,
    /// The tag `bivouac:protect` is `true`.
    pub protected: bool,
    /// How many tasks it should run.
    pub desired_count: u32,
    /// How many it runs.
    pub running_count: u32,
    /// What it runs.
    pub task_definition: TaskDefinitionName,
    /// ECS Exec is enabled for the tasks that it starts.
    pub exec: bool,
    /// The first capacity provider of its strategy with a weight.
    pub capacity: Option<Capacity>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Its deployments, the PRIMARY one first.
    pub deployments: Vec<Deployment>,
    /// Its last events, newest first.
    pub events: Vec<ServiceEvent>,
}

impl Service {
    /// The deployment that the service moves towards.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }
}

/// A deployment of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// `ecs-svc/…`, which its tasks carry as `startedBy`.
    pub id: String,
    /// What it deploys.
    pub task_definition: TaskDefinitionName,
    /// How far it is.
    pub rollout: Rollout,
    /// ECS's words for it.
    pub rollout_reason: Option<String>,
    /// How many of its tasks failed to start.
    pub failed_tasks: u32,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
}

/// `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// On its way.
    InProgress,
    /// Done.
    Completed,
    /// Stopped by the circuit breaker.
    Failed,
}

/// A line of a service's event log.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceEvent {
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// ECS's words.
    pub message: String,
}

/// `family:revision`, the last part of a task definition's ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskDefinitionName(Box<str>);

impl TaskDefinitionName {
    /// From an ARN (`arn:aws:ecs:…:task-definition/family:7`) or from `family:7` itself.
    pub fn from_arn(arn: &str) -> Self {
        Self(arn.rsplit('/').next().unwrap_or(arn).into())
    }

    /// `family:revision`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The family alone.
    pub fn family(&self) -> &str {
        self.0.rsplit_once(':').map_or(&*self.0, |(family, _)| family)
    }
}

impl fmt::Display for TaskDefinitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A live revision of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinitionRevision {
    /// Its name.
    pub name: TaskDefinitionName,
    /// The tag `bivouac:content`, the hash of what was registered; absent on one that is not ours.
    pub content: Option<ContentHash>,
}

/// A task of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The last part of its ARN.
    pub id: String,
    /// The service of its group.
    pub service: Option<String>,
    /// The deployment that started it.
    pub started_by: Option<String>,
    /// What it runs.
    pub task_definition: TaskDefinitionName,
    /// How far it is.
    pub state: TaskState,
    /// ECS wants it to run (`desiredStatus` is not STOPPED).
    pub wanted: bool,
    /// ECS's own health check says UNHEALTHY.
    pub unhealthy: bool,
    /// When it was asked for.
    pub created_at: Option<DateTime<Utc>>,
    /// When it reached RUNNING; absent: it never did.
    pub started_at: Option<DateTime<Utc>>,
    /// When it stopped.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Why it stopped, as a code.
    pub stop_code: Option<StopCode>,
    /// Why it stopped, in ECS's words.
    pub stopped_reason: Option<String>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its network interface.
    pub network_interface: Option<String>,
    /// The public address of that interface.
    pub public_ip: Option<IpAddr>,
    /// What it runs on.
    pub capacity: Option<Capacity>,
}

impl Task {
    /// It runs and is meant to.
    pub fn is_running(&self) -> bool {
        self.wanted && self.state == TaskState::Running
    }
}

/// `lastStatus` of a task, in the order of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// PROVISIONING, PENDING or ACTIVATING (or a state that is newer than this program).
    Starting,
    /// RUNNING.
    Running,
    /// DEACTIVATING, STOPPING or DEPROVISIONING.
    Stopping,
    /// STOPPED or DELETED.
    Stopped,
}

/// `stopCode` of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopCode {
    /// It could not start.
    TaskFailedToStart,
    /// An essential container ended.
    EssentialContainerExited,
    /// A person stopped it.
    UserInitiated,
    /// The service's scheduler stopped it.
    ServiceSchedulerInitiated,
    /// Spot took it back.
    SpotInterruption,
    /// AWS retires what it runs on.
    TerminationNotice,
    /// What it ran on broke.
    InfrastructureHealth,
    /// A code that is newer than this program.
    Other(String),
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub exit_code: Option<i32>,
    /// ECS's words for how it ended.
    pub reason: Option<String>,
    /// What it runs.
    pub image_digest: Option<ImageDigest>,
}

/// `sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageDigest(Box<str>);

impl ImageDigest {
    /// As the registry writes it.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// As the registry writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, as people quote it.
    pub fn short(&self) -> &str {
        let digits = self.0.split_once(':').map_or(&*self.0, |(_, digits)| digits);
        digits.get(..12).unwrap_or(digits)
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image behind a tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its digest.
    pub digest: ImageDigest,
    /// When it was pushed.
    pub pushed_at: Option<DateTime<Utc>>,
    /// Where to pull it from, without tag or digest: `123456789012.dkr.ecr.us-west-2.amazonaws.com/superset-ci`.
    pub repository_uri: String,
}

/// What an image says of the commit that it was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRevision {
    /// The image.
    pub digest: ImageDigest,
    /// What stands in `org.opencontainers.image.revision` (OCI image specification, "Annotations"); absent: nothing does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
}

/// What is known of the image.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ImageView {
    /// The registry did not answer, or the record names no tag.
    #[default]
    Unknown,
    /// Not asked in this observation.
    NotAsked,
    /// The tag is not there (yet).
    Missing,
    /// The repository is not there.
    NoRepository,
    /// It is there.
    Found(Image),
    /// The registry answered something this program cannot use, in a sentence.
    Unusable(String),
}

/// What an address answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered, and well (or the project asks for no probe).
    Passing,
    /// It answered with another status.
    Status(u16),
    /// It did not answer, in a few words without addresses or times.
    Silent(String),
    /// It could not be asked, for a reason on our side, in a few words. No evidence of anything.
    Unasked(String),
}

/// What is known of the pushes to the branch of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushesView {
    /// The forge did not answer.
    Unknown,
    /// The forge does not show them.
    Hidden,
    /// The newest of them, the newest first.
    Listed(Vec<HeadChange>),
}

/// A push: whatever moved a branch from one commit to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadChange {
    /// The commit before, in full; only zeros when the branch was created.
    pub before: String,
    /// The commit after, in full; only zeros when the branch was deleted.
    pub after: String,
    /// When, by the forge's clock, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Whether the pull request is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullRequestState {
    /// The forge was not asked or did not answer.
    #[default]
    Unknown,
    /// Open.
    Open,
    /// Closed or merged.
    Closed,
    /// There is no such pull request.
    NotFound,
}

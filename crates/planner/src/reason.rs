//! Reasons: one PascalCase word for everything that a record can be told. Scripts compare them: never rename one.

pub(crate) const SEEN: &str = "Seen";
pub(crate) const INVALID_RECORD: &str = "InvalidRecord";
pub(crate) const UNKNOWN_REPOSITORY: &str = "UnknownRepository";
/// The repository was renamed or transferred, and the configuration has its old name.
pub(crate) const REPOSITORY_MOVED: &str = "RepositoryMoved";
pub(crate) const NO_SUCH_PULL_REQUEST: &str = "NoSuchPullRequest";
pub(crate) const IMAGE_NOT_FOUND: &str = "ImageNotFound";
pub(crate) const IMAGE_NOT_APPROVED: &str = "ImageNotApproved";
pub(crate) const IMAGE_UNLABELLED: &str = "ImageUnlabelled";
pub(crate) const FORGE_UNAVAILABLE: &str = "ForgeUnavailable";
pub(crate) const IMAGE_UNUSABLE: &str = "ImageUnusable";
pub(crate) const REGISTRY_REPOSITORY_NOT_FOUND: &str = "RegistryRepositoryNotFound";
pub(crate) const REGISTRY_UNAVAILABLE: &str = "RegistryUnavailable";
pub(crate) const COMMIT_UNKNOWN: &str = "CommitUnknown";
pub(crate) const TASK_DEFINITION_TOO_LARGE: &str = "TaskDefinitionTooLarge";
pub(crate) const SERVICE_NAME_TAKEN: &str = "ServiceNameTaken";
pub(crate) const SERVICE_DRAINING: &str = "ServiceDraining";
pub(crate) const DEPLOYING: &str = "Deploying";
pub(crate) const TASK_STARTING: &str = "TaskStarting";
pub(crate) const WAITING_FOR_ADDRESS: &str = "WaitingForAddress";
/// EC2 does not answer, so the address of a running task is unknown.
pub(crate) const ADDRESS_UNKNOWN: &str = "AddressUnknown";
/// ECS does not list the task definitions, so none can be chosen for a start.
pub(crate) const TASK_DEFINITIONS_UNKNOWN: &str = "TaskDefinitionsUnknown";
pub(crate) const WAITING_FOR_HEALTH: &str = "WaitingForHealth";
pub(crate) const ANSWERING: &str = "Answering";
pub(crate) const NOT_ANSWERING: &str = "NotAnswering";
pub(crate) const TASK_REPLACED: &str = "TaskReplaced";
pub(crate) const ASLEEP: &str = "Asleep";
pub(crate) const GOING_TO_SLEEP: &str = "GoingToSleep";
/// Nobody used it.
pub(crate) const IDLE: &str = "Idle";
/// The application does not say when it was last used.
pub(crate) const LAST_USE_UNKNOWN: &str = "LastUseUnknown";
/// Somebody asked for `down`. Also tells a later `up` that it is a new wish.
pub(crate) const DOWN_REQUESTED: &str = "DownRequested";
pub(crate) const EXPIRED: &str = "Expired";
/// The pull request was closed; holds until the forge is seen to say otherwise.
pub(crate) const PULL_REQUEST_CLOSED: &str = "PullRequestClosed";
pub(crate) const PROTECTED: &str = "Protected";
/// It was deleted, and ECS stops it.
pub(crate) const STOPPING: &str = "Stopping";
/// The same, for longer than it should take.
pub(crate) const STILL_DRAINING: &str = "StillDraining";
/// Its time is over by a clock that nobody should believe.
pub(crate) const CLOCK_JUMPED: &str = "ClockJumped";
/// As many services were deleted since the last pass as one pass may.
pub(crate) const WAITING_FOR_TURN: &str = "WaitingForTurn";
/// The registry refuses to remove the pull request's tags.
pub(crate) const TAGS_KEPT: &str = "TagsKept";
/// The caps that may be in the way of a start.
pub(crate) const MAX_ENVIRONMENTS: &str = "MaxEnvironments";
pub(crate) const MAX_PER_USER: &str = "MaxPerUser";
pub(crate) const VCPU_QUOTA: &str = "VcpuQuota";
pub(crate) const MONTHLY_BUDGET: &str = "MonthlyBudget";
pub(crate) const START_TIMEOUT: &str = "StartTimeout";
pub(crate) const HEALTH_TIMEOUT: &str = "HealthCheckFailed";
pub(crate) const IMAGE_PULL_FAILED: &str = "ImagePullFailed";
pub(crate) const OUT_OF_MEMORY: &str = "OutOfMemory";
pub(crate) const APPLICATION_EXITED: &str = "ApplicationExited";
pub(crate) const SECRET_UNAVAILABLE: &str = "SecretUnavailable";
pub(crate) const QUOTA_EXCEEDED: &str = "QuotaExceeded";
pub(crate) const CAPACITY_UNAVAILABLE: &str = "CapacityUnavailable";
pub(crate) const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
pub(crate) const SPOT_INTERRUPTED: &str = "SpotInterrupted";
pub(crate) const DEPLOYMENT_FAILED: &str = "DeploymentFailed";
pub(crate) const TASK_STOPPED: &str = "TaskStopped";
pub(crate) const REFUSED: &str = "Refused";
pub(crate) const DENIED: &str = "Denied";
/// Another commit than the approved one is at the head of the pull request.
pub(crate) const NEWER_COMMIT: &str = "NewerCommit";
pub(crate) const CONDITION_SPOT_UNAVAILABLE: &str = "SpotUnavailable";

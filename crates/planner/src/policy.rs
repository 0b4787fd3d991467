//! What the configuration has to say: everything a decision depends on besides the record and the world.

use std::collections::BTreeMap;
use std::time::Duration;

use bivouac_model::{Capacity, RepoName};

use crate::admission::Caps;
use crate::prices::Prices;
use crate::project::Project;
use crate::reap::Adoption;

/// The policy of one instance. Made once from the configuration, then only read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What `bivouac:managed` says.
    pub instance: String,
    /// The tags of `[aws.tags]`, on every service, task and task definition. None begins with `bivouac:`.
    pub tags: BTreeMap<String, String>,
    /// The projects, by repository.
    pub projects: BTreeMap<RepoName, Project>,
    /// The lifetime of a record that asks for none, and the ceiling of one without a record.
    pub ttl: Duration,
    /// The ceiling of every record's lifetime, pinned or not.
    pub max_ttl: Duration,
    /// How long before its end who asked for an environment is told; nothing: they are not. At most half of its life.
    pub expiry_notice: Duration,
    /// What all environments together may take.
    pub caps: Caps,
    /// How long nobody uses an environment before it falls asleep, where its application says when it was last used
    /// ([`Project::idle_path`]); nothing: it does not.
    pub idle_after: Duration,
    /// How many services are deleted between two passes, for whatever reason.
    pub max_deletions_per_pass: usize,
    /// Services of an older system that the reaper looks after.
    pub adopt: Vec<Adoption>,
    /// How old an untagged image is, or a task definition that nothing uses, before it may be removed.
    pub untagged_image_grace: Duration,
    /// How long tombstones stay.
    pub purge_after: Duration,
    /// What environments run on.
    pub capacity: CapacityPolicy,
    /// What it costs.
    pub prices: Prices,
    /// How long to wait for what.
    pub deadlines: Deadlines,
    /// The slash command, with the slash, for the comment; empty: no bot answers, and the comment offers no commands.
    pub command: String,
    /// Whether the images of branches of the repository itself are held to the rule for forks: not all who may push to them may
    /// start environments.
    pub checks_own_branches: bool,
}

/// `aws.capacity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacityPolicy {
    /// Always FARGATE.
    OnDemand,
    /// Always FARGATE_SPOT.
    Spot,
    /// FARGATE_SPOT, and FARGATE after [`Deadlines::spot`] without a running task.
    SpotWithFallback,
}

impl CapacityPolicy {
    /// What a new service is given.
    pub fn first_choice(self) -> Capacity {
        match self {
            Self::OnDemand => Capacity::OnDemand,
            Self::Spot | Self::SpotWithFallback => Capacity::Spot,
        }
    }
}

/// How long to wait for what, and how often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Without a running task on Spot, before on-demand capacity is taken.
    pub spot: Duration,
    /// Without a running task, before the environment is stopped as failed.
    pub start: Duration,
    /// With a running task that does not answer, before the environment is stopped as failed.
    pub health: Duration,
    /// For ECS to let go of a service that was deleted, before a person is told.
    pub drain: Duration,
    /// Between two looks at something that changes within seconds (a task that starts, a service that drains).
    pub soon: Duration,
    /// Between two looks at something that somebody else has to do (an image that is pushed).
    pub later: Duration,
    /// How many times an application may end by itself before it is stopped as failed.
    pub crashes: usize,
}

impl Default for Deadlines {
    fn default() -> Self {
        const fn seconds(seconds: u64) -> Duration {
            Duration::from_secs(seconds)
        }
        Self {
            // Fargate starts a task within 30 to 60 s; three times that is no capacity rather than slowness.
            spot: seconds(180),
            // A large image takes minutes to pull; ECS gives up on a pull by itself before this.
            start: seconds(900),
            // Superset migrates its database before it answers, which takes minutes on half a vCPU.
            health: seconds(900),
            // A task has two minutes at most to stop (`stopTimeout`), a load balancer five by default to let go of it.
            drain: seconds(900),
            soon: seconds(3),
            later: seconds(20),
            // As the deployment circuit breaker does for a service of one task (ECS developer guide, "How the deployment
            // circuit breaker detects failures": threshold 3).
            crashes: 3,
        }
    }
}

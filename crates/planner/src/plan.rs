//! The plan: what comes next for one environment, or why nothing does.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bivouac_model::{
    CommentView, ContentHash, ImageDigest, ImageTag, Place, Reacted, Refusal, RenderedTaskDefinition, ServiceChange,
    ServiceSpec, SpendingEntry, Status, TaskDefinitionName,
};

/// What [`crate::plan`] answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The one next step.
    pub next: Next,
    /// What the record has to say now; written when it does not say the same already, also when the step fails.
    pub status: Status,
    /// The entry that the ledger of spending must have before the record says `status`. `None`: it needs none.
    pub ledger: Option<SpendingEntry>,
    /// What the comment has to say; `None` when it says so, or when there is nothing to say it on.
    pub comment: Option<CommentView>,
    /// What the comment that gave the command has to be told by a reaction; `None` when it was told, or there is nothing to
    /// tell, or no such comment.
    pub reaction: Option<Reacted>,
    /// When to look again by ourselves. Always there for a wait, except
    /// for one that only the next pass ends; the resync looks again in any case.
    pub requeue_after: Option<Duration>,
    /// With [`Next::Record`]: a step that starts nothing and does not depend on the record. It may be taken at the same time, and
    /// comes next otherwise.
    pub meanwhile: Option<Action>,
    /// What the step is known again by if AWS refuses it.
    pub attempt: Option<ContentHash>,
    /// The refusal that the step met, of a plan that [`crate::set_back`] made.
    pub refusal: Option<Refusal>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Do this, then plan again.
    Do(Action),
    /// Look at this, then plan again.
    Look(Look),
    /// Write the status, then plan again: what comes next may only be done once that is recorded.
    Record,
    /// Nothing to do until something happens.
    Wait(WaitingOn),
    /// Nothing to do.
    Settled,
}

/// A change of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Register a task definition.
    Register(Box<RenderedTaskDefinition>),
    /// Create the service.
    Create {
        /// As it shall be.
        spec: ServiceSpec,
        /// The `clientToken`, made of key and generation.
        token: String,
    },
    /// Change the service.
    Update {
        /// Its name.
        service: String,
        /// How.
        change: ServiceChange,
    },
    /// Set tags of the service.
    Tag {
        /// Its name.
        service: String,
        /// Key and value.
        tags: Vec<(String, String)>,
    },
    /// Delete the service.
    Delete {
        /// Its name.
        service: String,
    },
    /// Remove the pull request's tags from the registry.
    RemoveTags {
        /// The repository in the registry.
        repository: String,
        /// The tags.
        tags: Vec<ImageTag>,
    },
    /// Deregister task definitions.
    Deregister(Vec<TaskDefinitionName>),
}

impl Action {
    /// The kind of the step, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Tag { .. } => "tag",
            Self::Delete { .. } => "delete",
            Self::RemoveTags { .. } => "remove-tags",
            Self::Deregister(_) => "deregister",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(rendered) => write!(f, "register a task definition of family {}", rendered.family),
            Self::Create { spec, .. } => write!(f, "create service {}", spec.name),
            Self::Update { service, change } => {
                write!(f, "update service {service}:")?;
                let mut parts = Vec::new();
                if let Some(name) = &change.task_definition {
                    parts.push(format!(" deploy {name}"));
                }
                if let Some(count) = change.desired_count {
                    parts.push(format!(" scale to {count}"));
                }
                match change.capacity {
                    Some(bivouac_model::Capacity::OnDemand) => parts.push(" move to on-demand capacity".into()),
                    Some(bivouac_model::Capacity::Spot) => parts.push(" move to Spot capacity".into()),
                    None => {}
                }
                f.write_str(&parts.join(","))
            }
            Self::Tag { service, .. } => write!(f, "tag service {service}"),
            Self::Delete { service } => write!(f, "delete service {service}"),
            Self::RemoveTags { repository, tags } => {
                let tags: Vec<_> = tags.iter().map(ImageTag::as_str).collect();
                write!(f, "remove the tags {} from {repository}", tags.join(", "))
            }
            Self::Deregister(names) => {
                let names: Vec<_> = names.iter().map(TaskDefinitionName::as_str).collect();
                write!(f, "deregister {}", names.join(", "))
            }
        }
    }
}

/// Something that has to be looked at before more can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The service by name.
    Service,
    /// The tasks of the service, with their addresses.
    Tasks,
    /// The image behind the tag.
    Image,
    /// The live revisions of the family.
    TaskDefinitions,
    /// Whether the pull request is open.
    PullRequest,
    /// The pushes to the branch of the pull request.
    Pushes,
    /// Whether the caps have room for it to run, and if so take it.
    Room(Place),
    /// The tags that are the pull request's own.
    Tags,
    /// What an image says of the commit it was built from.
    Revision {
        /// The image.
        digest: ImageDigest,
    },
    /// Whether the environment answers.
    Health {
        /// Its address.
        ip: IpAddr,
    },
    /// When the environment was last used.
    Idle {
        /// Its address.
        ip: IpAddr,
    },
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("look at the service"),
            Self::Tasks => f.write_str("look at the tasks"),
            Self::Image => f.write_str("look at the image"),
            Self::TaskDefinitions => f.write_str("look at the task definitions"),
            Self::PullRequest => f.write_str("look at the pull request"),
            Self::Pushes => f.write_str("look at the pushes to the pull request's branch"),
            Self::Room(_) => f.write_str("ask for a place"),
            Self::Tags => f.write_str("look at the pull request's image tags"),
            Self::Revision { digest } => write!(f, "look at the label of image {}", digest.short()),
            Self::Health { ip } => write!(f, "ask {ip} whether it is well"),
            Self::Idle { ip } => write!(f, "ask {ip} when it was last used"),
        }
    }
}

/// Why there is nothing to do for now. Each is a state that ends by itself or by somebody else's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitingOn {
    /// The image is pushed.
    Image,
    /// The commit becomes known.
    Commit,
    /// The registry answers.
    Registry,
    /// The forge answers.
    Forge,
    /// Somebody approves a newer commit.
    Approval,
    /// The old service is gone.
    Draining,
    /// ECS starts a task.
    TaskStart,
    /// AWS has room again.
    Capacity,
    /// The caps have room for it.
    Room,
    /// The task gets its public address, or EC2 answers.
    Address,
    /// ECS lists and deregisters the task definitions.
    TaskDefinitions,
    /// The environment answers.
    Health,
    /// The tasks end.
    TaskStop,
    /// A person takes the protection away.
    Protection,
    /// The next pass: as many services were deleted since the last one as one pass may.
    Allowance,
    /// A second observation that finds the clock going on as it should, after it jumped.
    Clock,
    /// A person mends what is wrong.
    Person,
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "the image",
            Self::Commit => "the commit",
            Self::Registry => "the registry",
            Self::Forge => "the forge",
            Self::Approval => "an approval of the newer commit",
            Self::Draining => "the old service to drain",
            Self::TaskStart => "the task to start",
            Self::Capacity => "capacity",
            Self::Room => "a place",
            Self::Address => "a public address",
            Self::TaskDefinitions => "the task definitions",
            Self::Health => "the environment to answer",
            Self::TaskStop => "the tasks to stop",
            Self::Protection => "the protection to be taken away",
            Self::Allowance => "its turn among the deletions of a pass",
            Self::Clock => "a second look at a clock that jumped",
            Self::Person => "a person",
        })
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do(action) => action.fmt(f),
            Self::Look(look) => look.fmt(f),
            Self::Record => f.write_str("record it"),
            Self::Wait(on) => write!(f, "wait for {on}"),
            Self::Settled => f.write_str("nothing"),
        }
    }
}

impl Plan {
    /// Whether there is nothing to do, to write or to say.
    pub fn is_empty(&self, written: Option<&Status>) -> bool {
        matches!(self.next, Next::Settled | Next::Wait(_))
            && self.comment.is_none()
            && self.reaction.is_none()
            && !self.changes(written)
    }

    /// Whether the record or the ledger of spending has to be written.
    pub fn changes(&self, written: Option<&Status>) -> bool {
        self.ledger.is_some() || written.is_none_or(|written| self.status.differs_from(written))
    }
}

//! What the controller writes into a record, and how it reads it back.

use std::borrow::Cow;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decode::{Item, timestamp};
use crate::foreign::{Foreign, decode_machinery};
use crate::place::cost_between;
use crate::{
    Attempt, ContentHash, ImageDigest, ImageRevision, Month, Phase, Place, Spending, TaskDefinitionName, Usd, Value,
};

/// Everything that the controller alone writes (contract 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Where it stands.
    pub phase: Phase,
    /// Why, in one PascalCase word.
    pub reason: Cow<'static, str>,
    /// Why, in one sentence without ids or times, so that saying the same again is no change.
    pub message: String,
    /// Where it answers, once it does.
    pub url: Option<String>,
    /// The address behind `url`.
    pub public_ip: Option<IpAddr>,
    /// When its time is over.
    pub expires_at: DateTime<Utc>,
    /// What it costs now, an hour.
    pub hourly_cost_usd: Usd,
    /// What it had cost at `updated_at`; see [`Status::cost_at`].
    pub cost_usd: Usd,
    /// When this was written; the cost counts on from here.
    pub updated_at: DateTime<Utc>,
    /// When DynamoDB may forget the tombstone.
    pub purge_at: Option<DateTime<Utc>>,
    /// The rest.
    pub machinery: Machinery,
}

impl Status {
    /// What it has cost until `now`, if nothing changed since it was written.
    pub fn cost_at(&self, now: DateTime<Utc>) -> Usd {
        self.spending().cost_at(now)
    }

    /// The word of the phase, as it stands in the table: also one that this release does not know.
    pub fn phase_word(&self) -> &str {
        let foreign = self.machinery.foreign.as_ref().and_then(|foreign| foreign.phase.as_deref());
        foreign.filter(|word| !word.is_empty()).unwrap_or(self.phase.as_str())
    }

    /// Whether this release knows the phase. If not, `phase` is `Pending`, and what is observed decides.
    pub fn knows_its_phase(&self) -> bool {
        self.machinery.foreign.as_ref().is_none_or(|foreign| foreign.phase.is_none())
    }

    /// Says where it stands. A word that this release does not know gives way.
    pub fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        Foreign::forget_phase(&mut self.machinery.foreign);
    }

    /// When its time is over, if that could be read.
    pub fn known_expiry(&self) -> Option<DateTime<Utc>> {
        Some(self.expires_at).filter(|at| *at != DateTime::UNIX_EPOCH)
    }

    /// What of that falls into which month.
    pub fn spending(&self) -> Spending {
        Spending {
            cost: self.cost_usd,
            before_month: self.machinery.before_month,
            hourly: self.hourly_cost_usd,
            updated_at: self.updated_at,
        }
    }

    /// What it will have cost when its time is over, if it runs until then as it does now.
    pub fn projected_cost(&self, now: DateTime<Utc>) -> Usd {
        self.cost_at(now) + cost_between(self.hourly_cost_usd, now, self.expires_at)
    }

    /// What of that falls into a month that is not over.
    pub fn projected_in(&self, month: Month, now: DateTime<Utc>) -> Usd {
        let (from, to) = (now.max(month.begins()), self.expires_at.min(month.ends()));
        self.spending().in_month(month, now) + cost_between(self.hourly_cost_usd, from, to)
    }

    /// Whether `written`, which stands in the table, has to be written again to say this: it says something else, or the
    /// cost that readers make of it is another.
    pub fn differs_from(&self, written: &Self) -> bool {
        !self.says_the_same(written) || !written.spending().agrees(&self.spending(), self.updated_at)
    }

    /// Whether `other` says the same, whenever and however often it was written.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { phase, reason, message, url, public_ip, expires_at, hourly_cost_usd, purge_at, machinery, .. } =
            self;
        *phase == other.phase
            && *reason == other.reason
            && *message == other.message
            && *url == other.url
            && *public_ip == other.public_ip
            && *expires_at == other.expires_at
            && *hourly_cost_usd == other.hourly_cost_usd
            && *purge_at == other.purge_at
            && machinery.says_the_same(&other.machinery)
    }
}

/// The map `status`: what the machinery remembers between passes. All of it can be found again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machinery {
    /// +1 with every write of the status; each write is conditional on the one it read.
    pub revision: u64,
    /// The generation this status answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<u64>,
    /// As in Kubernetes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When the controller first saw the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_at: Option<DateTime<Utc>>,
    /// When the phase began; deadlines count from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase_since: Option<DateTime<Utc>>,
    /// What the service runs, as a hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<ContentHash>,
    /// A spec that failed for good: it is not tried again until something changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_spec: Option<ContentHash>,
    /// How bringing it up goes, or went when it crashed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// `family:revision` of what it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionName>,
    /// The id of the PRIMARY deployment that became ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The ids of the newest task and of the one before it, whose logs are read by them. ECS forgets a stopped task after an
    /// hour. Its name is short, since a settled record takes two write units at most.
    #[serde(rename = "tk", skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// The last digits of the network interface behind `public_ip`. An interface keeps its address for as long as its task
    /// runs, so the address of that task is known without EC2. Short, since a settled record is to stay small.
    #[serde(rename = "eni", skip_serializing_if = "Option::is_none")]
    pub network_interface: Option<String>,
    /// The image it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<ImageDigest>,
    /// The wish that sleeps for want of use, as a hash: it wakes when somebody wants something else, or the same again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<ContentHash>,
    /// What capacity it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What it holds of the caps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What of the cost fell into earlier months than that of `updated_at`, in micro-dollars.
    #[serde(skip_serializing_if = "Usd::is_zero")]
    pub before_month: Usd,
    /// The ledger of spending has the cost, so no client's write changes it. Absent: a release without a ledger wrote this.
    /// Its name is short, since a settled record takes two write units at most.
    #[serde(rename = "bk", skip_serializing_if = "std::ops::Not::not")]
    pub booked: bool,
    /// The comment, and what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<SaidComment>,
    /// Where the pull request's head went from the commit that the record is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<BoundCommit>,
    /// What the last image that was asked for its commit answered. An image never changes, so it is asked once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_revision: Option<ImageRevision>,
    /// The last reaction to the comment that asked for all this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reacted: Option<Reacted>,
    /// What another release wrote that this one does not know. It is written back as it was read.
    #[serde(skip)]
    pub foreign: Option<Box<Foreign>>,
}

/// How many tasks are remembered: one that runs and the one before it.
const REMEMBERED_TASKS: usize = 2;

impl Machinery {
    /// Remembers the newest task. One that is remembered already changes nothing.
    pub fn remember_task(&mut self, id: &str) {
        if !self.tasks.iter().any(|known| known == id) {
            self.tasks.insert(0, id.to_owned());
            self.tasks.truncate(REMEMBERED_TASKS);
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let Self {
            revision: _,
            observed_generation,
            conditions,
            first_seen_at,
            phase_since,
            spec,
            failed_spec,
            attempt,
            task_definition,
            deployment,
            tasks,
            network_interface,
            image_digest,
            idle,
            capacity,
            place,
            // Goes with the cost.
            before_month: _,
            booked,
            comment,
            commit,
            image_revision,
            reacted,
            foreign,
        } = self;
        *observed_generation == other.observed_generation
            && *conditions == other.conditions
            && *first_seen_at == other.first_seen_at
            && *phase_since == other.phase_since
            && *spec == other.spec
            && *failed_spec == other.failed_spec
            && *attempt == other.attempt
            && *task_definition == other.task_definition
            && *deployment == other.deployment
            && *tasks == other.tasks
            && *network_interface == other.network_interface
            && *image_digest == other.image_digest
            && *idle == other.idle
            && *capacity == other.capacity
            && *place == other.place
            && *booked == other.booked
            && *comment == other.comment
            && *commit == other.commit
            && *image_revision == other.image_revision
            && *reacted == other.reacted
            && *foreign == other.foreign
    }
}

/// Which Fargate capacity an environment was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// FARGATE.
    OnDemand,
    /// FARGATE_SPOT.
    Spot,
}

/// The sticky comment as it was last written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidComment {
    /// The forge's id; absent when there is none, and none was made for what there was to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<u64>,
    /// [`crate::CommentView::identity`] of what it says (or would have said).
    pub said: String,
}

/// What is remembered of the commit that a record is bound to (`head_sha`). Begins anew with another commit. No more is
/// remembered than the project's rule asks for, since a settled record is to stay small.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCommit {
    /// The commit's first digits, to know it again. What is decided by the commit is decided by the whole of it.
    pub sha: String,
    /// The newest `requested_at` that was seen while this commit was known to be the head.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approved_at: Option<DateTime<Utc>>,
    /// When another commit was first seen at the head, also if this one came back since; absent: never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_at: Option<DateTime<Utc>>,
    /// A `requested_at` that was ahead of our clock when it was first seen; absent: it was not. It approves what was there
    /// then, also when our clock has reached it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ahead: Option<DateTime<Utc>>,
    /// The other commit that was last seen at the head; absent: this one was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub newer: Option<String>,
    /// When it was the head by the forge's list of pushes; absent: the list was not needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_head: Option<AtHead>,
    /// An image that is certainly of this commit and that does not run yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proven: Option<ImageDigest>,
}

/// When a commit was the head of its branch, from the first push onto it until the first push of another commit. What is known of
/// it never changes, also if the commit comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtHead {
    /// When it was pushed; absent: the list does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<DateTime<Utc>>,
    /// When another commit took its place; absent: none did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<DateTime<Utc>>,
    /// When the list was asked for last and did not have it; absent: it has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missing_at: Option<DateTime<Utc>>,
}

/// A reaction to the comment that gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reacted {
    /// The forge's id of the comment.
    #[serde(rename = "to")]
    pub comment: u64,
    /// What it was told.
    #[serde(rename = "as")]
    pub outcome: CommandOutcome,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandOutcome {
    /// The environment is as it was asked for.
    Done,
    /// It came to nothing.
    Failed,
}

/// A condition, as in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about, in PascalCase.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in PascalCase.
    pub reason: Cow<'static, str>,
    /// Why, in a sentence; empty when the reason says all. Written also when it is empty: Kubernetes requires the field
    /// (API conventions, "Typical status properties").
    #[serde(default)]
    pub message: String,
    /// When `status` last changed.
    pub last_transition_at: DateTime<Utc>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can say.
    Unknown,
}

/// Reads back what the controller wrote. Anything that cannot be read is only itself lost. A phase that this release does not
/// know counts as `Pending`, and its word is kept. An expiry is found again from the request.
///
/// `None`: no release wrote anything.
pub(crate) fn decode_status(item: &Item) -> Option<Status> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).and_then(timestamp);
    let dollars = |name: &str| match item.get(name) {
        Some(Value::Number(number)) => Usd::from_dollars(number.parse().unwrap_or_default()),
        _ => Usd::ZERO,
    };
    let map = item.get("status").and_then(Value::as_map);
    if text("phase").is_none() && map.is_none() {
        return None;
    }
    let word = text("phase").unwrap_or_default();
    let phase: Option<Phase> = word.parse().ok();
    let mut machinery = map.map(decode_machinery).unwrap_or_default();
    if phase.is_none() {
        machinery.foreign.get_or_insert_default().phase = Some(word.to_owned());
    }
    let purge_at = item
        .get("purge_at")
        .and_then(Value::as_u64)
        .and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
    Some(Status {
        phase: phase.unwrap_or(Phase::Pending),
        reason: Cow::Owned(text("reason").unwrap_or_default().to_owned()),
        message: text("message").unwrap_or_default().to_owned(),
        url: text("url").map(str::to_owned),
        public_ip: text("public_ip").and_then(|ip| ip.parse().ok()),
        // Marks a time that cannot be read, here and below.
        expires_at: time("expires_at").unwrap_or(DateTime::UNIX_EPOCH),
        hourly_cost_usd: dollars("hourly_cost_usd"),
        cost_usd: dollars("cost_usd"),
        updated_at: time("updated_at").unwrap_or(DateTime::UNIX_EPOCH),
        purge_at,
        machinery,
    })
}

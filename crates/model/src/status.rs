//! What the controller writes into a record, and how it reads it back.

use std::borrow::Cow;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decode::{Item, timestamp};
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
        // Somebody spoiled `updated_at`, and half a century of cost is no better guess than none.
        if self.updated_at == DateTime::UNIX_EPOCH {
            return self.cost_usd;
        }
        self.cost_usd + self.hourly_cost_usd.per_hour_over((now - self.updated_at).to_std().unwrap_or_default())
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
}

impl Machinery {
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
            image_digest,
            idle,
            capacity,
            place,
            // Goes with the cost.
            before_month: _,
            comment,
            commit,
            image_revision,
            reacted,
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
            && *image_digest == other.image_digest
            && *idle == other.idle
            && *capacity == other.capacity
            && *place == other.place
            && *comment == other.comment
            && *commit == other.commit
            && *image_revision == other.image_revision
            && *reacted == other.reacted
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
    /// The forge's id; absent when the forge refused for good and there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<u64>,
    /// [`crate::CommentView::identity`] of what it says (or would have said).
    pub said: String,
}

/// What is remembered of the commit that a record is bound to (`head_sha`). Begins anew with another commit. No more is
/// remembered than the project's rule asks for, since a settled record is to stay small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCommit {
    /// The commit's first digits, to know it again. What is decided by the commit is decided by the whole of it.
    pub sha: String,
    /// The newest `requested_at` that was seen while nothing else was known to be the head: what was pushed to the
    /// registry before it, was there when somebody asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approved_at: Option<DateTime<Utc>>,
    /// When another commit was first seen at the head, also if this one came back since; absent: never, or somebody asked
    /// again after it came back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_at: Option<DateTime<Utc>>,
    /// The other commit that was last seen at the head; absent: this one was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub newer: Option<String>,
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
    /// Why, in a sentence; empty when the reason says all.
    #[serde(skip_serializing_if = "String::is_empty", default)]
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

/// Reads back what the controller wrote. A phase or an expiry that is missing or spoiled makes the whole status lost: it
/// is found again from the world. Anything else that is spoiled is only itself lost.
pub(crate) fn decode_status(item: &Item) -> Option<Status> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).and_then(timestamp);
    let dollars = |name: &str| match item.get(name) {
        Some(Value::Number(number)) => Usd::from_dollars(number.parse().unwrap_or_default()),
        _ => Usd::ZERO,
    };
    let phase = text("phase")?.parse().ok()?;
    let expires_at = time("expires_at")?;
    let machinery = item.get("status").map(decode_machinery).unwrap_or_default();
    let purge_at = item
        .get("purge_at")
        .and_then(Value::as_u64)
        .and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
    Some(Status {
        phase,
        reason: Cow::Owned(text("reason").unwrap_or_default().to_owned()),
        message: text("message").unwrap_or_default().to_owned(),
        url: text("url").map(str::to_owned),
        public_ip: text("public_ip").and_then(|ip| ip.parse().ok()),
        expires_at,
        hourly_cost_usd: dollars("hourly_cost_usd"),
        cost_usd: dollars("cost_usd"),
        updated_at: time("updated_at").unwrap_or(DateTime::UNIX_EPOCH),
        purge_at,
        machinery,
    })
}

/// Reads what can be read. A spoiled entry does not take the others with it, least of all the revision.
fn decode_machinery(value: &Value) -> Machinery {
    let json = crate::encode::to_json(value);
    if let Ok(machinery) = Machinery::deserialize(&json) {
        return machinery;
    }
    let serde_json::Value::Object(mut entries) = json else { return Machinery::default() };
    entries.retain(|name, entry| {
        let alone = serde_json::Map::from_iter([(name.clone(), entry.clone())]);
        Machinery::deserialize(serde_json::Value::Object(alone)).is_ok()
    });
    Machinery::deserialize(serde_json::Value::Object(entries)).unwrap_or_default()
}

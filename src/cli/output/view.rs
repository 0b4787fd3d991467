//! What `-o json` and `-o yaml` print. Stable: fields are added, never renamed or removed.
//!
//! An environment has the names of the table's attributes. Times are RFC 3339 in UTC, money is dollars as a number,
//! and what is not known is `null` (an empty object or list where there could be several).

use std::collections::BTreeMap;
use std::net::IpAddr;

use bivouac_model::{Capacity, Condition, Desired, Month, Record, format_duration};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Several environments, sorted by repository and number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentList {
    /// The environments.
    pub items: Vec<Environment>,
}

/// One environment: the wish, and what the controller answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Environment {
    /// `owner/name#123`.
    pub environment: String,
    /// The repository.
    pub repo: String,
    /// The pull request; `null` if the item's is no number of one.
    pub pr: Option<u64>,
    /// `up`, `asleep` or `down`; `null` if the record is invalid, as all that was asked for then is.
    pub desired: Option<Desired>,
    /// What is wrong with the record, a sentence each.
    pub problems: Vec<String>,
    /// The tag that was asked for; `null`: by the project's pattern.
    pub image_tag: Option<String>,
    /// The flags, by name without the prefix.
    pub flags: BTreeMap<String, String>,
    /// Configuration overrides, by name. The values may be secret.
    pub config: BTreeMap<String, String>,
    /// The lifetime that was asked for, such as `48h`.
    pub ttl: Option<String>,
    /// Expiry waits until it is unpinned.
    pub pinned: bool,
    /// The size that was asked for.
    pub size: Option<String>,
    /// The commit that was authorised.
    pub head_sha: Option<String>,
    /// Who asked.
    pub requested_by: Option<String>,
    /// When.
    pub requested_at: Option<DateTime<Utc>>,
    /// The comment or run that asked.
    pub request_url: Option<String>,
    /// The number of the newest wish.
    pub generation: Option<u64>,
    /// Where it stands; `null` until the controller has seen it, as all below then is.
    pub phase: Option<String>,
    /// Why, in one PascalCase word.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// Where it answers.
    pub url: Option<String>,
    /// The address behind `url`.
    pub public_ip: Option<IpAddr>,
    /// When its time is over.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it costs now, in dollars an hour.
    pub hourly_cost_usd: Option<f64>,
    /// What it has cost until now, in dollars.
    pub cost_usd: Option<f64>,
    /// What of that fell into this calendar month (UTC).
    pub month_cost_usd: Option<f64>,
    /// What it will have cost when its time is over, if it runs until then as it does now.
    pub projected_cost_usd: Option<f64>,
    /// When the controller last wrote.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the record of a terminated environment may be forgotten.
    pub purge_at: Option<DateTime<Utc>>,
    /// The rest of what the controller wrote.
    pub status: Option<Status>,
}

/// The map `status` of the table, as far as it is of use to others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The generation that `phase` answers; lower than `generation`: the controller has not come to it yet.
    pub observed_generation: Option<u64>,
    /// As in Kubernetes: `type`, `status`, `reason`, `message`, `last_transition_at`.
    pub conditions: Vec<Condition>,
    /// When the controller first saw the record.
    pub first_seen_at: Option<DateTime<Utc>>,
    /// When the phase began.
    pub phase_since: Option<DateTime<Utc>>,
    /// `family:revision` of what it runs.
    pub task_definition: Option<String>,
    /// The digest of the image it runs.
    pub image_digest: Option<String>,
    /// `on-demand` or `spot`.
    pub capacity: Option<Capacity>,
    /// The forge's id of the comment.
    pub comment_id: Option<u64>,
}

/// What `describe` prints: an environment, and what happened to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Described {
    /// The environment, with its fields beside `events`.
    #[serde(flatten)]
    pub environment: Environment,
    /// The newest events, the newest last; `null` when they could not be read.
    pub events: Option<Vec<Event>>,
}

/// What happened to an environment once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it: a login, or `controller`.
    pub actor: String,
    /// What was done, in one word, such as `up` or `reconcile`.
    pub action: String,
    /// Why, or what became of it, in one PascalCase word.
    pub reason: String,
    /// The same in a sentence.
    pub message: String,
    /// The commit it was about.
    pub head_sha: Option<String>,
    /// The comment or run where it was asked for.
    pub url: Option<String>,
    /// `allowed` or `denied`; `null` where nobody had to be asked.
    pub decision: Option<&'static str>,
}

impl From<&bivouac_model::Event> for Event {
    fn from(event: &bivouac_model::Event) -> Self {
        Self {
            at: event.at,
            actor: event.actor.clone(),
            action: event.action.clone(),
            reason: event.reason.clone(),
            message: event.message.clone(),
            head_sha: event.head_sha.clone(),
            url: event.url.clone(),
            decision: event.decision.map(bivouac_model::Decision::as_str),
        }
    }
}

/// What `up` and `down` print without `--wait`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// `owner/name#123`.
    pub environment: String,
    /// What is desired now.
    pub desired: Desired,
    /// The number of this wish; `null` when nothing had to be written.
    pub generation: Option<u64>,
}

/// A line of `get --watch -o json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatchEvent {
    /// `present` for what is there at the start, then `added`, `modified`, `deleted`.
    pub event: &'static str,
    /// The environment; of a deleted one, what it was.
    pub environment: Environment,
}

impl Environment {
    /// The view of a record, with the cost as of `now`.
    pub fn of(record: &Record, now: DateTime<Utc>) -> Self {
        let (wish, problems) = match &record.desired {
            Ok(wish) => (Some(wish), Vec::new()),
            Err(problems) => (None, problems.iter().map(ToString::to_string).collect()),
        };
        let status = record.status.as_ref();
        Self {
            environment: record.key.to_string(),
            repo: record.key.repo.to_string(),
            pr: record.key.env().ok().map(|key| key.pr.get()),
            desired: wish.map(|wish| wish.desired),
            problems,
            image_tag: wish.and_then(|wish| Some(wish.image_tag.as_ref()?.to_string())),
            flags: wish.map(|wish| wish.flags.clone()).unwrap_or_default(),
            config: wish.map(|wish| wish.config.clone()).unwrap_or_default(),
            ttl: wish.and_then(|wish| Some(format_duration(wish.ttl?.get()))),
            pinned: wish.is_some_and(|wish| wish.pinned),
            size: wish.and_then(|wish| wish.size.clone()),
            head_sha: wish.and_then(|wish| wish.head_sha.clone()),
            requested_by: wish.and_then(|wish| wish.requested_by.clone()),
            requested_at: wish.and_then(|wish| wish.requested_at),
            request_url: wish.and_then(|wish| wish.request_url.clone()),
            generation: record.generation,
            phase: status.map(|status| status.phase_word().to_owned()),
            reason: status.map(|status| status.reason.to_string()),
            message: status.map(|status| status.message.clone()),
            url: status.and_then(|status| status.url.clone()),
            public_ip: status.and_then(|status| status.public_ip),
            expires_at: status.map(|status| status.expires_at),
            hourly_cost_usd: status.map(|status| status.hourly_cost_usd.dollars()),
            cost_usd: status.map(|status| status.cost_at(now).dollars()),
            month_cost_usd: status.map(|status| status.spending().in_month(Month::of(now), now).dollars()),
            projected_cost_usd: status.map(|status| status.projected_cost(now).dollars()),
            updated_at: status.map(|status| status.updated_at),
            purge_at: status.and_then(|status| status.purge_at),
            status: status.map(|status| {
                let machinery = &status.machinery;
                Status {
                    observed_generation: machinery.observed_generation,
                    conditions: machinery.conditions.clone(),
                    first_seen_at: machinery.first_seen_at,
                    phase_since: machinery.phase_since,
                    task_definition: machinery.task_definition.as_ref().map(ToString::to_string),
                    image_digest: machinery.image_digest.as_ref().map(|digest| digest.as_str().to_owned()),
                    capacity: machinery.capacity,
                    comment_id: machinery.comment.as_ref().and_then(|comment| comment.id),
                }
            }),
        }
    }
}

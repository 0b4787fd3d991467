//! The reaper: services that no record's own reconcile answers for, and which of them are to go.
//!
//! A service whose record lives is taken down by that record's plan ([`crate::plan`]), its expiry included. What is left
//! are orphans, services that an older system made, and those whose tags, name and record contradict each other. Of these
//! [`judge`] says for each whether it stays or goes, and why. It deletes only what two complete observations condemned,
//! and nothing at all while an [`Alarm`] holds.

mod alarm;
mod verdict;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bivouac_model::{EnvKey, ItemKey, Record, Service, format_duration};
use chrono::{DateTime, Utc};
use wildmatch::WildMatch;

pub use alarm::Alarm;
pub use verdict::{Fate, Reason, Verdict};

use crate::expiry::after;
use crate::policy::Policy;
use crate::reason;

/// A pattern of `guardrails.adopt` in the configuration: services that an older system made and nobody manages.
#[derive(Clone, Debug, PartialEq)]
pub struct Adoption {
    /// Their names, with `*` and `?`.
    pub pattern: WildMatch,
    /// What is done with them once they are older than `guardrails.ttl`.
    pub mode: AdoptMode,
}

/// What is done with the services of an older system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdoptMode {
    /// Only said, so that a person sees what would happen before it does.
    #[default]
    Observe,
    /// Deleted like an orphan of ours.
    Reap,
}

/// Everything that [`judge`] decides from. Made of one complete observation.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The services that [`suspects`] named, those of them that are ACTIVE.
    pub suspects: &'a [Service],
    /// Every record of the table, those that cannot be followed included.
    pub records: &'a [Record],
    /// The policy.
    pub policy: &'a Policy,
    /// When the observation was made.
    pub now: DateTime<Utc>,
    /// What complete observations before this one condemned without a break, and how long ago the first of them was made.
    pub condemned: &'a HashMap<String, Duration>,
    /// How far apart the two observations have to be (`controller.resync`).
    pub apart: Duration,
    /// How many services may still be deleted in this pass.
    pub allowance: usize,
    /// The clock is not where it should be by the time that passed, and no second observation has confirmed it.
    pub clock_jumped: bool,
    /// A person said that the table is empty because it should be.
    pub trust_empty_table: bool,
}

/// What is decided of every suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// One for each suspect, the oldest first.
    pub verdicts: Vec<Verdict>,
    /// What a person has to look at.
    pub alarms: Vec<Alarm>,
}

/// The services on the list that no reconcile answers for, in the order of their names. Only these need a closer look.
///
/// A record answers for the service of its name, except where it was seen to be somebody else's.
pub fn suspects(listed: &HashSet<String>, records: &[Record], policy: &Policy) -> Vec<String> {
    let explained: HashSet<String> = records.iter().filter_map(|record| explains(record, policy)).collect();
    let mut names: Vec<String> = listed.iter().filter(|name| !explained.contains(*name)).cloned().collect();
    names.sort_unstable();
    names
}

/// The name of the service that a record's own reconcile answers for.
fn explains(record: &Record, policy: &Policy) -> Option<String> {
    let key = record.key.env().ok()?;
    let project = policy.projects.get(&key.repo)?;
    let taken = record.status.as_ref().is_some_and(|status| status.reason == reason::SERVICE_NAME_TAKEN);
    (!taken).then(|| project.service(&key))
}

/// Says of every suspect whether it stays or goes.
///
/// Pure: the same scene gives the same judgement. Whoever carries it out deletes what is [`Fate::Reap`], and remembers what
/// is [`Fate::Condemn`] or [`Fate::Reap`] for the next scene, forgetting everything else.
pub fn judge(scene: &Scene<'_>) -> Judgement {
    let records: HashMap<&ItemKey, &Record> = scene.records.iter().map(|record| (&record.key, record)).collect();
    let mut suspects: Vec<&Service> = scene.suspects.iter().collect();
    suspects.sort_by(|one, other| (one.created_at, &one.name).cmp(&(other.created_at, &other.name)));
    let alarms = alarm::raise(scene, &records);
    let hold = alarms.iter().find_map(Alarm::hold);
    let mut left = scene.allowance;
    let mut verdicts = Vec::with_capacity(suspects.len());
    for service in suspects {
        let mut verdict = weigh(scene, &records, service);
        if verdict.fate == Fate::Condemn {
            match hold {
                Some(reason) => verdict.held(reason),
                None => confirm(scene, &mut verdict, &mut left),
            }
        }
        verdicts.push(verdict);
    }
    let overdue = verdicts.iter().filter(|verdict| verdict.reason.is_a_contradiction()).count();
    let mut judgement = Judgement { verdicts, alarms };
    if overdue > 0 {
        judgement.alarms.push(Alarm::PastItsTime { services: overdue });
    }
    judgement
}

/// What one observation says of one service, without alarms and without what was seen before.
fn weigh(scene: &Scene<'_>, records: &HashMap<&ItemKey, &Record>, service: &Service) -> Verdict {
    let policy = scene.policy;
    let verdict = |fate, reason, message: String| Verdict {
        service: service.name.clone(),
        environment: service.owner.clone(),
        fate,
        reason,
        message,
    };
    let keep = |reason, message: &str| verdict(Fate::Keep, reason, message.to_owned());
    let adopted = match service.managed_by.as_deref() {
        Some(instance) if instance == policy.instance => None,
        Some(instance) => {
            return verdict(Fate::Keep, Reason::OtherInstance, format!("It belongs to the instance `{instance}`."));
        }
        None => match policy.adopt.iter().find(|adoption| adoption.pattern.matches(&service.name)) {
            Some(adoption) => Some(adoption.mode),
            None => return keep(Reason::Unmanaged, "Nobody's tag is on it, and the configuration does not adopt it."),
        },
    };
    if service.protected {
        return keep(Reason::Protected, "It carries the tag bivouac:protect.");
    }
    let Some(created_at) = service.created_at else {
        return keep(Reason::AgeUnknown, "ECS does not say when it was created.");
    };
    let over = after(created_at, policy.ttl);
    let age = format_duration(policy.ttl);
    let what = match adopted {
        None => match agreement(policy, records, service) {
            Agreement::Orphan => Reason::Orphaned,
            Agreement::Record => return keep(Reason::HasRecord, "Its record says what becomes of it."),
            Agreement::No(reason, message) if scene.now >= over => return verdict(Fate::Keep, reason, message),
            Agreement::No(..) => Reason::NotYetOver,
        },
        Some(_) => Reason::Adopted,
    };
    if scene.now < over {
        let over = over.format("%Y-%m-%d %H:%M:%S UTC");
        return verdict(Fate::Keep, Reason::NotYetOver, format!("Without a record it may live until {over}."));
    }
    match adopted {
        Some(AdoptMode::Observe) => {
            let message = format!("It is older than {age} and would be deleted, were its adoption of mode `reap`.");
            verdict(Fate::Keep, Reason::ObservedOnly, message)
        }
        Some(AdoptMode::Reap) => {
            verdict(Fate::Condemn, what, format!("An older system made it, and it is older than {age}."))
        }
        None => verdict(Fate::Condemn, what, format!("It has no record, and is older than {age}.")),
    }
}

/// Whether tags, name and table say the same of a service with our tag.
enum Agreement {
    /// They agree that it is ours and that there is no record.
    Orphan,
    /// They agree that it is ours, and there is a record.
    Record,
    /// They contradict each other: this is why, once its time is over.
    No(Reason, String),
}

fn agreement(policy: &Policy, records: &HashMap<&ItemKey, &Record>, service: &Service) -> Agreement {
    let owner = service.owner.as_deref().and_then(|owner| owner.parse::<EnvKey>().ok());
    let Some(key) = owner else {
        let message = "Its tags do not say which environment it is of, so it is not deleted.";
        return Agreement::No(Reason::NoOwner, message.to_owned());
    };
    let Some(project) = policy.projects.get(&key.repo) else {
        let message = format!("It is of {key}, and {} is not configured, so it is not deleted.", key.repo);
        return Agreement::No(Reason::UnknownRepository, message);
    };
    let name = project.service(&key);
    if name != service.name {
        let message = format!("It is of {key}, whose service is named {name}, so it is not deleted.");
        return Agreement::No(Reason::NameDiffers, message);
    }
    match records.contains_key(&ItemKey::from(&key)) {
        true => Agreement::Record,
        false => Agreement::Orphan,
    }
}

/// Whether the second observation may carry out what it condemns too.
fn confirm(scene: &Scene<'_>, verdict: &mut Verdict, left: &mut usize) {
    match scene.condemned.get(&verdict.service) {
        Some(since) if *since >= scene.apart => match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                verdict.fate = Fate::Reap;
            }
            None => {
                let most = scene.policy.max_deletions_per_pass;
                verdict.message.push_str(&format!(" It waits for its turn: at most {most} are deleted in one pass."));
            }
        },
        _ => {
            let apart = format_duration(scene.apart);
            let sentence =
                format!(" It is deleted once another complete observation says so, {apart} after the first.");
            verdict.message.push_str(&sentence);
        }
    }
}

//! What a person has to look at before anything is deleted.

use std::collections::HashMap;

use bivouac_model::{EnvKey, ItemKey, Phase, Record, Service, Status};

use super::{AdoptMode, Reason, Scene};
use crate::policy::Policy;
use crate::refusal;

/// Something about the whole view that a person has to look at. While one that [holds](Alarm::hold) is raised, nothing that
/// the reaper judges is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The table has no record at all, while services run that we would delete.
    EmptyTable {
        /// How many.
        services: usize,
    },
    /// The clock is not where it should be by the time that passed.
    ClockJumped,
    /// Services that this instance's own records deployed carry the tag of another instance.
    InstanceChanged {
        /// How many.
        services: usize,
        /// What the tag of the first of them says.
        instance: String,
    },
    /// AWS refuses what every environment needs: a permission, a role, a subnet.
    AccountRefused {
        /// How many environments wait for it.
        environments: usize,
        /// AWS's words.
        message: String,
    },
    /// Services with our tag are past their time, but their tags, name and record contradict each other.
    PastItsTime {
        /// How many.
        services: usize,
    },
}

impl Alarm {
    /// Every word that [`Alarm::reason`] answers.
    pub const REASONS: [&'static str; 5] =
        ["EmptyTable", "ClockJumped", "InstanceChanged", "AccountRefused", "PastItsTime"];

    /// One PascalCase word. Scripts and alerts compare it: never rename one.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EmptyTable { .. } => "EmptyTable",
            Self::ClockJumped => "ClockJumped",
            Self::InstanceChanged { .. } => "InstanceChanged",
            Self::AccountRefused { .. } => "AccountRefused",
            Self::PastItsTime { .. } => "PastItsTime",
        }
    }

    /// What is the matter and how to go on, in sentences.
    pub fn message(&self) -> String {
        match self {
            Self::EmptyTable { services } => format!(
                "The table has no record, but {} here. Nothing is deleted before a record appears, or a person says \
                 `bivouac reap --trust-empty-table`.",
                run(*services)
            ),
            Self::ClockJumped => "The clock is not where it should be by the time that passed. Nothing is deleted that \
                                  depends on the time, before another observation finds the clock going on as it should."
                .to_owned(),
            Self::InstanceChanged { services, instance } => format!(
                "{} here that records of this instance deployed and that carry the tag of the instance `{instance}`. If \
                 `controller.instance` was renamed, name it as before, or change the tag `bivouac:managed` of these \
                 services. Nothing without a record is deleted until then.",
                capital(&run(*services))
            ),
            Self::AccountRefused { environments, message } => format!(
                "{message} This concerns {environments} {}. They hold no place, and start by themselves once AWS lets one of them \
                 in.",
                if *environments == 1 { "environment" } else { "environments" }
            ),
            Self::PastItsTime { services } => format!(
                "{} past their time, but tags, name and configuration contradict each other. Delete them by hand, or \
                 mend the configuration.",
                capital(&run(*services))
            ),
        }
    }

    /// Why nothing may go, if nothing may.
    pub const fn hold(&self) -> Option<Reason> {
        match self {
            Self::EmptyTable { .. } => Some(Reason::EmptyTable),
            Self::ClockJumped => Some(Reason::ClockJumped),
            Self::InstanceChanged { .. } => Some(Reason::InstanceChanged),
            // The others are no less sure for it.
            Self::AccountRefused { .. } | Self::PastItsTime { .. } => None,
        }
    }
}

fn run(services: usize) -> String {
    if services == 1 { "1 service runs".to_owned() } else { format!("{services} services run") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The alarms that the view alone raises.
pub(super) fn raise(scene: &Scene<'_>, records: &HashMap<&ItemKey, &Record>) -> Vec<Alarm> {
    let policy = scene.policy;
    let mut alarms = Vec::new();
    if scene.clock_jumped {
        alarms.push(Alarm::ClockJumped);
    }
    let deletable = |service: &&Service| match service.managed_by.as_deref() {
        Some(instance) => instance == policy.instance,
        None => policy
            .adopt
            .iter()
            .find(|adoption| adoption.pattern.matches(&service.name))
            .is_some_and(|adoption| adoption.mode == AdoptMode::Reap),
    };
    let ours = scene.suspects.iter().filter(deletable).count();
    if scene.records.is_empty() && ours > 0 && !scene.trust_empty_table {
        alarms.push(Alarm::EmptyTable { services: ours });
    }
    let mut others = scene.suspects.iter().filter_map(|service| {
        let instance = service.managed_by.as_ref().filter(|instance| **instance != policy.instance)?;
        is_deployed_by(records, policy, service).then_some(instance)
    });
    if let Some(instance) = others.next() {
        alarms.push(Alarm::InstanceChanged { services: 1 + others.count(), instance: instance.clone() });
    }
    if let Some((environments, message)) = refusal::of_account(scene.records) {
        alarms.push(Alarm::AccountRefused { environments, message: message.to_owned() });
    }
    alarms
}

/// Whether a record of this instance deployed the service. A stranger's service may have a name of our pattern, since two
/// instances can share a cluster.
fn is_deployed_by(records: &HashMap<&ItemKey, &Record>, policy: &Policy, service: &Service) -> bool {
    let Some(key) = service.owner.as_deref().and_then(|owner| owner.parse::<EnvKey>().ok()) else { return false };
    let is_named_so = policy.projects.get(&key.repo).is_some_and(|project| project.service(&key) == service.name);
    let status = records.get(&ItemKey::from(&key)).and_then(|record| record.status.as_ref());
    is_named_so && status.is_some_and(|status| remembers(status, service))
}

/// Whether the status is of a record that deployed what the service runs. A tombstone has forgotten what it deployed. It was
/// not of this service unless the service was made in its time.
fn remembers(status: &Status, service: &Service) -> bool {
    let details = &status.machinery;
    let same_spec = details.spec.is_some() && details.spec == service.spec;
    let in_its_time = || {
        let (began, ended) = details.first_seen_at.zip(details.phase_since)?;
        Some(service.created_at.is_some_and(|created| began <= created && created <= ended))
    };
    let is_tombstone = status.phase == Phase::Terminated && details.image_digest.is_some();
    same_spec
        || details.task_definition.as_ref() == Some(&service.task_definition)
        || (is_tombstone && in_its_time().unwrap_or_default())
}

//! What a person has to look at before anything is deleted.

use bivouac_model::Service;

use super::{AdoptMode, Reason, Scene};

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
    /// Services named like ours carry the tag of another instance.
    InstanceChanged {
        /// How many.
        services: usize,
        /// What the tag of the first of them says.
        instance: String,
    },
    /// Services with our tag are past their time, but their tags, name and record contradict each other.
    PastItsTime {
        /// How many.
        services: usize,
    },
}

impl Alarm {
    /// Every word that [`Alarm::reason`] answers.
    pub const REASONS: [&'static str; 4] = ["EmptyTable", "ClockJumped", "InstanceChanged", "PastItsTime"];

    /// One PascalCase word. Scripts and alerts compare it: never rename one.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EmptyTable { .. } => "EmptyTable",
            Self::ClockJumped => "ClockJumped",
            Self::InstanceChanged { .. } => "InstanceChanged",
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
                "{} here that are named like ours and belong to the instance `{instance}`. If `controller.instance` was \
                 renamed, name it as before, or tag them anew. Nothing without a record is deleted until then.",
                capital(&run(*services))
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
            Self::PastItsTime { .. } => None,
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
pub(super) fn raise(scene: &Scene<'_>) -> Vec<Alarm> {
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
    let named_like_ours =
        |name: &str| policy.projects.values().any(|project| project.service_name.pr_of(name).is_some());
    let mut others = scene.suspects.iter().filter_map(|service| {
        let instance = service.managed_by.as_ref().filter(|instance| **instance != policy.instance)?;
        named_like_ours(&service.name).then_some(instance)
    });
    if let Some(instance) = others.next() {
        alarms.push(Alarm::InstanceChanged { services: 1 + others.count(), instance: instance.clone() });
    }
    alarms
}

//! How `plan` and `reap` show services that no record answers for, and what a person has to look at.

use std::collections::BTreeMap;

use bivouac_planner::reap::{Fate, Judgement, Verdict};
use serde::Serialize;

use super::output::Terminal;
use super::output::columns::{Columns, plain};
use crate::exit::Failure;

/// What `-o json` shows of a [`Judgement`]. Stable: fields are added, never renamed or removed.
#[derive(Clone, Debug, Serialize)]
pub struct SuspectsView {
    /// Every service that no record answers for.
    pub services: Vec<ServiceItem>,
    /// What a person has to look at.
    pub alarms: Vec<AlarmItem>,
}

/// A service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceItem {
    /// Its name.
    pub service: String,
    /// The environment that its tags name; `null`: none.
    pub environment: Option<String>,
    /// `keep` or `delete`.
    pub action: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub why: String,
}

/// An alarm.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmItem {
    /// In one word.
    pub reason: &'static str,
    /// What is the matter, and how to go on.
    pub message: String,
}

impl SuspectsView {
    /// What was decided.
    pub fn new(judgement: &Judgement) -> Self {
        Self {
            services: judgement.verdicts.iter().map(item).collect(),
            alarms: judgement
                .alarms
                .iter()
                .map(|alarm| AlarmItem { reason: alarm.reason(), message: alarm.message() })
                .collect(),
        }
    }
}

fn item(verdict: &Verdict) -> ServiceItem {
    ServiceItem {
        service: verdict.service.clone(),
        environment: verdict.environment.clone(),
        action: if verdict.fate == Fate::Keep { "keep" } else { "delete" },
        reason: verdict.reason.as_str(),
        why: verdict.message.clone(),
    }
}

/// Prints alarms, the services that would go, those that a person should know of, and how many stay for which reason.
///
/// # Errors
/// When the output cannot be written.
pub fn print(terminal: &mut Terminal, view: &SuspectsView) -> Result<(), Failure> {
    for alarm in &view.alarms {
        let line = terminal.alarm(&format!("{}: {}", alarm.reason, plain(&alarm.message)));
        terminal.say(&line)?;
    }
    if view.services.is_empty() {
        return Ok(());
    }
    let mut rows = vec![["SERVICE", "ENVIRONMENT", "NEXT", "REASON", "WHY"].map(str::to_owned).to_vec()];
    // What others run in the cluster is none of our business, and may be thousands.
    let shown = view.services.iter().filter(|service| !matches!(service.reason, "Unmanaged" | "OtherInstance"));
    rows.extend(shown.map(|service| {
        let environment = service.environment.as_deref().unwrap_or("-");
        [&service.service, environment, service.action, service.reason, &service.why].map(plain).to_vec()
    }));
    terminal.say("")?;
    if rows.len() > 1 {
        for line in Columns::default().lines(&rows) {
            terminal.say(&line)?;
        }
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for service in view.services.iter().filter(|service| service.action == "keep") {
        *reasons.entry(service.reason).or_default() += 1;
    }
    let total: usize = reasons.values().sum();
    let each: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let kept = if each.is_empty() { "none".to_owned() } else { format!("{total} ({})", each.join(", ")) };
    terminal.say(&format!("Services without a record that stay: {kept}."))?;
    Ok(())
}

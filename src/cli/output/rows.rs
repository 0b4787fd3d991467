//! Environments as rows of a table.

use std::collections::HashMap;

use bivouac_model::{ItemKey, Month, Phase, Record, SpendingEntry, Usd};
use chrono::{DateTime, Utc};

use super::age::{absolute, human, until};
use super::columns::plain;
use super::{Format, Terminal};
use crate::config::Config;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// The header of `get`.
pub fn header(format: Format) -> Vec<String> {
    let mut names = vec!["ENVIRONMENT", "PHASE", "AGE", "EXPIRES", "URL"];
    if format == Format::Wide {
        names.extend(["IMAGE", "COST", "$/H", "MONTH", "PROJECTED", "REQUESTED-BY", "USER-MONTH", "REASON", "MESSAGE"]);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// What each person's environments cost this month until now, by login in small letters.
#[derive(Debug, Default)]
pub struct Spenders(HashMap<String, Usd>);

impl Spenders {
    /// Of all records there are, and of the environments that have only an entry of the ledger any more.
    pub fn of(records: &[Record], entries: &[SpendingEntry], now: DateTime<Utc>) -> Self {
        let month = Month::of(now);
        let mut spenders = Self::default();
        for record in records {
            if let (Some(user), Some(status)) = (requester(record), &record.status) {
                spenders.add(user, status.spending().in_month(month, now));
            }
        }
        let mut deleted: HashMap<&ItemKey, &SpendingEntry> = HashMap::new();
        for entry in entries {
            let newest = deleted.entry(&entry.environment).or_insert(entry);
            if entry.replaces(newest) {
                *newest = entry;
            }
        }
        for record in records {
            deleted.remove(&record.key);
        }
        for entry in deleted.values() {
            if let Some(user) = &entry.requested_by {
                spenders.add(user, entry.in_month(month, now));
            }
        }
        spenders
    }

    fn add(&mut self, user: &str, cost: Usd) {
        let sum = self.0.entry(user.to_lowercase()).or_default();
        *sum = *sum + cost;
    }

    fn month_of(&self, user: &str) -> Usd {
        self.0.get(&user.to_lowercase()).copied().unwrap_or_default()
    }
}

fn requester(record: &Record) -> Option<&str> {
    record.desired.as_ref().ok()?.requested_by.as_deref()
}

/// The row of a record.
pub fn row(
    record: &Record,
    format: Format,
    now: DateTime<Utc>,
    config: &Config,
    terminal: &Terminal,
    spenders: &Spenders,
) -> Vec<String> {
    let wide = format == Format::Wide;
    let status = record.status.as_ref();
    let text = |text: Option<String>| text.filter(|t| !t.is_empty()).map_or_else(|| NOTHING.into(), |t| plain(&t));
    let expires = status
        .filter(|status| status.phase != Phase::Terminated)
        .map(|status| if wide { absolute(status.expires_at) } else { until(status.expires_at, now) });
    let mut cells = vec![
        plain(&record.key.to_string()),
        status.map_or_else(|| NOTHING.into(), |status| terminal.phase_of(status)),
        born(record).map_or_else(|| NOTHING.into(), |time| human(now - time)),
        text(expires),
        text(status.and_then(|status| status.url.clone())),
    ];
    if wide {
        cells.extend([
            text(image(record, config)),
            text(status.map(|status| status.cost_at(now).to_string())),
            text(status.map(|status| status.hourly_cost_usd.to_string())),
            text(status.map(|status| status.spending().in_month(Month::of(now), now).to_string())),
            text(status.map(|status| status.projected_cost(now).to_string())),
            text(requester(record).map(str::to_owned)),
            text(requester(record).map(|user| spenders.month_of(user).to_string())),
            text(status.map(|status| status.reason.to_string())),
            text(status.map(|status| status.message.clone())),
        ]);
    }
    cells
}

/// Since when there is an environment: since the controller first saw it, else since it was asked for.
pub fn born(record: &Record) -> Option<DateTime<Utc>> {
    let seen = record.status.as_ref().and_then(|status| status.machinery.first_seen_at);
    seen.or_else(|| record.desired.as_ref().ok()?.requested_at)
}

/// The tag that was asked for, else that of the project's pattern.
pub fn image(record: &Record, config: &Config) -> Option<String> {
    let wish = record.desired.as_ref().ok()?;
    if let Some(tag) = &wish.image_tag {
        return Some(tag.to_string());
    }
    let key = record.key.env().ok()?;
    let project = config.projects.iter().find(|project| project.repo == key.repo)?;
    project.image_tag.fill(key.pr.get(), wish.head_sha.as_deref())
}

//! Environments as rows of a table.

use std::collections::HashMap;

use bivouac_model::{Month, Phase, Record, Usd};
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
    /// Of all records there are.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>, now: DateTime<Utc>) -> Self {
        let mut sums: HashMap<String, Usd> = HashMap::new();
        for record in records {
            let (Some(user), Some(status)) = (requester(record), &record.status) else { continue };
            let sum = sums.entry(user.to_lowercase()).or_default();
            *sum = *sum + status.spending().in_month(Month::of(now), now);
        }
        Self(sums)
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
        status.map_or_else(|| NOTHING.into(), |status| terminal.phase(status.phase)),
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

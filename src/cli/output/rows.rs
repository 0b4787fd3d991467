//! Environments as rows of a table.

use bivouac_model::{Phase, Record};
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
        names.extend(["IMAGE", "COST", "$/H", "REQUESTED-BY", "REASON", "MESSAGE"]);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The row of a record.
pub fn row(record: &Record, format: Format, now: DateTime<Utc>, config: &Config, terminal: &Terminal) -> Vec<String> {
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
        let wish = record.desired.as_ref().ok();
        cells.extend([
            text(image(record, config)),
            text(status.map(|status| status.cost_at(now).to_string())),
            text(status.map(|status| status.hourly_cost_usd.to_string())),
            text(wish.and_then(|wish| wish.requested_by.clone())),
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

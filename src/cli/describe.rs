//! `describe`: all that is known of an environment, for a person.

use std::collections::BTreeMap;

use bivouac_model::{ConditionStatus, Event, ItemKey, Month, Record, Status, format_duration};
use bivouac_policy::ContainerLog;
use chrono::{DateTime, Utc};

use super::args::Describe;
use super::output::Format;
use super::output::age::{absolute, human, until};
use super::output::columns::{Columns, plain};
use super::output::events;
use super::output::rows::{born, image};
use super::output::view::{Described, Environment};
use super::session::Session;
use super::tasks::project;
use crate::exit::{Failure, chain};

/// What stands where there is nothing.
const NONE: &str = "<none>";

/// The most events that are shown: a life from wish to end, or a day of somebody's commands. The table has them all.
const MOST_EVENTS: usize = 20;

/// Prints an environment and its newest events. Where there is no environment but events, as of somebody who was refused,
/// a person is shown these.
///
/// # Errors
/// `Failed` when the environment is not there. Events that cannot be read are only remarked on.
pub async fn describe(session: &mut Session, describe: Describe) -> Result<(), Failure> {
    let key = describe.env.resolve(&session.config)?;
    let record = session.record(&key).await;
    let events = match &record {
        Err(Failure::Door(_)) => None,
        _ => newest(session, &key).await?,
    };
    let now = session.clock.now();
    if let Ok(record) = &record {
        let described = Described {
            environment: Environment::of(record, now),
            events: events.as_ref().map(|events| events.iter().rev().map(Into::into).collect()),
        };
        if session.terminal.structured(session.format, &described)? {
            return Ok(());
        }
        for line in lines(session, record, now) {
            session.terminal.say(&line)?;
        }
    }
    let people = matches!(session.format, Format::Table | Format::Wide);
    if record.is_ok() || people && events.as_ref().is_some_and(|events| !events.is_empty()) {
        for line in events::lines(events.as_deref(), now, &session.terminal) {
            session.terminal.say(&line)?;
        }
    }
    record.map(drop)
}

/// The newest events, the newest first; `None` where they cannot be read, which is remarked on.
async fn newest(session: &mut Session, key: &ItemKey) -> Result<Option<Vec<Event>>, Failure> {
    match session.journal.newest(key, MOST_EVENTS).await {
        Ok(events) => Ok(Some(events)),
        Err(error) => {
            session.terminal.remark(&format!("note: the events cannot be read: {}", chain(&error)))?;
            Ok(None)
        }
    }
}

fn lines(session: &Session, record: &Record, now: DateTime<Utc>) -> Vec<String> {
    let mut page = Page::default();
    let ago = |time: DateTime<Utc>| format!("{} ({} ago)", absolute(time), human(now - time));
    page.field("Name", &plain(&record.key.to_string()));
    if let Some(time) = born(record) {
        page.field("Since", &ago(time));
    }
    match &record.desired {
        Ok(wish) => {
            page.field("Desired", wish.desired.as_str());
            page.field("Generation", &generation(record));
            page.field("Requested by", &text(wish.requested_by.as_deref()));
            page.field("Requested at", &wish.requested_at.map_or_else(|| NONE.into(), ago));
            if let Some(url) = &wish.request_url {
                page.field("Request", &plain(url));
            }
            page.field("Image tag", &text(image(record, &session.config).as_deref()));
            page.field("Commit", &text(wish.head_sha.as_deref()));
            page.field("Size", &text(wish.size.as_deref()));
            page.field("Lifetime", &wish.ttl.map_or_else(|| "the default".into(), |ttl| format_duration(ttl.get())));
            page.field("Pinned", if wish.pinned { "yes" } else { "no" });
            page.map("Flags", &wish.flags, |name, value| format!("{name}={}", plain(value)));
            // What is described gets pasted; values of the configuration may be secret. `-o json` shows them.
            page.map("Config", &wish.config, |name, value| format!("{name}  ({} bytes)", value.len()));
        }
        Err(problems) => {
            page.field("Generation", &generation(record));
            let problems: Vec<String> = problems.iter().map(|problem| plain(&problem.to_string())).collect();
            page.list("Problems", &problems);
        }
    }
    match &record.status {
        None => page.field("Phase", "none: the controller has not seen it yet"),
        Some(status) => answer(&mut page, session, &record.key, status, now),
    }
    page.finish(record.status.as_ref(), now)
}

fn answer(page: &mut Page, session: &Session, key: &ItemKey, status: &Status, now: DateTime<Utc>) {
    let since = status.machinery.phase_since.map(|time| format!(" (for {})", human(now - time))).unwrap_or_default();
    page.field("Phase", &format!("{}{since}", session.terminal.phase_of(status)));
    page.field("Reason", &text(Some(&status.reason)));
    page.field("Message", &text(Some(&status.message)));
    page.field("URL", &text(status.url.as_deref()));
    page.field("Expires", &format!("{} ({})", absolute(status.expires_at), until(status.expires_at, now)));
    let month = status.spending().in_month(Month::of(now), now);
    let so_far = format!("{} so far ({month} this month), {} an hour", status.cost_at(now), status.hourly_cost_usd);
    page.field(
        "Cost",
        &match status.hourly_cost_usd.is_zero() {
            true => so_far,
            false => format!("{so_far}, {} when its time is over", status.projected_cost(now)),
        },
    );
    let machinery = &status.machinery;
    if let Some(capacity) = machinery.capacity {
        page.field(
            "Capacity",
            match capacity {
                bivouac_model::Capacity::OnDemand => "on demand",
                bivouac_model::Capacity::Spot => "Spot",
            },
        );
    }
    if let Some(name) = &machinery.task_definition {
        page.field("Task definition", &plain(&name.to_string()));
    }
    if let Some(task) = machinery.tasks.first() {
        page.field("Task", &plain(task));
        page.list("Logs", &logs(session, key, task));
    }
    if let Some(digest) = &machinery.image_digest {
        page.field("Image digest", &plain(digest.as_str()));
    }
    if let Some(time) = status.purge_at {
        page.field("Forgotten", &absolute(time));
    }
}

/// Where each container of a task writes its log: the group and the stream, by the template as it is now.
fn logs(session: &Session, key: &ItemKey, task: &str) -> Vec<String> {
    // A template that cannot be read is `doctor`'s to report.
    let template = project(&session.config, key).ok().and_then(|project| project.template().ok());
    let line = |log: &ContainerLog| match log.stream(task) {
        Some(stream) => format!("{}  {}  {}", plain(&log.container), plain(&stream.group), plain(&stream.stream)),
        None => format!("{}  not in CloudWatch Logs", plain(&log.container)),
    };
    template.iter().flat_map(|template| template.logs()).map(|log| line(&log)).collect()
}

/// The number of the wish, and which one the controller has answered.
fn generation(record: &Record) -> String {
    let observed = record.status.as_ref().and_then(|status| status.machinery.observed_generation);
    match (record.generation, observed) {
        (None, _) => NONE.into(),
        (Some(wished), Some(observed)) if wished == observed => format!("{wished} (observed)"),
        (Some(wished), Some(observed)) => format!("{wished} (observed: {observed})"),
        (Some(wished), None) => format!("{wished} (not observed yet)"),
    }
}

fn text(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(|| NONE.into(), plain)
}

/// Names and values in two columns, as `kubectl describe` has them.
#[derive(Default)]
struct Page(Vec<Vec<String>>);

impl Page {
    fn field(&mut self, name: &str, value: &str) {
        self.0.push(vec![format!("{name}:"), value.to_owned()]);
    }

    fn list(&mut self, name: &str, values: &[String]) {
        let mut name = format!("{name}:");
        for value in values {
            self.0.push(vec![std::mem::take(&mut name), value.clone()]);
        }
        if values.is_empty() {
            self.0.push(vec![name, NONE.into()]);
        }
    }

    fn map(&mut self, name: &str, map: &BTreeMap<String, String>, line: impl Fn(&str, &str) -> String) {
        self.list(name, &map.iter().map(|(name, value)| line(name, value)).collect::<Vec<_>>());
    }

    fn finish(self, status: Option<&Status>, now: DateTime<Utc>) -> Vec<String> {
        let mut lines = Columns::default().lines(&self.0);
        let conditions = status.map(|status| status.machinery.conditions.as_slice()).unwrap_or_default();
        if conditions.is_empty() {
            return lines;
        }
        let mut rows = vec![["  TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"].map(str::to_owned).to_vec()];
        rows.extend(conditions.iter().map(|condition| {
            let holds = match condition.status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            };
            vec![
                format!("  {}", plain(&condition.kind)),
                holds.to_owned(),
                human(now - condition.last_transition_at),
                plain(&condition.reason),
                plain(&condition.message),
            ]
        }));
        lines.push("Conditions:".to_owned());
        lines.extend(Columns::default().lines(&rows));
        lines
    }
}

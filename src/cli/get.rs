//! `get`: a row for each environment, and with `--watch` a row for each change.

use std::collections::BTreeMap;

use bivouac_model::{ItemKey, Month, Phase, Record, Status};
use bivouac_ports::Meaning;

use super::args::Get;
use super::output::Format;
use super::output::columns::Columns;
use super::output::rows::{Spenders, header, row};
use super::output::view::{Environment, EnvironmentList, WatchEvent};
use super::session::Session;
use crate::exit::Failure;

/// Sorted by repository and number, as people look for them.
type Records = BTreeMap<(Box<str>, u64, Box<str>), Record>;

/// Prints environments. With `--watch` it goes on until it is interrupted, which is no failure.
///
/// # Errors
/// `Failed` when the one that was named is not there.
pub async fn get(session: &mut Session, get: Get) -> Result<(), Failure> {
    let key = get.env.as_ref().map(|env| env.resolve(&session.config)).transpose()?;
    let records = read(session, key.as_ref(), get.phase).await?;
    if let (Some(key), true) = (&key, records.is_empty() && !get.watch) {
        return Err(match get.phase {
            Some(phase) if session.store.get(key).await?.is_some() => Failure::Failed(format!("{key} is not {phase}")),
            _ => Failure::Failed(format!("environment {key} not found")),
        });
    }
    if get.watch {
        return watch(session, key.as_ref(), get.phase, records).await;
    }
    let now = session.clock.now();
    let views = records.values().map(|record| Environment::of(record, now));
    let done = match &key {
        Some(_) => match views.clone().next() {
            Some(view) => session.terminal.structured(session.format, &view)?,
            None => false,
        },
        None => session.terminal.structured(session.format, &EnvironmentList { items: views.collect() })?,
    };
    if done {
        return Ok(());
    }
    if records.is_empty() {
        session.terminal.remark(&match get.phase {
            Some(phase) => format!("No environments are {phase}."),
            None => "No environments.".into(),
        })?;
        return Ok(());
    }
    let mut rows = vec![header(session.format)];
    let spenders = spenders(session, &records).await?;
    let row = |record| row(record, session.format, now, &session.config, &session.terminal, &spenders);
    rows.extend(records.values().map(row));
    for line in Columns::default().lines(&rows) {
        session.terminal.say(&line)?;
    }
    Ok(())
}

/// What people's environments cost this month, where that is shown: all of them, whichever are.
async fn spenders(session: &Session, records: &Records) -> Result<Spenders, Failure> {
    let now = session.clock.now();
    let known = records.values().any(|record| record.status.is_some());
    match session.format {
        Format::Wide if known => {
            let month = Month::of(now);
            // What runs since last month has its entry there. Without the ledger, the records are all that is known.
            let entries = session.spending.months(&[month, month.previous()]).await.unwrap_or_default();
            Ok(Spenders::of(&session.store.all().await?, &entries, now))
        }
        _ => Ok(Spenders::default()),
    }
}

async fn read(session: &Session, key: Option<&ItemKey>, phase: Option<Phase>) -> Result<Records, Failure> {
    let records = match key {
        Some(key) => session.store.get(key).await?.into_iter().collect(),
        None => session.store.all().await?,
    };
    let fits =
        |record: &Record| phase.is_none_or(|phase| record.status.as_ref().is_some_and(|status| is_in(status, phase)));
    let place = |record: &Record| {
        let ItemKey { repo, pr } = &record.key;
        (repo.clone(), pr.parse().unwrap_or(u64::MAX), pr.clone())
    };
    Ok(records.into_iter().filter(fits).map(|record| (place(&record), record)).collect())
}

fn is_in(status: &Status, phase: Phase) -> bool {
    status.knows_its_phase() && status.phase == phase
}

/// Whether something changed that a person would want to see: not the time of a write, nor the cost that grows.
fn differs(old: &Record, new: &Record) -> bool {
    let same = match (&old.status, &new.status) {
        (Some(old), Some(new)) => old.says_the_same(new),
        (None, None) => true,
        _ => false,
    };
    !same || old.desired != new.desired || old.generation != new.generation
}

async fn watch(
    session: &mut Session,
    key: Option<&ItemKey>,
    phase: Option<Phase>,
    mut seen: Records,
) -> Result<(), Failure> {
    let mut printer = Printer::new(phase);
    let sums = spenders(session, &seen).await?;
    printer.print(session, &sums, seen.values().map(|record| ("present", record)))?;
    loop {
        tokio::select! {
            () = session.interrupt.cancelled() => return Ok(()),
            () = tokio::time::sleep(session.pace) => {}
        }
        let now = match read(session, key, phase).await {
            Ok(now) => now,
            // A watch outlives a table that is busy for a moment.
            Err(Failure::Door(error)) if matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the table does not answer; trying again");
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let changed = now.iter().filter_map(|(place, record)| match seen.get(place) {
            None => Some(("added", record)),
            Some(old) if differs(old, record) => Some(("modified", record)),
            Some(_) => None,
        });
        // With `--phase`, what left the phase left the list.
        let left = seen.iter().filter(|(place, _)| !now.contains_key(*place)).map(|(_, record)| ("deleted", record));
        let changed: Vec<_> = changed.chain(left).collect();
        if !changed.is_empty() {
            let sums = spenders(session, &now).await.unwrap_or_default();
            printer.print(session, &sums, changed.into_iter())?;
        }
        seen = now;
    }
}

struct Printer {
    columns: Columns,
    headed: bool,
    /// What the phase of one says that is no longer on the list.
    left: &'static str,
}

impl Printer {
    fn new(phase: Option<Phase>) -> Self {
        // Room for the longest phase, so that rows which come later stand under the first ones.
        let longest = Phase::ALL.map(|phase| phase.as_str().len()).into_iter().max().unwrap_or_default();
        let left = if phase.is_some() { "(left)" } else { "(deleted)" };
        Self { columns: Columns::at_least(&[0, longest, 5, 8]), headed: false, left }
    }

    fn print<'a>(
        &mut self,
        session: &mut Session,
        spenders: &Spenders,
        events: impl Iterator<Item = (&'static str, &'a Record)>,
    ) -> Result<(), Failure> {
        let now = session.clock.now();
        let mut rows = Vec::new();
        for (event, record) in events {
            let view = || WatchEvent { event, environment: Environment::of(record, now) };
            match session.format {
                Format::Json => session.terminal.json_line(&view())?,
                Format::Yaml => {
                    session.terminal.say("---")?;
                    session.terminal.yaml(&view())?;
                }
                Format::Table | Format::Wide => {
                    let mut row = row(record, session.format, now, &session.config, &session.terminal, spenders);
                    if event == "deleted" {
                        row[1] = self.left.into();
                    }
                    rows.push(row);
                }
            }
        }
        if !rows.is_empty() && !self.headed {
            rows.insert(0, header(session.format));
            self.headed = true;
        }
        for line in self.columns.lines(&rows) {
            session.terminal.say(&line)?;
        }
        Ok(())
    }
}

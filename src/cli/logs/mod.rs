//! `logs`: the lines of the containers of an environment, as `kubectl logs` and `stern` print them.
//!
//! - [`source`]: which streams are read, and why one cannot be.
//! - [`print`]: how a line looks.

mod print;
mod source;

use std::collections::BTreeMap;

use bivouac_model::{ItemKey, Phase};
use bivouac_ports::{Error, Follow, LogEvent, Meaning, Tail, tail};
use chrono::{DateTime, TimeDelta, Utc};

use super::args::Logs;
use super::session::Session;
use crate::doctor::words;
use crate::exit::Failure;
use print::Printer;
use source::{Source, Sources};

/// How many readings lie between two looks at which tasks there are. Ours: a reading is every two seconds, and a new task
/// takes longer than ten to start.
const TASKS_EVERY: u32 = 5;

/// Prints the log of an environment. With `--follow` it goes on with what is new, also of the tasks that replace this one,
/// until it is interrupted, which is no failure, or the environment is gone.
///
/// # Errors
/// `Failed` when the environment or the task is not there, when no container writes to CloudWatch Logs, or when the log group
/// is missing. `Usage` for a container that there is not.
pub async fn logs(session: &mut Session, asked: Logs) -> Result<(), Failure> {
    let key = asked.env.resolve(&session.config)?;
    let sources = Sources::find(session, &key, &asked).await?;
    for remark in &sources.remarks {
        session.terminal.remark(remark)?;
    }
    let mut printer = Printer::new(&sources.all, session);
    let now = session.clock.now();
    let since = match asked.since {
        Some(since) => Some(since_of(now, since)?),
        None => None,
    };
    let mut followed: BTreeMap<Source, Follow> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut silent = Vec::new();
    for source in &sources.all {
        // Tasks write at once. Nothing before the task was created can be its own.
        let floor = since.into_iter().chain(source.began).max();
        let read =
            tail(session.workload.logs.as_ref(), &source.stream, Tail { since: floor, lines: asked.tail }, now).await;
        let read = match read {
            Err(error) if error.meaning() == Meaning::NotFound => {
                has_group(session, source).await?;
                silent.push(source.container.clone());
                Vec::new()
            }
            read => read.map_err(|error| refused(&error))?,
        };
        // What was cut off by --tail is not wanted later either.
        let cut = asked.tail.is_some_and(|most| read.len() >= most);
        let first = read.first().map(|event| event.at).filter(|_| cut);
        let mut follow = Follow::from(first.or(floor).unwrap_or(DateTime::UNIX_EPOCH));
        let read = match asked.tail {
            // Nothing of what is there is wanted.
            Some(0) => {
                follow = Follow::from(now);
                Vec::new()
            }
            _ => follow.news(read, now),
        };
        lines.extend(read.into_iter().map(|event| (source.clone(), event)));
        followed.insert(source.clone(), follow);
    }
    if !silent.is_empty() && !asked.follow {
        session.terminal.remark(&format!("note: nothing was written yet by {}", words::listed(&silent)))?;
    }
    print(session, &mut printer, lines)?;
    match asked.follow {
        true => follow(session, &key, &asked, &mut printer, followed).await,
        false => Ok(()),
    }
}

/// Reads again and again.
async fn follow(
    session: &mut Session,
    key: &ItemKey,
    asked: &Logs,
    printer: &mut Printer,
    mut followed: BTreeMap<Source, Follow>,
) -> Result<(), Failure> {
    let mut readings: u32 = 0;
    loop {
        tokio::select! {
            () = session.interrupt.cancelled() => return Ok(()),
            () = tokio::time::sleep(session.pace) => {}
        }
        readings = readings.wrapping_add(1);
        // Looked at before the last reading, so that what was written until then is read.
        let mut is_over = false;
        if readings.is_multiple_of(TASKS_EVERY) {
            is_over = is_gone(session, key).await;
            renew(session, key, asked, printer, &mut followed).await?;
        }
        let mut lines = Vec::new();
        for (source, follow) in &mut followed {
            let now = session.clock.now();
            let ahead = now + TimeDelta::days(1);
            match session.workload.logs.events(&source.stream, follow.next_from(), ahead).await {
                Ok(events) => lines.extend(follow.news(events, now).into_iter().map(|event| (source.clone(), event))),
                Err(error) => passing(&error)?,
            }
        }
        print(session, printer, lines)?;
        if is_over {
            session.terminal.remark(&format!("note: {key} is gone, so there is nothing more to follow"))?;
            return Ok(());
        }
    }
}

/// Adds the streams of a task that came meanwhile.
async fn renew(
    session: &mut Session,
    key: &ItemKey,
    asked: &Logs,
    printer: &mut Printer,
    followed: &mut BTreeMap<Source, Follow>,
) -> Result<(), Failure> {
    if asked.previous {
        return Ok(());
    }
    // Between two tasks there may be none, and a table that is busy answers the next time.
    let Ok(sources) = Sources::find(session, key, asked).await else { return Ok(()) };
    let new: Vec<Source> = sources.all.into_iter().filter(|source| !followed.contains_key(source)).collect();
    if let Some(first) = new.first() {
        session.terminal.remark(&format!("note: the task {} goes on", first.task))?;
        printer.add(&new);
    }
    for source in new {
        followed.insert(source.clone(), Follow::from(source.began.unwrap_or(DateTime::UNIX_EPOCH)));
    }
    Ok(())
}

async fn is_gone(session: &Session, key: &ItemKey) -> bool {
    match session.store.get(key).await {
        Ok(None) => true,
        Ok(Some(record)) => {
            record.status.is_some_and(|status| status.knows_its_phase() && status.phase == Phase::Terminated)
        }
        Err(_) => false,
    }
}

/// What may pass by itself does not end the following: a stream begins with its first line, and AWS may be busy.
fn passing(error: &Error) -> Result<(), Failure> {
    match error.meaning() {
        Meaning::NotFound => Ok(()),
        Meaning::Throttled | Meaning::Unavailable => {
            tracing::warn!(error = error as &dyn std::error::Error, "the log does not answer; trying again");
            Ok(())
        }
        _ => Err(refused(error)),
    }
}

fn print(session: &mut Session, printer: &mut Printer, mut lines: Vec<(Source, LogEvent)>) -> Result<(), Failure> {
    // Of several containers in the order of time. The sort is stable, so the lines of one stay in their order.
    lines.sort_by_key(|(_, event)| event.at);
    for (source, event) in &lines {
        printer.print(session, source, event)?;
    }
    Ok(())
}

fn since_of(now: DateTime<Utc>, since: std::time::Duration) -> Result<DateTime<Utc>, Failure> {
    let since = TimeDelta::from_std(since).ok().and_then(|since| now.checked_sub_signed(since));
    since.ok_or_else(|| Failure::Usage("--since is longer than there is time".into()))
}

/// Whether the group of a stream is there that is not.
async fn has_group(session: &Session, source: &Source) -> Result<(), Failure> {
    let (group, region) = (&source.stream.group, source.stream.region.as_deref());
    match session.workload.logs.has_group(region, group).await {
        // Without the right to list groups, the stream is all that is known to be missing.
        Ok(true) | Err(_) => Ok(()),
        Ok(false) => {
            let region = region.unwrap_or(&session.workload.region);
            Err(Failure::Failed(format!(
                "the log group {group} is not there in {region}. Create it with `aws logs create-log-group --region {region} \
                 --log-group-name {group}`"
            )))
        }
    }
}

fn refused(error: &Error) -> Failure {
    match error.meaning() {
        Meaning::Denied => {
            Failure::Failed(format!("the log cannot be read: {}. To fix that, {}", error.message(), words::mend(error)))
        }
        _ => Failure::Door(error.clone()),
    }
}

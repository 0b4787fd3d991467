//! `extend`, `pin`, `unpin`, `sleep`, `wake` and `restart`: what the commands of a comment do, done on the command line.

use bivouac_model::command::{Command, Request, Wish as Fold};
use bivouac_model::{Desired, ItemKey, Record, Ttl, Value, format_duration, parse_duration};
use bivouac_ports::{DesiredChange, Meaning};

use super::args::{EnvRef, Waiting};
use super::audit;
use super::output::view::Wish;
use super::session::Session;
use super::wait::{Goal, wait};
use super::wish::clamp_is_said;
use crate::exit::Failure;

/// How often a change is made anew because somebody wrote meanwhile. Clients write once in minutes, so two in a row are rare.
const CONFLICTS: usize = 5;

/// Changes an environment that is there, by the same rules as a comment that says so. What would change nothing is not
/// written; what somebody wrote meanwhile is not undone.
///
/// # Errors
/// `Failed` when there is no environment that could be changed, and when others write it again and again.
pub async fn change(
    session: &mut Session,
    env: &EnvRef,
    command: &Command,
    waiting: Option<Waiting>,
) -> Result<(), Failure> {
    let key = env.resolve(&session.config)?;
    // What an attempt wrote, if its answer was lost.
    let mut doubt: Option<(Option<u64>, DesiredChange)> = None;
    for _ in 0..CONFLICTS {
        let record = session.record(&key).await?;
        let request =
            Request { by: session.user.clone(), at: session.clock.now(), url: None, head_sha: None, image_tag: None };
        if let Some((before, change)) = doubt.take()
            && let Some(generation) = record.generation.filter(|now| *now == before.unwrap_or_default() + 1)
            && says(&record, &change)
        {
            return finish(session, &key, &record, command, &change, generation, waiting).await;
        }
        let mut fold = Fold::new(Some(&record), session.config.guardrails.ttl, &request);
        command.apply(&mut fold).map_err(|error| Failure::Failed(format!("{key}: {error}")))?;
        let change = fold.into_change();
        if let Some(already) = is_so(&record, command) {
            return say(session, &key, &record, command, None, already);
        }
        match session.store.write_desired_over(&key, Some(&record), &change).await {
            // Somebody else was quicker, or it was this very write: the record tells.
            Err(error) if error.meaning() == Meaning::Conflict => doubt = Some((record.generation, change)),
            written => {
                let generation = written?;
                return finish(session, &key, &record, command, &change, generation, waiting).await;
            }
        }
    }
    Err(Failure::Failed(format!("{key} is written by others again and again; nothing was changed, try once more")))
}

/// It is written: tells the audit, and the person, at once or when it came true.
async fn finish(
    session: &mut Session,
    key: &ItemKey,
    record: &Record,
    command: &Command,
    change: &DesiredChange,
    generation: u64,
    waiting: Option<Waiting>,
) -> Result<(), Failure> {
    audit::tell(session, key, command.verb().as_str(), change, generation).await?;
    let ttl = change.iter().find(|(name, _)| *name == "ttl").and_then(|(_, value)| value.as_ref()?.as_str());
    clamp_is_said(session, ttl)?;
    match waiting.filter(|waiting| waiting.wait) {
        Some(waiting) => {
            let goal = if *command == Command::Sleep { Goal::Asleep } else { Goal::Ready };
            wait(session, key, generation, goal, waiting.timeout).await
        }
        None => say(session, key, record, command, Some(generation), &done(command)),
    }
}

/// Whether a record says all that a change would write: then the write was done, and its answer lost. Somebody who wrote the
/// very same meanwhile cannot be told from that, and then once is enough, too.
fn says(record: &Record, change: &DesiredChange) -> bool {
    let Ok(wish) = &record.desired else { return false };
    change.iter().all(|(name, value)| {
        let text = value.as_ref().and_then(Value::as_str);
        match *name {
            "desired" => text == Some(wish.desired.as_str()),
            "ttl" => text.and_then(|text| parse_duration(text).ok()) == wish.ttl.map(Ttl::get),
            "pinned" => *value == Some(Value::Bool(wish.pinned)),
            "restarted_at" => text == wish.restarted_at.as_deref(),
            "closed_at" => wish.closed_at.is_none(),
            // No verb here writes anything else.
            _ => false,
        }
    })
}

/// What the record says already, if it does.
fn is_so(record: &Record, command: &Command) -> Option<&'static str> {
    let wish = record.desired.as_ref().ok()?;
    match command {
        Command::Pin if wish.pinned => Some("is pinned already"),
        Command::Unpin if !wish.pinned => Some("is not pinned"),
        Command::Sleep if wish.desired == Desired::Asleep => Some("is desired asleep already"),
        // What sleeps for want of use is desired up all the while, and the same wish written again wakes it.
        Command::Wake if wish.desired == Desired::Up && !sleeps_idle(record) => Some("is desired up already"),
        _ => None,
    }
}

fn sleeps_idle(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| status.machinery.idle.is_some())
}

fn done(command: &Command) -> String {
    match command {
        Command::Extend(by) => format!("is extended by {}", format_duration(by.get())),
        Command::Pin => "is pinned: it stays until it is unpinned, or for guardrails.max_ttl".to_owned(),
        Command::Unpin => "is unpinned: its time counts again".to_owned(),
        Command::Sleep => "is desired asleep".to_owned(),
        Command::Wake => "is desired up".to_owned(),
        Command::Restart => "is to be restarted".to_owned(),
        other => format!("was told `{other}`"),
    }
}

fn say(
    session: &mut Session,
    key: &ItemKey,
    record: &Record,
    command: &Command,
    generation: Option<u64>,
    what: &str,
) -> Result<(), Failure> {
    let desired = match command {
        Command::Sleep => Desired::Asleep,
        Command::Wake => Desired::Up,
        _ => record.desired.as_ref().map_or(Desired::Up, |wish| wish.desired),
    };
    let wish = Wish { environment: key.to_string(), desired, generation };
    if !session.terminal.structured(session.format, &wish)? {
        let number = generation.map(|generation| format!(" (generation {generation})")).unwrap_or_default();
        session.terminal.say(&format!("{key} {what}{number}"))?;
    }
    Ok(())
}

/// Reads the duration of an `extend`.
///
/// # Errors
/// A sentence.
pub fn extension(text: &str) -> Result<Ttl, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    Ttl::new(duration).ok_or_else(|| "a duration longer than nothing, such as 24h or 90m".to_owned())
}

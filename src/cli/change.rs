//! `extend`, `pin`, `unpin`, `sleep`, `wake` and `restart`: what the commands of a comment do, done on the command line.

use bivouac_model::command::{Command, Request, Wish as Fold};
use bivouac_model::{Desired, ItemKey, Phase, Record, Ttl, format_duration, parse_duration};
use bivouac_ports::{DesiredChange, Meaning};

use super::args::{EnvRef, Waiting};
use super::audit;
use super::output::view::Wish;
use super::session::Session;
use super::wait::{Goal, wait};
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
    for _ in 0..CONFLICTS {
        let record = session.record(&key).await?;
        let request =
            Request { by: session.user.clone(), at: session.clock.now(), url: None, head_sha: None, image_tag: None };
        let mut fold = Fold::new(Some(&record), session.config.guardrails.ttl, &request);
        command.apply(&mut fold).map_err(|error| Failure::Failed(format!("{key}: {error}")))?;
        let change = fold.into_change();
        if let Some(already) = is_so(&record, command) {
            return say(session, &key, &record, &change, None, already);
        }
        let generation = match session.store.write_desired_over(&key, Some(&record), &change).await {
            Err(error) if error.meaning() == Meaning::Conflict => continue,
            written => written?,
        };
        audit::tell(session, &key, command.verb().as_str(), &change, generation).await?;
        clamp_is_said(session, &change)?;
        return match waiting.filter(|waiting| waiting.wait) {
            Some(waiting) => {
                let goal = if *command == Command::Sleep { Goal::Asleep } else { Goal::Ready };
                wait(session, &key, generation, goal, waiting.timeout).await
            }
            None => say(session, &key, &record, &change, Some(generation), &done(command)),
        };
    }
    Err(Failure::Failed(format!("{key} is written by others again and again; nothing was changed, try once more")))
}

/// What the record says already, if it does.
fn is_so(record: &Record, command: &Command) -> Option<&'static str> {
    let wish = record.desired.as_ref().ok()?;
    match command {
        Command::Pin if wish.pinned => Some("is pinned already"),
        Command::Unpin if !wish.pinned => Some("is not pinned"),
        Command::Sleep if wish.desired == Desired::Asleep => Some("is desired asleep already"),
        // One that was put to sleep by nobody's wish, or not at all, is desired up.
        Command::Wake if wish.desired == Desired::Up && !is_asleep(record) => Some("is not asleep"),
        _ => None,
    }
}

fn is_asleep(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| status.phase == Phase::Asleep)
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
    change: &DesiredChange,
    generation: Option<u64>,
    what: &str,
) -> Result<(), Failure> {
    let before = record.desired.as_ref().map_or(Desired::Up, |wish| wish.desired);
    let wish = Wish { environment: key.to_string(), desired: desired_by(change).unwrap_or(before), generation };
    if !session.terminal.structured(session.format, &wish)? {
        let number = generation.map(|generation| format!(" (generation {generation})")).unwrap_or_default();
        session.terminal.say(&format!("{key} {what}{number}"))?;
    }
    Ok(())
}

fn desired_by(change: &DesiredChange) -> Option<Desired> {
    let written = change.iter().find(|(name, _)| *name == "desired")?.1.as_ref()?.as_str()?;
    [Desired::Up, Desired::Asleep, Desired::Down].into_iter().find(|desired| desired.as_str() == written)
}

fn clamp_is_said(session: &mut Session, change: &DesiredChange) -> Result<(), Failure> {
    let max = session.config.guardrails.max_ttl;
    let ttl = change.iter().find(|(name, _)| *name == "ttl").and_then(|(_, value)| value.as_ref()?.as_str());
    if ttl.and_then(|ttl| parse_duration(ttl).ok()).is_some_and(|ttl| ttl > max) {
        let max = format_duration(max);
        session.terminal.remark(&format!("note: the longest lifetime is {max}; it will live as long as that"))?;
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

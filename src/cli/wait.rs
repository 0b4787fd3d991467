//! `--wait`: until the controller says that a wish came true, or cannot.

use std::time::Duration;

use bivouac_model::{Desired, ItemKey, Phase, Record, format_duration};
use bivouac_ports::Meaning;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::columns::plain;
use super::output::view::Environment;
use super::session::Session;
use crate::exit::Failure;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It answers at its address.
    Ready,
    /// It is kept without a task.
    Asleep,
    /// Nothing of it is left.
    Gone,
}

/// What a look at the record says.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// The goal is reached.
    Reached,
    /// It will not be, for this reason.
    Lost(String),
    /// Not yet: phase and message.
    Waiting(String),
}

/// Waits until the wish of `generation` came true. Writes nothing: dropped or interrupted, the wish stands.
///
/// # Errors
/// `Failed`, with the controller's message, when the wish cannot come true, was replaced by another, or took too long.
pub async fn wait(
    session: &mut Session,
    key: &ItemKey,
    generation: u64,
    goal: Goal,
    timeout: Duration,
) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + timeout;
    let mut progress = Progress::new(session.terminal.interactive);
    loop {
        let said = match session.store.get(key).await {
            Ok(record) => match look(record.as_ref(), generation, goal) {
                Look::Reached => {
                    progress.clear();
                    return reached(session, key, record.as_ref(), goal);
                }
                Look::Lost(why) => {
                    progress.clear();
                    return Err(Failure::Failed(format!("{key} {why}")));
                }
                Look::Waiting(said) => said,
            },
            // The table will answer again; until then the wish is not lost.
            Err(error) if matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable) => {
                format!("the table does not answer ({})", error.meaning().as_str())
            }
            Err(error) => {
                progress.clear();
                return Err(error.into());
            }
        };
        progress.say(session, key, &said)?;
        tokio::select! {
            () = session.interrupt.cancelled() => {
                progress.clear();
                return Err(Failure::Failed(format!(
                    "stopped waiting for {key}; the wish stands: `bivouac get {key} --watch` shows what becomes of it"
                )));
            }
            () = tokio::time::sleep_until(deadline) => {
                progress.clear();
                let timeout = format_duration(timeout);
                return Err(Failure::Failed(format!("{key} after {timeout}: {said}; the wish stands")));
            }
            () = tokio::time::sleep(session.pace) => {}
        }
    }
}

fn look(record: Option<&Record>, generation: u64, goal: Goal) -> Look {
    let Some(record) = record else {
        return match goal {
            Goal::Gone => Look::Reached,
            Goal::Ready | Goal::Asleep => Look::Lost("lost its record: somebody deleted it".into()),
        };
    };
    let wish = match &record.desired {
        Ok(wish) => wish,
        Err(problems) => {
            let problems = problems.iter().map(|problem| plain(&problem.to_string())).collect::<Vec<_>>();
            return Look::Lost(format!("is Invalid: {}", problems.join("; ")));
        }
    };
    let mine = match goal {
        Goal::Ready => Desired::Up,
        Goal::Asleep => Desired::Asleep,
        Goal::Gone => Desired::Down,
    };
    if wish.desired != mine {
        let who = wish.requested_by.as_deref().map_or_else(|| "somebody".into(), plain);
        return Look::Lost(format!("is desired {} by {who} meanwhile", wish.desired));
    }
    let Some(status) = &record.status else {
        return Look::Waiting("the controller has not seen it yet".into());
    };
    // What was said of an older wish says nothing of this one.
    if status.machinery.observed_generation.is_none_or(|observed| observed < generation) {
        return Look::Waiting(format!("{}: the controller has not come to this wish yet", status.phase));
    }
    let message = plain(&status.message);
    let said = if message.is_empty() { status.phase.to_string() } else { format!("{}: {message}", status.phase) };
    match (goal, status.phase) {
        (Goal::Ready, Phase::Ready) | (Goal::Asleep, Phase::Asleep) | (Goal::Gone, Phase::Terminated) => Look::Reached,
        (_, Phase::Failed | Phase::Invalid) | (Goal::Ready | Goal::Asleep, Phase::Terminated) => {
            Look::Lost(format!("is {said}"))
        }
        _ => Look::Waiting(said),
    }
}

fn reached(session: &mut Session, key: &ItemKey, record: Option<&Record>, goal: Goal) -> Result<(), Failure> {
    let now = session.clock.now();
    if let Some(record) = record
        && session.terminal.structured(session.format, &Environment::of(record, now))?
    {
        return Ok(());
    }
    let url = record.and_then(|record| record.status.as_ref()?.url.as_deref()).map(plain);
    session.terminal.say(&match (goal, url) {
        (Goal::Ready, Some(url)) => format!("{key} is Ready at {url}"),
        (Goal::Ready, None) => format!("{key} is Ready"),
        (Goal::Asleep, _) => format!("{key} is asleep"),
        (Goal::Gone, _) => format!("{key} is gone"),
    })?;
    Ok(())
}

/// A spinner for a person; otherwise a line whenever something else is said.
struct Progress {
    spinner: Option<ProgressBar>,
    last: String,
}

impl Progress {
    /// Eight frames a second look like movement and cost nothing.
    const FRAME: Duration = Duration::from_millis(125);

    fn new(interactive: bool) -> Self {
        let spinner = interactive.then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} ({elapsed})") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Self::FRAME);
            spinner
        });
        Self { spinner, last: String::new() }
    }

    fn say(&mut self, session: &mut Session, key: &ItemKey, said: &str) -> Result<(), Failure> {
        let line = format!("{key} {said}");
        match &self.spinner {
            Some(spinner) => spinner.set_message(line),
            None if line != self.last => {
                session.terminal.remark(&line)?;
                self.last = line;
            }
            None => {}
        }
        Ok(())
    }

    fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

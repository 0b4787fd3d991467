//! `up` and `down`: a wish is written, as every client writes it.

use bivouac_model::{Desired, ItemKey, Phase, Value, decode_record, format_duration, parse_duration};
use bivouac_ports::DesiredChange;

use super::args::{Down, Pair, Up, Waiting};
use super::audit;
use super::output::age::absolute;
use super::output::view::Wish;
use super::session::Session;
use super::wait::{Goal, wait};
use crate::exit::Failure;

/// Asks for an environment. A second call is a second wish with the same content; its lifetime counts from then.
///
/// # Errors
/// `Usage` when the controller would call the wish invalid, said before anything is written.
pub async fn up(session: &mut Session, up: Up) -> Result<(), Failure> {
    let key = up.env.resolve(&session.config)?;
    let project = session.config.projects.iter().find(|project| project.repo.as_str() == &*key.repo);
    let project = project.ok_or_else(|| {
        let known = session.config.projects.iter().map(|project| project.repo.as_str()).collect::<Vec<_>>().join(", ");
        Failure::Usage(format!("{} is not configured; configured: {known}", key.repo))
    })?;
    check_size(session, &up)?;
    let change = change(session, &up);
    let item = change.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect();
    // The controller's own decoder and rules: what they would refuse is refused here.
    let desired = decode_record(key.clone(), &item).desired.map_err(|problems| refused(&problems))?;
    // The template may be out of reach here; the controller, which has it, knows the secrets.
    let secrets = project.template().map(|template| template.secrets().clone()).unwrap_or_default();
    let refusals = project.variables.refusals(&secrets, &desired.flags, &desired.config);
    if !refusals.is_empty() {
        return Err(refused(&refusals));
    }
    clamp_is_said(session, up.ttl.as_deref())?;
    write(session, &key, Desired::Up, change, up.waiting).await
}

/// Asks for an environment to be taken down. Of one that is gone already nothing is written.
///
/// # Errors
/// `Failed` when there is no such environment.
pub async fn down(session: &mut Session, down: Down) -> Result<(), Failure> {
    let key = down.env.resolve(&session.config)?;
    let record = session.record(&key).await?;
    let gone = record.status.as_ref().is_some_and(|status| status.phase == Phase::Terminated);
    let wished = record.desired.as_ref().is_ok_and(|wish| wish.desired == Desired::Down);
    if gone && wished {
        let wish = Wish { environment: key.to_string(), desired: Desired::Down, generation: None };
        if !session.terminal.structured(session.format, &wish)? {
            session.terminal.say(&format!("{key} is gone already"))?;
        }
        return Ok(());
    }
    let mut change = signature(session);
    change.push(("desired", Some(Value::String(Desired::Down.as_str().into()))));
    // Whatever ended it before, now it is a person's word.
    change.push(("closed_at", None));
    write(session, &key, Desired::Down, change, down.waiting).await
}

async fn write(
    session: &mut Session,
    key: &ItemKey,
    desired: Desired,
    change: DesiredChange,
    waiting: Waiting,
) -> Result<(), Failure> {
    let generation = session.store.write_desired(key, &change).await?;
    audit::tell(session, key, desired.as_str(), &change, generation).await?;
    if waiting.wait {
        let goal = if desired == Desired::Down { Goal::Gone } else { Goal::Ready };
        return wait(session, key, generation, goal, waiting.timeout).await;
    }
    let wish = Wish { environment: key.to_string(), desired, generation: Some(generation) };
    if !session.terminal.structured(session.format, &wish)? {
        session.terminal.say(&format!("{key} is desired {desired} (generation {generation})"))?;
    }
    Ok(())
}

/// Who asks, when; there is no comment that asked.
fn signature(session: &Session) -> DesiredChange {
    vec![
        ("requested_by", session.user.clone().map(Value::String)),
        ("requested_at", Some(Value::String(absolute(session.clock.now())))),
        ("request_url", None),
    ]
}

/// Everything that `up` sets or sets back. `pinned`, `head_sha` and `restarted_at` are other commands' affair.
fn change(session: &Session, up: &Up) -> DesiredChange {
    let text = |text: &Option<String>| text.clone().map(Value::String);
    let mut change = signature(session);
    change.extend([
        ("desired", Some(Value::String(Desired::Up.as_str().into()))),
        ("closed_at", None),
        ("image_tag", text(&up.tag)),
        ("flags", map(&up.flags)),
        ("config", map(&up.overrides)),
        ("ttl", text(&up.ttl)),
        ("size", text(&up.size)),
    ]);
    change
}

/// Of a name that is given twice, the last counts, as with every flag of a shell.
fn map(pairs: &[Pair]) -> Option<Value> {
    let map = pairs.iter().map(|pair| (pair.name.clone(), Value::String(pair.value.clone()))).collect();
    (!pairs.is_empty()).then_some(Value::Map(map))
}

fn check_size(session: &Session, up: &Up) -> Result<(), Failure> {
    if let Some(size) = up.size.as_ref().filter(|size| !session.config.sizes.contains_key(*size)) {
        let known = session.config.sizes.keys().map(String::as_str).collect::<Vec<_>>();
        let known = if known.is_empty() { "none is configured".into() } else { format!("known: {}", known.join(", ")) };
        return Err(Failure::Usage(format!("there is no size `{size}`; {known}")));
    }
    Ok(())
}

/// Every problem, in one sentence.
fn refused(problems: &[impl ToString]) -> Failure {
    Failure::Usage(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Says that a lifetime is above the ceiling, if it is.
///
/// # Errors
/// When the remark cannot be written.
pub(super) fn clamp_is_said(session: &mut Session, ttl: Option<&str>) -> Result<(), Failure> {
    let max = session.config.guardrails.max_ttl;
    if ttl.and_then(|ttl| parse_duration(ttl).ok()).is_some_and(|ttl| ttl > max) {
        let max = format_duration(max);
        session.terminal.remark(&format!("note: the longest lifetime is {max}; it will live as long as that"))?;
    }
    Ok(())
}

//! Falling asleep for want of use.
//!
//! Without a load balancer nobody but the application knows when it was last used, so it is asked (`idle_path`). It is asked
//! when it could be idle at the earliest, and not before: a requeue brings that moment. What it does not say counts as used.
//!
//! What clients wrote stays: `desired` is `up` all the while. The record remembers for which wish nobody cared, and any other
//! wish, or the same one written again with a newer generation, wakes it.

use std::time::Duration;

use bivouac_model::{Condition, ConditionStatus, ContentHash, Desired, DesiredState, Phase, Ttl, format_duration};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::address;
use crate::context::{Context, Draft};
use crate::expiry::{after, whole_seconds};
use crate::plan::{Look, Plan, WaitingOn};
use crate::reason;

/// The condition that is true of what sleeps for want of use, and unknown of what runs and does not say when it was used.
const IDLE: &str = "Idle";

/// At least this long is between two questions: to people a minute more or less of hours is the same, and a question is a
/// close look. For as long an answer holds, too, in which nobody used it.
const ASK_EVERY: Duration = Duration::from_secs(60);

/// Whether it sleeps since nobody used it.
pub(crate) fn sleeps(context: &Context<'_>, desired: &DesiredState) -> bool {
    let idle = context.written().and_then(|written| written.machinery.idle.as_ref());
    desired.desired == Desired::Up && idle.is_some_and(|idle| *idle == wish(context, desired))
}

/// What is remembered of a sleep that is over, or that is not to be, is forgotten.
pub(crate) fn wake<'a>(context: &Context<'_>, draft: Draft<'a>) -> Draft<'a> {
    let machinery = &draft.status.machinery;
    let is_unsure = |one: &Condition| one.kind == IDLE && one.status == ConditionStatus::Unknown;
    // What it did not say of its last use holds until it is asked again.
    let holds = machinery.idle.is_none() && idle_after(context).is_some() && machinery.conditions.iter().any(is_unsure);
    if holds { draft } else { draft.awake() }
}

/// Of an environment that is ready otherwise: asks it, or records that it is to sleep. It is recorded before it is done, or a
/// process that follows one that was killed would start again what nobody uses.
///
/// # Errors
/// The plan that comes before it may rest.
pub(crate) fn watch<'a>(context: &Context<'a>, draft: Draft<'a>) -> Result<Draft<'a>, Box<Plan>> {
    let (Some(due), Some(ip)) = (due(context, draft.status.phase), draft.status.public_ip) else { return Ok(draft) };
    match due {
        // The answer of a stranger at an address that was given away would put it to sleep, or keep it awake.
        Due::Ask if !address::is_certain(context, &draft.status) => Ok(draft),
        Due::Ask => Err(Box::new(draft.look(Look::Idle { ip }))),
        Due::Sleep { wish, unused } => {
            let message = format!("Nobody used it for {}.", format_duration(unused));
            let mut draft = draft.condition(IDLE, ConditionStatus::True, reason::IDLE, message);
            draft.status.machinery.idle = Some(wish);
            let draft = draft.say(Phase::Ready, reason::GOING_TO_SLEEP, "Nobody uses it; its task is being stopped.");
            Err(Box::new(draft.wait(WaitingOn::TaskStop, context.policy.deadlines.soon)))
        }
        Due::Later(_) => Ok(match context.observed.idle.as_ref().map(|sign| &sign.used_at) {
            None => draft,
            Some(Ok(_)) => draft.without_condition(IDLE),
            Some(Err(why)) => {
                let path = context.project.idle_path.as_deref().unwrap_or_default();
                let message = format!("It does not fall asleep by itself, since `{path}` says nothing: {why}.");
                draft.condition(IDLE, ConditionStatus::Unknown, reason::LAST_USE_UNKNOWN, message)
            }
        }),
    }
}

/// When it has to be asked next, of one that is ready.
pub(crate) fn asks_at(context: &Context<'_>, phase: Phase) -> Option<DateTime<Utc>> {
    match due(context, phase)? {
        Due::Later(at) => Some(at),
        Due::Ask | Due::Sleep { .. } => None,
    }
}

/// What the record of one that sleeps says: why, and what wakes it.
pub(crate) fn message(context: &Context<'_>) -> String {
    let conditions = context.written().map(|written| written.machinery.conditions.as_slice()).unwrap_or_default();
    let told = conditions.iter().find(|condition| condition.kind == IDLE && !condition.message.is_empty());
    let why = told.map_or("Nobody used it.", |condition| &condition.message);
    let command = match context.policy.command.as_str() {
        "" => format!("bivouac wake {}", context.key),
        command => format!("{command} wake"),
    };
    format!("{why} `{command}` starts it again.")
}

impl Draft<'_> {
    /// Nothing sleeps for want of use here.
    pub(crate) fn awake(mut self) -> Self {
        self.status.machinery.idle = None;
        self.without_condition(IDLE)
    }
}

/// What comes next.
enum Due {
    /// It may be idle: it has to be asked.
    Ask,
    /// Not before this moment.
    Later(DateTime<Utc>),
    /// Nobody used it for so long. The wish is what the record is to remember.
    Sleep { wish: ContentHash, unused: Duration },
}

/// `None` of what does not fall asleep by itself, or not now: a clock in doubt decides nothing.
fn due(context: &Context<'_>, phase: Phase) -> Option<Due> {
    let idle_after = idle_after(context)?;
    let desired = context.desired()?;
    if phase != Phase::Ready || context.observed.clock_jumped || sleeps(context, desired) {
        return None;
    }
    let now = context.now;
    let ready_for = chrono::TimeDelta::from_std(context.in_phase_for(&[Phase::Ready])).unwrap_or_default();
    // Whoever had it started uses it.
    let ready_since = now - ready_for;
    let Some(sign) = &context.observed.idle else {
        let at = after(ready_since, idle_after);
        return Some(if now >= at { Due::Ask } else { Due::Later(at) });
    };
    let every = ASK_EVERY.min(idle_after);
    // By a clock that was set back it was asked in the future, which is now at the latest.
    let asked_at = whole_seconds(sign.asked_at).min(now);
    let used_at = sign.used_at.as_ref().map_or(asked_at, |at| whole_seconds(*at)).max(ready_since);
    let unused = (asked_at - used_at).to_std().unwrap_or_default();
    if unused >= idle_after && now < after(asked_at, every) {
        return Some(Due::Sleep { wish: wish(context, desired), unused: idle_after });
    }
    let at = after(used_at, idle_after).max(after(asked_at, every));
    Some(if now >= at { Due::Ask } else { Due::Later(at) })
}

/// How long nobody uses it before it falls asleep, of one that does: it is up, not pinned, and its application can be asked.
fn idle_after(context: &Context<'_>) -> Option<Duration> {
    let desired = context.desired()?;
    let watched = desired.desired == Desired::Up && !desired.pinned && context.project.idle_path.is_some();
    Some(context.policy.idle_after).filter(|after| watched && !after.is_zero())
}

/// The hash of all that a client wrote. A generation alone would do for those who count; who does not, changes something.
fn wish(context: &Context<'_>, desired: &DesiredState) -> ContentHash {
    let DesiredState {
        desired,
        image_tag,
        flags,
        config,
        ttl,
        pinned,
        size,
        head_sha,
        requested_by,
        requested_at,
        request_url,
        closed_at,
        restarted_at,
        generation: _,
    } = desired;
    let image_tag = image_tag.as_ref().map(bivouac_model::ImageTag::as_str);
    let ttl = ttl.map(|ttl: Ttl| ttl.get().as_secs());
    let time = |time: &Option<DateTime<Utc>>| time.map(|time| time.timestamp());
    let written = json!([
        context.record.generation,
        desired.as_str(),
        image_tag,
        flags,
        config,
        ttl,
        pinned,
        size,
        head_sha,
        requested_by,
        time(requested_at),
        request_url,
        time(closed_at),
        restarted_at
    ]);
    ContentHash::of([written.to_string().as_bytes()])
}

//! Admission: nothing starts that would break a cap.
//!
//! Who wants to run holds a [place](bivouac_model::Place) first. It is granted by the [`Ledger`], which knows all who run,
//! and recorded before anything is started, so that it is held whatever happens next. What runs never loses its place; who
//! finds no room waits in `Queued`, and starts by itself.

mod accounts;
mod books;
mod caps;
mod ledger;
mod line;
mod queue;
mod tally;
mod totals;

use std::ops::ControlFlow;

use bivouac_model::{ConditionStatus, Phase, Place, Room, Status, TaskState};
use chrono::{DateTime, Utc};

pub use caps::{Caps, DEFAULT_VCPUS};
pub use ledger::{Bill, Ledger, Listed};

use crate::bring_up::Wanted;
use crate::context::{Context, Draft};
use crate::plan::{Look, Plan, WaitingOn};

/// The condition that says since when an environment has waited for a place, and for which cap.
pub(crate) const ADMITTED: &str = "Admitted";

/// Since when an environment has waited for a place.
fn waiting_since(status: &Status) -> Option<DateTime<Utc>> {
    let conditions = &status.machinery.conditions;
    conditions.iter().find(|condition| condition.kind == ADMITTED).map(|condition| condition.last_transition_at)
}

/// What the environment takes when it runs as is wanted.
fn needed(context: &Context<'_>, wanted: &Wanted<'_>) -> Place {
    let project = context.project;
    let resources = project.resources(wanted.desired.size.as_deref()).unwrap_or(project.template.resources());
    context.policy.place(&resources)
}

/// What the environment holds, as is recorded.
fn held(context: &Context<'_>) -> Option<Place> {
    context.written().and_then(|written| written.machinery.place)
}

/// Before something is started, with what is said once it is: goes on with a place that is recorded, or answers what comes
/// first.
pub(crate) fn enter<'a>(
    context: &Context<'a>,
    draft: Draft<'a>,
    wanted: &Wanted<'_>,
    started: impl FnOnce(Draft<'a>) -> Draft<'a>,
) -> ControlFlow<Plan, Draft<'a>> {
    let needed = needed(context, wanted);
    if held(context).is_some_and(|held| held.covers(&needed)) {
        return ControlFlow::Continue(started(draft));
    }
    match &context.observed.room {
        None => ControlFlow::Break(draft.look(Look::Room(needed))),
        Some(Room::Granted) => ControlFlow::Break(seat(started(draft), needed).record()),
        Some(Room::Queued { reason, message }) => ControlFlow::Break(wait(draft, wanted, reason, message)),
    }
}

/// What runs holds a place, whether it asked for one or not.
pub(crate) fn seat_what_runs<'a>(context: &Context<'a>, draft: Draft<'a>, wanted: &Wanted<'_>) -> Draft<'a> {
    match held(context) {
        Some(place) => seat(draft, place),
        None => seat(draft, needed(context, wanted)),
    }
}

/// What runs as is wanted holds as much as that takes, also after it became less.
pub(crate) fn seat_as_wanted<'a>(context: &Context<'a>, draft: Draft<'a>, wanted: &Wanted<'_>) -> Draft<'a> {
    seat(draft, needed(context, wanted))
}

/// Whether what runs may be made to run what is wanted: it takes no more than what is held, or what ran before, or nobody
/// asked when it was started.
pub(crate) fn needs_no_more(context: &Context<'_>, wanted: &Wanted<'_>) -> bool {
    wanted.image.is_none() || held(context).is_none_or(|held| held.covers(&needed(context, wanted)))
}

fn seat(draft: Draft<'_>, place: Place) -> Draft<'_> {
    let mut draft = draft.without_condition(ADMITTED);
    draft.status.machinery.place = Some(place);
    draft
}

/// Nobody waits for a place, and none is held.
pub(crate) fn leave(draft: Draft<'_>) -> Draft<'_> {
    draft.without_condition(ADMITTED).vacated()
}

/// Still in the queue, as the lists and the caps say: there is nothing to look at more closely. Why, in a word and a
/// sentence.
pub(crate) fn still_waits<'a>(context: &Context<'a>, wanted: &Wanted<'_>) -> Option<(&'static str, &'a str)> {
    let queued = context.written().is_some_and(|written| written.phase == Phase::Queued);
    let rests = context.observed.tasks.iter().all(|task| task.state == TaskState::Stopped);
    match &context.observed.room {
        Some(Room::Queued { reason, message }) if queued && rests && wanted.count > 0 && wanted.image.is_some() => {
            Some((reason, message))
        }
        _ => None,
    }
}

/// In the queue until there is room, which the next pass tells, or until its time is over.
pub(crate) fn wait(draft: Draft<'_>, wanted: &Wanted<'_>, reason: &'static str, message: &str) -> Plan {
    let left = (draft.status.expires_at - draft.context.now).to_std().unwrap_or_default();
    let draft = draft.nowhere().vacated().condition(ADMITTED, ConditionStatus::False, reason, String::new());
    draft.say(Phase::Queued, reason, message).also(wanted.note.clone()).wait(WaitingOn::Room, left)
}

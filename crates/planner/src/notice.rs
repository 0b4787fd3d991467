//! The notice that an end is near: given once for each end, taken back when the end moves away.

use std::time::Duration;

use bivouac_model::{ConditionStatus, Phase, Status};
use chrono::{DateTime, Utc};

use crate::context::{Context, Draft};
use crate::expiry::before;

/// The condition that says whether the notice is given.
const ENDS_SOON: &str = "EndsSoon";
/// Its reason.
const NOTICE_GIVEN: &str = "NoticeGiven";

/// Gives the notice, or takes it back. What is going, gone or not understood has no end to be told of.
pub(crate) fn give(draft: Draft<'_>) -> Draft<'_> {
    // A clock in doubt is no reason to tell anybody anything, nor to take it back.
    if draft.context.observed.clock_jumped {
        return draft;
    }
    match begins_at(&draft.context, &draft.status) {
        Some(at) if draft.context.now >= at => {
            draft.condition(ENDS_SOON, ConditionStatus::True, NOTICE_GIVEN, String::new())
        }
        _ => draft.without_condition(ENDS_SOON),
    }
}

/// Whether a status tells that the end is near.
pub(crate) fn is_given(status: &Status) -> bool {
    status.machinery.conditions.iter().any(|condition| condition.kind == ENDS_SOON)
}

/// Who is told.
pub(crate) fn whom<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.desired()?.requested_by.as_deref()
}

/// When the notice is given; `None`: it never is. Half of a short life comes before it, or it would be given at the start.
pub(crate) fn begins_at(context: &Context<'_>, status: &Status) -> Option<DateTime<Utc>> {
    let notice = context.policy.expiry_notice;
    if notice.is_zero() || matches!(status.phase, Phase::Terminating | Phase::Terminated | Phase::Invalid) {
        return None;
    }
    let wish = context.desired()?;
    let begin = wish.requested_at.or(status.machinery.first_seen_at).unwrap_or(context.now);
    let life = (status.expires_at - begin).to_std().unwrap_or(Duration::ZERO);
    Some(before(status.expires_at, notice.min(life / 2)))
}

//! When an environment's time is over.

use std::time::Duration;

use bivouac_model::{DesiredState, Phase, ServiceView, format_duration};
use chrono::{DateTime, TimeDelta, Utc};

use crate::bring_up::is_ours;
use crate::context::Context;
use crate::reason;

/// How far ahead of ours a client's clock may be. AWS itself refuses signatures that are five minutes off
/// (IAM user guide, "Signature Version 4"), so a client further off could not have written at all with its own clock.
pub(crate) const SKEW: Duration = Duration::from_secs(300);

/// The lifetime of an environment.
pub(crate) struct Lifetime {
    /// When the controller first saw the record, as it is to be remembered.
    pub first_seen_at: DateTime<Utc>,
    /// When it is over.
    pub expires_at: DateTime<Utc>,
    /// What a person should know of it.
    pub note: Option<String>,
}

/// Reckons the lifetime of a valid wish.
pub(crate) fn lifetime(context: &Context<'_>, desired: &DesiredState) -> Lifetime {
    let Context { policy, now, .. } = *context;
    let first_seen_at = first_seen_at(context, desired);
    let ahead = desired.requested_at.is_some_and(|at| at > now + SKEW);
    let begin = desired.requested_at.filter(|_| !ahead).unwrap_or(first_seen_at);
    let asked = desired.ttl.map_or(policy.ttl, bivouac_model::Ttl::get);
    let (life, clamped) = match desired.pinned {
        true => (policy.max_ttl, false),
        false => (asked.min(policy.max_ttl), asked > policy.max_ttl),
    };
    let note = if ahead {
        Some("requested_at is in the future, so the lifetime counts from when the record was first seen.".to_owned())
    } else if clamped {
        let (asked, allowed) = (format_duration(asked), format_duration(policy.max_ttl));
        Some(format!("The ttl of {asked} is above the allowed {allowed}, which holds instead."))
    } else {
        None
    };
    Lifetime { first_seen_at, expires_at: whole_seconds(after(begin, life)), note }
}

/// When the record was first seen: as remembered, else when its service was created, else now. A new wish for something
/// that is going or gone begins anew.
fn first_seen_at(context: &Context<'_>, desired: &DesiredState) -> DateTime<Utc> {
    let Some(written) = context.written() else {
        return created_at(context).unwrap_or(context.now);
    };
    let newer = context.record.generation > written.machinery.observed_generation;
    let revived =
        context.withdrawn_for() == Some(reason::DOWN_REQUESTED) && desired.desired != bivouac_model::Desired::Down;
    if matches!(written.phase, Phase::Terminating | Phase::Terminated) && (newer || revived) {
        return context.now;
    }
    written.machinery.first_seen_at.or_else(|| created_at(context)).unwrap_or(context.now)
}

/// When the environment's own service was created, if it was looked at.
pub(crate) fn created_at(context: &Context<'_>) -> Option<DateTime<Utc>> {
    match &context.observed.service {
        ServiceView::Active(service) if is_ours(context, service) => service.created_at.map(whole_seconds),
        _ => None,
    }
}

/// Cut to whole seconds, as the table holds it.
pub(crate) fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

/// A time earlier; the time itself where that would be before the calendar.
pub(crate) fn before(time: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration).ok().and_then(|delta| time.checked_sub_signed(delta)).unwrap_or(time)
}

/// A time later; the time itself where that would be beyond the calendar, as from a record that somebody spoiled.
pub(crate) fn after(time: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration).ok().and_then(|delta| time.checked_add_signed(delta)).unwrap_or(time)
}

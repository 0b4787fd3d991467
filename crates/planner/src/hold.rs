//! Records that cannot be followed: what runs for them goes on until its last known time is over.

use bivouac_model::{Phase, ServiceView};

use crate::bring_up::is_ours;
use crate::context::{Context, Draft};
use crate::plan::{Look, Plan, WaitingOn};

/// A record with problems: says all of them, and leaves what runs.
pub(crate) fn hold(context: Context<'_>, draft: Draft<'_>, reason: &'static str, problems: &[String]) -> Plan {
    /// Enough for a person to begin with; the rest is only counted.
    const MOST: usize = 5;
    let mut message = problems.iter().take(MOST).map(|problem| format!("{problem}.")).collect::<Vec<_>>().join(" ");
    if problems.len() > MOST {
        message.push_str(&format!(" And {} more.", problems.len() - MOST));
    }
    let runs = match &context.observed.service {
        ServiceView::Active(service) => is_ours(&context, service),
        ServiceView::Listed | ServiceView::Draining => true,
        ServiceView::Unlisted | ServiceView::Absent => false,
    };
    let mut draft = draft.say(Phase::Invalid, reason, message);
    if runs {
        draft = draft.also(Some("What ran before is left as it is until its time is over.".into()));
    } else {
        draft = draft.nowhere().costing(bivouac_model::Usd::ZERO);
    }
    draft.wait(WaitingOn::Person, context.policy.deadlines.later)
}

/// Whether the service has to be looked at before the time of a held record is known.
pub(crate) fn needs_a_look(context: &Context<'_>) -> bool {
    context.written().is_none() && context.observed.service == ServiceView::Listed
}

/// A look at the service, with nothing said yet.
pub(crate) fn look(draft: Draft<'_>) -> Plan {
    draft.look(Look::Service)
}

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
    let kept = format!("{message} What ran before is left as it is until its time is over.");
    let runs = match &context.observed.service {
        ServiceView::Active(service) => is_ours(&context, service),
        ServiceView::Unlisted | ServiceView::Absent | ServiceView::Draining => false,
        // The list does not tell whose it is; a look has told before if the record says the one or the other.
        ServiceView::Listed => match context.written() {
            Some(written) if written.phase == Phase::Invalid && written.message == kept => true,
            Some(written) if written.phase == Phase::Invalid && written.message == message => false,
            _ => return look(draft),
        },
        ServiceView::Unknown => return look(draft),
    };
    let mut draft = draft.only_where_it_runs().say(Phase::Invalid, reason, if runs { kept } else { message });
    if !runs {
        draft = draft.nowhere().vacated();
    }
    draft.wait(WaitingOn::Person, context.policy.deadlines.later)
}

/// Whether the service has to be looked at before the time of a record without a status is known.
pub(crate) fn needs_a_look(context: &Context<'_>) -> bool {
    context.written().is_none() && matches!(context.observed.service, ServiceView::Listed | ServiceView::Unknown)
}

/// A look at the service, with nothing said yet.
pub(crate) fn look(draft: Draft<'_>) -> Plan {
    draft.look(Look::Service)
}

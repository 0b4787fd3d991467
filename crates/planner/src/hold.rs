//! Records that cannot be followed: what runs for them goes on until its last known time is over.

use bivouac_model::{Phase, RepoName, ServiceView};

use crate::bring_up::is_ours;
use crate::context::{Context, Draft};
use crate::plan::{Look, Plan, WaitingOn};
use crate::reason;

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
    if runs && context.observed.tasks_pending {
        return draft.look(Look::Tasks);
    }
    let mut draft = draft.only_where_it_runs().say(Phase::Invalid, reason, if runs { kept } else { message });
    if !runs {
        draft = draft.nowhere().vacated();
    }
    draft.wait(WaitingOn::Person, context.policy.deadlines.later)
}

/// A record of a repository that has another name now: nothing is started or changed under the old one. What runs is left as
/// it is until it expires or its pull request closes.
pub(crate) fn moved(context: Context<'_>, draft: Draft<'_>, to: &RepoName) -> Plan {
    let is_known = context.written().is_some_and(|written| written.reason == reason::REPOSITORY_MOVED);
    let runs = match &context.observed.service {
        ServiceView::Active(service) => is_ours(&context, service),
        ServiceView::Unlisted | ServiceView::Absent | ServiceView::Draining => false,
        // The list does not show whose service it is. A look has shown it before, if the record has this reason.
        ServiceView::Listed if is_known => draft.status.phase != Phase::Invalid,
        ServiceView::Listed | ServiceView::Unknown => return look(draft),
    };
    if runs && context.observed.tasks_pending {
        return draft.look(Look::Tasks);
    }
    if runs && context.observed.pull_request.is_none() {
        return draft.look(Look::PullRequest);
    }
    let from = &context.key.repo;
    let mut message = format!(
        "The repository {from} is {to} now. Nothing is started under the old name. Change `repo = \"{from}\"` to \
         `repo = \"{to}\"` in the configuration, after what runs under the old name is taken down."
    );
    let deadline = context.policy.deadlines.later;
    if !runs {
        let draft = draft.nowhere().vacated().say(Phase::Invalid, reason::REPOSITORY_MOVED, message);
        return draft.wait(WaitingOn::Person, deadline);
    }
    message.push_str(" What runs is left as it is until it expires.");
    let draft = draft.only_where_it_runs();
    let phase = match draft.status.phase {
        Phase::Ready if draft.status.url.is_none() => Phase::Degraded,
        // It was created, and that was not recorded.
        Phase::Pending | Phase::WaitingForImage | Phase::Queued | Phase::Invalid => Phase::Provisioning,
        phase => phase,
    };
    draft.say(phase, reason::REPOSITORY_MOVED, message).wait(WaitingOn::Person, deadline)
}

/// Whether the service has to be looked at before the time of a record without a status, or without an expiry, is known.
pub(crate) fn needs_a_look(context: &Context<'_>) -> bool {
    let is_lost = context.written().is_none_or(|written| written.known_expiry().is_none());
    is_lost && matches!(context.observed.service, ServiceView::Listed | ServiceView::Unknown)
}

/// A look at the service, with nothing said yet.
pub(crate) fn look(draft: Draft<'_>) -> Plan {
    draft.look(Look::Service)
}

//! What the comment that gave a command is told once it is settled: a reaction, once.

use bivouac_model::{CommandOutcome, Desired, DesiredState, Phase, Reacted, Status, commanding_comment};

use crate::context::Context;
use crate::plan::{Next, WaitingOn};
use crate::reason;

/// The reaction that is due. One comment is told at most twice: that it failed, and that it succeeded after all. What
/// happens to an environment after the command was done is no news of the command.
pub(crate) fn due(context: &Context<'_>, status: &Status, next: &Next) -> Option<Reacted> {
    let desired = context.desired()?;
    // An older write than the newest one was not followed.
    if context.record.generation < status.machinery.observed_generation {
        return None;
    }
    let comment = commanding_comment(desired.request_url.as_deref()?, context.key)?;
    let outcome = outcome(desired, status, next)?;
    let told = status.machinery.reacted.filter(|told| told.comment == comment).map(|told| told.outcome);
    let news = told != Some(CommandOutcome::Done) && told != Some(outcome);
    news.then_some(Reacted { comment, outcome })
}

/// What became of the command; `None` while it is under way.
fn outcome(wish: &DesiredState, status: &Status, next: &Next) -> Option<CommandOutcome> {
    use CommandOutcome::{Done, Failed};
    let desired = wish.desired;
    let on = match next {
        Next::Settled => None,
        Next::Wait(on) => Some(*on),
        Next::Do(_) | Next::Look(_) | Next::Record => return None,
    };
    let refused = status.reason == reason::DENIED || status.reason == reason::REFUSED;
    match (status.phase, on) {
        (Phase::Terminated, _) if desired == Desired::Down && wish.closed_at.is_none() => Some(Done),
        // Its time was over, or its pull request was closed, before it came to anything.
        (Phase::Terminated | Phase::Failed | Phase::Invalid, _) => Some(Failed),
        (Phase::Ready | Phase::Asleep, Some(WaitingOn::Person)) if refused => Some(Failed),
        // What runs is what was approved; the newer one was not asked for.
        (Phase::Ready, None | Some(WaitingOn::Approval)) if desired == Desired::Up => Some(Done),
        // What it would run is looked at when it wakes.
        (Phase::Asleep, on) if desired == Desired::Asleep && on != Some(WaitingOn::TaskStop) => Some(Done),
        _ => None,
    }
}

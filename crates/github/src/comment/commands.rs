//! The commands that make sense now, and what each does: in the words of the one table of commands, but for `up`, which means
//! another thing each time.

use bivouac_model::command::{Verb, table};
use bivouac_model::{CommentView, Phase};

/// A row: the words after the slash command, and what they do.
type Row = (&'static str, &'static str);

const UP: Row = ("up", "starts a fresh one");
const RETRY: Row = ("up", "tries again, with the flags you give");
const NEWER: Row = ("up", "approves the newer commit and deploys it");

/// The commands for a view, the likeliest first. None that would do nothing now.
pub(super) fn commands(view: &CommentView) -> Vec<Row> {
    let newer = view.newer_commit.is_some() && view.phase != Phase::Failed && view.phase != Phase::Invalid;
    let (up, others) = of_phase(view.phase);
    let up = newer.then_some(NEWER).into_iter().chain(up);
    let pin = if view.pinned { Verb::Unpin } else { Verb::Pin };
    let others = others.iter().map(|verb| if *verb == Verb::Pin { pin } else { *verb }).map(table::row);
    up.chain(others.map(|row| (row.example, row.does))).collect()
}

fn of_phase(phase: Phase) -> (Option<Row>, &'static [Verb]) {
    use Verb::{Down, Extend, Help, Logs, Pin, Restart, Sleep, Status, Wake};
    match phase {
        Phase::Ready | Phase::Degraded | Phase::Starting => {
            (None, &[Extend, Pin, Sleep, Restart, Logs, Status, Down, Help])
        }
        Phase::Pending | Phase::WaitingForImage | Phase::Queued | Phase::Provisioning => {
            (None, &[Status, Extend, Pin, Down, Help])
        }
        Phase::Failed => (Some(RETRY), &[Restart, Logs, Down, Help]),
        Phase::Asleep => (None, &[Wake, Extend, Pin, Down, Help]),
        Phase::Invalid => (Some(RETRY), &[Down, Help]),
        Phase::Terminating | Phase::Terminated => (Some(UP), &[Help]),
    }
}

//! The commands that make sense now, and what each does.

use bivouac_model::{CommentView, Phase};

/// A row: the words after the slash command, and what they do.
type Row = (&'static str, &'static str);

const UP: Row = ("up", "starts a fresh one");
const RETRY: Row = ("up", "tries again, with the flags you give");
const NEWER: Row = ("up", "approves the newer commit and deploys it");
const DOWN: Row = ("down", "takes it down now");
const EXTEND: Row = ("extend 24h", "keeps it 24 hours longer");
const PIN: Row = ("pin", "keeps it until it is unpinned");
const UNPIN: Row = ("unpin", "lets it expire again");
const SLEEP: Row = ("sleep", "stops it and the bill, and keeps its place");
const WAKE: Row = ("wake", "starts it again");
const RESTART: Row = ("restart", "replaces what runs with a fresh start");
const LOGS: Row = ("logs", "shows the end of the log");
const STATUS: Row = ("status", "says where it stands");
const HELP: Row = ("help", "explains all commands and options");

/// The commands for a view, the likeliest first. None that would do nothing now.
pub(super) fn commands(view: &CommentView) -> Vec<Row> {
    let newer = view.newer_commit.is_some() && view.phase != Phase::Failed && view.phase != Phase::Invalid;
    newer.then_some(NEWER).into_iter().chain(of_phase(view)).collect()
}

fn of_phase(view: &CommentView) -> Vec<Row> {
    let pin = if view.pinned { UNPIN } else { PIN };
    match view.phase {
        Phase::Ready | Phase::Degraded | Phase::Starting => {
            vec![EXTEND, pin, SLEEP, RESTART, LOGS, STATUS, DOWN, HELP]
        }
        Phase::Pending | Phase::WaitingForImage | Phase::Queued | Phase::Provisioning => {
            vec![STATUS, EXTEND, pin, DOWN, HELP]
        }
        Phase::Failed => vec![RETRY, RESTART, LOGS, DOWN, HELP],
        Phase::Asleep => vec![WAKE, EXTEND, pin, DOWN, HELP],
        Phase::Invalid => vec![RETRY, DOWN, HELP],
        Phase::Terminating | Phase::Terminated => vec![UP, HELP],
    }
}
